"""Lines on a terminal: wrapped between words, and as they are elsewhere."""

import pytest
from rich.table import Table

from src.system import screen
from src.system.screen import tell

LINE = "107 training examples, 10,243 parameters; batch size 16, 6 steps per epoch, 6 per execution"
COMMAND = "  make train MODEL=mlp RESUME=/a/folder/that/is/far/away/from/here/mlp-wine-20261128-110000 ARGS=--debug"


@pytest.mark.parametrize("terminal", [True, False])
def test_only_a_terminal_has_lines_wrapped_between_words(capsys, monkeypatch, terminal):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    tell(f"{LINE}\n{COMMAND}")
    said = capsys.readouterr().out
    if not terminal:
        assert said == f"{LINE}\n{COMMAND}\n"
        return
    *lines, command = said.splitlines()
    assert command == COMMAND
    assert max(map(len, lines)) <= 80 and len(lines) == 2
    assert " ".join(line.strip() for line in lines) == LINE


HOSTILE = "[/z] [bold]a :smile: \x1b[2J \x9b31m b\u202ec"
SHOWN = "[/z] [bold]a :smile: ␛[2J �31m b�c"


def _in_a_table(text):
    table = Table(text, title=text, caption=text)
    table.add_row(text)
    screen.PlainConsole(width=120).print(table)


@pytest.mark.parametrize(
    ("prints", "times"),
    [
        (tell, 1),
        (screen.show, 1),
        (lambda text: screen.PlainConsole(width=120).print(text), 1),
        (lambda text: screen.PlainConsole(width=120).print(screen.styled((text, "bold"))), 1),
        (_in_a_table, 4),
    ],
)
def test_a_name_is_shown_and_never_obeyed(capsys, prints, times):
    prints(HOSTILE)
    assert capsys.readouterr().out.count(SHOWN) == times


def test_bars_on_a_terminal_take_any_title(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert list(screen.track([1, 2], HOSTILE)) == [1, 2]
    with screen.waiting(HOSTILE):
        pass
    with screen.Bar(HOSTILE, 3, "steps") as bar:
        bar.reach(2)
    shown = capsys.readouterr().out
    assert "\x1b[2J" not in shown and "[/z] [bold]a" in shown


def test_what_was_asked_for_goes_into_a_pipe_as_it_is(capsys, monkeypatch):
    screen.put(HOSTILE)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    screen.put(HOSTILE)
    assert capsys.readouterr().out == f"{HOSTILE}\n{SHOWN}\n"

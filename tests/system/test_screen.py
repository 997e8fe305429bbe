"""Lines on a terminal: wrapped between words, and as they are elsewhere."""

import pytest

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

"""A conversation: what a run is asked at each turn, what is remembered, and what stands on the screen."""

import io
import json
import os
import shutil
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from src.cli import main
from src.commands import chat
from src.commands.chat import Conversation
from src.readers import conversations
from src.settings import catalogue
from src.specs import Text
from src.system import screen
from tests.samples import PAIRS

WRITERS = [
    (model, data)
    for model, data in PAIRS
    if catalogue.dataset(data).outputs == (Text,) and Text in catalogue.model(model).gives
]
if not WRITERS:
    pytest.skip("no model answers texts on a data set that needs no download", allow_module_level=True)
SAID = ["Hi!", "Hello, you.", "How are you?", "Fine, thank you.", "Good."]
DRAWING = {"temperature": 0.7, "top_k": 0, "top_p": 1.0}


class Scripted:
    """A run that answers what it is told to, and notes what it is asked."""

    def __init__(self, replies, **knobs):
        self.takes = {"serving_default": {"text": None}, "sample": {"text": None, "seed": None}}
        self.config, self.path = {"knobs": knobs}, Path("runs/one")
        self.replies, self.asked = iter(replies), []

    def predict(self, request, signature):
        self.asked.append((signature, request))
        return {"text": np.array([next(self.replies)])}

    @property
    def texts(self):
        return [request["text"][0].decode() for _, request in self.asked]


@pytest.fixture(scope="module")
def run(short_run):
    """A short training."""
    return short_run(*WRITERS[0])


@pytest.fixture(scope="module", autouse=True)
def opened_once():
    """Each run is opened and traced once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chat, "find", cache(chat.find))
        yield


@pytest.fixture(scope="module")
def of_two_turns(run, tmp_path_factory):
    """The same, as if its texts were conversations of which two utterances were read."""
    path = tmp_path_factory.mktemp("runs") / "run"
    shutil.copytree(run.path, path)
    config = json.loads((path / "config.json").read_text())
    config["knobs"]["turns"] = 2
    (path / "config.json").write_text(json.dumps(config))
    return path


@pytest.fixture
def pipe(monkeypatch, capsys):
    """Gives lines to the command by a pipe; returns what it writes."""

    def given(lines, *words):
        content = lines if isinstance(lines, bytes) else lines.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), "utf-8"))
        code = main(["chat", *map(str, words)])
        out, err = capsys.readouterr()
        return code, out, err

    return given


@pytest.mark.parametrize("turns", [1, 2, 3, 9])
def test_it_is_asked_what_it_would_have_read_in_training(tmp_path, turns):
    (tmp_path / "talk.txt").write_text("\n".join(SAID))
    learnt = conversations.read(tmp_path / "talk.txt", turns)
    run = Scripted([f" {reply} " for reply in SAID[1::2]], turns=turns)
    conversation = Conversation(run, {}, 0)
    for text in SAID[0:4:2]:
        conversation.answer(text)
    assert run.texts == learnt.sources[0:4:2]


def test_without_turns_each_line_is_asked_alone():
    run = Scripted(SAID)
    conversation = Conversation(run, {}, 0)
    for text in ("a", "b"):
        conversation.answer(text)
    assert run.texts == ["a", "b"]


def test_what_is_forgotten_and_what_was_not_said_is_asked_no_more():
    run = Scripted(["", "one", "two"], turns=3)
    conversation = Conversation(run, {}, 0)
    assert [conversation.answer("a"), conversation.answer("b")] == ["", "one"]
    conversation.forget()
    conversation.answer("c")
    assert run.texts == ["a", "a\nb", "c"]


def test_letters_are_composed_as_in_training():
    run = Scripted(["ja"])
    Conversation(run, {}, 0).answer("U\u0308ber")
    assert run.texts == ["\u00dcber"]


def test_each_turn_draws_by_the_next_seed():
    run = Scripted(SAID)
    best, drawn = Conversation(run, {}, 0), Conversation(run, DRAWING, 5)
    best.answer("a")
    drawn.answer("b")
    drawn.answer("c")
    (first, request), *others = run.asked
    assert (first, request) == ("serving_default", {"text": [b"a"]})
    expected = {name: [value] for name, value in DRAWING.items()}
    assert others == [("sample", {"text": [text], **expected, "seed": [seed]}) for text, seed in ((b"b", 5), (b"c", 6))]


def test_a_pipe_is_answered_line_by_line_and_nothing_else_is_written(run, of_two_turns, pipe):
    code, out, err = pipe("1 May 2020\n  2 June 2021 \n\n3/4/1999\n/bye\n1 May 2020\n", "--run", of_two_turns)
    (first,) = run.predict(["1 May 2020"])["text"]
    (second,) = run.predict([f"{first.strip() or '1 May 2020'}\n2 June 2021"])["text"]
    (third,) = run.predict(["3/4/1999"])["text"]
    assert (code, err) == (0, "")
    assert out == "".join(f"{text.strip()}\n" for text in (first, second, third))


def test_an_answer_is_a_line_whatever_is_drawn(pipe, monkeypatch):
    monkeypatch.setattr(chat, "find", lambda *_: Scripted(["one\ntwo\x1b[2J\u202f!"]))
    assert pipe("a\n", "--model", "seq2seq")[1] == "one two\x1b[2J\u202f!\n"


def test_a_drawn_conversation_can_be_repeated(run, pipe):
    lines, flags = f"{SAID[0]}\n{SAID[0]}\n", ["--run", run.path, "--temperature", "2", "--seed"]
    third, fourth, fifth = (
        Conversation(run, {**DRAWING, "temperature": 2}, seed).answer(SAID[0]) for seed in (3, 4, 5)
    )
    assert third != fourth != fifth
    for _ in range(2):
        assert pipe(lines, *flags, 3) == (0, f"{third}\n{fourth}\n", "")
    assert pipe(f"{SAID[0]}\n/new\n{SAID[0]}\n", *flags, 4)[1] == f"{fourth}\n{fifth}\n"


def test_any_bytes_are_a_line(run, pipe):
    code, out, err = pipe(b"1 May \xff\x00\n1 May", "--run", run.path)
    assert (code, err) == (0, "")
    assert out.count("\n") >= 2


@pytest.fixture
def typed(monkeypatch, capsys):
    """Types lines in a terminal, and ends with what is raised; returns what is shown."""

    def given(run, lines, end=EOFError, columns="60"):
        keys = iter(lines)

        def line(prompt):
            if (text := next(keys, end)) is end:
                raise end
            screen.show(f"{prompt}{text}")
            return text

        monkeypatch.setenv("COLUMNS", columns)
        monkeypatch.setattr(chat, "input", line, raising=False)
        terminal = SimpleNamespace(isatty=lambda: True)
        monkeypatch.setattr(chat, "sys", SimpleNamespace(stdin=terminal, stdout=terminal))
        assert main(["chat", "--run", str(run)]) == 0
        return [line.rstrip() for line in capsys.readouterr().out.splitlines()]

    return given


def test_it_says_what_it_is_and_how_to_leave(run, of_two_turns, typed):
    examples = run.manifest["splits"]["train"]["examples"]
    for path, reads in ((run.path, "your last line alone"), (of_two_turns, "the last 2 lines, yours and its own")):
        out = " ".join(" ".join(typed(path, [""])).split())
        assert f"{run.config['model']}, trained on {examples} pairs of {run.config['data_name']}, is a toy" in out
        assert "says what its training texts say, and knows nothing" in out
        assert f"It reads {reads}. /new forgets them; an empty line, /bye or Ctrl-D leaves." in out


@pytest.mark.parametrize("last", ["", "  ", "/bye"])
def test_it_ends_where_it_is_told_to(run, typed, monkeypatch, last):
    monkeypatch.setattr(Conversation, "answer", lambda self, text: text.upper())
    shown = typed(run.path, ["a", last, "b"])
    assert "  A" in shown
    assert "  B" not in shown


@pytest.mark.parametrize("end", [EOFError, KeyboardInterrupt])
def test_ctrl_d_and_ctrl_c_leave_in_silence(run, typed, monkeypatch, end):
    monkeypatch.setattr(Conversation, "answer", lambda self, text: text.upper())
    assert typed(run.path, ["a"], end)[-3:] == ["  A", "", ""]


def test_answers_are_wrapped_and_never_obeyed(run, typed, monkeypatch):
    replies = {"a": "word " * 20, "b": "\x1b[2J[bold]no[/bold]", "c": ""}
    monkeypatch.setattr(Conversation, "answer", lambda self, text: replies[text].strip())
    shown = typed(run.path, ["a", "b", "c", "/new"], columns="40")
    start = shown.index("> a")
    assert shown[start:] == [
        *("> a", "  word word word word word word word", "  word word word word word word word"),
        *("  word word word word word word", "", "> b", "  ␛[2J[bold]no[/bold]", ""),
        *("> c", "  (nothing)", "", "> /new", "  (forgotten)", "", ""),
    ]


@pytest.mark.parametrize(
    ("takes", "way"),
    [
        ({"serving_default": {"image": None}}, "make predict RUN={} INPUT=FILE"),
        ({"serving_default": {"text": None}, "generate": {"text": None}}, "make generate RUN={}"),
        ({"serving_default": {"latent": None}, "generate": {"seed": None}}, "load_run('{}').predict"),
        (
            {"serving_default": {"a": None, "b": None}, "sample": {"a": None, "b": None}},
            "make predict RUN={} INPUT=FILE",
        ),
    ],
    ids=["pictures", "language", "images", "several inputs"],
)
def test_a_run_that_answers_no_text_with_a_text_is_refused_with_the_way(pipe, monkeypatch, takes, way):
    monkeypatch.setattr(chat, "find", lambda *_: SimpleNamespace(path="runs/one", takes=takes))
    code, out, err = pipe("hello\n", "--run", "runs/one")
    assert (code, out) == (1, "")
    assert err.startswith(f"error: runs/one can't be talked with. Instead: {way.format('runs/one')}")
    assert err.count("\n") == 1
    assert "chat" not in err


@pytest.mark.parametrize(("flag", "value"), [("temperature", "-1"), ("top-p", "0"), ("top-k", "-3")])
def test_what_can_not_be_drawn_is_refused(pipe, flag, value):
    code, _, err = pipe("", "--run", "runs/none", f"--{flag}", value)
    assert code == 1
    assert f"error: {flag.replace('-', '_')} has to be" in err


def test_a_damaged_run_is_told(of_two_turns, tmp_path, pipe):
    path = tmp_path / "run"
    shutil.copytree(of_two_turns, path)
    content = (path / "config.json").read_text().replace('"turns": 2', '"turns": "two"')
    (path / "config.json").write_text(content)
    code, _, err = pipe("hello\n", "--run", path)
    assert code == 1
    assert f"{os.fspath(path / 'config.json')} is damaged: turns" in err

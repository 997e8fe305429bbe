"""Chat: a conversation in the terminal with a run that answers a text with a text."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from src.commands.generate import check_drawing
from src.errors import UserError
from src.preprocess.names import composed
from src.runs import record
from src.runs.run import Run, find
from src.runs.ways import converses, instead
from src.signatures import DEFAULT
from src.specs import TURN
from src.system import records, screen

LEAVE, FORGET = "/bye", "/new"
PROMPT = "> "


def chat(
    *,
    run: str = "",
    model: str = "",
    data: str = "",
    temperature: float = 0.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
    runs_dir: str = "runs",
) -> None:
    """Answers what is typed, until an empty line, /bye, Ctrl-D or Ctrl-C; /new forgets what was said.

    Each line of a pipe or a file is answered, too, and only the answers are written; there, an empty line forgets what
    was said, as it stands between conversations.

    Args:
        run: folder of the run.
        model: use the newest run of this model.
        data: use the newest run on this data set.
        temperature: 0 answers with the best text that the beam search finds; above 0, texts are drawn, and with a
            larger one unlikely texts come more often.
        top_k: draw only from this many likeliest tokens; 0 for all.
        top_p: draw only from the likeliest tokens that together have this probability, above 0 and up to 1.
        seed: seed of the first answer that is drawn; each further one has the next.
        runs_dir: folder of the runs.

    Raises:
        UserError: for a run that doesn't answer a text with a text.
    """
    check_drawing(temperature, top_k, top_p)
    trained = find(run, model, data, runs_dir)
    if not converses(trained.takes):
        raise UserError(f"{trained.path} can't be talked with. {instead(trained.path, trained.takes)}")
    drawing = {"temperature": temperature, "top_k": top_k, "top_p": top_p} if temperature else {}
    conversation = Conversation(trained, drawing, seed)
    if sys.stdin.isatty() and sys.stdout.isatty():
        _talk(conversation)
    else:
        _answer_lines(conversation)


class Conversation:
    """What was said, as far as a run reads it, and what it answers.

    Args:
        run: that answers.
        drawing: how an answer is drawn; empty for the best one.
        seed: of the first answer that is drawn.
    """

    def __init__(self, run: Run, drawing: Mapping[str, float], seed: int):
        self.run, self.drawing, self.seed = run, drawing, seed
        self.turns = run.config["knobs"].get("turns", 1)
        records.check({"turns": self.turns}, {"turns": int}, run.path / record.CONFIG)
        self.said: list[str] = []

    def answer(self, text: str) -> str:
        """The reply to a text, after what was said before; both are remembered."""
        read = [*self.said, composed(text)][-self.turns :]  # as what was learnt
        reply = self.reply(TURN.join(read))
        self.said = [*read, reply] if reply else read
        self.seed += 1
        return reply

    def reply(self, text: str) -> str:
        """What the run writes for a text."""
        (name,) = self.run.takes[DEFAULT]
        request: dict[str, list[Any]] = {name: [os.fsencode(text)]}
        if self.drawing:
            request |= {knob: [value] for knob, value in {**self.drawing, "seed": self.seed}.items()}
        return self.run.predict(request, "sample" if self.drawing else DEFAULT)["text"][0].strip()

    def forget(self) -> None:
        """Begins anew."""
        self.said = []


def _answer_lines(conversation: Conversation) -> None:
    """Writes the answer to each line of the standard input."""
    for line in map(str.strip, sys.stdin):
        if line == LEAVE:
            break
        if line in ("", FORGET):
            conversation.forget()
        else:
            screen.put(conversation.answer(line).replace("\n", " "))  # a line, whatever is drawn


def _talk(conversation: Conversation) -> None:
    """Asks for a line and answers it, again and again."""
    with suppress(ImportError):  # Windows' console edits lines by itself
        import readline  # noqa: F401 (input() uses it)
    _introduce(conversation)
    with screen.waiting("waking up"):
        conversation.reply("")  # traces the graph, so that each answer comes at once
    with suppress(EOFError, KeyboardInterrupt):
        while (line := input(PROMPT).strip()) not in ("", LEAVE):
            if line == FORGET:
                conversation.forget()
                screen.say("(forgotten)", "dim", len(PROMPT))
            elif reply := conversation.answer(line):
                screen.say(reply, "cyan", len(PROMPT))
            else:
                screen.say("(nothing)", "dim", len(PROMPT))
        return
    screen.show()


def _introduce(conversation: Conversation) -> None:
    """Says whom one talks with, and how to leave."""
    config, turns = conversation.run.config, conversation.turns
    pairs = conversation.run.manifest["splits"]["train"]["examples"]
    reads = f"the last {turns} lines, yours and its own" if turns > 1 else "your last line alone"
    screen.tell(
        f"{config['model']}, trained on {pairs:,} pairs of {config['data_name']}, is a toy: it says what its training "
        f"texts say, and knows nothing.\nIt reads {reads}. {FORGET} forgets them; an empty line, {LEAVE} or Ctrl-D "
        "leaves.\n"
    )

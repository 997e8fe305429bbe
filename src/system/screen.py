"""The one way to the screen: names and files are shown as they are, never obeyed.

A name may hold what rich takes for markup, or what a terminal takes for a command. tests/test_architecture.py sees to
it that everything else in src/ and tuning/ prints through this file.
"""

import shutil
import sys
import textwrap
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, TextIO, TypeVar

from rich import progress
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

COMMANDS = ("make ", ".venv", "curl ")  # that begin a line which is to be copied whole
LAID_OUT = "\t\n"  # control characters that lay out a text
# What a terminal obeys, and what stands for it: "␛[2J". Unicode's own marks for direction let a name look like another.
OBEYED = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in LAID_OUT},
    **dict.fromkeys([*range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], "\ufffd"),
}

Thing = TypeVar("Thing")


def tell(text: str, file: TextIO | None = None) -> None:
    """Prints the text; on a terminal, a long line is wrapped between words, but where it is a command.

    Args:
        text: lines.
        file: standard output where none is given.
    """
    file = file or sys.stdout
    if file.isatty():
        width = shutil.get_terminal_size().columns
        text = "\n".join(_wrapped(line, width) for line in text.split("\n"))
    show(text, file)


def show(text: str = "", file: TextIO | None = None) -> None:
    """Prints lines that are laid out already, at once."""
    print(visible(text), file=file or sys.stdout, flush=True)


def put(text: str) -> None:
    """Prints a text that is what was asked for: whole into a file or a pipe, and only seen on a terminal."""
    print(visible(text) if sys.stdout.isatty() else text, flush=True)


def say(text: str, style: str, indent: int) -> None:
    """Prints a text and an empty line; on a terminal in a style of rich's, wrapped, so many columns to the right."""
    PlainConsole().print(Padding(styled((text, style)), (0, 0, 1, indent), expand=False))


def visible(text: str) -> str:
    """The text with something to see in place of each character that a terminal obeys."""
    return text.translate(OBEYED)


def width_of(text: str) -> int:
    """The columns of a screen that a line takes: two for each character such as Chinese ones."""
    return cell_len(text)


def cut(text: str, width: int) -> str:
    """The beginning of a line, and that there is more, in so many columns."""
    return f"{set_cell_size(text, width - 1).rstrip()}…"


class PlainConsole(Console):
    """rich's console, to which texts are texts; tables and their cells, too."""

    def __init__(self, **options: Any):
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """See rich."""
        return super().render_str(visible(text), **options)


def drawn(text: str) -> str:
    """The text as matplotlib draws it as it is, which takes what stands between two $ for a formula."""
    return visible(text).replace("$", r"\$")


def shortened(text: str, most: int = 24) -> str:
    """A text of at most so many characters: what is too long loses its middle, as names often begin alike."""
    return text if len(text) <= most else f"{text[: most - most // 3 - 1]}…{text[-(most // 3) :]}"


class Bar(progress.Progress):
    """A bar that vanishes when it is stopped.

    Args:
        what: goes on.
        total: of units; None where it isn't known.
        unit: what they are called.
    """

    def __init__(self, what: str, total: int | None, unit: str):
        title, counted = (progress.TextColumn(escape(visible(text))) for text in (what, unit))
        parts = title, progress.BarColumn(), progress.MofNCompleteColumn(), counted, progress.TimeRemainingColumn()
        super().__init__(*parts, transient=True)
        self._task = self.add_task("", total=total)

    def reach(self, completed: int) -> None:
        """Shows that so many units are done."""
        self.update(self._task, completed=completed)


def styled(*parts: tuple[str, str], no_wrap: bool = False) -> Text:
    """A text of parts, each with its style, for a console."""
    return Text.assemble(*((visible(text), style) for text, style in parts), no_wrap=no_wrap)


def waiting(text: str) -> AbstractContextManager:
    """Shows, on a terminal, that something goes on which has no measure."""
    return PlainConsole().status(styled((text, "")))


def track(things: Iterable[Thing], what: str, total: int | None = None) -> Iterable[Thing]:
    """The things, on a terminal under a bar that tells how many have come, and vanishes with the last one.

    Args:
        things: any.
        what: is done with them.
        total: how many there are, where they don't say it.
    """
    return progress.track(things, escape(visible(what)), total, transient=True, disable=not sys.stdout.isatty())


def _wrapped(line: str, width: int) -> str:
    start = line.lstrip()
    if len(line) <= width or start.startswith(COMMANDS):
        return line
    indent = line[: len(line) - len(start)]
    pieces = textwrap.wrap(
        start,
        width,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(pieces)

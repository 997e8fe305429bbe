"""What is printed for a reader: on a terminal, a long line is wrapped between words."""

import shutil
import sys
import textwrap
from typing import TextIO

COMMANDS = ("make ", ".venv", "curl ")  # that begin a line which is to be copied whole


def tell(text: str, file: TextIO | None = None) -> None:
    """Prints the text; elsewhere than on a terminal, and where a line is a command, as it is.

    Args:
        text: lines.
        file: standard output where none is given.
    """
    file = file or sys.stdout
    if file.isatty():
        width = shutil.get_terminal_size().columns
        text = "\n".join(_wrapped(line, width) for line in text.split("\n"))
    print(text, file=file, flush=True)


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

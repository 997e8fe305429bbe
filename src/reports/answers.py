"""A model's answers beside what was asked: a CSV file, JSON lines, or a table on the screen."""

import base64
import csv
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from rich.table import Table

from src.errors import UserError
from src.reports.report import number
from src.system import screen
from src.system.files import check_writable, whole

SHOWN = 20  # rows of the table on the screen
WIDEST = 40  # characters of a cell of it


class Writer(ABC):
    """Takes rows, some at a time.

    Args:
        names: of the classes or values that an answer of several numbers may be about.
    """

    def __init__(self, names: Sequence[str]):
        self.names = names

    @abstractmethod
    def write(self, beside: Mapping[str, Sequence[str]], answers: Mapping[str, np.ndarray]) -> None:
        """Takes rows.

        Args:
            beside: columns that go with the answers.
            answers: by name, batch first. One whose name is a column's, too, is called predicted_….
        """


def check_format(output: str) -> None:
    """Raises UserError for a file whose ending names no format."""
    if output and Path(output).suffix.lower() not in FORMATS:
        raise UserError(f"{output} has to end in {' or '.join(FORMATS)}.")


@contextmanager
def writer(output: str, names: Sequence[str]) -> Iterator[Writer]:
    """What writes to a file, which appears when the block ends well, or "" for the screen.

    Raises:
        UserError: where it can't be written.
    """
    if not output:
        table = ScreenTable(names)
        yield table
        table.show()
        return
    path = Path(output)
    check_writable(path.parent)
    # The names of files may have bytes that are no text.
    with whole(path) as partial, partial.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        yield FORMATS[path.suffix.lower()](file, names)


class CsvFile(Writer):
    """A row an example; an answer of several numbers is a column for each."""

    def __init__(self, file: TextIO, names: Sequence[str]):
        super().__init__(names)
        self._writer, self._has_header = csv.writer(file), False

    def write(self, beside: Mapping[str, Sequence[str]], answers: Mapping[str, np.ndarray]) -> None:
        columns = _beside(beside, _spread(answers, self.names))
        if not self._has_header:
            self._writer.writerow(columns)
            self._has_header = True
        self._writer.writerows(zip(*columns.values(), strict=True))


class JsonLines(Writer):
    """An object an example; an answer of several numbers is a list."""

    def __init__(self, file: TextIO, names: Sequence[str]):
        super().__init__(names)
        self._file = file

    def write(self, beside: Mapping[str, Sequence[str]], answers: Mapping[str, np.ndarray]) -> None:
        columns = _beside(beside, {name: _plain(column) for name, column in answers.items()})
        for row in zip(*columns.values(), strict=True):
            self._file.write(json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) + "\n")


class ScreenTable(Writer):
    """The first rows, and of their columns those that fit: answers of one value first, then what is beside them."""

    def __init__(self, names: Sequence[str]):
        super().__init__(names)
        self._columns: dict[str, list] = {}
        self._together: list[list[str]] = []  # columns that are shown all or not at all, the most important ones first
        self._count = 0

    def write(self, beside: Mapping[str, Sequence[str]], answers: Mapping[str, np.ndarray]) -> None:
        answers = {name: column for name, column in answers.items() if not _is_picture(name, column)} or answers
        columns = _beside(beside, _spread(answers, self.names))
        if not self._columns:
            sizes = [len(_spread({name: column}, self.names)) for name, column in answers.items()]
            self._together = _in_order([*columns], len(beside), sizes)
        for name, column in columns.items():
            shown = self._columns.setdefault(name, [])
            shown += column[: SHOWN - len(shown)]
        self._count += len(next(iter(columns.values())))

    def show(self) -> None:
        """Prints the table, and how much was left out."""
        console = screen.PlainConsole()
        cells = {name: [_cell(value) for value in column] for name, column in self._columns.items()}
        room, fitting = console.width - 1, set[str]()
        for names in self._together:
            width = sum(max(map(len, [name, *cells[name]])) + 3 for name in names)
            if width <= room or not fitting:
                fitting.update(names)
                room -= width
        shown = [name for name in cells if name in fitting]
        table = Table()
        for name in shown:
            is_text = isinstance(self._columns[name][0], str)
            table.add_column(name, justify="left" if is_text else "right", no_wrap=True)
        for row in zip(*(cells[name] for name in shown), strict=True):
            table.add_row(*row)
        console.print(table)
        left_out = [
            f"{count:,} {what}{'s' * (count > 1)}"
            for what, count in (("row", self._count - SHOWN), ("column", len(cells) - len(shown)))
            if count > 0
        ]
        if left_out:
            screen.tell(f"Not shown: {' and '.join(left_out)}. OUTPUT=answers.csv (or .jsonl) writes everything.")


FORMATS: dict[str, Any] = {".csv": CsvFile, ".jsonl": JsonLines}


def _beside(beside: Mapping[str, Sequence[str]], answers: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """The columns of both; of one name twice the answer is called predicted_…."""
    columns = dict(beside)
    for name, column in answers.items():
        while name in columns:
            name = f"predicted_{name}"
        columns[name] = column
    return columns


def _spread(answers: Mapping[str, np.ndarray], names: Sequence[str]) -> dict[str, list]:
    """A column for each single value: of (batch, n) one for each of n names; what has more axes as JSON."""
    columns: dict[str, list] = {}
    for answer, column in answers.items():
        if column.ndim == 1:
            columns[answer] = _plain(column)
        elif column.ndim == 2 and column.shape[1] == len(names):
            columns |= {f"{answer}_{name}": _plain(column[:, index]) for index, name in enumerate(names)}
        else:
            columns[answer] = [json.dumps(value, ensure_ascii=False) for value in _plain(column)]
    return columns


def _in_order(names: Sequence[str], beside: int, sizes: Sequence[int]) -> list[list[str]]:
    """The columns, the most important ones first: answers of one column, then what is beside, then other answers.

    Args:
        names: of all columns; the first `beside` are those beside the answers.
        sizes: how many of the others each answer is.
    """
    following = iter(names[beside:])
    answers = [list(islice(following, size)) for size in sizes]
    first = [group for group in answers if len(group) == 1] or answers
    return [*first, *([name] for name in names[:beside]), *(group for group in answers if group not in first)]


def _is_picture(name: str, column: np.ndarray) -> bool:
    """Whether an answer is nothing to be read: pixels, or the bytes of a file."""
    return column.ndim > 2 or name.endswith("_bytes")


def _plain(column: np.ndarray) -> list:
    """An answer as JSON has it: float32 in no more digits than tell it apart, bytes in base64."""
    if column.dtype.kind == "f":
        return column.astype(str).astype("float64").tolist()
    if column.dtype == object:
        return [base64.b64encode(value).decode() for value in column]
    return column.tolist()


def _cell(value: Any) -> str:
    """What the screen shows of a value: one line, and not too long; of a path its end."""
    text = number(value) if isinstance(value, float) else " ".join(str(value).split())
    if len(text) <= WIDEST:
        return text
    is_path = os.sep in text and Path(text).suffix
    return f"…{text[1 - WIDEST :]}" if is_path else f"{text[: WIDEST - 1]}…"

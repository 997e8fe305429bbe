"""A model's answers beside what was asked: a CSV file, JSON lines, a folder of pictures, or a table on the screen."""

import csv
import json
import os
import re
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, count, islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from rich.table import Table

from src.errors import UserError
from src.reports.columns import PICTURE, columns, cut, joined, of_each, plain, readable
from src.reports.report import number
from src.system import screen
from src.system.files import check_writable, whole

SHOWN = 20  # rows of the table on the screen
WIDEST = 40  # of a cell of it, in columns of the screen
TABLE = "answers.csv"  # in a folder
MOST_CHARACTERS = 100  # of the name of a picture in it


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

    def notes(self) -> Sequence[str]:
        """What was left out, and how to get it, once all rows are there."""
        return ()


def check_output(output: str | Path) -> None:
    """Raises UserError for a file whose ending names no format, and for a folder that is a file or has files."""
    if _is_folder(output):
        if Path(output).is_file():
            raise UserError(f"{output} is a file: name a new folder for the answers.")
        if Path(output).is_dir() and any(Path(output).iterdir()):
            raise UserError(f"{output} isn't empty: name a new folder for the answers.")
    elif output and Path(output).suffix.lower() not in FORMATS:
        raise UserError(f"{output} has to end in {' or '.join(FORMATS)}, or in / for a folder.")


@contextmanager
def writer(output: str | Path, names: Sequence[str], files: str = "") -> Iterator[Writer]:
    """What writes to a file or a folder, which appears when the block ends well, or to the screen.

    Args:
        output: the file or folder; "" for the screen.
        names: as for any writer.
        files: the column beside the answers with the files that were asked about; "" where there is none.

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
    if _is_folder(output):
        with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as temporary:
            folder = Path(temporary) / path.name
            folder.mkdir()
            with writer(str(folder / TABLE), names) as file:
                yield Folder(folder, file, names, files)
            if path.exists():
                path.rmdir()
            folder.replace(path)
        return
    # The names of files may have bytes that are no text.
    with whole(path) as partial, partial.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        made = FORMATS[path.suffix.lower()](file, names)
        yield made
    for note in made.notes():
        screen.tell(note)


def _is_folder(output: str | Path) -> bool:
    return bool(output) and (str(output).endswith(("/", os.sep)) or Path(output).is_dir())


class CsvFile(Writer):
    """A row an example, or a thing in it; an answer of several numbers is a column for each; pixels are left out."""

    def __init__(self, file: TextIO, names: Sequence[str]):
        super().__init__(names)
        self._writer, self._has_header, self._pixels = csv.writer(file), False, set[str]()

    def write(self, beside: Mapping[str, Sequence[str]], answers: Mapping[str, np.ndarray]) -> None:
        shown = readable(answers)
        self._pixels |= answers.keys() - shown.keys()
        beside, groups = columns(beside, shown, self.names)
        table = joined(beside, _merged(groups))
        if not self._has_header:
            self._writer.writerow(table)
            self._has_header = True
        self._writer.writerows(zip(*table.values(), strict=True))

    def notes(self) -> Sequence[str]:
        if not self._pixels:
            return ()
        pictures = "OUTPUT=answers/ writes pictures, OUTPUT=answers.jsonl everything."
        way = pictures if PICTURE in self._pixels else "OUTPUT=answers.jsonl writes them."
        return [f"Pixels are left out: {', '.join(sorted(self._pixels))}. {way}"]


class JsonLines(Writer):
    """An object an example; an answer of several numbers is a list."""

    def __init__(self, file: TextIO, names: Sequence[str]):
        super().__init__(names)
        self._file = file

    def write(self, beside: Mapping[str, Sequence[str]], answers: Mapping[str, np.ndarray]) -> None:
        # Pixels one example at a time: as lists, they need eight times the memory.
        values = {
            name: plain(column) if column.ndim < 3 else (plain(value) for value in of_each(name, column))
            for name, column in answers.items()
        }
        for row, given in enumerate(zip(*values.values(), strict=True)):
            asked = {name: cells[row] for name, cells in beside.items()}
            answered = cut(dict(zip(values, given, strict=True)))
            self._file.write(json.dumps(joined(asked, answered), ensure_ascii=False) + "\n")


class Folder(Writer):
    """A table, and beside it the pictures that were answered, called as the files that were asked about.

    Args:
        folder: to write into.
        table: that takes the other answers.
        names: as for any writer.
        files: the column beside the answers with those files; "" where there is none, and pictures are numbered.
    """

    def __init__(self, folder: Path, table: Writer, names: Sequence[str], files: str):
        super().__init__(names)
        self._folder, self._table, self._files = folder, table, files
        self._taken, self._count = set[str](), 0

    def write(self, beside: Mapping[str, Sequence[str]], answers: Mapping[str, np.ndarray]) -> None:
        if PICTURE in answers:
            pictures = answers[PICTURE]
            files = beside.get(self._files, [""] * len(pictures))
            names = [self._name(number, file) for number, file in enumerate(files, self._count + 1)]
            for name, content in zip(names, pictures, strict=True):
                (self._folder / name).write_bytes(content)
            self._count += len(names)
            answers = {"picture": np.array(names), **{key: answers[key] for key in answers if key != PICTURE}}
        self._table.write(beside, answers)

    def _name(self, number: int, file: str) -> str:
        """The name of a picture that no other one has: of its file, or its number."""
        stem = re.sub(r"[^\w .-]+", "-", Path(file).stem)[:MOST_CHARACTERS] or str(number)
        names = (f"{stem}{again and f'-{again}'}.png" for again in chain([""], count(2)))
        name = next(name for name in names if name.lower() not in self._taken)
        self._taken.add(name.lower())
        return name


class ScreenTable(Writer):
    """The first rows, and of their columns those that fit: answers of one value first, then what is beside them."""

    def __init__(self, names: Sequence[str]):
        super().__init__(names)
        self._columns: dict[str, list] = {}
        self._together: list[list[str]] = []  # columns that are shown all or not at all, the most important ones first
        self._count = 0

    def write(self, beside: Mapping[str, Sequence[str]], answers: Mapping[str, np.ndarray]) -> None:
        beside, groups = columns(beside, readable(answers), self.names)
        table = joined(beside, _merged(groups))
        if not self._columns:
            self._together = _in_order([*table], len(beside), [*map(len, groups)])
        for name, column in table.items():
            shown = self._columns.setdefault(name, [])
            shown += column[: SHOWN - len(shown)]
        self._count += len(next(iter(table.values())))

    def show(self) -> None:
        """Prints the table, and how much was left out."""
        console = screen.PlainConsole()
        cells = {name: [_cell(value) for value in column] for name, column in self._columns.items()}
        room, fitting = console.width - 1, set[str]()
        for names in self._together:
            width = sum(max(map(screen.width_of, [name, *cells[name]])) + 3 for name in names)
            if width <= room or not fitting:
                fitting.update(names)
                room -= width
        shown = [name for name in cells if name in fitting]
        table = Table()
        for name in shown:
            is_text = any(isinstance(value, str) for value in self._columns[name])
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


def _merged(groups: Sequence[Mapping[str, list]]) -> dict[str, list]:
    """The columns of all answers."""
    return {name: column for group in groups for name, column in group.items()}


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


def _cell(value: Any) -> str:
    """What the screen shows of a value: one line, and not too long; of a path its end."""
    text = number(value) if isinstance(value, float) else " ".join(str("" if value is None else value).split())
    if screen.width_of(text) <= WIDEST:
        return text
    is_path = os.sep in text and Path(text).suffix
    return f"…{text[1 - WIDEST :]}" if is_path else screen.cut(text, WIDEST)

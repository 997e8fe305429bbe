"""CSV files as people have them: of any separator, encoding and size, compressed or not, with a header or without."""

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from src.errors import nearest
from src.numbers import number
from src.preprocess.names import composed
from src.readers.text_files import BLOCK, binary, decoded, encoding_of
from src.system.files import MARKS

SNIFFED = 64 * 2**10  # characters from which the separator is told
LINES = 20  # that are looked at for it, and for a header
TABBED = 0.95  # of a table's lines have the same number of tabs, at least
CELLS = 1_000_000  # of the rows that are held at a time
MOST_LINE = 16 * 2**20  # bytes of a line, and characters of a cell
SEPARATORS = ",;\t|"
ENDINGS = (".csv", ".tsv")  # perhaps with one of a compressed file behind it
YEARS = (1800, 2200)  # which a header may have


@dataclass(frozen=True)
class Table:
    """A CSV file that was looked at: the names of its columns, and how it is read.

    Args:
        quoting: what Python's csv.reader is told of quotes.
        says_separator: in a line above all: "sep=;", for Excel.
        notes: what isn't as in most files.
    """

    path: Path
    names: tuple[str, ...]
    encoding: str
    separator: str
    quoting: Mapping[str, Any]
    header: bool
    says_separator: bool
    notes: tuple[str, ...] = ()

    def chunks(self) -> Iterator[tuple[tuple[str, ...], ...]]:
        """The columns of some rows at a time, each cell a text; rows count from 1, below the header.

        Raises:
            ValueError: for a row of another length.
        """
        width, first = len(self.names), 1
        rows = self.rows()
        while chunk := list(islice(rows, max(1, CELLS // width))):
            if set(map(len, chunk)) != {width}:
                for number, row in enumerate(chunk, first):
                    self.check(row, number)
            first += len(chunk)
            yield tuple(zip(*chunk, strict=True))

    def rows(self) -> Iterator[list[str]]:
        """Each row below the header, its cells as texts; `check` tells which have another length."""
        with _text(self.path, self.encoding) as file:
            rows = filter(None, csv.reader(file, delimiter=self.separator, **self.quoting))  # an empty line is none
            yield from islice(rows, self.says_separator + self.header, None)

    def check(self, row: Sequence[str], number: int) -> None:
        """Raises ValueError for the row of that number where it has another length than the header."""
        if mistake := self.mistake_in(row):
            raise ValueError(f"{self.path}, row {number}: {mistake}")

    def mistake_in(self, row: Sequence[str]) -> str:
        """What is wrong with a row of another length than the header; "" for nothing."""
        if len(row) == (width := len(self.names)):
            return ""
        way = f"a text with {self.separator!r} in it needs quotes" if len(row) > width else "fill it up"
        return f"{len(row)} columns instead of {width}; {way}"

    def without_header(self) -> "Table":
        """The same file, its first row taken for data."""
        names = _names(self.path, self.names, header=False)
        return replace(self, names=names, header=False, notes=(*self.notes, _no_header(self.names)))

    def with_columns(self, names: Collection[str]) -> "Table":
        """The same file, without a header where it has such columns only so: column_1 and so on."""
        bare = _names(self.path, self.names, header=False)
        return self.without_header() if self.header and {*bare} >= {*names} > {*self.names} & {*names} else self


def table(path: Path, header: bool | None = None, encoding: str = "") -> Table:
    """Looks at a file.

    Args:
        path: the file; .gz, .bz2, .xz and .zip are unpacked.
        header: whether its first row has the names; by itself as its cells, and those below, tell.
        encoding: of its text, such as "cp1251"; by itself UTF-8, or what a mark at its start says, or cp1252.

    Raises:
        ValueError: for a file that isn't text, has no rows, or has columns of one name.
    """
    encoding, notes = encoding_of(path, encoding, MOST_LINE)
    with _text(path, encoding) as file:
        start = file.read(SNIFFED)
    directive = re.match(r"sep=(.)\r?\n", start)
    separator = directive[1] if directive else _separator(start)
    quoting = _quoting(path, encoding, separator)
    if quoting:
        notes += ["quotes are read literally" if "quoting" in quoting else "quotes are escaped by \\"]
    with _text(path, encoding) as file:
        rows = filter(None, csv.reader(file, delimiter=separator, **quoting))
        if directive:
            next(rows)
        first, *below = [[cell.strip() for cell in row] for row in islice(rows, LINES)] or [[]]
    has_header = _is_header(first, below) if header is None else header
    if not first or (has_header and not below):
        raise ValueError(f"{path} has no rows below a header")
    if header is None and not has_header:
        notes += [_no_header(first)]
    names = _names(path, first, has_header)
    return Table(path, names, encoding, separator, quoting, has_header, bool(directive), tuple(notes))


def read(table: Table) -> dict[str, tuple[str, ...]]:
    """The columns of a file by name, all rows at once."""
    chunks = list(table.chunks())
    return {name: tuple(cell for chunk in chunks for cell in chunk[index]) for index, name in enumerate(table.names)}


def check_column(name: str, names: Collection[str], path: Path) -> None:
    """Raises a ValueError where a file has no column of that name, with the names that it has."""
    if name not in names:
        title = "; if that is a title, remove the lines above the header" if len(names) == 1 else ""
        raise ValueError(f"{path} has no column {name!r}.{nearest(name, names)} It has: {', '.join(names)}{title}")


def is_table(path: Path) -> bool:
    """Whether a file has columns: by its endings, or as its lines have tabs, nearly all the same number."""
    if {ending.lower() for ending in path.suffixes[-2:]} & {*ENDINGS}:
        return True
    with binary(path) as file:
        start = file.read(SNIFFED)
    encoding = next((encoding for mark, encoding in MARKS.items() if start.startswith(mark)), "latin-1")
    return _is_tabbed(start.decode(encoding, errors="replace"))


@contextmanager
def _text(path: Path, encoding: str) -> Iterator[io.TextIOWrapper]:
    csv.field_size_limit(MOST_LINE)
    try:
        with binary(path) as file:
            yield decoded(file, encoding, newline="")
    except csv.Error as error:
        raise ValueError(f"{path} isn't a CSV file: {error}") from None


def _separator(start: str) -> str:
    """What stands most often in the header, outside quotes; a comma may stand in numbers, what else is regular wins."""
    if _is_tabbed(start):
        return "\t"
    readings = [start, re.sub(r'"[^"]*"', "", start)]  # quotes may be no quotes
    ways = [[line for line in re.split(r"[\r\n]+", text) if line.strip()][:LINES] or [""] for text in readings]
    regular = [
        mark
        for mark in SEPARATORS
        if any(len({line.count(mark) for line in lines[: len(lines) - 1 or 1]}) == 1 for lines in ways)
    ]
    first = ways[-1][0]
    return max(SEPARATORS, key=lambda mark: (mark in regular and mark != "," and mark in first, first.count(mark)))


def _is_tabbed(start: str) -> bool:
    """Whether nearly all lines of a file's start have the same number of tabs between texts, one at least."""
    lines = [line for line in map(str.strip, re.split(r"[\r\n]+", start)) if line]
    lines = lines[:-1] if len(start) == SNIFFED else lines  # the last one may be cut
    ((tabs, times),) = Counter(line.count("\t") for line in lines).most_common(1) or [(0, 0)]
    return tabs > 0 and len(lines) > 1 and times >= TABBED * len(lines)


def _quoting(path: Path, encoding: str, separator: str) -> dict[str, Any]:
    """What csv.reader has to be told of quotes: nothing, where they are closed; or that there are none, or escaped.

    Raises:
        ValueError: where a quote that isn't closed joins rows.
    """
    with _text(path, encoding) as file:
        quotes = {mark for block in iter(lambda: file.read(BLOCK), "") for mark in ('"', '\\"') if mark in block}
    if not quotes:
        return {}
    closed, joined = _scan(path, encoding, separator, strict=True)
    if not closed:
        escaped = {"escapechar": "\\", "doublequote": False}
        if '\\"' in quotes and _scan(path, encoding, separator, strict=True, **escaped)[0]:
            return escaped
        _, joined = _scan(path, encoding, separator)
    if joined and _is_regular(path, encoding, separator):
        return {"quoting": csv.QUOTE_NONE}
    if joined and not closed:
        raise ValueError(f"{path}, row {joined}: a quote that isn't closed joins it with the next ones: fix it")
    return {}


def _scan(path: Path, encoding: str, separator: str, **quoting: Any) -> tuple[bool, int]:
    """Whether the file can be read so, and the first row in which a cell has several lines; 0 without one."""
    joined = 0
    with _text(path, encoding) as file:
        try:
            for number, row in enumerate(csv.reader(file, delimiter=separator, **quoting)):
                if not joined and any("\n" in cell or "\r" in cell for cell in row):
                    joined = number or 1
        except csv.Error:
            return False, joined
    return True, joined


def _is_regular(path: Path, encoding: str, separator: str) -> bool:
    """Whether all lines have the same number of separators, and some."""
    with _text(path, encoding) as file:
        widths = {len(row) for row in csv.reader(file, delimiter=separator, quoting=csv.QUOTE_NONE) if row}
    return len(widths) == 1 and widths != {1}


def _is_header(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a first row has names: none of its cells is a number, or years, or a name above numbers."""
    numbers = [cell for cell in first if _is_number(cell)]
    if not numbers:
        return True
    columns = zip(*below, strict=False)
    if any(number(name) is None and all(map(_is_number, cells)) for name, cells in zip(first, columns, strict=False)):
        return True
    years = [float(cell) for cell in numbers]
    steps = {after - before for before, after in pairwise(years)}
    return len(steps) == 1 and steps <= {1.0, -1.0} and YEARS[0] <= min(years) and max(years) <= YEARS[1]


def _is_number(text: str) -> bool:
    value = number(text)
    return value is not None and value == value  # NaN stands for none


def _names(path: Path, first: Sequence[str], header: bool) -> tuple[str, ...]:
    """The names of the columns; those without one are called by their position."""
    names = [composed(name) if header and name else f"column_{position}" for position, name in enumerate(first, 1)]
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise ValueError(f"{path} has two columns called {twice[0]!r}: rename one, or say --no-header")
    return tuple(names)


def _no_header(first: Sequence[str]) -> str:
    return f"no header: the first row, {', '.join(first)[:60]}, is read as data (--header)"

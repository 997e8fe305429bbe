"""CSV files as people have them: of any separator, encoding and size, compressed or not, with a header or without."""

import bz2
import codecs
import csv
import gzip
import io
import lzma
import re
import zipfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import BinaryIO

from src.errors import nearest

SNIFFED = 64 * 2**10  # characters from which the separator is told
LINES = 20  # that are looked at for it
BLOCK = 2**20  # bytes read at a time
CELLS = 1_000_000  # of the rows that are held at a time
SEPARATORS = ",;\t|"
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
OPEN = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


@dataclass(frozen=True)
class Table:
    """A CSV file that was looked at: the names of its columns, and how it is read."""

    path: Path
    names: tuple[str, ...]
    encoding: str
    separator: str
    header: bool
    says_separator: bool  # in a line above all: "sep=;", for Excel

    def chunks(self) -> Iterator[tuple[tuple[str, ...], ...]]:
        """The columns of some rows at a time, each cell a text; rows count from 1, below the header.

        Raises:
            ValueError: for a row of another length.
        """
        width, first = len(self.names), 1
        with _text(self.path, self.encoding) as file:
            rows = filter(None, csv.reader(file, delimiter=self.separator))  # an empty line is none
            for _ in range(self.says_separator + self.header):
                next(rows)
            while chunk := list(islice(rows, max(1, CELLS // width))):
                if set(map(len, chunk)) != {width}:
                    number, row = next((n, row) for n, row in enumerate(chunk, first) if len(row) != width)
                    raise ValueError(f"{self.path}, row {number}: {len(row)} columns instead of {width}")
                first += len(chunk)
                yield tuple(zip(*chunk, strict=True))


def table(path: Path, header: bool | None = None) -> Table:
    """Looks at a file.

    Args:
        path: the file; .gz, .bz2, .xz and .zip are unpacked.
        header: whether its first row has the names; by itself, where no cell of it is a number.

    Raises:
        ValueError: for a file that isn't text, has no rows, or has columns of one name.
    """
    encoding = _encoding(path)
    with _text(path, encoding) as file:
        start = file.read(SNIFFED)
        said = re.match(r"sep=(.)\r?\n", start)
        separator = said[1] if said else _separator(start)
    with _text(path, encoding) as file:
        rows = filter(None, csv.reader(file, delimiter=separator))
        if said:
            next(rows)
        first = [name.strip() for name in next(rows, [])]
        header = not any(map(_is_number, first)) if header is None else header
        if not first or (header and next(rows, None) is None):
            raise ValueError(f"{path} has no rows below a header")
    if not header:
        first = [f"column_{number}" for number in range(1, len(first) + 1)]
    if twice := [name for name, times in Counter(first).items() if times > 1]:
        raise ValueError(f"{path} has two columns called {twice[0]!r}")
    return Table(path, tuple(first), encoding, separator, header, bool(said))


def read(path: Path) -> dict[str, tuple[str, ...]]:
    """The columns of a file with a header by name, all rows at once; see `table`."""
    found = table(path, header=True)
    chunks = list(found.chunks())
    return {name: tuple(cell for chunk in chunks for cell in chunk[place]) for place, name in enumerate(found.names)}


def column(columns: dict[str, tuple[str, ...]], name: str, path: Path) -> tuple[str, ...]:
    """The column of that name; raises ValueError that names those there are."""
    check_column(name, columns, path)
    return columns[name]


def check_column(name: str, names: Collection[str], path: Path) -> None:
    """Raises a ValueError where a file has no column of that name, with the names that it has."""
    if name not in names:
        raise ValueError(f"{path} has no column {name!r}.{nearest(name, names)} It has: {', '.join(names)}")


def request_names(names: Iterable[str]) -> tuple[str, ...]:
    """What the inputs of a model are called: ASCII letters, digits and underscores, a letter first; none twice.

    TensorFlow writes them in lower case, so that no two may differ in that alone, and has a use of its own for "self".
    """
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
        plain = plain if plain[:1].isalpha() and plain.lower() != "self" else f"column_{plain}".rstrip("_")
        same = (f"{plain}_{number}" for number in count(2))
        new = plain if plain.lower() not in found else next(name for name in same if name.lower() not in found)
        found[new.lower()] = new
    return tuple(found.values())


@contextmanager
def _bytes(path: Path) -> Iterator[BinaryIO]:
    """The file, unpacked; raises ValueError where that fails, then or later."""
    try:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                inside = [name for name in archive.namelist() if not name.endswith("/")]
                if len(inside) != 1:
                    raise ValueError(f"{path} has {len(inside)} files inside, not one")
                with archive.open(inside[0]) as file:
                    yield file
        else:
            with OPEN.get(path.suffix.lower(), open)(path, "rb") as file:
                yield file
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged, or not what its ending says: {error}") from None


@contextmanager
def _text(path: Path, encoding: str) -> Iterator[io.TextIOWrapper]:
    csv.field_size_limit(2**31 - 1)
    try:
        with _bytes(path) as file:
            yield io.TextIOWrapper(file, encoding=encoding, newline="")
    except csv.Error as error:
        raise ValueError(f"{path} isn't a CSV file: {error}") from None


def _encoding(path: Path) -> str:
    """UTF-8, or what a mark at the start says; where it is neither, Windows' or ISO's for western Europe."""
    with _bytes(path) as file:
        start = file.read(BLOCK)
        for mark, encoding in MARKS.items():
            if start.startswith(mark):
                return encoding
        if re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", start):
            raise ValueError(f"{path} isn't text")
        decoder, western = codecs.getincrementaldecoder("utf-8")(), "cp1252"
        is_utf8, block = True, start
        while block:
            if is_utf8:
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    is_utf8 = False
            if re.search(rb"[\x81\x8d\x8f\x90\x9d]", block):
                western = "latin-1"
            block = file.read(BLOCK)
    if not is_utf8:
        print(f"{path} isn't UTF-8; it is read as {western}")
    return "utf-8" if is_utf8 else western


def _separator(start: str) -> str:
    """What stands most often in the header, outside quotes; a comma may stand in numbers, what else is regular wins."""
    plain = re.sub(r'"[^"]*"', "", start)
    lines = [line for line in re.split(r"[\r\n]+", plain) if line.strip()][:LINES] or [""]
    regular = [mark for mark in SEPARATORS if len({line.count(mark) for line in lines[: len(lines) - 1 or 1]}) == 1]
    return max(
        SEPARATORS, key=lambda mark: (mark in regular and mark != "," and mark in lines[0], lines[0].count(mark))
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

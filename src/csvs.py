"""CSV files as people have them: a header, then rows; what data sets that read one share."""

import csv
import re
from collections import Counter
from pathlib import Path

from src.errors import nearest

SNIFFED = 64 * 2**10  # characters from which the separator is told
SEPARATORS = ",;\t|"


def read(path: Path) -> dict[str, tuple[str, ...]]:
    """The columns of a file by name, each a text a row; errors count the rows from 1, below the header.

    Raises:
        ValueError: for a file that isn't UTF-8, has no rows, columns of one name, or a row of another length.
    """
    csv.field_size_limit(2**31 - 1)
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            start = file.read(SNIFFED)
            file.seek(0)
            rows = [row for row in csv.reader(file, delimiter=_separator(start)) if row]
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} isn't UTF-8 text: {error.reason} at byte {error.start}") from None
    if len(rows) < 2:
        raise ValueError(f"{path} has no rows below a header")
    header = [name.strip() for name in rows[0]]
    if twice := [name for name, times in Counter(header).items() if times > 1]:
        raise ValueError(f"{path} has two columns called {twice[0]!r}")
    for number, row in enumerate(rows):
        if len(row) != len(header):
            raise ValueError(f"{path}, row {number}: {len(row)} columns instead of {len(header)}")
    return dict(zip(header, zip(*rows[1:], strict=True), strict=True))


def column(columns: dict[str, tuple[str, ...]], name: str, path: Path) -> tuple[str, ...]:
    """The column of that name; raises ValueError that names those there are."""
    if name not in columns:
        hint = nearest(name, columns)
        raise ValueError(f"{path} has no column {name!r}.{hint} It has: {', '.join(columns)}")
    return columns[name]


def _separator(start: str) -> str:
    """What stands most often in the header, outside quotes."""
    plain = re.sub(r'"[^"]*"', "", start)
    header = next((line for line in re.split(r"[\r\n]+", plain) if line.strip()), "")
    return max(SEPARATORS, key=header.count)

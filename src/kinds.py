"""What the columns of a CSV file are, and their values in arrays that are as small as can be."""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from src.csvs import Table

MISSING = {"", "na", "n/a", "nan", "null", "none", "?", "-", "."}  # in a column of numbers; src/tables.py has them too
DATE = re.compile(r"\d{4}-\d\d?-\d\d?([T ].*)?|\d\d?[./-]\d\d?[./-](\d\d){1,2}( .*)?|\d{4}[./]\d\d?[./]\d\d?( .*)?")
MOST = 1000  # categories of a column; what has more is text, or names each example
FEW = 20  # categories, however few rows there are; classes that whole numbers may stand for
TYPOS = 0.05  # share of a column that isn't numbers, up to which it is one of numbers with mistakes
LARGEST = float(np.finfo("float32").max)


@dataclass
class Seen:
    """What was seen of a column, chunk by chunk."""

    rows: int = 0
    missing: int = 0
    numbers: int = 0
    dates: int = 0
    whole: bool = True  # all numbers are
    counts_up: bool = True  # from 0 or 1, each number is one more than the one before
    last: float | None = None
    strange: tuple[int, str] | None = None  # row and text of the first that is no number
    infinite: tuple[int, str] | None = None
    values: set[str] = field(default_factory=set)  # different ones, up to MOST + 1

    def update(self, cells: Sequence[str], comma: bool) -> None:
        """Takes in the cells of some rows."""
        if len(self.values) <= MOST:
            self.values.update(cells)
        numbers, texts = to_numbers(cells, comma)
        if texts:
            self.strange = self.strange or (self.rows + texts[0] + 1, cells[texts[0]])
            self.dates += sum(DATE.fullmatch(cells[place]) is not None for place in texts)
        missing = np.isnan(numbers)
        self.missing += int(missing.sum()) - len(texts)
        there = numbers[~missing]
        self.numbers += len(there)
        if (far := np.flatnonzero(np.abs(there) > LARGEST)).size:
            place = int(np.flatnonzero(~missing)[far[0]])
            self.infinite = self.infinite or (self.rows + place + 1, cells[place])
            self.whole = False
        elif len(there):
            self.whole = self.whole and bool((there == np.floor(there)).all())
            steps = np.diff(there, prepend=there[0] - 1 if self.last is None else self.last)
            from_the_first = self.last is not None or there[0] in (0, 1)
            self.counts_up = self.counts_up and from_the_first and bool((steps == 1).all())
            self.last = float(there[-1])
        self.rows += len(cells)

    @property
    def kind(self) -> str:
        """ "number" or "category", or why it is neither."""
        there = self.rows - self.missing
        texts = there - self.numbers
        different = len(self.values)
        if not there:
            return "empty"
        if different == 1:
            return "the same in each row"
        if self.dates > there / 2:
            return "dates"
        if not texts:
            return "row numbers" if self.whole and self.counts_up and there == self.rows > FEW else "number"
        if different > MOST or (different > FEW and different > self.rows / 2):
            return "texts, nearly all different" if texts > TYPOS * there else "number"
        return "category" if texts > TYPOS * there or different <= FEW else "number"

    @property
    def few(self) -> bool:
        """Whether the numbers may be those of classes."""
        return self.whole and len(self.values) <= FEW and len(self.values) <= max(2, self.rows / 5)


def look(table: Table, left_out: Collection[str]) -> tuple[dict[str, Seen], bool]:
    """What is seen of each column, and whether numbers have a decimal comma; the file is read once.

    Raises:
        ValueError: for a file that can't be read.
    """
    comma = table.separator != ","
    seen = {name: Seen() for name in table.names if name not in left_out}
    for chunk in table.chunks():
        for name, cells in zip(table.names, chunk, strict=True):
            if name in seen:
                seen[name].update([cell.strip() for cell in cells], comma)
    return seen, comma


def check(table: Table, seen: dict[str, Seen]) -> None:
    """Raises a ValueError for what is wrong in a column of numbers, naming row and column."""
    for name, one in seen.items():
        if one.kind == "number":
            if one.strange:
                row, cell = one.strange
                raise ValueError(
                    f"{table.path}, row {row}: {name} is {cell!r}, not a number as {one.numbers:,} others are: mend or "
                    f"empty it, or leave the column out with --drop {name!r}"
                )
            if one.infinite:
                row, cell = one.infinite
                raise ValueError(f"{table.path}, row {row}: {name} is {cell}, which is too large a number or infinite")


def to_numbers(cells: Sequence[str], comma: bool) -> tuple[np.ndarray, list[int]]:
    """The number of each cell, float64, NaN where there is none; and the places of those that stand for something else.

    Args:
        cells: texts without spaces around them.
        comma: whether a comma may stand for the decimal point.
    """
    if comma:
        cells = [cell.replace(",", ".") for cell in cells]
    try:
        return np.array([float(cell or "nan") for cell in cells]), []  # as nearly all columns are, and fast
    except ValueError:
        found = [_number(cell) for cell in cells]
    texts = [place for place, number in enumerate(found) if number is None]
    return np.array([math.nan if number is None else number for number in found]), texts


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return math.nan if cell.lower() in MISSING else None

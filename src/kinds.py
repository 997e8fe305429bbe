"""What the columns of a CSV file are, and their values in arrays that are as small as can be."""

import math
import re
import sys
from collections.abc import Collection, Sequence

import numpy as np

from src.csvs import Table

MISSING = ("", "na", "n/a", "#n/a", "nan", "null", "none", "?", "-", ".")  # what stands for no number, in any case
DATE = re.compile(r"\d{4}-\d\d?-\d\d?([T ].*)?|\d\d?[./-]\d\d?[./-](\d\d){1,2}( .*)?|\d{4}[./]\d\d?[./]\d\d?( .*)?")
MOST = 1000  # categories of a column; what has more is text, or names each example
FEW = 20  # categories, however few rows there are; classes that whole numbers may stand for
MARKED = re.compile(
    r"[-+(−]?\s*[$€£¥]?\s*[-+−]?\d[\d.,' \u00a0\u202f]*\s*[%‰$€£¥)]?"
)  # a number and more: "$1,234.50", "7 %"
TYPOS = 0.2  # share of a column that isn't numbers, up to which it is one of numbers with mistakes
LARGEST = float(np.finfo("float32").max)


class Column:
    """A column, read cell by cell: what it is, and its values as numbers and as indices of its texts.

    Args:
        most: texts that are told apart; of a column that has more there are no indices.
    """

    def __init__(self, most: int = MOST):
        self.many = False  # whether there are more than `most`
        self._most = most
        self.rows = self.missing = self.numbers = self.dates = self.marked = 0
        self.texts: dict[str, int] = {}  # with their indices
        self.strange: tuple[int, str] | None = None  # row and text of the first that is no number
        self.infinite: tuple[int, str] | None = None
        self._whole = self._counts_up = True
        self._last: float | None = None
        self._numbers: list[np.ndarray] = []
        self._indices: list[np.ndarray] = []

    def update(self, cells: Sequence[str], comma: bool) -> None:
        """Takes in the cells of some rows."""
        if not self.many:
            self._index(cells)
        numbers, strange = to_numbers(cells, comma)
        with np.errstate(over="ignore"):  # it is told of by `check`
            self._numbers.append(numbers.astype("float32"))
        if strange:
            self.strange = self.strange or (self.rows + strange[0] + 1, cells[strange[0]])
            self.dates += sum(DATE.fullmatch(cells[place]) is not None for place in strange)
            self.marked += sum(MARKED.fullmatch(cells[place]) is not None for place in strange)
        missing = np.isnan(numbers)
        self.missing += int(missing.sum()) - len(strange)
        there = numbers[~missing]
        self.numbers += len(there)
        if (far := np.flatnonzero(np.abs(there) > LARGEST)).size:
            place = int(np.flatnonzero(~missing)[far[0]])
            self.infinite = self.infinite or (self.rows + place + 1, cells[place])
            self._counts_up = False
        elif len(there):
            self._whole = self._whole and bool((there == np.floor(there)).all())
            steps = np.diff(there, prepend=there[0] - 1 if self._last is None else self._last)
            from_the_first = self._last is not None or there[0] in (0, 1)
            self._counts_up = self._counts_up and from_the_first and bool((steps == 1).all())
            self._last = float(there[-1])
        self.rows += len(cells)

    @property
    def kind(self) -> str:
        """ "number" or "category", or why it is neither."""
        there = self.rows - self.missing
        strange, different = there - self.numbers, len(self.texts)
        if not there:
            return "empty"
        if different == 1:
            return "the same in each row"
        if self.dates > there / 2:
            return "dates"
        if self.marked > there / 2:
            return f"numbers with marks, such as {self.strange[1]!r}"
        if not strange:
            return "row numbers" if self._counts_up and there == self.rows > FEW else "number"
        if self.many or (different > FEW and different > self.rows / 2):
            return "texts, nearly all different" if strange > TYPOS * there else "number"
        return "category" if strange > TYPOS * there or different <= FEW else "number"

    @property
    def few(self) -> bool:
        """Whether they are few whole numbers, which may be those of classes."""
        return self._whole and not self.strange and not self.many and len(self.texts) <= min(FEW, max(2, self.rows / 5))

    def as_numbers(self) -> np.ndarray:
        """The numbers, float32 (rows,), NaN where there is none; they are given away, once."""
        found, self._numbers = np.concatenate(self._numbers), []
        return found

    def as_indices(self) -> np.ndarray:
        """The index of each row's text in `texts`, int32 (rows,)."""
        return np.concatenate(self._indices)

    def _index(self, cells: Sequence[str]) -> None:
        if len({*cells, *self.texts}) > self._most:
            self.many, self.texts, self._indices = True, {}, []
        else:
            self._indices.append(np.array([self.texts.setdefault(c, len(self.texts)) for c in cells], "int32"))


def read(table: Table, left_out: Collection[str], group: str) -> tuple[dict[str, Column], bool]:
    """The columns of a table but those that are left out, and whether numbers have a decimal comma.

    Args:
        table: the file; it is read once, some rows at a time.
        left_out: columns.
        group: a column, if any, of which any number of texts are told apart.

    Raises:
        ValueError: for a file that can't be read.
    """
    comma = table.separator != ","
    found = {name: Column(sys.maxsize if name == group else MOST) for name in table.names if name not in left_out}
    for chunk in table.chunks():
        for name, cells in zip(table.names, chunk, strict=True):
            if name in found:
                found[name].update([cell.strip() for cell in cells], comma)
    return found, comma


def check(table: Table, columns: dict[str, Column]) -> None:
    """Raises a ValueError for what is wrong in a column of numbers, naming row and column."""
    for name, column in columns.items():
        if column.kind != "number":
            continue
        if column.strange:
            row, cell = column.strange
            raise ValueError(
                f"{table.path}, row {row}: {name} is {cell!r}, not a number as {column.numbers:,} others are: mend or "
                f"empty it, or leave the column out with --drop {name!r}"
            )
        if column.infinite:
            row, cell = column.infinite
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

"""What the columns of a CSV file are, and their values in arrays that are as small as can be."""

import re
import sys
from collections.abc import Collection, Sequence
from functools import cached_property

import numpy as np

from src.numbers import LARGEST, Comma, Marks, commas, to_numbers
from src.readers.csv_files import Table

DATE = re.compile(r"\d{4}-\d\d?-\d\d?([T ].*)?|\d\d?[./-]\d\d?[./-](\d\d){1,2}( .*)?|\d{4}[./]\d\d?[./]\d\d?( .*)?")
MOST = 1000  # categories of a column; what has more is text, or names each example
FEW = 20  # categories, however few rows there are; classes that whole numbers may stand for
MARKED = re.compile(  # a number and more: "$1,234.50", "7 %"
    r"[-+(−]?\s*[$€£¥]?\s*[-+−]?\d[\d.,' \u00a0\u202f]*\s*([%‰$€£¥])?\)?", re.ASCII
)
TYPOS = 0.2  # share of a column that isn't numbers, up to which it is one of numbers with mistakes
# Names such as "id", "user_id" and "PassengerId".
IDS = re.compile(r"(?i:(?<![^\W_])(id|uuid|guid)(?![^\W_]))|(?<=[a-z])I[Dd](?![a-z])")
ID_DIGITS = 6  # at least, of numbers that are all different and all as long: ids, not measurements
EXACT = 2.0**53  # above it not every whole number is one in float64
NUMBERED = ("row numbers", "ids, all different", "ids by its name", "ids, too long for numbers")


class Column:
    """A column, read cell by cell: what it is, and its values as numbers and as indices of its texts.

    Args:
        name: in the file.
        comma: what one means in its numbers.
        most: texts that are told apart; of a column that has more there are no indices.
    """

    def __init__(self, name: str, comma: Comma = "", most: int = MOST):
        self.name, self.comma, self.most = name, comma, most
        self.declared = ""  # "number" or "category", whatever else it would be
        self.many = False  # whether there are more than `most`
        self.rows = self.missing = self.numbers = self.dates = self.marked = 0
        self.marks = Marks()
        self.texts: dict[str, int] = {}  # with their indices
        self.strange: tuple[int, str] | None = None  # row and text of the first that is no number
        self.infinite: tuple[int, str] | None = None
        self._whole = self._counts_up = True
        self._last: float | None = None
        self._numbers: list[np.ndarray] = []
        self._indices: list[np.ndarray] = []

    def update(self, cells: Sequence[str]) -> None:
        """Takes in the cells of some rows."""
        if not self.many:
            self._index(cells)
        self.marks.update(cells)
        numbers, strange = to_numbers(cells, self.comma)
        self._numbers.append(numbers)
        if strange:
            self.strange = self.strange or (self.rows + strange[0] + 1, cells[strange[0]])
            self.dates += sum(DATE.fullmatch(cells[index]) is not None for index in strange)
            self.marked += sum(MARKED.fullmatch(cells[index]) is not None for index in strange)
        missing = np.isnan(numbers)
        self.missing += int(missing.sum()) - len(strange)
        there = numbers[~missing]
        self.numbers += len(there)
        if (far := np.flatnonzero(np.abs(there) > LARGEST)).size:
            index = int(np.flatnonzero(~missing)[far[0]])
            self.infinite = self.infinite or (self.rows + index + 1, cells[index])
            self._counts_up = False
        elif len(there):
            self._whole = self._whole and bool((there == np.floor(there)).all())
            steps = np.diff(there, prepend=there[0] - 1 if self._last is None else self._last)
            from_the_first = self._last is not None or there[0] in (0, 1)
            self._counts_up = self._counts_up and from_the_first and bool((steps == 1).all())
            self._last = float(there[-1])
        self.rows += len(cells)

    @cached_property
    def kind(self) -> str:
        """ "number" or "category", or why it is neither, now that all is read."""
        if self.declared == "category" and self.texts and not self.many:
            return "category"
        kind = self._kind()
        return "number" if self.declared == "number" and kind in NUMBERED else kind

    @property
    def like_numbers(self) -> bool:
        """Whether its cells are numbers, whatever a comma in them means, but for a few mistakes."""
        there = self.rows - self.missing
        return there > 0 and there - self.numbers - self.marks.commas <= TYPOS * there

    @property
    def mostly_numbers(self) -> bool:
        """Whether more than half of its cells are numbers, and some are something else."""
        return self.strange is not None and self.numbers + self.marked > (self.rows - self.missing) / 2

    def _kind(self) -> str:
        there = self.rows - self.missing
        others, different = there - self.numbers, len(self.texts)  # cells that are no numbers
        if not there:
            return "empty"
        if different == 1:
            return "the same in each row"
        if self.dates > there / 2:
            return "dates"
        if self.strange and self.marked > there / 2:
            return f"numbers with marks, such as {self.strange[1]!r}"
        if not others:
            return self._numbered(there) or "number"
        if self.many or (different > FEW and different > self.rows / 2):
            return "texts, nearly all different" if others > TYPOS * there else "number"
        return "category" if others > TYPOS * there or different <= FEW else "number"

    def _numbered(self, there: int) -> str:
        """Why numbers only name the rows, or what they are of; "" where they may measure something."""
        if not self._whole or self.infinite:
            return ""
        if IDS.search(self.name):
            return "ids by its name"
        values = np.concatenate(self._numbers)
        values = values[~np.isnan(values)]
        if np.abs(values).max() > EXACT:
            return "ids, too long for numbers"
        if there < self.rows or self.rows <= FEW:
            return ""
        if self._counts_up:
            return "row numbers"
        as_long = len(str(int(values.min()))) == len(str(int(values.max()))) >= ID_DIGITS and values.min() > 0
        return "ids, all different" if as_long and len(np.unique(values)) == self.rows else ""

    @property
    def few(self) -> bool:
        """Whether they are few whole numbers, which may be those of classes."""
        return self._whole and not self.strange and not self.many and len(self.texts) <= min(FEW, max(2, self.rows / 5))

    def as_numbers(self) -> np.ndarray:
        """The numbers, float64 (rows,), NaN where there is none; they are given away, once."""
        values, self._numbers = np.concatenate(self._numbers), []
        return values

    def as_indices(self) -> np.ndarray:
        """The index of each row's text in `texts`, int32 (rows,)."""
        return np.concatenate(self._indices)

    def _index(self, cells: Sequence[str]) -> None:
        if len({*cells, *self.texts}) > self.most:
            self.many, self.texts, self._indices = True, {}, []
        else:
            self._indices.append(np.array([self.texts.setdefault(c, len(self.texts)) for c in cells], "int32"))


def read(
    table: Table, left_out: Collection[str], group: str, decimal: str | None = None
) -> tuple[dict[str, Column], list[str]]:
    """The columns of a table but those that are left out, and what is to be said of their numbers.

    Args:
        table: the file; it is read once, some rows at a time, and again where numbers have commas.
        left_out: columns.
        group: a column, if any, of which any number of texts are told apart.
        decimal: the decimal mark; by itself what is clear from the numbers.

    Raises:
        ValueError: for a file that can't be read, or numbers whose decimal mark isn't clear.
    """
    names = [name for name in table.names if name not in left_out]
    columns = {name: Column(name, most=sys.maxsize if name == group else MOST) for name in names}
    _fill(table, columns)
    numbers = {
        name: (column.marks, column.numbers + column.marks.commas)
        for name, column in columns.items()
        if column.like_numbers
    }
    try:
        meanings, notes = commas(numbers, table.separator, decimal)
    except ValueError as error:
        raise ValueError(f"{table.path}: {error}") from None
    again = {}
    for name, comma in meanings.items():
        columns[name].comma = comma
        if comma and columns[name].marks.examples:
            again[name] = Column(name, comma, most=columns[name].most)
    if again:
        _fill(table, again)
    return columns | again, notes


def _fill(table: Table, columns: dict[str, Column]) -> None:
    for chunk in table.chunks():
        for name, cells in zip(table.names, chunk, strict=True):
            if name in columns:
                columns[name].update([cell.strip() for cell in cells])


def check(table: Table, columns: dict[str, Column]) -> None:
    """Raises a ValueError for what is wrong in a column of numbers, naming row and column."""
    for name, column in columns.items():
        if column.kind != "number":
            continue
        if column.strange:
            row, cell = column.strange
            raise ValueError(
                f"{table.path}, row {row}: {name} is {cell!r}, not a number as {column.numbers:,} others are: fix or "
                f"empty it, take the column for categories with --category {name!r}, or leave it out with --drop"
            )
        if column.infinite:
            row, cell = column.infinite
            raise ValueError(f"{table.path}, row {row}: {name} is {cell}, which is too large a number or infinite")

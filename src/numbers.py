"""What a number is: in a file, as the export reads it too, and in memory, in as few bytes as tell its values apart.

One syntax decides everywhere, so that nothing is a number in training that is none when it is served: 1_2 and digits
of other scripts are texts.
"""

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal

import numpy as np

Comma = Literal["", "decimal", "thousands"]  # what a comma in a number means; "": there is none

EXPONENT = r"([eE][-+]?\d+)?"
NUMBER = rf"[-+]?(\d+\.?\d*|\.\d+){EXPONENT}"
# A number by what its comma means, for Python and for TensorFlow: 12.5, 1.250,5 and 1,250.5.
FORMS: dict[Comma, str] = {
    "": NUMBER,
    "decimal": rf"[-+]?((\d+|[1-9]\d?\d?(\.\d\d\d)+)(,\d*)?|,\d+){EXPONENT}",
    "thousands": rf"{NUMBER}|[-+]?[1-9]\d?\d?(,\d\d\d)+(\.\d*)?",
}
MISSING = ("", "na", "n/a", "#n/a", "nan", "null", "none", "?", "-", ".")  # what stands for no number, in any case
INFINITE = ("inf", "infinity")
LARGEST = float(np.finfo("float32").max)
NAMED = 5  # columns in a sentence
FINEST = 1e-4  # of a column's deviation: what float32 rounds by at most

_FORMS = {comma: re.compile(form, re.ASCII) for comma, form in FORMS.items()}
_PLAIN = re.compile(r"[\d.eE+-]*", re.ASCII)  # of such characters Python's numbers are those of NUMBER
_UNCLEAR = {mark: re.compile(rf"[-+]?[1-9]\d?\d?{re.escape(mark)}\d\d\d", re.ASCII) for mark in ",."}


def number(cell: str, comma: Comma = "") -> float | None:
    """The number that a text is; NaN where it stands for none, None where it is something else.

    One that is infinite, or too large for a float, is for the caller to refuse.

    Args:
        cell: a text without spaces around it.
        comma: what a comma means in it.
    """
    if _FORMS[comma].fullmatch(cell):
        return float(_with_point(cell, comma))
    if cell.lower().lstrip("+-") in INFINITE:
        return -math.inf if cell.startswith("-") else math.inf
    return math.nan if cell.lower() in MISSING else None


def to_numbers(cells: Sequence[str], comma: Comma = "") -> tuple[np.ndarray, list[int]]:
    """The number of each cell, float64, NaN where there is none; and the indices of those that are something else.

    Args:
        cells: texts without spaces around them.
        comma: what a comma means in them.
    """
    joined = "".join(cells)
    if comma == "decimal" and "." not in joined:
        cells, joined, comma = [cell.replace(",", ".") for cell in cells], joined.replace(",", "."), ""
    if comma != "decimal" and _PLAIN.fullmatch(joined):
        try:
            return np.array([float(cell or "nan") for cell in cells]), []  # as nearly all columns are, and fast
        except ValueError:
            pass
    values = [number(cell, comma) for cell in cells]
    strange = [index for index, value in enumerate(values) if value is None]
    return np.array([math.nan if value is None else value for value in values]), strange


def without_mark(cell: str, comma: Comma) -> str:
    """A number as a text that is the same number whatever a comma and a point mean: 125e-2 for 1.25.

    Args:
        cell: a finite number.
        comma: what a comma means in it.
    """
    if "." not in cell and "," not in cell:
        return cell
    sign, digits, exponent = Decimal(_with_point(cell, comma)).as_tuple()
    return f"{'-' * sign}{''.join(map(str, digits))}e{exponent}"


class Marks:
    """What the points and commas in a column's numbers tell of its decimal mark.

    `examples` has a cell by what it tells: "decimal" or "thousands" of a comma, "point" where a point is the decimal
    mark, "comma?" and "point?" of those that may be either, 1,250 and 1.250.
    """

    def __init__(self):
        self.examples: dict[str, str] = {}
        self.commas = self.points = 0  # numbers with a comma; with a point that may be either

    def update(self, cells: Sequence[str]) -> None:
        """Takes in the cells of some rows."""
        joined = "".join(cells)
        if "," in joined:
            for cell in cells:
                if "," in cell and (mark := _told(cell)):
                    self.commas += 1
                    self.examples.setdefault(mark, cell)
        if "." in joined and "point" not in self.examples:
            for cell in cells:
                if "." in cell and "," not in cell and (mark := _told(cell)):
                    self.points += mark == "point?"
                    self.examples.setdefault(mark, cell)
                    if mark == "point":
                        break

    @property
    def told(self) -> Comma | Literal["point"]:
        """The decimal mark, as far as it is clear."""
        return next((mark for mark in ("decimal", "thousands", "point") if mark in self.examples), "")


def commas(
    columns: Mapping[str, tuple[Marks, int]], separator: str, decimal: str | None
) -> tuple[dict[str, Comma], list[str]]:
    """What a comma means in each column of a file, and what is to be said of it.

    Args:
        columns: by name, the marks of each column of numbers, and how many numbers it has.
        separator: what stands between the file's columns.
        decimal: the decimal mark, where it is known.

    Raises:
        ValueError: for a column whose numbers may be either.
    """
    if decimal:
        return dict.fromkeys(columns, "decimal" if decimal == "," else "thousands"), []
    meanings: dict[str, Comma] = dict.fromkeys(columns, "")
    if separator == ",":  # between which a point is the decimal mark, unless commas in quotes say otherwise
        columns = {name: (marks, count) for name, (marks, count) in columns.items() if marks.told or marks.commas}
    told = {marks.told for marks, _ in columns.values()}
    unclear = any("comma?" in marks.examples for marks, _ in columns.values())
    with_point = bool({"point", "thousands"} & told)
    whole: Comma = ""  # what it means in the whole file
    if "decimal" in told:
        whole = "" if with_point else "decimal"
    elif "thousands" in told or ("point" in told and unclear):
        whole = "thousands"
    notes = []
    for name, (marks, numbers) in columns.items():
        meanings[name] = marks.told if marks.told in ("decimal", "thousands") else whole
        if marks.told == "point":
            meanings[name] = "thousands" if "comma?" in marks.examples or whole == "thousands" else ""
        elif not meanings[name] and "comma?" in marks.examples:
            raise ValueError(_ask(name, marks.examples["comma?"]))
        elif not meanings[name] and "point?" in marks.examples and not with_point:
            if marks.points < numbers:  # 1.250 beside 980
                raise ValueError(_ask(name, marks.examples["point?"]))
            notes.append(f"{name}: {marks.examples['point?']} is taken for less than a thousand (--decimal)")
    for comma, means in (("decimal", "is the decimal mark"), ("thousands", "marks thousands")):
        if names := [name for name, (marks, _) in columns.items() if meanings[name] == comma and marks.commas]:
            example = next(cell for cell in columns[names[0]][0].examples.values() if "," in cell)
            more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
            notes.append(f"{', '.join(names[:NAMED])}{more}: a comma {means}, as in {example} (--decimal)")
    return meanings, notes


def _ask(name: str, cell: str) -> str:
    whole, part = cell.replace(",", ".").split(".")
    return (
        f"{name}: {cell} may be {whole}{part} or {whole}.{part}: say which is the decimal mark, --decimal . or "
        f"--decimal ,"
    )


def dtype(largest: float, deviation: float) -> str:
    """ "float32", or "float64" where float32 would make one number of values that lie close together.

    Args:
        largest: absolute value.
        deviation: of the values from their mean.
    """
    step = float(np.finfo("float32").eps) * largest
    return "float64" if step > FINEST * deviation > 0 else "float32"


def compact(values: np.ndarray) -> np.ndarray:
    """Values, float64 (n,), in float32 where that tells them apart."""
    there = values[np.isfinite(values)]
    with np.errstate(over="ignore"):
        small = values.astype("float32")
    if not there.size or (small == values)[np.isfinite(values)].all():
        return small
    return values if dtype(np.abs(there).max(), there.std()) == "float64" else small


def _told(cell: str) -> str:
    """What a cell tells, see Marks; "" where it has no mark or is no number."""
    if "," in cell:
        if _UNCLEAR[","].fullmatch(cell):
            return "comma?"
        return next((comma for comma in ("thousands", "decimal") if _FORMS[comma].fullmatch(cell)), "")
    if _UNCLEAR["."].fullmatch(cell):
        return "point?"
    return "point" if _FORMS[""].fullmatch(cell) else "decimal" if _FORMS["decimal"].fullmatch(cell) else ""


def _with_point(cell: str, comma: Comma) -> str:
    match comma:
        case "decimal":
            return cell.replace(".", "").replace(",", ".")
        case "thousands":
            return cell.replace(",", "")
    return cell

"""What files say of boxes in pictures, collected file by file whatever their format."""

import math
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from src.readers.folders import some

WIDTH = 8  # numbers that are kept of a box


class Annotations:
    """The boxes of pictures, which a format's reader adds one by one.

    `splits` has the split of each picture that is an example, `sizes` the height and width that files say it has, both
    by the picture's number; `bad_pictures` by number why one can't be used; `bad_boxes` a line for each box that can't
    be; `notes` what else is to be said.

    Args:
        format: what it is called.
        unit: what a file's boxes are counted by, such as "line".
        classes: the names of the classes, by label, which may be known only when all is read. Without any they are
            those that boxes have, sorted.
        fractions: whether edges are fractions of height and width; else they are pixels.
    """

    def __init__(self, format: str, unit: str, classes: Sequence[str] = (), *, fractions: bool = False):
        self.format, self.unit, self.classes, self.fractions = format, unit, tuple(classes), fractions
        self.splits: dict[int, str] = {}
        self.sizes: dict[int, tuple[float, float]] = {}
        self.bad_pictures: dict[int, str] = {}
        self.bad_boxes: list[str] = []
        self.notes: list[str] = []
        self._seen: dict[str, int] = {}  # classes, in the order in which boxes have them
        self._files: list[Path] = []
        self._at = (0, 0)  # index of the file, and number in it, of the box that is read
        self._values = array("d")

    @contextmanager
    def place(self, file: Path, number: int) -> Iterator[None]:
        """Within, the box of that number in a file is read and added; a ValueError says why it can't be."""
        if not self._files or self._files[-1] != file:
            self._files.append(file)
        self._at = len(self._files) - 1, number
        try:
            yield
        except ValueError as error:
            self.bad_boxes.append(f"{file}, {self.unit} {number}: {error}")

    def add(self, picture: int, name: str, edges: Sequence[float]) -> None:
        """Adds a box of a picture.

        Args:
            picture: its number.
            name: of the box's class.
            edges: top, left, bottom and right.

        Raises:
            ValueError: for a class without a name, or one that isn't named.
        """
        if not name:
            raise ValueError("has no class")
        if self.classes and name not in self.classes:
            raise ValueError(f"is of the class {name!r}; there are {', '.join(self.classes)}"[:200])
        seen = self._seen.setdefault(name, len(self._seen))
        self._values.extend((picture, seen, *edges, *self._at))

    def draw_on(self, picture: int, height: Any, width: Any) -> None:
        """Keeps how large a file says a picture is; 0, or what is no number, says nothing."""
        with suppress(TypeError, ValueError, OverflowError):
            if all(0 < side < math.inf for side in (float(height), float(width))):
                self.sizes[picture] = float(height), float(width)

    def leave_out(self, what: str, things: Sequence[Path | str]) -> None:
        """Notes that files, or what they name, are left out, if there are any; `what` they are."""
        if things:
            self.notes.append(f"left out: {len(things):,} {what} ({some(things)})")

    def names(self) -> tuple[str, ...]:
        """The classes, by label."""
        return self.classes or tuple(sorted(self._seen))

    def boxes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of each box the number of its picture, its label, both int (boxes,), and its edges, float64 (boxes, 4)."""
        values = np.frombuffer(self._values).reshape(-1, WIDTH)
        labels = np.array([self.names().index(name) for name in self._seen], int)
        return values[:, 0].astype(int), labels[values[:, 1].astype(int)], values[:, 2:6]

    def where(self, box: int) -> str:
        """The file and the place in it where a box stands."""
        file, number = self._values[box * WIDTH + 6 : (box + 1) * WIDTH]
        return f"{self._files[int(file)]}, {self.unit} {int(number)}"


def numbers(values: Sequence[Any], what: str, count: int = 4) -> list[float]:
    """The numbers of a box. Raises ValueError, saying `what` they are, where they aren't so many finite numbers."""
    try:
        read = [float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        read = []
    if len(read) != count or not all(map(math.isfinite, read)):
        raise ValueError(f"{what} have to be {count} numbers, not {', '.join(map(str, values)) or 'none'}"[:200])
    return read

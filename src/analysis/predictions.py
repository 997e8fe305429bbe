"""What a model predicted for each example of a split: a run keeps it, so that nothing is predicted twice."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from src.errors import UserError
from src.system.files import whole

FILE = "predictions.npz"
MOST_BYTES = 16 * 2**20  # that are kept; of a larger split a random sample
ABOUT = ("split", "examples", "numbers")  # arrays of the file that are no columns


@dataclass(frozen=True)
class Predictions:
    """What a task keeps of each example of a split.

    Args:
        split: its name.
        examples: of the split.
        numbers: of the examples that are kept, from 0 in the order of the split, int64 (kept,), rising.
        columns: arrays by name, (kept, …); `Task.keep` says which.
    """

    split: str
    examples: int
    numbers: np.ndarray
    columns: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, column: str) -> np.ndarray:
        return self.columns[column]

    def chosen(self, numbers: np.ndarray) -> "Predictions":
        """Those of the examples of these numbers, all of which are kept, in that order."""
        rows = np.searchsorted(self.numbers, numbers)
        columns = {name: column[rows] for name, column in self.columns.items()}
        return Predictions(self.split, self.examples, numbers, columns)

    def save(self, folder: Path) -> None:
        """Writes them to the folder of a run."""
        arrays: dict[str, Any] = {"split": self.split, "examples": self.examples, "numbers": self.numbers}
        arrays |= self.columns
        with whole(folder / FILE) as partial:
            np.savez(partial, **arrays)


def sample(examples: int, bytes_each: int) -> np.ndarray:
    """The numbers of the examples that are kept of a split, rising: all, or as many as fit into `MOST_BYTES`.

    A smaller sample is part of a larger one, so that runs which keep more and less of an example can be compared.
    """
    most = max(1, MOST_BYTES // max(1, bytes_each))
    return np.arange(examples) if examples <= most else np.sort(np.random.default_rng(0).permutation(examples)[:most])


def load(folder: Path) -> Predictions | None:
    """Those of the run in the folder; None where none were kept, as in older runs.

    Raises:
        UserError: for a file that isn't one that `Predictions.save` wrote.
    """
    file = folder / FILE
    if not file.is_file():
        return None
    try:
        with np.load(file, allow_pickle=False) as arrays:
            columns = {name: arrays[name] for name in arrays.files}
        split, examples, numbers = (columns.pop(name) for name in ABOUT)
        if any(len(column) != len(numbers) for column in columns.values()):
            raise ValueError("its columns differ in length")
        return Predictions(str(split), int(examples), numbers, columns)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{file} is damaged: {error}. Evaluate the run again.") from None

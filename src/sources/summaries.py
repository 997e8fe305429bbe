"""What a manifest says of the targets of a split, which come in batches."""

from collections.abc import Iterable, Sequence

import numpy as np


def counts(labels: Iterable[np.ndarray], names: Sequence[str]) -> dict[str, int]:
    """The number of examples of each class, of batches (examples,) of indices into `names`."""
    totals = np.zeros(len(names), int)
    for batch in labels:
        totals += np.bincount(batch, minlength=len(names))
    return dict(zip(names, totals.tolist(), strict=True))


def ranges(values: Iterable[np.ndarray], names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Mean, least and largest number of each column, of batches (…, columns)."""
    count, total, least, largest = 0, 0.0, np.inf, -np.inf
    for batch in values:
        rows = batch.reshape(-1, len(names))
        count += len(rows)
        total = total + rows.sum(axis=0, dtype="float64")
        least, largest = np.minimum(least, rows.min(axis=0)), np.maximum(largest, rows.max(axis=0))
    columns = np.array([total / count, least, largest], "float64").T.tolist()
    return {
        name: dict(zip(("mean", "min", "max"), column, strict=True))
        for name, column in zip(names, columns, strict=True)
    }

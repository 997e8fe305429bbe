"""Errors of masks: of each class, and the pictures that show them.

All take, of each example and class, the pixels that are of it (`true`), those `taken` for it, and those that are
`both`, int (examples, classes).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from src.analysis.sections import SHOWN, Examples, Table


def of_each_class(confusion: np.ndarray, names: Sequence[str]) -> Mapping[str, Mapping[str, float]]:
    """Figures of each class by its name, of pixels (true, predicted)."""
    both, true, taken = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    return {
        name: {part: float(value) for part, value in _figures(*counts).items()}
        for name, *counts in zip(names, both, true, taken, strict=True)
    }


def by_class(true: np.ndarray, taken: np.ndarray, both: np.ndarray, names: Sequence[str]) -> Table:
    """Figures of each class over all examples."""
    rows: list[dict[str, str | int | float]] = [
        {"class": name, **_figures(*(int(part[:, place].sum()) for part in (both, true, taken)))}
        for place, name in enumerate(names)
    ]
    return Table("By class", rows, "IoU is the intersection over union: the pixels of both, of those of either.")


def worst(numbers: np.ndarray, true: np.ndarray, taken: np.ndarray, both: np.ndarray) -> Examples:
    """The examples whose masks have the least mean IoU, over the classes that are there.

    Args:
        numbers: of the examples.
        true, taken, both: see above.
    """
    iou, there = both / np.maximum(true + taken - both, 1), true > 0
    means = (iou * there).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    rows = [row for row in np.argsort(means, kind="stable") if there[row].any()][:SHOWN]
    text = "Below each picture its mask, and below that the one that was predicted."
    return Examples("Worst masks", {int(numbers[row]): f"mean IoU {means[row]:.3f}" for row in rows}, text)


def _figures(both: float, true: float, taken: float) -> dict[str, float]:
    return {
        "IoU": both / max(true + taken - both, 1),
        "Dice": 2 * both / max(true + taken, 1),
        "precision": both / max(taken, 1),
        "recall": both / max(true, 1),
        "pixels": true,
    }

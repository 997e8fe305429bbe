"""Labels that are likely wrong, by confident learning.

Northcutt, Jiang and Chuang (2021), Confident learning: estimating uncertainty in dataset labels, section 3; examples
are ranked by the normalised margin of their section 4. It holds for examples that the model wasn't trained on.
"""

import numpy as np


def likely_wrong(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The examples whose label is likely wrong, the likeliest first, and the class that each rather has.

    Args:
        labels: int (examples,).
        probabilities: of each class (examples, classes).
    """
    classes = probabilities.shape[1]
    sums = np.bincount(labels, weights=probabilities[np.arange(len(labels)), labels], minlength=classes)
    counts = np.bincount(labels, minlength=classes)
    usual = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)  # of a class, where it is the label
    confident = np.where(probabilities >= usual, probabilities, -1.0)
    rather = confident.argmax(axis=1)
    margins = probabilities[np.arange(len(labels)), labels] - probabilities[np.arange(len(labels)), rather]
    rows = np.flatnonzero((confident.max(axis=1) > 0) & (margins < 0))  # a likelier class, which isn't the label
    margin = margins[rows]
    order = np.argsort(margin, kind="stable")
    return rows[order], rather[rows[order]]

"""How like a data set's images others are: as a whole in a network's features, and each one to its nearest neighbour.

Fréchet distance of normal distributions: Dowson and Landau (1982); between a network's features of real and of made
images: Heusel et al. (2017), GANs trained by a two time-scale update rule, section 4. Theirs, the FID, takes the
features of an Inception network trained on ImageNet; here it is a classifier of the data set itself.
"""

from collections.abc import Iterable

import numpy as np

SAME = 1e-3  # a distance that rounding makes of 0


class Moments:
    """Mean and covariance of rows of numbers that come in batches."""

    def __init__(self):
        self.count, self.sum, self.products = 0, 0.0, 0.0

    def add(self, rows: np.ndarray) -> None:
        """Takes note of `rows`, (examples, numbers)."""
        rows = np.asarray(rows, "float64")
        self.count += len(rows)
        self.sum = self.sum + rows.sum(axis=0)
        self.products = self.products + rows.T @ rows

    @property
    def mean(self) -> np.ndarray:
        """(numbers,)."""
        return self.sum / self.count

    @property
    def covariance(self) -> np.ndarray:
        """(numbers, numbers)."""
        return self.products / self.count - np.outer(self.mean, self.mean)


def frechet_distance(one: Moments, other: Moments) -> float:
    """Squared, as is usual: |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)); NaN where a number isn't finite."""
    first, second = one.covariance, other.covariance
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return float("nan")
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    between = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ second @ root), 0)).sum()  # C1 C2 has the same eigenvalues
    apart = np.sum((one.mean - other.mean) ** 2)
    return float(max(0.0, apart + np.trace(first) + np.trace(second) - 2 * between))


def distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The root mean square difference of the pixels of each pair of images, (images of one, images of other)."""
    one, other = one.reshape(len(one), -1), other.reshape(len(other), -1)
    squares = (one**2).sum(axis=1)[:, np.newaxis] + (other**2).sum(axis=1) - 2 * one @ other.T
    return np.sqrt(np.maximum(squares, 0) / one.shape[1])


def nearest(images: np.ndarray, others: Iterable[np.ndarray], another: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The distance to each image's nearest one among `others`, which come in batches, and that one; inf without one.

    Args:
        images, others: (images, height, width, channels), values in [0, 1].
        another: whether an image that is the same doesn't count.
    """
    best, found = np.full(len(images), np.inf), np.zeros_like(images)
    for batch in others:
        apart = distances(images, batch)
        if another:
            apart[apart < SAME] = np.inf
        place = apart.argmin(axis=1)
        apart = apart[np.arange(len(images)), place]
        nearer = apart < best
        best[nearer], found[nearer] = apart[nearer], batch[place[nearer]]
    return best, found


def spread(images: np.ndarray, classes: np.ndarray) -> float:
    """The mean distance between two images of one class; of any two where no class has two."""
    pairs = ~np.eye(len(images), dtype=bool)
    alike = pairs & (classes[:, np.newaxis] == classes)
    chosen = alike if alike.any() else pairs
    return float(distances(images, images)[chosen].mean()) if chosen.any() else 0.0


def coverage(real: np.ndarray, made: np.ndarray) -> float:
    """The share of the classes among `real` that are a tenth as frequent, or more, among `made`.

    Args:
        real, made: the class of each image, (images,).
    """
    classes, counts = np.unique(real, return_counts=True)
    frequent = [np.mean(made == label) >= 0.1 * count / len(real) for label, count in zip(classes, counts, strict=True)]
    return float(np.mean(frequent))

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
        self.count = 0
        self.sum = np.zeros(())  # (numbers,) from the first batch on
        self.products = np.zeros(())  # (numbers, numbers)

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


def frechet_distance(first: Moments, second: Moments) -> float:
    """Squared, as is usual: |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)); NaN where a number isn't finite."""
    c1, c2 = first.covariance, second.covariance
    if not (np.isfinite(c1).all() and np.isfinite(c2).all()):
        return float("nan")
    values, vectors = np.linalg.eigh(c1)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    between = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ c2 @ root), 0)).sum()  # C1 C2 has the same eigenvalues
    apart = np.sum((first.mean - second.mean) ** 2)
    return float(max(0.0, apart + np.trace(c1) + np.trace(c2) - 2 * between))


def distances(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The root mean square difference of the pixels of each image and each of the others, (images, others)."""
    images, others = images.reshape(len(images), -1), others.reshape(len(others), -1)
    squares = (images**2).sum(axis=1)[:, np.newaxis] + (others**2).sum(axis=1) - 2 * images @ others.T
    return np.sqrt(np.maximum(squares, 0) / images.shape[1])


def nearest(images: np.ndarray, others: Iterable[np.ndarray], another: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The distance to each image's nearest one among `others`, which come in batches, and that one; inf without one.

    Args:
        images, others: (images, height, width, channels), values in [0, 1].
        another: whether an image that is the same doesn't count.
    """
    smallest, neighbours = np.full(len(images), np.inf), np.zeros_like(images)
    for batch in others:
        apart = distances(images, batch)
        if another:
            apart[apart < SAME] = np.inf
        nearest_in_batch = apart.argmin(axis=1)
        apart = apart[np.arange(len(images)), nearest_in_batch]
        nearer = apart < smallest
        smallest[nearer], neighbours[nearer] = apart[nearer], batch[nearest_in_batch[nearer]]
    return smallest, neighbours


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

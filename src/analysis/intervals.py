"""Intervals in which a figure lies with 95% confidence, as the examples it was measured on are a sample.

Wilson (1927), Probable inference, the law of succession, and statistical inference; Efron (1979), Bootstrap methods;
Künsch (1989), The jackknife and the bootstrap for general stationary observations (blocks).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Z = 1.959964  # of a normal distribution, beyond which 2.5% lie on each side
RESAMPLED, MOST_BLOCKS = 1000, 2000  # of the bootstrap
TINY = 1e-12  # instead of a sum of weights that are all 0


@dataclass(frozen=True)
class Scores:
    """A figure that is a mean over examples.

    Args:
        name: of the figure, as in the metrics.
        values: (examples,) of which it is the mean: yes or no, or numbers.
        weights: of each value in the mean, (examples,); None for equal ones.
        together: neighbouring examples that aren't independent, such as pieces of a series that overlap.
        direction: of better figures; None for more of yes or no, which is right or wrong, and less of numbers.
        scale: by which the values were divided, where it is that of the training split; figures of another scale can't
            be compared.
    """

    name: str
    values: np.ndarray
    weights: np.ndarray | None = None
    together: int = 1
    direction: Literal["min", "max"] | None = None
    scale: tuple[float, ...] = ()

    @property
    def mean(self) -> float:
        """The figure."""
        return float(np.average(self.values, weights=self.weights))

    @property
    def is_share(self) -> bool:
        """Whether the figure is how many of the examples are right; each counts alike and stands by itself."""
        return self.values.dtype == bool and self.weights is None and self.together == 1

    @property
    def is_more_better(self) -> bool:
        """Whether a figure is better the larger it is."""
        return self.values.dtype == bool if self.direction is None else self.direction == "max"

    @property
    def parts(self) -> np.ndarray:
        """What each example adds to the mean, (examples,)."""
        weights = np.ones(len(self.values)) if self.weights is None else self.weights.astype(float)
        return self.values * weights / max(weights.sum(), TINY)

    @property
    def interval(self) -> tuple[float, float]:
        """In which the figure lies: Wilson's of a share, else by the bootstrap."""
        if self.is_share:
            low, high = wilson(self.values.sum(), self.values.size)
            return float(low), float(high)
        return bootstrap(self)


def wilson(successes: np.ndarray | int, trials: np.ndarray | int) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bound of a share; 0 and 1 where there were no trials."""
    trials = np.asarray(trials, float)
    n = np.maximum(trials, 1)
    share = np.asarray(successes, float) / n
    centre, spread = share + Z**2 / (2 * n), Z * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    low, high = (centre - spread) / (1 + Z**2 / n), (centre + spread) / (1 + Z**2 / n)
    return np.where(trials > 0, np.maximum(low, 0), 0.0), np.where(trials > 0, np.minimum(high, 1), 1.0)


def bootstrap(scores: Scores) -> tuple[float, float]:
    """Lower and upper bound of a mean: of means over blocks of neighbours that are drawn again and again."""
    weights = np.ones(len(scores.values)) if scores.weights is None else scores.weights.astype(float)
    totals, sizes = in_blocks(np.stack([scores.values * weights, weights]), scores.together)
    random, blocks = np.random.default_rng(0), len(sizes)
    drawn = random.multinomial(blocks, np.full(blocks, 1 / blocks), RESAMPLED)
    low, high = np.percentile(drawn @ totals / np.maximum(drawn @ sizes, TINY), [2.5, 97.5])
    return float(low), float(high)


def in_blocks(columns: np.ndarray, together: int, most: int = MOST_BLOCKS) -> np.ndarray:
    """Sums over blocks that are independent of each other, (columns, blocks): of neighbours, or of any examples.

    Args:
        columns: (columns, examples).
        together: neighbours that aren't independent.
        most: blocks that there are.
    """
    size = columns.shape[1]
    order = np.random.default_rng(0).permutation(size) if together == 1 else np.arange(size)
    starts = np.arange(0, size, max(together, -(-size // most)))
    return np.add.reduceat(columns[:, order], starts, axis=1)

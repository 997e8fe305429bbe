"""Intervals in which a figure lies with 95% confidence, as the examples it was measured on are a sample.

Wilson (1927), Probable inference, the law of succession, and statistical inference; Efron (1979), Bootstrap methods;
Künsch (1989), The jackknife and the bootstrap for general stationary observations (blocks).
"""

from dataclasses import dataclass

import numpy as np

Z = 1.959964  # of a normal distribution, beyond which 2.5% lie on each side
RESAMPLED, MOST_BLOCKS = 1000, 2000  # of the bootstrap


@dataclass(frozen=True)
class Scores:
    """A figure that is a mean over examples.

    Args:
        name: of the figure, as in the metrics.
        values: (examples,) of which it is the mean: yes or no, or numbers.
        weights: of each value in the mean, (examples,); None for equal ones.
        together: neighbouring examples that aren't independent, such as pieces of a series that overlap.
    """

    name: str
    values: np.ndarray
    weights: np.ndarray | None = None
    together: int = 1

    @property
    def mean(self) -> float:
        """The figure."""
        return float(np.average(self.values, weights=self.weights))

    @property
    def interval(self) -> tuple[float, float]:
        """In which the figure lies: Wilson's of a share, else by the bootstrap."""
        if self.values.dtype == bool:
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
    size = len(scores.values)
    weights = np.ones(size) if scores.weights is None else scores.weights.astype(float)
    random = np.random.default_rng(0)
    order = random.permutation(size) if scores.together == 1 else np.arange(size)
    starts = np.arange(0, size, max(scores.together, -(-size // MOST_BLOCKS)))
    totals, sizes = (np.add.reduceat(part[order], starts) for part in (scores.values * weights, weights))
    drawn = random.multinomial(len(starts), np.full(len(starts), 1 / len(starts)), RESAMPLED)
    low, high = np.percentile(drawn @ totals / np.maximum(drawn @ sizes, 1e-12), [2.5, 97.5])
    return float(low), float(high)

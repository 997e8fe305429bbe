"""Whether one model is better than another by more than chance, as both were measured on the same examples.

McNemar (1947), Note on the sampling error of the difference between correlated proportions, in its exact form; Fisher
(1935), The design of experiments, section 21 (signs of differences flipped); Holm (1979), A simple sequentially
rejective multiple test procedure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest, permutation_test

from src.analysis.intervals import Scores, in_blocks

LEVEL = 0.05  # below which a p value is taken for more than chance
BLOCKS = 500  # whose signs are flipped, at most: more would tell hardly more
FLIPS, AT_ONCE = 9999, 500  # of all signs; of few blocks every way to flip them


@dataclass(frozen=True)
class PairedTest:
    """What a test says of two models on the same examples.

    Args:
        name: of the test.
        p: how likely a difference as large as theirs, or larger, is where both are equally good; two-sided.
        examples: on which they were compared.
        differing: of these, on which their scores differ.
    """

    name: str
    p: float
    examples: int
    differing: int

    @property
    def is_more_than_chance(self) -> bool:
        """Whether so large a difference is rare where there is none."""
        return self.p < LEVEL


def paired_test(first: Scores, other: Scores) -> PairedTest:
    """Of a figure that is a share McNemar's exact test; of another mean a permutation test of the differences' signs.

    Args:
        first, other: of the same examples in the same order, finite.
    """
    differing = int(np.sum(first.values != other.values))
    if first.is_share:
        gained = int(np.sum(other.values & ~first.values))
        p = float(binomtest(gained, differing).pvalue) if differing else 1.0
        return PairedTest("McNemar's exact test", p, len(first.values), differing)
    (sums,) = in_blocks((other.parts - first.parts)[np.newaxis], max(first.together, other.together), BLOCKS)
    return PairedTest("sign-flip permutation test", _by_flips(sums[sums != 0]), len(first.values), differing)


def holm(values: Sequence[float]) -> list[float]:
    """The p values of several comparisons, each raised so that the chance of any false alarm stays below the level."""
    order = np.argsort(values, kind="stable")
    raised = np.maximum.accumulate(np.array(values)[order] * np.arange(len(values), 0, -1))
    corrected = np.empty(len(values))
    corrected[order] = np.minimum(raised, 1)
    return corrected.tolist()


def _by_flips(differences: np.ndarray) -> float:
    """How often a sum of differences whose signs are left to chance is as far from 0 as that of those given."""
    if not len(differences):
        return 1.0
    options = {"permutation_type": "samples", "n_resamples": FLIPS, "batch": AT_ONCE, "rng": 0}
    return float(permutation_test((differences,), lambda part, axis: part.sum(axis=axis), **options).pvalue)

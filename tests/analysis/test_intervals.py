"""Intervals of figures."""

import numpy as np
import pytest
from scipy.stats import binomtest

from src.analysis.intervals import Scores, wilson


@pytest.mark.parametrize(("right", "of"), [(0, 10), (7, 10), (97, 100), (100, 100)])
def test_a_share_has_wilsons(right, of):
    expected = binomtest(right, of).proportion_ci(method="wilson")
    assert Scores("accuracy", np.arange(of) < right).interval == pytest.approx(tuple(expected), abs=1e-6)


def test_of_no_examples_nothing_is_known():
    assert [float(bound) for bound in wilson(0, 0)] == [0, 1]


@pytest.mark.parametrize("size", [50, 5000], ids=["each alone", "in blocks"])
def test_a_mean_has_that_of_the_normal_distribution(size):
    values = np.random.default_rng(0).normal(3, 1, size)
    low, high = Scores("mae", values).interval
    spread = 1.96 * values.std() / np.sqrt(size)
    assert (low, high) == pytest.approx((values.mean() - spread, values.mean() + spread), abs=0.3 * spread)


def test_neighbours_that_tell_the_same_count_once():
    values = np.repeat(np.random.default_rng(0).normal(size=40), 10)
    (low, high), (low_alone, high_alone) = (Scores("mase", values, together=n).interval for n in (10, 1))
    assert high - low > 2 * (high_alone - low_alone)


def test_weights_count():
    scores = Scores("bits", np.array([1.0, 3.0] * 20), np.array([3.0, 1.0] * 20))
    low, high = scores.interval
    assert scores.mean == 1.5 and low < 1.5 < high

"""Paired tests: known values, and figures of which the answer is known."""

import numpy as np
import pytest
from scipy.stats import ttest_rel

from src.analysis.intervals import Scores
from src.analysis.pairs import holm, paired_test


def right(*counts):
    """Two classifiers' scores: both right, only the first, only the other, neither."""
    first, other = (np.repeat(of, counts) for of in ([True, True, False, False], [True, False, True, False]))
    return Scores("accuracy", first), Scores("accuracy", other)


# Of Agresti (2013), Categorical data analysis, table 11.1 (86 and 150 of 1,600 changed their minds), as statsmodels'
# 0.15's mcnemar(table, exact=True) has it; and of 6 and 1, by hand: 2 (1 + 7) / 2⁷.
@pytest.mark.parametrize(("counts", "p"), [((794, 150, 86, 570), 3.716e-5), ((3, 1, 6, 2), 0.125), ((5, 0, 0, 1), 1.0)])
def test_right_and_wrong_is_mcnemars(counts, p):
    test = paired_test(*right(*counts))
    assert test.p == pytest.approx(p, rel=1e-3)
    assert (test.name, test.examples, test.differing) == ("McNemar's exact test", sum(counts), counts[1] + counts[2])
    assert test.p == paired_test(*reversed(right(*counts))).p


def test_of_few_numbers_every_way_to_flip_their_signs_is_tried():
    """By hand: of 2⁵ sums of ±1 ±2 ±3 ±4 ±5, 15 and -15 are as far from 0 as 15; 13, 15, -13, -15 as 13."""
    zeros = Scores("mae", np.zeros(5))
    assert paired_test(zeros, Scores("mae", np.arange(1.0, 6))).p == 2 / 32
    assert paired_test(zeros, Scores("mae", np.array([-1.0, 2, 3, 4, 5]))).p == 4 / 32


def test_equal_scores_are_no_evidence():
    scores = Scores("mae", np.arange(5.0))
    test = paired_test(scores, scores)
    assert (test.p, test.differing, test.is_more_than_chance) == (1.0, 0, False)


@pytest.mark.parametrize("size", [60, 5000], ids=["each alone", "in blocks"])
def test_many_numbers_agree_with_another_test(size):
    random = np.random.default_rng(0)
    first = random.gamma(2, 1, size)
    other = first + random.normal(1.5 / np.sqrt(size), 1, size)
    p = paired_test(Scores("mae", first), Scores("mae", other)).p
    assert p == pytest.approx(ttest_rel(first, other).pvalue, abs=0.02)
    assert paired_test(Scores("mae", first), Scores("mae", first + 1)).p < 0.001


def test_where_both_are_equally_good_few_are_said_to_differ():
    random = np.random.default_rng(0)
    pairs = random.normal(size=(100, 2, 40))
    alarms = [paired_test(Scores("mae", first), Scores("mae", other)).is_more_than_chance for first, other in pairs]
    assert 1 <= sum(alarms) <= 11, "about 5 of 100"


def test_neighbours_that_tell_the_same_count_once():
    differences = np.repeat(np.random.default_rng(1).normal(0.3, 1, 40), 10)
    zeros = np.zeros(400)
    alone, together = (
        paired_test(Scores("mase", zeros, together=size), Scores("mase", differences, together=size)).p
        for size in (1, 10)
    )
    assert alone < 0.001 < 0.01 < together


def test_weights_count():
    """By hand: of ten signs of equal differences 22 of 1,024 are as uneven as nine to one; one that is as heavy as a
    hundred decides alone."""
    lengths, zeros, other = np.array([1.0] * 9 + [100]), np.zeros(10), np.array([0.1] * 9 + [-0.1])
    assert paired_test(Scores("bits", zeros), Scores("bits", other)).p == pytest.approx(22 / 1024)
    assert paired_test(Scores("bits", zeros, lengths), Scores("bits", other, lengths)).p == 1.0


def test_holms_correction():
    """By hand, and as multipletests of statsmodels 0.15: 4 × 0.005, 3 × 0.01, 2 × 0.03, and 0.04 raised to that."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0] and holm([0.2]) == [0.2] and holm([]) == []

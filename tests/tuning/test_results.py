"""How what has come of a search is ranked and counted."""

import pytest

from src.specs import Choice, Range
from tests.tuning.samples import result, results_of
from tuning.results import DEFAULT, Failure, Result, Trial

FAILURE = Failure(Trial("0009", {}), 1.0, "it doesn't fit")


@pytest.mark.parametrize(("direction", "best"), [("max", [2, 3, 1]), ("min", [1, 3, 2])])
def test_the_best_is_the_first_and_what_failed_is_apart(direction, best):
    results = results_of(result(1, 0.5), FAILURE, result(2, 0.9), result(3, 0.7), direction=direction)
    assert [result.trial.id for result in results.ranking] == [f"{number:04}" for number in best]
    assert results.failures == [FAILURE]


def test_a_configuration_that_went_on_is_ranked_once():
    parent, child = result(1, 0.9, 1, paused=True), result(2, 0.6, 3, paused=True, run=1)
    assert results_of(parent, result(3, 0.7), child).ranking == [result(3, 0.7), child]


@pytest.mark.parametrize(("direction", "reached"), [("max", [0.5, 0.7]), ("min", [0.7, 0.9])])
def test_a_goal_is_reached_by_any_trial(direction, reached):
    results = results_of(result(1, 0.7), FAILURE, direction=direction)
    assert [goal for goal in (0.5, 0.7, 0.9) if results.reach(goal)] == reached
    assert not results.reach(None)


def test_progress_leaves_the_default_out():
    results = results_of(Result(DEFAULT, 1.0, 0.5, 9, False, ("run",)), result(1, 0.5))
    assert results.progress == "1 trial"
    results.add(FAILURE)
    assert results.progress == "2 trials"


def test_a_trial_has_the_defaults_of_what_it_lets_be_without_what_has_no_effect():
    space = {"dropout": Range(0.0, 0.9), "rate": Choice(1, 2, when={"dropout": (0.5,)})}
    results = results_of(space=space)
    assert results.searched(DEFAULT) == {"dropout": 0.0}
    assert results.searched(Trial("0000", {"dropout": 0.5, "rate": 2})) == {"dropout": 0.5, "rate": 2}

"""Trials under way, on an engine that trains nothing: they end as they like, are killed, and are stopped."""

import pytest

from tests.tuning.samples import Engine, saved, starts
from tuning.results import Failure, Result, Trial
from tuning.running import Running


def started(folder, *trials, **doomed):
    running = Running(folder, Engine(len(trials), doomed))
    for trial in trials:
        running.start(trial)
    return running


def outcomes(running):
    """What came of all trials, by id."""
    ended = []
    while running.attempts:
        running.attempts[0].job.wait()
        ended += running.take_ended()
    return {outcome.trial.id: outcome for outcome in ended}


def test_however_a_trial_ends_there_is_a_result(folder):
    trials = [Trial(name, {"dropout": 0.1}) for name in ("well", "fails", "dies", "killed")]
    running = started(folder, *trials, fails="fails", dies="dies", killed="killed")
    assert running.full
    ended = outcomes(running)
    assert not running.full
    assert isinstance(ended["well"], Result)
    assert ended["fails"].reason == "it doesn't fit"
    assert ended["dies"].reason.startswith("RuntimeError: broken; see ")
    assert ended["killed"].reason.startswith("killed by signal 9, perhaps for lack of memory; see ")
    assert starts(folder.path) == {"well": 1, "fails": 1, "dies": 1, "killed": 3}
    assert {trial.id: folder.result(trial) for trial in trials} == ended


def test_a_trial_goes_on_in_the_run_of_its_parent(folder):
    running = started(folder, Trial("first", {}, 3))
    (parent,) = outcomes(running).values()
    running.start(Trial("second", {}, 9, "first"), parent)
    assert running.continued == {"first"}
    assert outcomes(running)["second"].runs == parent.runs == ("first",)
    assert not running.continued


@pytest.mark.parametrize(("end", "times"), [("fails", 1), ("killed", 3)])
def test_a_single_trial_is_trained_once_and_a_failure_is_tried_again(folder, end, times):
    trial = Trial("single", {})
    assert isinstance(Running(folder, Engine(1, {"single": end})).train(trial), Failure)
    assert starts(folder.path) == {"single": times}
    result = Running(folder, Engine()).train(trial)
    assert isinstance(result, Result)
    assert Running(folder, Engine()).train(trial) == result
    assert starts(folder.path) == {"single": times + 1}


def test_what_was_just_ready_is_not_lost_when_all_is_stopped(folder):
    running = started(folder, Trial("ready", {}))
    running.attempts[0].job.wait()
    assert [outcome.trial.id for outcome in running.stop()] == ["ready"]
    assert not running.attempts
    assert list(saved(folder.path)) == ["ready"]

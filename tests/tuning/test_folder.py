"""What the folder of a search keeps, and which search it takes for the same."""

import pytest

from src.errors import UserError
from src.specs import Choice
from tests.tuning.samples import CHOICES, DROPOUT, TASK, result, results_of
from tuning.results import Failure, Objective, Trial


def test_only_the_best_runs_and_those_that_may_go_on_keep_their_weights(folder):
    rungs = [(1, True)] + [(9, False)] * 3 + [(3, True)] * 9
    results = results_of(result(11, 1.0, 1, paused=True))  # as it was, two rungs ago
    for number, (epochs, paused) in enumerate(rungs[1:]):
        results.add(result(number, 1 - number / 20, epochs, paused))
    for number in range(12):
        (folder.path / "runs" / f"run-{number}" / "state").mkdir(parents=True)
        (folder.path / "runs" / f"run-{number}" / "history.csv").touch()
    folder.tidy(results.ranking, 1, {"run-10"})
    kept = sorted(path.parent.name for path in folder.path.glob("runs/*/state"))
    assert kept == ["run-0", "run-10", "run-3", "run-4", "run-5"]
    assert len(list(folder.path.glob("runs/*/history.csv"))) == 12


def test_the_same_search_has_its_objective(folder):
    assert folder.objective("random", DROPOUT) is None
    objective = folder.begin("random", DROPOUT, CHOICES.task.name)
    assert objective == folder.objective("random", DROPOUT) == Objective(TASK.monitor, TASK.direction)


@pytest.mark.parametrize(
    ("tuner", "space", "difference"),
    [
        ("random", {"dropout": Choice(0.1, 0.6)}, r"space, dropout was 0\.1,0\.5 and is 0\.1,0\.6 now"),
        ("random", {**DROPOUT, "batch": Choice(8)}, r"space, batch was auto and is 8 now"),
        ("grid", DROPOUT, "tuner was 'random' and is 'grid' now"),
    ],
)
def test_another_search_under_an_old_name_is_refused(folder, tuner, space, difference):
    folder.begin("random", DROPOUT, CHOICES.task.name)
    with pytest.raises(UserError, match=f"is another search: {difference}. Give this one a --name"):
        folder.objective(tuner, space)


def test_a_failure_says_the_error_of_the_log_and_can_be_forgotten(folder):
    trial = Trial("0000", {})
    log = folder.give(trial) / "log.txt"
    log.write_text("Traceback …\nRuntimeError: broken\n\nArguments received:\n  • x=1\n")
    failure = Failure(trial, 1.5, f"RuntimeError: broken; see {log}")
    assert folder.fail(trial, 1, 1.49) == folder.result(trial) == failure
    folder.forget_failure(trial)
    assert folder.result(trial) is None
    log.write_text("")
    assert folder.last_words(trial, 1) == "it said nothing"
    assert folder.last_words(trial, -9) == "killed by signal 9, perhaps for lack of memory"

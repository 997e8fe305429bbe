"""The page of a search."""

import json

import pytest

from tests.tuning.samples import CHOICES, DROPOUT, result, results_of
from tuning import page
from tuning.results import DEFAULT, Failure, Result, Trial

WINNER = result(5, 0.9, 3, paused=True)
DEFAULT_RESULT = Result(DEFAULT, 1.0, 0.5, 9, False, ("run-default",))
FAILURE = Failure(Trial("0001", {"dropout": 0.1}), 100.0, "it doesn't fit")


def written(folder, *outcomes):
    """The page of a search of which that came."""
    folder.begin("grid", DROPOUT, CHOICES.task.name)
    page.write(folder, results_of(*outcomes, space=DROPOUT))
    return (folder.path / "report.html").read_text() if (folder.path / "report.html").exists() else None


def test_it_shows_the_best_what_failed_and_the_time(folder):
    text = written(folder, DEFAULT_RESULT, FAILURE, WINNER)
    assert "2 trials besides the default configuration, 1 failed" in text
    assert "2 min of training, 34 s each" in text
    assert text.index("<td>0005") < text.index("<td>default"), "the best first"
    assert "3, paused" in text
    assert "<td>0001</td><td>dropout=0.1</td><td>it doesn&#39;t fit</td>" in text
    assert {path.name for path in (folder.path / "figures").iterdir()} == {"trials.png", "knobs.png"}


def test_there_is_none_as_long_as_nothing_has_a_score(folder):
    assert written(folder, FAILURE) is None


@pytest.mark.parametrize(("trial", "shown"), [("default", False), ("0005", True)])
def test_a_comparison_of_an_earlier_winner_is_not_shown(folder, trial, shown):
    comparison = {"trial": trial, "figure": "figure", "default": [0.5], "best": [0.6]}
    (folder.path / "comparison.json").write_text(json.dumps(comparison))
    assert ("Was it worth it?" in written(folder, DEFAULT_RESULT, WINNER)) == shown

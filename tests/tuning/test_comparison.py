"""Whether a search was worth it."""

import pytest

from src.errors import UserError
from tests.tuning.samples import DROPOUT, Engine, best, starts
from tuning.comparison import verdict
from tuning.results import Objective


@pytest.mark.parametrize(
    ("end", "reason", "times"),
    [
        ("killed", "killed by signal 9, .*; see .*log.txt", 3),
        ("dies", "RuntimeError: broken", 1),
        ("fails", "it doesn't fit", 1),
    ],
)
def test_a_comparison_that_fails_leaves_what_was_found_and_can_be_tried_again(searched, folder, end, reason, times):
    with pytest.raises(UserError, match=rf"^default-seed2 failed: {reason}.*\n.*best.json.*--seeds 0"):
        searched("grid", DROPOUT, engine=Engine(1, {"default-seed2": end}), seeds=2)
    assert starts(folder.path)["default-seed2"] == times
    assert best(folder.path)["dropout"] == 0.5
    assert "Was it worth it?" not in (folder.path / "report.html").read_text()
    searched("grid", DROPOUT, seeds=2)
    assert best(folder.path)["dropout"] == 0.5
    assert starts(folder.path)["default-seed2"] == times + 1
    assert starts(folder.path)["default-seed1"] == 1
    assert "Was it worth it?" in (folder.path / "report.html").read_text()


@pytest.mark.parametrize(
    ("default", "winner", "sentence"),
    [
        ([0.5, 0.6], None, "The default configuration won"),
        ([0.5], [0.6], "The winner is better on test in one training of each"),
        ([0.6], [0.5], "The winner is worse on test"),
        ([0.5], [0.5], "The winner is as good on test"),
        ([0.6, 0.7], [0.5, 0.6], "The default configuration is better"),
        ([0.5, 0.7], [0.6, 0.7], "no more than two trainings of one configuration may differ"),
        ([0.5, 0.5], [0.6, 0.6], "The winner is better than the default configuration"),
    ],
)
def test_the_verdict_says_no_more_than_the_figures_do(default, winner, sentence):
    for direction, sign in (("max", 1), ("min", -1)):
        scores = {"default": default, **({"best": winner} if winner else {})}
        comparison = {name: [sign * score for score in each] for name, each in scores.items()}
        assert sentence in verdict(comparison, Objective("val_figure", direction))

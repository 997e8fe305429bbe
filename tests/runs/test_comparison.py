"""Which runs can be compared, what differs between them, and which of their examples are paired."""

import json
import re
import shutil
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest

from src.analysis.intervals import Scores
from src.analysis.predictions import Predictions
from src.errors import UserError
from src.runs import judges
from src.runs.comparison import Comparison, Measured, why_not
from src.runs.loading import WEIGHTS
from src.settings.given import PIPELINE

EXAMPLES = 40


class Task:
    """Right or wrong, of what was kept."""

    monitor, direction, scale = "val_log_loss", "min", ()

    def loss(self):
        """There is one."""

    def scores(self, kept):
        return Scores("accuracy", kept["right"], scale=self.scale)

    def captions(self, kept, rows):
        return ["right" if kept["right"][row] else "wrong" for row in rows]


@pytest.fixture
def made(tmp_path):
    """Makes a run that looks like one on 40 examples, of which those of some numbers are wrong."""

    def made(name, wrong=(), numbers=range(EXAMPLES), sha="1", measured="test", **config):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "model.keras").touch()
        right = ~np.isin(np.arange(EXAMPLES), wrong)
        kept = np.array(numbers)
        Predictions(measured, EXAMPLES, kept, {"right": right[kept]}).save(folder)
        knobs = {"model": "m", "data": "d", "data_name": "d", "task": "classification", "origins": {}, "knobs": {}}
        figures = {"accuracy": float(right.mean()), "log_loss": 0.5}
        return Measured(
            SimpleNamespace(
                path=folder,
                config=knobs | config,
                manifest={"splits": {measured: {"examples": EXAMPLES, "sha256": sha}}},
                metrics={measured: figures, "baseline": {}},
                measured=measured,
                task=Task(),
            )
        )

    return made


def test_smaller_samples_are_paired_by_number(made):
    first = made("a", wrong=range(10), numbers=range(0, EXAMPLES, 2))
    comparison = Comparison([first, made("b", wrong=[0, 1])])
    _, line = comparison.lines
    assert (line.test.examples, line.test.differing) == (20, 4), "2, 4, 6 and 8"
    assert line.test.p == 0.125
    assert line.difference == pytest.approx(0.2) and line.gain == line.difference


def test_p_values_are_corrected_for_several_comparisons(made):
    worse = range(10)
    alone = Comparison([made("a"), made("b", wrong=worse)]).lines[1].test.p
    first, *others = Comparison([made("c"), made("d", wrong=worse), made("e", wrong=[3])]).lines
    assert first.test is None
    assert [line.test.p for line in others] == [2 * alone, 1.0]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"task": "regression"}, "it is for regression, the other for classification"),
        ({"measured": "validation"}, 'make evaluate RUN=.*b ARGS="--test" measures it on test'),
        ({"sha": "2", "data_name": "wine"}, "other test examples; it is on wine, the other on d"),
        ({"sha": "2", "knobs": {"limit": 40}}, "other test examples; train both with the same limit"),
        ({"sha": "2"}, "other test examples; the data has changed in between"),
    ],
)
def test_what_cant_be_compared_is_refused_with_the_reason(made, other, why):
    with pytest.raises(UserError, match=f"b can't be compared with .*a: .*{why}"):
        Comparison([made("a"), made("b", **other)])


def test_errors_in_another_scale_are_refused(made):
    one, other = made("a"), made("b")
    other.run.task.scale = (2.0,)
    assert "accuracy has another scale" in why_not(other, one)


def test_what_another_classifier_judged_is_refused(made):
    one, other = made("a"), made("b")
    for measured, weights in ((one, b"1"), (other, b"2")):
        with zipfile.ZipFile(measured.run.path / judges.FILE, "w") as archive:
            archive.writestr(WEIGHTS, weights)
    assert "another classifier judged it" in why_not(other, one)
    shutil.copy(one.run.path / judges.FILE, other.run.path / judges.FILE)
    assert not why_not(other, one)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda run: (run.path / "predictions.npz").unlink(), "kept no predictions; make evaluate RUN=.*b adds them"),
        (
            lambda run: [(run.path / name).unlink() for name in ("predictions.npz", "model.keras")],
            "the search has kept no model of .*b, and no predictions",
        ),
        (lambda run: run.config.update(by_hand={"data": PIPELINE}), "come in another order each time"),
        (lambda run: setattr(run.task, "scores", lambda kept: None), "isn't scored example by example"),
    ],
    ids=["an old run", "of a search", "a pipeline", "a task without scores"],
)
def test_a_run_without_scores_is_compared_without_a_test(made, spoil, why):
    one, other = made("a"), made("b")
    spoil(other.run)
    comparison = Comparison([one, other])
    assert comparison.figure == "accuracy" and comparison.lines[1].test is None
    (told,) = comparison.untested
    assert re.search(why, told)


def test_knobs_that_differ_are_told_from_the_others(made):
    first = made("a", knobs={"epochs": 3, "units": [8], "tag": "x", "filters": [1]})
    other = made("b", model="n", knobs={"epochs": 4, "units": [8], "tag": "y", "heads": 2}, origins={"heads": "flag"})
    comparison = Comparison([first, other])
    assert [line.knobs for line in comparison.lines] == [
        {"model": "m", "epochs": 3, "heads": None},
        {"model": "n", "epochs": 4, "heads": 2},
    ], "one that only some have counts where it was chosen, and a tag never does"
    assert comparison.common_knobs == {"data": "d", "units": [8], "filters": [1]}


def test_what_was_given_from_python_differs_too(made):
    def given(rate):
        return {"optimizer": {"module": "keras", "class_name": "SGD", "config": {"learning_rate": rate}}}

    one, other = (made(name, by_hand=given(rate), files={"m.py": name}) for name, rate in (("a", 0.1), ("b", 0.2)))
    comparison = Comparison([one, other])
    assert [line.knobs for line in comparison.lines] == [{"optimizer.learning_rate": rate} for rate in (0.1, 0.2)]
    assert comparison.changed_files == ["m.py"]
    json.dumps(comparison.common_knobs)

"""The two sentences at the top of a report."""

from types import SimpleNamespace

import numpy as np
import pytest

from src.analysis.intervals import Scores
from src.analysis.predictions import Predictions
from src.reports.verdict import verdict


def run(right=90, train=0.92, diagnosis=(), baseline=0.5, history=("val_accuracy",), loss=None):
    """As far as a run is looked at; of 100 test examples so many are answered rightly."""
    metrics = {"train": {"accuracy": train}, "test": {"accuracy": right / 100}}
    scores = Scores("accuracy", np.arange(100) < right)
    task = SimpleNamespace(scores=lambda predictions: scores, monitor="val_accuracy")
    metrics["baseline"] = {"accuracy": baseline, "predictor": "always a"}
    if loss:
        task.monitor = "val_log_loss"
        metrics = {split: {**figures, "log_loss": loss[split]} for split, figures in metrics.items()}
    return SimpleNamespace(
        metrics=metrics,
        measured="test",
        diagnosis=list(diagnosis),
        task=task,
        history={name: [0.5] for name in history},
    )


def kept(examples=100):
    return Predictions("test", examples, np.arange(100), {})


def test_the_figure_has_its_interval_and_the_baseline():
    first, second = verdict(run(), kept())
    assert first == ("On test, accuracy is 0.9000 (95% interval 0.8256 to 0.9448); the baseline, always a, has 0.5000.")
    assert second.startswith("Nothing in its curves")


def test_a_sample_is_told_and_without_predictions_there_is_no_interval():
    assert "of a sample of 100 of 5,000 examples" in verdict(run(), kept(5000))[0]
    assert verdict(run(), None)[0] == "On test, accuracy is 0.9000; the baseline, always a, has 0.5000."


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"diagnosis": ["accuracy was still improving: train longer"]}, "What limits it: accuracy was still improv"),
        ({"history": ["epoch"]}, "trained for one epoch; train longer"),
        ({"right": 30, "baseline": 0.7}, "it has learnt no more than the baseline"),
        ({"right": 52}, "too few examples to tell it from the baseline"),
        ({"right": 75, "train": 1.0}, "It is better on train, 1.000: more examples"),
        (
            {"loss": {"train": 0.18, "test": 0.47, "baseline": 0.69}, "history": ["val_log_loss"]},
            "log_loss is better on train, 0.1800: more examples",
        ),
    ],
    ids=["diagnosis", "one epoch", "no better", "few", "gap", "gap of the figure that decides"],
)
def test_what_limits_it_is_told(about, said):
    assert said in verdict(run(**about), kept())[1]


def test_of_an_old_run_no_more_is_said_than_is_known():
    old = run(history=["val_loss"])
    del old.metrics["test"]["accuracy"]
    old.metrics["test"] = {"loss": 0.3, "f1": 0.8}
    first, second = verdict(old, None)
    assert first == "On test, f1 is 0.8000." and second == ""

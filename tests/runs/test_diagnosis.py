"""What the figures of a training show that looks wrong."""

import re

import numpy as np
import pytest

from src.runs.diagnosis import found
from src.train import train
from tests.conftest import BARE
from tests.nets import NET, written

GOOD = {"accuracy": [0.6, 0.8, 0.9, 0.91, 0.91, 0.91], "val_accuracy": [0.6, 0.8, 0.88, 0.9, 0.9, 0.9]}
METRICS = {"train": {"accuracy": 0.92}, "validation": {"accuracy": 0.9}, "baseline": {"accuracy": 0.3}}


def has_layer(kind):
    return kind == "BatchNormalization"


def test_a_good_training_has_none():
    assert found(GOOD, METRICS, "val_accuracy", "max", has_layer) == []


@pytest.mark.parametrize(
    ("history", "metrics", "said"),
    [
        ({"val_accuracy": [0.3, 0.4, 0.5, 0.6, 0.7, 0.8]}, {}, "still improving after 6 epochs: .*--epochs 18"),
        ({"val_accuracy": [0.9, 0.8, 0.8, 0.7, 0.7, 0.7]}, {}, "best after the first of 6 epochs: .*--learning-rate"),
        ({}, {"train": {"accuracy": 0.4}}, "0.91 while training and is 0.4 on the same .*BatchNormalization"),
        (
            {},
            {"train": {"accuracy": 1.0}, "validation": {"accuracy": 0.6}},
            "1 on train and 0.6 on validation: .*overfits",
        ),
        (
            {"val_accuracy": [0.3, 0.4, 0.5, 0.6, 0.7, 0.8]},
            {"train": {"accuracy": 1.0}, "validation": {"accuracy": 0.6}},
            "overfits",  # and not "train longer", too
        ),
    ],
    ids=["too short", "worse and worse", "statistics lag behind", "overfits", "too short, and overfits"],
)
def test_what_looks_wrong_is_told_with_what_to_change(history, metrics, said):
    (text,) = found({**GOOD, **history}, {**METRICS, **metrics}, "val_accuracy", "max", has_layer)
    assert re.search(said, text)


def test_batch_normalization_is_blamed_only_where_there_is_some(tmp_path):
    data = np.random.default_rng(0).random((60, 3)), np.arange(60) % 3
    knobs = {"epochs": 1, **BARE, "runs_dir": tmp_path}
    runs = [train(net, data=data, **knobs) for net in (written(tmp_path), _normalised(tmp_path))]
    for run in runs:
        run.history = {"log_loss": [1.0, 0.5, 0.3], "val_log_loss": [1.0, 0.5, 0.3]}
        run.metrics = {"train": {"log_loss": 0.9}, "validation": {"log_loss": 0.3}, "baseline": {"log_loss": 1.1}}
    assert ["BatchNormalization" in " ".join(run.warnings) for run in runs] == [False, True]


def _normalised(folder):
    """A model file like that of tests/nets.py, which normalises in a model within the model."""
    dense = "keras.layers.Dense(units)"
    path = folder / "normalised_net.py"
    path.write_text(NET.replace(dense, f"keras.Sequential([{dense}, keras.layers.BatchNormalization()])"))
    return path


@pytest.mark.parametrize(
    ("history", "train", "cure"),
    [
        ([0.1, 0.1, 0.1, 0.1, 0.1, 0.2], 0.2, "train longer, with --epochs 18"),
        ([0.1, 0.2, 0.2, 0.2, 0.2, 0.2], 0.9, "it overfits; .* a smaller model"),
        ([0.1, 0.2, 0.2, 0.2, 0.2, 0.2], 0.2, "try another --learning-rate, or a larger model"),
    ],
)
def test_a_model_no_better_than_its_baseline_is_told_what_fits(history, train, cure):
    figures = {"train": {"accuracy": train}, "validation": {"accuracy": 0.2}}
    metrics = {**figures, "baseline": {"accuracy": 0.3, "predictor": "the commonest"}}
    *_, text = found({"val_accuracy": history}, metrics, "val_accuracy", "max", has_layer)
    assert re.fullmatch(rf"accuracy is 0.2 on .*, no better than the baseline's 0.3 \(the commonest\): {cure}", text)


def test_errors_are_judged_the_other_way_round():
    history = {"mae": [30, 20, 10, 9, 8, 8], "val_mae": [30, 25, 21, 20.5, 20, 20]}
    metrics = {"train": {"mae": 8}, "validation": {"mae": 20}, "baseline": {"mae": 30}}
    (text,) = found(history, metrics, "val_mae", "min", has_layer)
    assert text.startswith("mae is 8 on train and 20 on validation")

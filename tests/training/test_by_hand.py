"""Keras objects that are given to `train` from Python: used, recorded, and asked for again."""

import json

import keras
import numpy as np
import pytest

from src.errors import UserError
from src.evaluate import evaluate
from src.runs.run import load_run
from src.system.signals import Stopped
from src.train import train
from tests.conftest import BARE
from tests.nets import written

RANDOM = np.random.default_rng(0)
DATA = RANDOM.random((120, 3)), np.arange(120) % 3


class Counter(keras.callbacks.Callback):
    """Counts batches, and remembers at which epochs it was asked."""

    def __init__(self):
        super().__init__()
        self.batches, self.epochs = 0, []

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(epoch)


class Halves(keras.metrics.Mean):
    """A metric of one's own."""

    def __init__(self, name="halves", **others):
        super().__init__(name=name, **others)

    def update_state(self, y, prediction, sample_weight=None):
        super().update_state(keras.ops.full(keras.ops.shape(y), 0.5))


@pytest.fixture
def small(tmp_path):
    """Trains a small net, with knobs that keep it short."""
    net = written(tmp_path)

    def trained(**given):
        short = {"epochs": 3, **BARE, "runs_dir": tmp_path / "runs"}
        return train(net, **{"data": DATA, **short, **given})

    return trained


def cut_off(small, tmp_path, **given):
    """The folder of a training that pauses after its first epoch."""
    with pytest.raises(Stopped, match=r"resume with:\n  train\('.*small_net.py', resume='.*', .*data=…\)"):
        small(pause=1, **given)
    (path,) = (tmp_path / "runs").iterdir()
    return path


def test_a_callback_is_called_and_goes_on_counting_after_a_resume(small, tmp_path):
    whole = Counter()
    small(callbacks=[whole])
    assert (whole.epochs, whole.batches % 3) == ([0, 1, 2], 0)
    (tmp_path / "runs").rename(tmp_path / "whole")
    path = cut_off(small, tmp_path, callbacks=[Counter()])
    resumed = Counter()
    small(callbacks=[resumed], resume=path)
    assert (resumed.epochs, resumed.batches) == (whole.epochs, whole.batches)


@pytest.mark.parametrize(
    ("given", "others"),
    [
        ({"callbacks": [Counter()]}, {"callbacks": [keras.callbacks.Callback()]}),
        ({"optimizer": keras.optimizers.SGD(0.1)}, {"optimizer": keras.optimizers.SGD(0.2)}),
        ({"metrics": [keras.metrics.SparseTopKCategoricalAccuracy(2, name="top")]},
         {"metrics": [keras.metrics.SparseTopKCategoricalAccuracy(1, name="top")]}),
    ],
    ids=["callbacks", "optimizer", "metrics"],
)  # fmt: skip
def test_a_resume_and_a_repetition_ask_for_them_again_and_refuse_others(small, tmp_path, given, others):
    (name,) = given
    path = cut_off(small, tmp_path, **given)
    for again in ({"resume": path}, {"config": path / "config.json"}):
        with pytest.raises(UserError, match=rf"training with {name} given from Python: .*train\(…, {name}=…\)"):
            small(**again)
        with pytest.raises(UserError, match=f"training with other {name}: "):
            small(**again, **others)
    if name == "optimizer":
        repeated = small(**given, config=path / "config.json", pause=0)
        assert repeated.config["by_hand"][name] == load_run(small(**given, resume=path).path).config["by_hand"][name]


def test_a_resume_refuses_what_the_training_was_not_begun_with(small, tmp_path):
    path = cut_off(small, tmp_path)
    with pytest.raises(UserError, match=r"This isn't the training that was cut off: .*by_hand, callbacks was None"):
        small(resume=path, callbacks=[Counter()])


def test_an_optimizer_is_used_and_starts_anew_each_time(small):
    optimizer = keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.5, 2, 0.5), momentum=0.5)
    runs = [small(optimizer=optimizer) for _ in range(2)]
    assert runs[0].history["loss"] == pytest.approx(runs[1].history["loss"], rel=1e-5)
    assert runs[0].history["learning_rate"][-1] < 0.5
    assert runs[0].config["by_hand"]["optimizer"]["class_name"] == "SGD"
    assert runs[0].history["loss"] != pytest.approx(small(optimizer="sgd").history["loss"], rel=1e-5)


@pytest.mark.long
def test_a_training_with_an_optimizer_goes_on_as_if_it_had_not_been_cut_off(small, tmp_path):
    whole = small(optimizer=keras.optimizers.SGD(0.1, momentum=0.9))
    whole.path.rename(tmp_path / "whole")
    path = cut_off(small, tmp_path, optimizer=keras.optimizers.SGD(0.1, momentum=0.9))
    resumed = small(optimizer=keras.optimizers.SGD(0.1, momentum=0.9), resume=path)  # an equal one, named otherwise
    for one, other in zip(load_run(tmp_path / "whole").model.weights, resumed.model.weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("knobs", [{"learning_rate": 0.1}, {"momentum": 0.5}, {"schedule": "constant"}], ids=str)
def test_an_optimizer_and_knobs_of_one_are_refused(small, tmp_path, knobs):
    (name,) = knobs
    with pytest.raises(UserError, match=f"An optimizer was given, so {name} has no effect: set it in the object"):
        small(optimizer=keras.optimizers.SGD(), **knobs)
    (tmp_path / "mine.toml").write_text(f"{name} = {json.dumps(knobs[name])}")
    with pytest.raises(UserError, match=f"An optimizer was given, so {name} has no effect"):
        small(optimizer=keras.optimizers.SGD(), config=tmp_path / "mine.toml")


def test_metrics_are_measured_on_every_split_and_again(small):
    top = keras.metrics.SparseTopKCategoricalAccuracy(2, name="top_2")
    run = small(metrics=[top, Halves()])
    assert {"top_2", "val_top_2", "halves", "val_halves"} <= run.history.keys()
    for split in ("train", "validation", "test"):
        assert run.metrics[split]["halves"] == 0.5
        assert run.metrics[split]["accuracy"] <= run.metrics[split]["top_2"] <= 1
    again = evaluate(run.path, data=DATA)
    assert again["test"]["top_2"] == pytest.approx(run.metrics["test"]["top_2"])
    assert again["test"]["halves"] == 0.5, "its code isn't known here, so it is kept from training"


def test_what_is_no_keras_object_is_refused(small):
    for given, said in (
        ({"callbacks": Counter()}, r"callbacks takes a list of objects of keras.callbacks, and not <.*Counter"),
        ({"callbacks": [print]}, "callbacks takes a list"),
        ({"metrics": ["accuracy"]}, r"metrics takes a list of objects of keras.metrics, and not \['accuracy'\]"),
        ({"metrics": [keras.metrics.Mean("accuracy")]}, "The task has a metric 'accuracy' already"),
        ({"optimizer": 3}, "optimizer takes a name or an object of keras.optimizers, and not 3"),
        ({"optimizer": "adan"}, "optimizer takes one of .*, not 'adan'"),
    ):
        with pytest.raises(UserError, match=said):
            small(**given)

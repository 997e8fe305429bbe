"""Learning-rate schedules."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from src.errors import UserError
from src.specs import Classes
from src.tasks.classification import Task
from src.train import train
from src.training import optimizers
from tests.conftest import BARE
from tests.nets import written


def test_cosine_rises_to_the_rate_and_falls_to_zero():
    made, callbacks = optimizers.optimizer(100, None, learning_rate=0.5, warmup=0.2)
    rates = []
    for step in range(101):
        made.iterations.assign(step)
        rates.append(float(made.learning_rate))
    assert callbacks == []
    assert max(rates) == pytest.approx(0.5)
    assert rates.index(max(rates)) == 20
    assert rates[0] == 0
    assert rates[-1] == pytest.approx(0, abs=1e-6)


def test_plateau_lowers_the_rate_of_a_figure_that_stands_still():
    task = Task(Classes(("a", "b"), (1, 1)))
    made, (plateau,) = optimizers.optimizer(100, task, schedule="plateau", learning_rate=0.1)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(made)
    plateau.set_model(model)
    plateau.on_train_begin()
    for epoch in range(optimizers.PLATEAU_EPOCHS + 1):
        assert float(made.learning_rate) == pytest.approx(0.1)
        plateau.on_epoch_end(epoch, {task.monitor: 0.5})
    assert float(made.learning_rate) == pytest.approx(0.1 * optimizers.PLATEAU_FACTOR)


@pytest.mark.parametrize(
    "callback",
    [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.5 * rate),
        keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=0, min_delta=1e9),
    ],
)
def test_callbacks_that_set_the_rate_need_one_that_no_schedule_sets(callback, tmp_path):
    data = np.random.default_rng(0).random((60, 3)), np.arange(60) % 3
    knobs = {"data": data, **BARE, "runs_dir": tmp_path / "runs", "callbacks": [callback]}
    decaying = keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 10))
    for given in ({}, {"optimizer": decaying}, {"optimizer": keras.optimizers.LossScaleOptimizer(decaying)}):
        said = f"{type(callback).__name__}, .*schedule: give schedule=.constant., or an optimizer object"
        with pytest.raises(UserError, match=said):
            train(written(tmp_path), **knobs, **given)
    assert not list((tmp_path / "runs").iterdir()), "it is refused before training"
    for given in ({"schedule": "constant"}, {"optimizer": keras.optimizers.SGD(0.1)}):
        rates = train(written(tmp_path), epochs=3, **knobs, **given).history["learning_rate"]
        assert rates[2] < rates[0]


@pytest.mark.parametrize("name", ["adam", "sgd", "adamw"])
def test_some_variables_are_trained_more_slowly(name):
    slow, fast = (keras.Variable([1.0], name=which) for which in ("slow", "fast"))
    made, _ = optimizers.optimizer(10, None, optimizer=name, learning_rate=0.01, schedule="constant", weight_decay=0.0)
    made.build([slow, fast])
    optimizers.slow_down(made, [(slow, 0.1)])
    tf.function(lambda: made.apply([tf.constant([1.0]), tf.constant([1.0])]))()
    moved = [1 - variable.numpy()[0] for variable in (slow, fast)]
    assert moved[0] == pytest.approx(0.1 * moved[1], rel=1e-3)
    assert moved[1] > 0


def test_what_is_trained_slowly_is_not_drawn_to_0():
    slow, fast = (keras.Variable([1.0], name=which) for which in ("slow", "fast"))
    made, _ = optimizers.optimizer(
        10, None, optimizer="adamw", learning_rate=0.01, schedule="constant", weight_decay=0.5
    )
    made.build([slow, fast])
    optimizers.slow_down(made, [(slow, 0.1)])
    made.apply([tf.constant([0.0]), tf.constant([0.0])])
    assert slow.numpy() == 1
    assert fast.numpy() < 1

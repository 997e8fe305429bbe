"""Learning-rate schedules."""

import keras
import pytest

from src.specs import Classes
from src.tasks.classification import Task
from src.training import optimizers


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

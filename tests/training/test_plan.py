"""Batches, steps and executions, chosen by size and device."""

import keras
import pytest
import tensorflow as tf

from src.specs import Tokens, Vector
from src.training import plan

DENSE = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
DROPOUT = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2), keras.layers.Dropout(0.1)])
CONVOLUTION = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3)])


@pytest.mark.parametrize("examples", [1, 2, 31, 106, 1077, 5000, 54_000, 59_999, 1_000_003])
@pytest.mark.parametrize("batch", [None, 1, 32, 128, 100_000])
def test_executions_divide_an_epoch_and_few_steps_are_lost(examples, batch):
    chosen = plan.plan(DENSE, Vector(4), examples, False, batch=batch)
    assert chosen.batch * chosen.steps <= examples
    assert chosen.steps % chosen.steps_per_execution == 0
    assert chosen.steps >= (1 - plan.MOST_LOST) * (examples // chosen.batch)
    assert chosen.steps_per_execution <= 32


def test_a_small_split_is_passed_over_more_often_where_nobody_chose_how_often():
    for examples, chosen, epochs in ((320, False, 25), (320, True, 3), (100_000, False, 3)):
        found = plan.plan(DENSE, Vector(4), examples, False, chosen, epochs=3)
        assert found.epochs == epochs and (chosen or found.steps * found.epochs >= plan.LEAST_STEPS)


def test_xla_only_where_it_pays_on_a_cpu():
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("Keras decides on a GPU")
    assert plan.plan(DENSE, Vector(4), 60_000, False, epochs=10, batch=128).jit is True
    assert plan.plan(DENSE, Vector(4), 60_000, False, epochs=1, batch=128).jit is False
    assert plan.plan(DENSE, Vector(4), 60_000, True, epochs=10, batch=128).jit is False
    assert plan.plan(DROPOUT, Vector(4), 60_000, False, epochs=10, batch=128).jit is False
    assert plan.plan(CONVOLUTION, Vector(4), 60_000, False, epochs=10, batch=128).jit is False


def test_an_execution_of_long_sequences_is_short():
    tokens = keras.Input((None,), dtype="int32")
    model = keras.Model(tokens, keras.layers.LSTM(64)(keras.layers.Embedding(100, 64)(tokens)))
    few, many = (plan.plan(model, Tokens(length, 100), 6400, False, batch=64) for length in (10, 1000))
    assert few.steps_per_execution > 10 * many.steps_per_execution

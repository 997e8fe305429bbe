"""Measuring a model on a split."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from src.specs import Classes
from src.tasks.classification import Task
from src.training.callbacks import Measurement


def test_measurement_is_what_keras_evaluates():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(50, 4)).astype("float32"), random.integers(0, 2, 50)
    keras.utils.set_random_seed(0)
    numbers = keras.Input((4,))
    model = keras.Model(numbers, keras.layers.Dense(2)(numbers))
    task = Task(Classes(("a", "b"), (1, 1)))
    model.compile(loss=task.loss, metrics=task.metrics())
    expected = model.evaluate(x, y, verbose=0, return_dict=True)
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(7)
    measure = Measurement(model, task)
    assert measure(batches) == pytest.approx(expected, rel=1e-5)
    assert measure(batches) == pytest.approx(expected, rel=1e-5)

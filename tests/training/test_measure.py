"""Measuring a model on a split."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from src.signatures import Steps
from src.specs import Classes, Vector
from src.tasks.classification import Task
from src.training.keep import Recorder
from src.training.measure import Measurement


def test_a_task_may_predict_step_by_step_where_it_measures():
    class Stepwise(Task):
        def watch(self, predict, batches):
            return {"steps": 2.0 * (predict.steps is steps)}

        def figures(self, predict, batches):
            return self.watch(predict, batches)

    numbers = keras.Input((4,))
    model, steps = keras.Model(numbers, keras.layers.Dense(2)(numbers)), Steps(lambda: None, Vector(4))
    task, batches = Stepwise(Classes(("a", "b"), (1, 1))), tf.data.Dataset.from_tensors((np.ones((3, 4)), np.ones(3)))
    measure = Measurement(model, task, steps)
    assert measure(batches) == {"steps": 2.0}
    assert task.figures(Recorder(task, measure.predict, batches, "test", 3), batches) == {"steps": 2.0}


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

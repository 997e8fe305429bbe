"""What a run keeps of the predictions on the measured split."""

import numpy as np
import pytest
import tensorflow as tf

from src.analysis import predictions
from src.errors import UserError
from src.specs import Classes
from src.tasks.classification import Task
from src.training.keep import Recorder

TASK = Task(Classes(("a", "b"), (5, 5)))
FEATURES = np.random.default_rng(0).normal(size=(50, 2)).astype("float32")
LABELS = np.arange(50) % 2


@tf.function(input_signature=[tf.TensorSpec((None, 2), tf.float32)])
def predict(features):
    return 2 * features


predict.steps = None


def recorded(task=TASK):
    batches = tf.data.Dataset.from_tensor_slices((FEATURES, LABELS)).batch(7)
    recorder = Recorder(task, predict, batches, "test", 50)
    task.figures(recorder, recorder)
    return recorder.predictions


def test_what_the_figures_are_made_of_is_kept(tmp_path):
    recorded().save(tmp_path)
    kept = predictions.load(tmp_path)
    assert (kept.split, kept.examples, kept.numbers.tolist()) == ("test", 50, list(range(50)))
    np.testing.assert_array_equal(kept["logits"], 2 * FEATURES)
    np.testing.assert_array_equal(kept["label"], LABELS)


def test_of_a_large_split_a_sample_is_kept(monkeypatch):
    each = recorded()["logits"][0].nbytes + recorded()["label"][0].nbytes
    monkeypatch.setattr(predictions, "MOST_BYTES", 20 * each)
    kept = recorded()
    assert (len(kept), kept.examples, len({*kept.numbers})) == (20, 50, 20)
    np.testing.assert_array_equal(kept["logits"], 2 * FEATURES[kept.numbers])
    assert {*predictions.sample(50, 2 * each)} < {*kept.numbers}


def test_figures_that_predict_something_else_keep_nothing():
    class Other(Task):
        def figures(self, predict, batches):
            return super().figures(lambda features: predict(features + 1), batches)

    assert recorded(Other(TASK.outputs)) is None


def test_an_older_run_has_none_and_a_damaged_file_is_told(tmp_path):
    assert predictions.load(tmp_path) is None
    for content in (b"", b"PK\x03\x04nothing"):
        (tmp_path / predictions.FILE).write_bytes(content)
        with pytest.raises(UserError, match=r"predictions.npz is damaged: .*Evaluate"):
            predictions.load(tmp_path)

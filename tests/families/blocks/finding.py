"""Finding: which blocks there are, and their classes, one slot for each."""

import keras
import numpy as np
import tensorflow as tf

from src import task
from src.specs import Blocks

SPEC = Blocks


def adapt(outputs, train):
    """The spec as it is; raises ValueError for more boxes than it has slots."""
    if max(int(batch["count"].max()) for batch in train.target_batches()) > outputs.most:
        raise ValueError(f"an example has more than {outputs.most} boxes")
    return outputs


class Task(task.Task):
    """Finding of `outputs.names`, up to `outputs.most` in an image."""

    monitor, direction = "val_box_error", "min"

    def __init__(self, outputs):
        self.outputs = outputs

    def supervise(self, features, target):
        there = tf.sequence_mask(target["count"], self.outputs.most, tf.float32)[..., None]
        classes = tf.one_hot(target["label"], len(self.outputs.names))
        return features, tf.concat([there, target["box"], classes], axis=-1)  # (batch, most, 5 + classes)

    def loss(self, target, prediction):
        slots = self._slots(prediction)
        there = keras.losses.binary_crossentropy(target[..., :1], slots[..., :1], from_logits=True)
        box = keras.losses.mean_absolute_error(target[..., 1:5], slots[..., 1:5])
        label = keras.losses.categorical_crossentropy(target[..., 5:], slots[..., 5:], from_logits=True)
        return tf.reduce_mean(there + target[..., 0] * (box + label), axis=1)

    def metrics(self):
        return [keras.metrics.MeanMetricWrapper(self._error, "box_error")]

    def answers(self, prediction):
        slots = self._slots(prediction)
        label = tf.gather(tf.constant(self.outputs.names), tf.argmax(slots[..., 5:], axis=-1))
        return {"box": slots[..., 1:5], "score": tf.sigmoid(slots[..., 0]), "label": label}

    def summarize(self, targets):
        return {"boxes": sum(int(batch["count"].sum()) for batch in targets)}

    def figures(self, predict, batches):
        errors = [float(tf.reduce_mean(self._error(y, predict(x)))) for x, y in batches]
        nothing = [float(tf.reduce_mean(self._error(y, tf.zeros([len(y), self.outputs.size])))) for _, y in batches]
        return {"box_error": np.mean(errors), "baseline": {"box_error": np.mean(nothing), "predictor": "no box"}}

    def _slots(self, prediction):
        return tf.reshape(prediction, (-1, self.outputs.most, 5 + len(self.outputs.names)))

    def _error(self, target, prediction):
        apart = tf.reduce_mean(abs(target[..., 1:5] - self._slots(prediction)[..., 1:5]), axis=-1)
        return tf.reduce_mean(target[..., 0] * apart, axis=1)

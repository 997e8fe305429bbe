"""Segmentation: the class of each pixel, by cross-entropy."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from src import task
from src.specs import Mask

SPEC = Mask


def _counts(batches, classes):
    return sum(np.bincount(batch.ravel(), minlength=classes) for batch in batches)


def adapt(outputs, train):
    """The spec with the pixels of each class."""
    counts = _counts(train.target_batches(), len(outputs.names))
    return dataclasses.replace(outputs, counts=tuple(counts.tolist()))


class Task(task.Task):
    """Segmentation into `outputs.names`."""

    monitor, direction = "val_pixel_accuracy", "max"

    def __init__(self, outputs):
        self.outputs = outputs

    def move(self, target, transforms):
        size = tf.constant([self.outputs.height, self.outputs.width])
        ways = {"output_shape": size, "fill_value": 0.0, "interpolation": "NEAREST", "fill_mode": "REFLECT"}
        return tf.raw_ops.ImageProjectiveTransformV3(images=target[..., None], transforms=transforms, **ways)[..., 0]

    def loss(self, target, logits):
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(target, tf.int32), logits)
        return tf.reduce_mean(losses, axis=(1, 2))

    def metrics(self):
        return [keras.metrics.SparseCategoricalAccuracy("pixel_accuracy")]

    def answers(self, logits):
        return {"mask": tf.argmax(logits, axis=-1, output_type=tf.int32)}

    def summarize(self, targets):
        return {"pixels": dict(zip(self.outputs.names, map(int, _counts(targets, 2)), strict=True))}

    def figures(self, predict, batches):
        right = [np.mean(np.argmax(predict(x), -1) == y.numpy()) for x, y in batches]
        commonest = max(self.outputs.counts) / sum(self.outputs.counts)
        simple = {"pixel_accuracy": commonest, "predictor": "always the commonest class"}
        return {"pixel_accuracy": float(np.mean(right)), "baseline": simple}

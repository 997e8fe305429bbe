"""Boxes on a grid of their image: what a detector without anchors learns at each cell.

Peaks around centres: Zhou et al. (2019), Objects as points, section 3; as wide as their boxes, which are learnt there:
Liu et al. (2020), Training-time-friendly network for real-time object detection, section 3.
"""

import numpy as np
import tensorflow as tf

from src.preprocess import boxes
from src.specs import UNLABELLED

PEAK = 0.54 / 6  # standard deviation of a peak, as a share of its box's side: Liu et al., section 3.2
FARTHEST = 3  # standard deviations from a centre


def peaks(box: tf.Tensor, label: tf.Tensor, rows: int, columns: int) -> tf.Tensor:
    """A Gaussian around each box's centre, 1 in its cell, (batch, most, rows, columns); 0 where there is no box."""

    def along(start, end, cells):
        """Of one axis, (batch, most, cells)."""
        middle = tf.minimum(tf.floor((start + end) / 2 * cells), cells - 1)[..., None]
        deviation = tf.maximum(PEAK * (end - start) * cells, 1e-3)[..., None]
        away = (tf.range(cells, dtype=tf.float32) - middle) / deviation
        return tf.where(tf.abs(away) <= FARTHEST, tf.exp(-(away**2) / 2), 0.0)

    top, left, bottom, right = tf.unstack(box, axis=-1)
    there = tf.cast(label != UNLABELLED, tf.float32)[..., None, None]
    return there * along(top, bottom, rows)[..., None] * along(left, right, columns)[..., None, :]


def by_class(peaks: tf.Tensor, label: tf.Tensor, classes: int) -> tf.Tensor:
    """The highest peak of each class, (batch, rows, columns, classes)."""
    batch, most, rows, columns = tf.unstack(tf.shape(peaks))
    image = tf.range(batch)[:, None] * classes
    segments = tf.where(label == UNLABELLED, -1, image + label)  # a negative one is left out
    highest = tf.math.unsorted_segment_max(
        tf.reshape(peaks, (batch * most, rows, columns)), tf.reshape(segments, [-1]), batch * classes
    )
    heat = tf.reshape(tf.maximum(highest, 0.0), (batch, classes, rows, columns))
    return tf.transpose(heat, (0, 2, 3, 1))


def smallest(box: tf.Tensor, peaks: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """At each cell the smallest box around whose centre it is, (batch, rows, columns, 4), and how much it counts.

    The weights of a box sum to 1, less where a smaller one is in its way.
    """
    size = tf.where(peaks > 0, boxes.area(box)[..., None, None], np.inf)
    index = tf.argmin(size, axis=1)  # (batch, rows, columns)
    shares = tf.math.divide_no_nan(peaks, tf.reduce_sum(peaks, axis=[2, 3], keepdims=True))
    weight = tf.gather(tf.transpose(shares, (0, 2, 3, 1)), index, batch_dims=3)
    return tf.gather(box, index, batch_dims=1), weight

"""Boxes on a grid of their image: what a detector without anchors learns at each cell, and what it answers there.

Peaks around centres: Zhou et al. (2019), Objects as points, section 3; as wide as their boxes, which are learnt there:
Liu et al. (2020), Training-time-friendly network for real-time object detection, section 3; distances to four sides:
Tian et al. (2019), FCOS, equation 1.
"""

import numpy as np
import tensorflow as tf

from src.preprocess import boxes
from src.specs import UNLABELLED

PEAK = 0.54 / 6  # standard deviation of a peak, as a share of its box's side: Liu et al., section 3.2
FARTHEST = 3  # standard deviations from a centre
AT_ONCE = 16  # boxes of an image whose peaks are in memory
STEEPEST = 5.0  # logarithm of a distance to a side


def targets(
    box: tf.Tensor, label: tf.Tensor, rows: int, columns: int, classes: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """What is learnt at each cell.

    Only some boxes of each image are on the grid at once, as there may be hundreds.

    Args:
        box: float32 (batch, most, 4).
        label: int32 (batch, most); UNLABELLED where there is no box.
        rows, columns: of the grid.
        classes: how many there are.

    Returns:
        The highest peak of each class, (batch, rows, columns, classes): a Gaussian, 1 in the cell of a box's centre.
        The smallest box around whose centre the cell is, (batch, rows, columns, 4).
        How much that box counts there, (batch, rows, columns). The weights of a box sum to 1, less where a smaller one
        is in its way.
    """
    box, label = _filled_up(box, label)
    batch = tf.shape(label)[0]
    top, left, bottom, right = tf.unstack(box, axis=-1)
    is_box = tf.cast(label != UNLABELLED, tf.float32)[..., None]
    down, across = is_box * _peak(top, bottom, rows), _peak(left, right, columns)  # a peak is the product of both
    segment = tf.where(label == UNLABELLED, -1, tf.range(batch)[:, None] * classes + label)  # -1 is left out
    parts = [_in_parts(each) for each in (down, across, boxes.area(box), segment)]

    def add(part, heat, smallest, index):
        down, across, area, segment = (each[:, part] for each in parts)  # (batch, AT_ONCE, …)
        peaks = down[..., None] * across[..., None, :]  # (batch, AT_ONCE, rows, columns)
        flat = tf.reshape(peaks, (-1, rows, columns))
        highest = tf.math.unsorted_segment_max(flat, tf.reshape(segment, [-1]), batch * classes)
        size = tf.where(peaks > 0, area[..., None, None], np.inf)
        least, at = tf.reduce_min(size, axis=1), tf.argmin(size, axis=1, output_type=tf.int32)
        index = tf.where(least < smallest, part * AT_ONCE + at, index)
        return part + 1, tf.maximum(heat, highest), tf.minimum(smallest, least), index

    cells = (batch, rows, columns)
    nothing = (tf.zeros((batch * classes, rows, columns)), tf.fill(cells, np.inf), tf.zeros(cells, tf.int32))
    last = tf.reduce_max(tf.where(label == UNLABELLED, -1, tf.range(tf.shape(label)[1]))) // AT_ONCE
    _, heat, _, index = tf.while_loop(lambda part, *_: part <= last, add, (0, *nothing))
    heat = tf.transpose(tf.reshape(heat, (batch, classes, rows, columns)), (0, 2, 3, 1))
    return heat, tf.gather(box, index, batch_dims=1), _weights(down, across, index)


def around_cells(logarithms: tf.Tensor, usual: tuple[float, float]) -> tf.Tensor:
    """The box that each cell answers, (batch, rows, columns, 4).

    Args:
        logarithms: how far it reaches up, left, down and right from the cell's centre, (batch, rows, columns, 4), as
            logarithms of shares of half the usual size.
        usual: height and width of a box.
    """
    y, x = np.meshgrid(*((np.arange(cells) + 0.5) / cells for cells in logarithms.shape[1:3]), indexing="ij")
    centre = np.stack([y, x, y, x], axis=-1).astype("float32")  # (rows, columns, 4)
    half = np.array([*usual, *usual]) / 2 * (-1, -1, 1, 1)
    return centre + tf.exp(tf.minimum(logarithms, STEEPEST)) * half.astype("float32")


def highest(logits: tf.Tensor, box: tf.Tensor, most: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The boxes, classes and scores of the cells whose logit none beside them exceeds, the best first; at most `most`.

    Zhou et al., section 4.

    Args:
        logits: (batch, rows, columns, classes).
        box: of each cell, (batch, rows, columns, 4).
        most: boxes of an image.
    """
    *_, rows, columns, classes = logits.shape
    peaks = tf.where(logits >= tf.nn.max_pool2d(logits, 3, 1, "SAME"), tf.sigmoid(logits), 0.0)
    flat = tf.reshape(peaks, (-1, rows * columns * classes))
    score, index = tf.math.top_k(flat, min(most, flat.shape[1]))
    box = tf.gather(tf.reshape(box, (-1, rows * columns, 4)), index // classes, batch_dims=1)
    return box, index % classes, score


def _filled_up(box: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Boxes and labels with room for a multiple of AT_ONCE."""
    more = -tf.shape(label)[1] % AT_ONCE
    return (
        tf.pad(box, [[0, 0], [0, more], [0, 0]]),
        tf.pad(label, [[0, 0], [0, more]], constant_values=UNLABELLED),
    )


def _in_parts(tensor: tf.Tensor) -> tf.Tensor:
    """From (batch, most, …) to (batch, most / AT_ONCE, AT_ONCE, …)."""
    shape = tf.shape(tensor)
    return tf.reshape(tensor, tf.concat([shape[:1], [shape[1] // AT_ONCE, AT_ONCE], shape[2:]], axis=0))


def _peak(start: tf.Tensor, end: tf.Tensor, cells: int) -> tf.Tensor:
    """Along one axis a Gaussian around the middle between both sides, (batch, most, cells)."""
    middle = tf.minimum(tf.floor((start + end) / 2 * cells), cells - 1)[..., None]
    deviation = tf.maximum(PEAK * (end - start) * cells, 1e-3)[..., None]
    away = (tf.range(cells, dtype=tf.float32) - middle) / deviation
    return tf.where(tf.abs(away) <= FARTHEST, tf.exp(-(away**2) / 2), 0.0)


def _weights(down: tf.Tensor, across: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
    """At each cell the peak of one box as a share of that peak's sum, (batch, rows, columns).

    Args:
        down, across: the peaks along each axis, (batch, most, rows) and (batch, most, columns).
        index: of the boxes, (batch, rows, columns).
    """
    total = tf.reduce_sum(down, axis=2, keepdims=True) * tf.reduce_sum(across, axis=2, keepdims=True)
    share = tf.math.divide_no_nan(down, total)
    in_row = tf.gather(tf.transpose(share, (0, 2, 1)), index, batch_dims=2)
    in_column = tf.gather(tf.transpose(across, (0, 2, 1)), tf.transpose(index, (0, 2, 1)), batch_dims=2)
    return in_row * tf.transpose(in_column, (0, 2, 1))

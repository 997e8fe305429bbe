"""Boxes as tensors: moved with their image, compared, and drawn, by TensorFlow's ops alone.

A box is its top, left, bottom and right side, as fractions of an image's height and width unless said otherwise.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from src.specs import UNLABELLED

KEPT = 0.3  # of a box's area that has to be left in the image for the box to stay
LARGEST_DRAWN = 1024  # pixels of a side of a picture with boxes drawn on it
LINE = 300  # pixels of a side of a picture for each pixel of a line
MOST_LINES = 4


def moved(
    box: tf.Tensor, label: tf.Tensor, transforms: tf.Tensor, size: tuple[int, int]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Boxes, and their classes, of images that augmentation moves.

    Boxes are clipped to the image; one of which less than KEPT is left there is UNLABELLED.

    Args:
        box: float32 (batch, boxes, 4).
        label: int32 (batch, boxes).
        transforms: (batch, 8), from a pixel of a moved image to the one that it was: see `Task.move` of src/task.py.
        size: height and width of an image in pixels.
    """
    height, width = size
    # Not `transforms[:, 0, None, None]`: TensorFlow's optimiser of graphs loses the new axes behind a `tf.stack`.
    a, b, x0, c, d, y0, *_ = (column[:, None, None] for column in tf.unstack(transforms, axis=1))
    top, left, bottom, right = tf.unstack(box, axis=-1)
    # Of each corner, (batch, boxes, 4); the coordinates of a pixel are those of its centre.
    x = tf.stack([left, right, left, right], axis=-1) * width - 0.5 - x0
    y = tf.stack([top, top, bottom, bottom], axis=-1) * height - 0.5 - y0
    determinant = a * d - b * c
    across = ((d * x - b * y) / determinant + 0.5) / width
    down = ((a * y - c * x) / determinant + 0.5) / height
    whole = tf.stack([f(axis, -1) for f in (tf.reduce_min, tf.reduce_max) for axis in (down, across)], axis=-1)
    inside = tf.clip_by_value(whole, 0.0, 1.0)
    stays = (label != UNLABELLED) & (area(inside) >= KEPT * area(whole)) & (area(inside) > 0)
    return tf.where(stays[..., None], inside, 0.0), tf.where(stays, label, UNLABELLED)


def area(box: tf.Tensor) -> tf.Tensor:
    """The area of boxes (…, 4), (…,)."""
    top, left, bottom, right = tf.unstack(box, axis=-1)
    return tf.maximum(bottom - top, 0.0) * tf.maximum(right - left, 0.0)


def generalized_iou(one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """Intersection over union, less the share of the smallest box around both that neither fills; from -1 to 1.

    Rezatofighi et al. (2019), Generalized intersection over union, algorithm 1.

    Args:
        one, other: boxes (…, 4).
    """
    low = (tf.maximum(one[..., :2], other[..., :2]), tf.minimum(one[..., :2], other[..., :2]))
    high = (tf.minimum(one[..., 2:], other[..., 2:]), tf.maximum(one[..., 2:], other[..., 2:]))
    both, around = (area(tf.concat([start, end], axis=-1)) for start, end in zip(low, high, strict=True))
    either = area(one) + area(other) - both
    return tf.math.divide_no_nan(both, either) - tf.math.divide_no_nan(around - either, around)


def distinct(
    box: tf.Tensor, label: tf.Tensor, score: tf.Tensor, classes: int, most: int, overlap: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Boxes, labels and scores of each image's things, each found once: (batch, most, …), the best first.

    Where there are fewer, the last boxes are UNLABELLED and their score is 0.

    Args:
        box: float32 (batch, boxes, 4).
        label: int32 (batch, boxes).
        score: float32 (batch, boxes); 0 for a box that is left out.
        classes: how many there are.
        most: boxes of an image.
        overlap: of two boxes of one class, intersection over union, above which the one of the lower score goes.
    """
    of_classes = score[..., None] * tf.one_hot(label, classes)
    box, score, label, count = tf.image.combined_non_max_suppression(
        box[:, :, None], of_classes, most, most, overlap, 1e-6
    )
    return box, tf.where(tf.sequence_mask(count, most), tf.cast(label, tf.int32), UNLABELLED), score


def pngs(
    picture: Callable[[tf.Tensor], tf.Tensor], box: tf.Tensor, label: tf.Tensor, colors: np.ndarray
) -> tuple[tf.Tensor, tf.Tensor]:
    """Pictures with boxes drawn on them, as PNG (batch,), and height and width of the pictures, int32 (batch, 2).

    Args:
        picture: from the number of an example, int32 (), to its picture, uint8 (height, width, 3).
        box: float32 (batch, boxes, 4).
        label: int32 (batch, boxes); those that are UNLABELLED come last.
        colors: of the classes, float32 (classes, 3) from 0 to 1.
    """

    def drawn(number):
        given, count = picture(number), tf.reduce_sum(tf.cast(label[number] != UNLABELLED, tf.int32))
        return png(given, box[number, :count], tf.gather(colors, label[number, :count])), tf.shape(given)[:2]

    specs = tf.TensorSpec((), tf.string), tf.TensorSpec((2,), tf.int32)
    return tf.map_fn(drawn, tf.range(tf.shape(label)[0]), fn_output_signature=specs)


def png(picture: tf.Tensor, box: tf.Tensor, colors: tf.Tensor) -> tf.Tensor:
    """A picture with boxes drawn on it, as PNG; a large one is reduced to LARGEST_DRAWN pixels.

    Args:
        picture: uint8 (height, width, 3).
        box: float32 (boxes, 4).
        colors: of the boxes, float32 (boxes, 3) from 0 to 1.
    """
    size = tf.cast(tf.shape(picture)[:2], tf.float32)
    scale = tf.minimum(1.0, LARGEST_DRAWN / tf.reduce_max(size))
    drawn_size = tf.maximum(1.0, tf.round(size * scale))
    image = tf.image.resize(picture, tf.cast(drawn_size, tf.int32), antialias=True) / 255
    inwards = tf.concat([1 / drawn_size, -1 / drawn_size], axis=0)  # by a pixel
    lines = tf.cast(1 + tf.reduce_max(drawn_size) // LINE, tf.int32)
    offsets = tf.cast(tf.minimum(tf.range(MOST_LINES), lines - 1), tf.float32)  # the op's own lines have one pixel
    nested = tf.reshape(box[None] + offsets[:, None, None] * inwards, [1, -1, 4])
    image = tf.image.draw_bounding_boxes(image[None], nested, tf.tile(colors, [MOST_LINES, 1]))[0]
    return tf.io.encode_png(tf.image.convert_image_dtype(image, tf.uint8, saturate=True))

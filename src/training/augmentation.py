"""Augmentation: training images that are changed a little, each time differently (Goodfellow et al., 2016, 7.4).

A whole batch at once and in the data pipeline, beside the training step. What is drawn is a pure function of seed and
step, so a training that was cut off goes on as if it had not been. Validation, test and the export never see it.
"""

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import tensorflow as tf

from src.errors import UserError
from src.preprocess.images import mosaic
from src.signatures import features_of
from src.specs import Data, Image

PRESETS = {
    "none": {},
    "light": {"shift": 0.08, "rotate": 8.0, "zoom": 0.08},  # keeps digits and letters what they are
    "photos": {
        "flip": "horizontal",
        "shift": 0.1,
        "rotate": 10.0,
        "zoom": 0.15,
        "brightness": 0.15,
        "contrast": 0.15,
    },
    # He et al. (2016), Deep residual learning, section 4.2; cutout: DeVries and Taylor (2017), arXiv:1708.04552
    "cifar": {"flip": "horizontal", "crop": 4, "cutout": 8},
}
LIMITS = {"shift": 0.5, "rotate": 180.0, "zoom": 0.9, "brightness": 1.0, "contrast": 1.0}
MOVES = ("flip", "shift", "rotate", "zoom", "crop")  # of pixels from one place to another
EXAMPLES, VERSIONS = 10, 3  # of the picture that shows it

FEW, LARGE = 5000, 48  # images, and pixels of a side: photographs of which augmentation mostly helps to learn

Augment = Callable[[tf.Tensor, int, tf.Tensor], tf.Tensor]


def augmentation(
    *,
    augment: Literal["none", "light", "photos", "cifar"] = "none",
    flip: Literal["none", "horizontal", "vertical", "both"] | None = None,
    shift: float | None = None,
    rotate: float | None = None,
    zoom: float | None = None,
    crop: int | None = None,
    cutout: int | None = None,
    brightness: float | None = None,
    contrast: float | None = None,
) -> Augment | None:
    """From images (batch, height, width, channels) in [0, 1], a seed and a step to such images; None for no change.

    Args:
        augment: random changes of training images: light shifts, rotates and zooms a little; photos also flips and
            changes brightness and contrast; cifar flips, crops and cuts out. The flags below override it.
        flip: mirrors half of the images: left to right, upside down, or both.
        shift: shifts by up to this fraction of height and width; the border is filled by reflection.
        rotate: rotates by up to this many degrees.
        zoom: enlarges or shrinks by up to this fraction.
        crop: pads by this many pixels, and crops to the original size at a random position.
        cutout: replaces a square of this many pixels a side by the image's mean colour.
        brightness: makes images lighter or darker by up to this fraction of white.
        contrast: increases or decreases contrast by up to this fraction.

    Raises:
        UserError: for a number out of its range.
    """
    given = {
        "flip": flip,
        "shift": shift,
        "rotate": rotate,
        "zoom": zoom,
        "crop": crop,
        "cutout": cutout,
        "brightness": brightness,
        "contrast": contrast,
    }
    found = PRESETS[augment] | {name: value for name, value in given.items() if value is not None}
    for name, value in found.items():
        most = LIMITS.get(name, math.inf)
        if name != "flip" and not 0 <= value <= most:
            raise UserError(
                f"{name} has to be {f'from 0 to {most:g}' if name in LIMITS else '0 or more'}, not {value}."
            )
    found = {name: value for name, value in found.items() if value and value != "none"}
    if not found:
        return None
    moves = {name: found[name] for name in MOVES if name in found}

    def changed(images: tf.Tensor, seed: int, step: tf.Tensor) -> tf.Tensor:
        for name in ("crop", "cutout"):
            if found.get(name, 0) >= min(images.shape[1:3]):
                size = " x ".join(map(str, images.shape[1:3]))
                raise UserError(f"{name} has to be smaller than the images, which are {size}, not {found[name]}.")
        draw = _Draws(seed, step, tf.shape(images)[0])
        if moves:
            images = _moved(images, draw, **moves)
        if "contrast" in found:
            mean = tf.reduce_mean(images, [1, 2, 3], keepdims=True)
            images = (images - mean) * _for_pixels(1 + draw.uniform(found["contrast"])) + mean
        if "brightness" in found:
            images += _for_pixels(draw.uniform(found["brightness"]))
        if "cutout" in found:
            images = _cut_out(images, draw, found["cutout"])
        return tf.clip_by_value(images, 0.0, 1.0)

    return changed


def suggestion(data: Data) -> str:
    """A line that suggests augmentation where it mostly helps, for few photographs; "" elsewhere."""
    spec, examples = data.inputs, len(data.train)
    if data.augment or not isinstance(spec, Image) or examples >= FEW or min(spec.height, spec.width) < LARGE:
        return ""
    return f"{examples:,} images are few: changing them at random mostly helps; try --augment photos"


def shown(data: Data, seed: int) -> np.ndarray:
    """A picture of some training images: as they are, and below each as training may see it, uint8."""
    raw, _ = data.train.examples(EXAMPLES)
    images = tf.convert_to_tensor(features_of(data.preprocess, raw))
    steps = range(VERSIONS if data.augment else 0)
    rows = [images, *(data.augment(images, seed, tf.constant(step, tf.int64)) for step in steps)]
    pixels = np.stack([np.uint8(np.round(np.clip(row, 0, 1) * 255)) for row in rows])
    return mosaic(pixels if pixels.shape[-1] in (1, 3) else pixels[..., :1])


class _Draws:
    """Random numbers of one step, one an image; each call draws others."""

    def __init__(self, seed: int, step: tf.Tensor, size: tf.Tensor):
        self._seed, self._size, self._drawn = tf.stack([tf.constant(seed, tf.int64), step]), size, 0

    def uniform(self, most: float) -> tf.Tensor:
        """From -most to most, (batch,)."""
        self._drawn += 1
        seed = tf.random.experimental.stateless_fold_in(self._seed, self._drawn)
        return tf.random.stateless_uniform([self._size], seed, -most, most)


def _moved(
    images: tf.Tensor,
    draw: _Draws,
    flip: str = "none",
    shift: float = 0.0,
    rotate: float = 0.0,
    zoom: float = 0.0,
    crop: int = 0,
) -> tf.Tensor:
    """Flipped, turned, zoomed and moved by one projection; what comes in from outside is a reflection.

    A pixel (x, y) of the result is the one at (a x + b y + e, c x + d y + f).
    """
    height, width = images.shape[1:3]
    angle, scale = draw.uniform(math.radians(rotate)), 1 + draw.uniform(zoom)
    mirror_x = tf.sign(draw.uniform(1.0)) if flip in ("horizontal", "both") else 1.0
    mirror_y = tf.sign(draw.uniform(1.0)) if flip in ("vertical", "both") else 1.0
    a, b = tf.cos(angle) * scale * mirror_x, -tf.sin(angle) * scale * mirror_y
    c, d = tf.sin(angle) * scale * mirror_x, tf.cos(angle) * scale * mirror_y
    right = draw.uniform(shift * width) + tf.round(draw.uniform(crop))
    down = draw.uniform(shift * height) + tf.round(draw.uniform(crop))
    x, y = (width - 1) / 2, (height - 1) / 2  # the centre stays where it is, apart from the move
    zeros = tf.zeros_like(a)
    matrix = tf.stack([a, b, x - a * x - b * y + right, c, d, y - c * x - d * y + down, zeros, zeros], axis=1)
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=matrix,
        output_shape=tf.constant([height, width]),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )
    return tf.ensure_shape(moved, images.shape)


def _cut_out(images: tf.Tensor, draw: _Draws, side: int) -> tf.Tensor:
    height, width = images.shape[1:3]
    y, x = (_for_pixels((1 + draw.uniform(1.0)) / 2 * size) for size in (height, width))
    rows, columns = tf.range(height, dtype=tf.float32)[:, None, None], tf.range(width, dtype=tf.float32)[None, :, None]
    inside = (tf.abs(rows + 0.5 - y) <= side / 2) & (tf.abs(columns + 0.5 - x) <= side / 2)
    return tf.where(inside, tf.reduce_mean(images, [1, 2], keepdims=True), images)


def _for_pixels(numbers: tf.Tensor) -> tf.Tensor:
    return numbers[:, None, None, None]

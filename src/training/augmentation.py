"""Augmentation: training images that are changed a little, each time differently (Goodfellow et al., 2016, 7.4).

A whole batch at once and in the data pipeline, beside the training step. What is drawn is a pure function of seed and
step, so a training that was cut off goes on as if it had not been. Validation, test and the export never see it.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from operator import itemgetter
from typing import Any, Literal, TypeAlias

import numpy as np
import tensorflow as tf

from src.data import Data
from src.errors import UserError
from src.preprocess.images import mosaic
from src.signatures import features_of
from src.specs import Image

PRESETS: Mapping[str, Mapping[str, Any]] = {
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

Drawn: TypeAlias = Callable[[np.ndarray, Any], np.ndarray]  # see `drawn` in src/task.py
# From features and targets of a training batch, a seed and a step, to features and targets like them.
Augment: TypeAlias = Callable[[Any, Any, int, tf.Tensor], tuple[Any, Any]]


def augmentation(
    move: Callable[[Any, tf.Tensor], Any] = lambda target, _: target,
    border: Literal["reflection", "black"] = "reflection",
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
    """What changes images (batch, height, width, channels) in [0, 1], and their targets; None for no change.

    Args:
        move: moves the targets with the images, as a task's `move` does.
        border: what comes in from outside of an image that is moved.
        augment: random changes of training images: light shifts, rotates and zooms a little; photos also flips and
            changes brightness and contrast; cifar flips, crops and cuts out. The flags below override it.
        flip: mirrors half of the images: left to right, upside down, or both.
        shift: shifts by up to this fraction of height and width.
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
    changes = {**PRESETS[augment], **{name: value for name, value in given.items() if value is not None}}
    _check(changes)
    changes = {name: value for name, value in changes.items() if value and value != "none"}
    return partial(_changed, changes, move, border) if changes else None


def _check(changes: Mapping[str, Any]) -> None:
    """Raises a UserError for a number out of its range."""
    for name, value in changes.items():
        most = LIMITS.get(name, math.inf)
        if name != "flip" and not 0 <= value <= most:
            range_in_words = f"from 0 to {most:g}" if name in LIMITS else "0 or more"
            raise UserError(f"{name} has to be {range_in_words}, not {value}.")


def _changed(
    changes: Mapping[str, Any],
    move: Callable,
    border: str,
    images: tf.Tensor,
    target: Any,
    seed: int,
    step: tf.Tensor,
) -> tuple[tf.Tensor, Any]:
    """A batch, each image changed in another way."""
    for name in ("crop", "cutout"):
        if changes.get(name, 0) >= min(images.shape[1:3]):
            size = " x ".join(map(str, images.shape[1:3]))
            raise UserError(f"{name} has to be smaller than the images, which are {size}, not {changes[name]}.")
    draw = _Draws(seed, step, tf.shape(images)[0])
    if moves := {name: changes[name] for name in MOVES if name in changes}:
        transforms = _transforms(images, draw, **moves)
        images, target = _moved(images, transforms, border), move(target, transforms)
    if "contrast" in changes:
        mean = tf.reduce_mean(images, [1, 2, 3], keepdims=True)
        images = (images - mean) * _for_pixels(1 + draw.uniform(changes["contrast"])) + mean
    if "brightness" in changes:
        images += _for_pixels(draw.uniform(changes["brightness"]))
    if "cutout" in changes:
        images = _cut_out(images, draw, changes["cutout"])
    return tf.clip_by_value(images, 0.0, 1.0), target


def suggestion(data: Data, augment: Augment | None) -> str:
    """A line that suggests augmentation where it mostly helps, for few photographs; "" elsewhere."""
    spec, examples = data.inputs, len(data.train)
    if augment or not isinstance(spec, Image) or examples >= FEW or min(spec.height, spec.width) < LARGE:
        return ""
    return f"{examples:,} images are few: changing them at random mostly helps; try --augment photos"


def examples(data: Data, augment: Augment | None, seed: int, drawn: Drawn | None = None) -> np.ndarray | None:
    """A picture of some training examples, and below each what augmentation makes of it; None for texts and tables.

    Args:
        data: the data set.
        augment: what changes images.
        seed: of the random changes.
        drawn: draws the target on a picture, as a task does.
    """
    raw, target = data.train.examples(EXAMPLES)
    shown = data.shown(raw)
    if not isinstance(shown, np.ndarray):
        return None
    rows = [_with_targets(shown, target, drawn)]
    if augment:
        features = tf.convert_to_tensor(features_of(data.preprocess, raw))
        for step in range(VERSIONS):
            images, moved = augment(features, target, seed, tf.constant(step, tf.int64))
            pixels = np.round(np.clip(images, 0, 1) * 255).astype("uint8")
            pixels = pixels if pixels.shape[-1] == shown.shape[-1] else pixels[..., :1]
            rows.append(_with_targets(pixels, moved, drawn))
    return mosaic(np.stack(rows))


def _with_targets(pictures: np.ndarray, targets: Any, drawn: Drawn | None) -> np.ndarray:
    """Pictures with their targets on them, where they can be drawn; both batch first."""
    if drawn is None:
        return pictures
    of_each = (tf.nest.map_structure(itemgetter(slice(row, row + 1)), targets) for row in range(len(pictures)))
    return np.stack([drawn(picture, target) for picture, target in zip(pictures, of_each, strict=True)])


class _Draws:
    """Random numbers of one step, one an image; each call draws others."""

    def __init__(self, seed: int, step: tf.Tensor, size: tf.Tensor):
        self._seed, self._size, self._drawn = tf.stack([tf.constant(seed, tf.int64), step]), size, 0

    def uniform(self, most: float) -> tf.Tensor:
        """From -most to most, (batch,)."""
        self._drawn += 1
        seed = tf.random.experimental.stateless_fold_in(self._seed, self._drawn)
        return tf.random.stateless_uniform([self._size], seed, -most, most)


def _transforms(
    images: tf.Tensor,
    draw: _Draws,
    flip: str = "none",
    shift: float = 0.0,
    rotate: float = 0.0,
    zoom: float = 0.0,
    crop: int = 0,
) -> tf.Tensor:
    """Projections that flip, turn, zoom and move, (batch, 8); see `Task.move` of src/task.py."""
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
    return tf.stack([a, b, x - a * x - b * y + right, c, d, y - c * x - d * y + down, zeros, zeros], axis=1)


def _moved(images: tf.Tensor, transforms: tf.Tensor, border: str) -> tf.Tensor:
    """The images under these projections."""
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=tf.constant(images.shape.as_list()[1:3]),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode={"reflection": "REFLECT", "black": "CONSTANT"}[border],
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

"""Segmentation: the class of each pixel, by a softmax over logits and cross-entropy, or by the overlap of regions.

Long et al. (2015), Fully convolutional networks for semantic segmentation, section 5 (mean IoU); Dice: Milletari et al.
(2016), V-Net, equation 3; focal loss: Lin et al. (2017), Focal loss for dense object detection, equation 4; class
weights: Paszke et al. (2016), ENet, section 4.2.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal

import keras
import numpy as np
import tensorflow as tf

from src import task
from src.analysis import masks
from src.analysis.drawing import one_below_other
from src.analysis.intervals import Scores
from src.analysis.sections import Section
from src.data import Source
from src.specs import UNLABELLED, Mask

SPEC = Mask
OPAQUE = 0.6  # of the colours of a mask on a picture
FOCUS = 2.0  # gamma of the focal loss
EVEN = 1.1  # added to a class's share: the weight of a class that fills all is 1 / ln 2.1


def adapt(outputs: Mask, train: Source) -> Mask:
    """The spec with the number of training pixels of each class.

    Raises:
        ValueError: for fewer than two classes, or for masks that aren't int32 indices into their names.
    """
    if len(outputs.names) < 2:
        raise ValueError(f"segmentation needs two classes or more; there is only {', '.join(outputs.names) or 'none'}")
    return dataclasses.replace(outputs, counts=tuple(_pixels(train.target_batches(), outputs).tolist()))


class Task(task.Task):
    """Segmentation into `outputs.names`.

    Args:
        outputs: the classes, and how many pixels of each there are in the training split.
        region_loss: what is minimised: cross-entropy; dice, the overlap of regions, for classes of few pixels; both,
            their sum; focal, cross-entropy in which pixels that are easy count less.
        class_weights: whether to weight classes by 1 / ln(1.1 + share of the pixels), in cross-entropy and focal loss.
    """

    monitor, direction = "val_mean_iou", "max"
    meanings: ClassVar = {
        "mean_iou": "of the classes that are there, the mean of their intersection over union: of the pixels that are "
        "of a class or are taken for it, the share that is both.",
    }

    def __init__(
        self,
        outputs: Mask,
        *,
        region_loss: Literal["cross_entropy", "dice", "both", "focal"] = "cross_entropy",
        class_weights: bool = False,
    ):
        self.outputs, self.region_loss = outputs, region_loss
        shares = np.array(outputs.counts or [1] * len(outputs.names), float)
        weights = 1 / np.log(EVEN + shares / max(1.0, shares.sum())) if class_weights else np.ones(len(shares))
        self.weights = (weights / weights.mean()).astype("float32")

    def move(self, target, transforms):
        """The masks of images that augmentation moves: the nearest pixel's class, and beyond the border reflected."""
        size = tf.constant([self.outputs.height, self.outputs.width])
        ways = {"interpolation": "NEAREST", "fill_mode": "REFLECT", "fill_value": 0.0}
        moved = tf.raw_ops.ImageProjectiveTransformV3(
            images=target[..., None], transforms=transforms, output_shape=size, **ways
        )
        return moved[..., 0]

    def loss(self, target, logits):
        """The loss (batch,) of masks (batch, height, width) and logits (batch, height, width, classes)."""
        labels, known = _split(target)
        by_pixel = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        if self.region_loss == "focal":
            by_pixel *= (1 - tf.exp(-by_pixel)) ** FOCUS
        weights = known * tf.gather(self.weights, labels)
        entropy = tf.math.divide_no_nan(tf.reduce_sum(by_pixel * weights, [1, 2]), tf.reduce_sum(weights, [1, 2]))
        if self.region_loss in ("cross_entropy", "focal"):
            return entropy
        dice = _dice(tf.one_hot(labels, len(self.outputs.names)) * known[..., None], tf.nn.softmax(logits), known)
        return dice if self.region_loss == "dice" else dice + entropy

    def metrics(self) -> list[keras.metrics.Metric]:
        """Mean intersection over union of a whole split, and the share of right pixels."""
        names = self.outputs.names

        class MeanIou(keras.metrics.Metric):
            def __init__(self):
                super().__init__(name="mean_iou")
                self.confusion = self.add_weight(shape=(len(names),) * 2, initializer="zeros", name="confusion")

            def update_state(self, y_true, y_pred, sample_weight=None):
                self.confusion.assign_add(_confusion(y_true, _classes(y_pred), len(names)))

            def result(self):
                return _mean_iou(tf.convert_to_tensor(self.confusion))

        class PixelAccuracy(keras.metrics.Mean):
            def update_state(self, y_true, y_pred, sample_weight=None):
                labels, known = _split(y_true)
                super().update_state(tf.cast(_classes(y_pred) == labels, tf.float32), known)

        return [MeanIou(), PixelAccuracy("pixel_accuracy")]

    def answers(self, logits) -> dict[str, tf.Tensor]:
        """The mask, uint8 (batch, height, width), and the share of each class."""
        mask = _classes(logits)
        shares = tf.reduce_mean(tf.one_hot(mask, len(self.outputs.names)), axis=[1, 2])
        return {"mask": tf.cast(mask, tf.uint8), "shares": shares}

    def on_picture(self, answers, picture) -> dict[str, tf.Tensor]:
        """The mask in the size of the picture by the nearest pixel, also as PNG in the classes' colours.

        Pictures of several sizes in one request have masks of the largest height and width among them, filled up with
        255 below and on the right; the PNG has the picture's own size.
        """
        numbers = tf.range(tf.shape(answers["mask"])[0])
        sizes = tf.map_fn(lambda number: tf.shape(picture(number))[:2], numbers)  # (batch, 2)
        mask = _resized(answers["mask"], sizes)
        colors = tf.constant(self.outputs.colors, tf.uint8)

        def png(mask, size):
            return tf.io.encode_png(tf.gather(colors, tf.cast(mask[: size[0], : size[1]], tf.int32)))

        pngs = tf.map_fn(lambda one: png(*one), (mask, sizes), fn_output_signature=tf.string)
        return {"mask": mask, "png_bytes": pngs, "shares": answers["shares"]}

    def summarize(self, targets) -> dict:
        """One split's targets, in batches, for the manifest: the number of pixels of each class."""
        return {"pixels": dict(zip(self.outputs.names, _pixels(targets, self.outputs).tolist(), strict=True))}

    def figures(self, predict, batches) -> dict:
        """Mean IoU and accuracy, and figures of each class, beside those of always answering the commonest one.

        Args:
            predict: from features to logits.
            batches: (features, masks) of one split, each example once.
        """
        confusion = np.zeros((len(self.outputs.names),) * 2)  # (true, predicted)
        for features, target in batches:
            confusion += _confusion(target, _classes(predict(features)), len(confusion)).numpy()
        commonest = int(np.argmax(self.outputs.counts))
        always = np.zeros_like(confusion)
        always[:, commonest] = confusion.sum(axis=1)
        return {
            **_summed_up(confusion),
            "baseline": {**_summed_up(always), "predictor": f"always {self.outputs.names[commonest]}"},
            "classes": masks.of_each_class(confusion, self.outputs.names),
        }

    def simple(self, train, batches) -> dict | None:
        """Figures of the mean mask, where they are better than those of always answering the commonest class.

        The mean mask has at each place the class that most training masks have there.

        Args:
            train: (features, masks) of the training split.
            batches: … of the split that is measured.
        """
        size, names = (self.outputs.height, self.outputs.width), self.outputs.names
        counts = np.zeros((*size, len(names)))
        for _, target, *_ in train:
            labels, known = _split(target)
            counts += tf.reduce_sum(tf.one_hot(labels, len(names)) * known[..., None], axis=0).numpy()
        commonest = np.full(size, np.argmax(self.outputs.counts))
        answers = (np.where(counts.any(axis=-1), counts.argmax(axis=-1), commonest), commonest)
        confusions = np.zeros((len(answers), len(names), len(names)))
        for _, target, *_ in batches:
            for answer, confusion in zip(answers, confusions, strict=True):
                confusion += _confusion(target, tf.broadcast_to(answer, tf.shape(target)), len(names)).numpy()
        mean, always = map(_summed_up, confusions)
        return {**mean, "predictor": "the mean training mask"} if mean["mean_iou"] > always["mean_iou"] else None

    def keep(self, features, target, logits) -> dict:
        """Of each example and class, the pixels that are of it, those taken for it, and those that are both."""
        labels, known = _split(target)
        true = tf.one_hot(labels, len(self.outputs.names)) * known[..., None]
        taken = tf.one_hot(_classes(logits), len(self.outputs.names)) * known[..., None]
        counts = {"true": true, "taken": taken, "both": true * taken}
        return {name: tf.cast(tf.reduce_sum(pixels, [1, 2]), tf.int32) for name, pixels in counts.items()}

    def overlay(self, picture, target, logits) -> np.ndarray:
        """The masks of a picture in their colours on it, the true one above; unlabelled pixels are left as they are."""
        true, predicted = self.drawn(picture, target), self.drawn(picture, _classes(logits))
        return one_below_other(true, predicted)

    def drawn(self, picture, target) -> np.ndarray:
        """A picture, in grey, with its mask in the classes' colours on it, but for unlabelled pixels."""
        labels, known = (part[0].numpy() for part in _split(target))
        grey = picture.mean(axis=-1, keepdims=True)
        colored = (1 - OPAQUE) * grey + OPAQUE * np.array(self.outputs.colors)[labels]
        return np.where(known[..., None], colored, grey).astype("uint8")

    def scores(self, predictions) -> Scores:
        """The share of right pixels, by example."""
        right, pixels = (predictions[name].sum(axis=1) for name in ("both", "true"))
        return Scores("pixel_accuracy", right / np.maximum(pixels, 1), pixels, direction="max")

    def errors(self, predictions) -> Sequence[Section]:
        """Figures of each class, and the pictures whose masks are worst."""
        counts = {name: predictions[name] for name in ("true", "taken", "both")}
        return [masks.worst(predictions.numbers, **counts), masks.by_class(**counts, names=self.outputs.names)]


def _split(target) -> tuple[tf.Tensor, tf.Tensor]:
    """Labels int32 (batch, height, width), 0 for unlabelled pixels; and 1.0 for those that are labelled, else 0.0."""
    target = tf.cast(target, tf.int32)
    return tf.maximum(target, 0), tf.cast(target != UNLABELLED, tf.float32)


def _classes(logits) -> tf.Tensor:
    """The likeliest class of each pixel, int32 (batch, height, width)."""
    return tf.argmax(logits, axis=-1, output_type=tf.int32)


def _resized(mask: tf.Tensor, sizes: tf.Tensor) -> tf.Tensor:
    """Masks, uint8 (batch, height, width), in other sizes, int32 (batch, 2), by the nearest pixel; beyond it 255."""
    places = []
    for axis, now in enumerate(mask.shape[1:]):
        to = sizes[:, axis, None]  # (batch, 1)
        pixels = tf.range(tf.reduce_max(to))[None]
        places.append(tf.where(pixels < to, (2 * pixels + 1) * now // (2 * to), now))
    padded = tf.pad(mask, [(0, 0), (0, 1), (0, 1)], constant_values=255)
    rows, columns = places
    return tf.gather(tf.gather(padded, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)


def _confusion(target, predicted: tf.Tensor, classes: int) -> tf.Tensor:
    """Pixels by true and predicted class, float32 (classes, classes), of masks (batch, height, width)."""
    labels, known = (tf.reshape(part, [-1]) for part in _split(target))
    return tf.math.confusion_matrix(labels, tf.reshape(predicted, [-1]), classes, known, tf.float32)


def _mean_iou(confusion: tf.Tensor) -> tf.Tensor:
    """The mean over classes that are there of their intersection over union."""
    both, true, taken = tf.linalg.diag_part(confusion), tf.reduce_sum(confusion, 1), tf.reduce_sum(confusion, 0)
    there = tf.cast(true > 0, confusion.dtype)
    iou = tf.math.divide_no_nan(both, true + taken - both)
    return tf.math.divide_no_nan(tf.reduce_sum(iou * there), tf.reduce_sum(there))


def _summed_up(confusion: np.ndarray) -> dict[str, float]:
    right, pixels = np.trace(confusion), confusion.sum()
    return {"mean_iou": float(_mean_iou(tf.constant(confusion))), "pixel_accuracy": float(right / max(1, pixels))}


def _dice(true: tf.Tensor, probability: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
    """One minus the mean overlap of each class that is there, (batch,); all (batch, height, width, classes)."""
    probability *= known[..., None]
    both, of, taken = (tf.reduce_sum(part, [1, 2]) for part in (true * probability, true, probability))
    there = tf.cast(of > 0, tf.float32)
    overlap = (2 * both + 1) / (of + taken + 1)
    return 1 - tf.math.divide_no_nan(tf.reduce_sum(overlap * there, -1), tf.reduce_sum(there, -1))


def _pixels(targets: Iterable[np.ndarray], outputs: Mask) -> np.ndarray:
    """The number of pixels of each class, of masks in batches.

    Raises:
        ValueError: for what is no mask of these classes.
    """
    shape, classes = (outputs.height, outputs.width), len(outputs.names)
    totals = np.zeros(classes, int)
    for batch in targets:
        if batch.dtype != "int32" or batch.shape[1:] != shape:
            raise ValueError(
                f"masks have to be int32 (examples, {shape[0]}, {shape[1]}), not {batch.dtype} {batch.shape}"
            )
        if batch.min() < UNLABELLED or batch.max() >= classes:
            strange = next(int(value) for value in np.unique(batch) if not UNLABELLED <= value < classes)
            raise ValueError(f"a pixel has the class {strange}; those of {classes} classes are 0 to {classes - 1}")
        totals += np.bincount(batch[batch != UNLABELLED], minlength=classes)
    return totals

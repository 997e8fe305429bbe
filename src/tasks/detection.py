"""Detection: which things there are in an image, and a box around each, without anchors, on a grid of the image.

Heat map of the things' centres: Zhou et al. (2019), Objects as points, equation 1; boxes that are learnt around them,
weighted by its peaks: Liu et al. (2020), Training-time-friendly network for real-time object detection, section 3. What
stands in a cell: src/preprocess/grids.py.
"""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import tensorflow as tf

from src import task
from src.analysis import detections
from src.analysis.colors import palette
from src.analysis.detections import Detections
from src.analysis.drawing import one_below_other, with_boxes
from src.analysis.intervals import Scores
from src.analysis.sections import Section
from src.data import Source
from src.preprocess import boxes, grids
from src.signatures import DEFAULT
from src.specs import UNLABELLED, Boxes

SPEC = Boxes
FOCUS, EASE = 2, 4  # exponents of the focal loss: Zhou et al., section 3
OF_BOXES = 5.0  # weight of the loss of boxes beside that of classes: Liu et al., section 3.4
MOST_FOUND = 100  # boxes of an image that are answered, as in COCO
OVERLAP = 0.6  # of two boxes of one class, above which the less certain one goes
LEAST = 0.01  # score of what is measured


def adapt(outputs: Boxes, train: Source) -> Boxes:
    """The spec with how many boxes there are of each class, how many in an image, and how large they usually are.

    Raises:
        ValueError: for targets that are no boxes of these classes, or where there are none.
    """
    counts, images, logarithms = np.zeros(len(outputs.names), int), 0, np.zeros(2)
    for batch in train.target_batches():
        box, label = _checked(batch, outputs)
        is_box = label != UNLABELLED
        counts += np.bincount(label[is_box], minlength=len(outputs.names))
        images += len(label)
        logarithms += np.log(box[is_box][:, 2:] - box[is_box][:, :2]).sum(axis=0)
    if not counts.sum():
        raise ValueError("there is no box")
    height, width = np.exp(logarithms / counts.sum()).tolist()
    return dataclasses.replace(
        outputs,
        counts=tuple(counts.tolist()),
        per_image=float(counts.sum() / images),
        usual=(height, width),
        colors=palette(len(outputs.names)),
    )


def sample(examples: int) -> tuple[Boxes, dict[str, np.ndarray]]:
    """A spec and random targets, for the contract tests."""
    random = np.random.default_rng(0)
    start, size = random.uniform(0, 0.5, (examples, 3, 2)), random.uniform(0.2, 0.5, (examples, 3, 2))
    label = random.integers(UNLABELLED, 2, (examples, 3)).astype("int32")
    label[:, 0] = 0
    box = np.concatenate([start, start + size], axis=-1) * (label != UNLABELLED)[..., None]
    target = {"box": box.astype("float32"), "label": label}
    return Boxes(12, 8, ("red", "green"), 3, (40, 20), 2.0, (0.3, 0.3)), target


class Task(task.Task):
    """Detection of `outputs.names`.

    Args:
        outputs: the classes, with statistics of the training split.
        threshold: score from which a box is answered, from 0 to 1.

    Raises:
        ValueError: for another threshold.
    """

    monitor, direction = "val_AP", "max"
    border: ClassVar = "black"  # a reflection would show things that have no box
    meanings: ClassVar = {
        "AP": "average precision of the boxes, mean over classes and over how far a box has to overlap the true one, "
        "from 0.5 to 0.95 (COCO's).",
        "AP50": "average precision where a box has to overlap the true one by half.",
        "AP75": "average precision where a box has to overlap the true one by three quarters.",
        "F1": "of the boxes that are there and those that are answered, the share that is both: of one class, and "
        "overlapping by half or more.",
    }
    limits: ClassVar = (
        f"`boxes` are top, left, bottom and right in pixels of the picture; up to {MOST_FOUND} are answered, the most "
        "certain first; `count` says how many are meant."
    )

    def __init__(self, outputs: Boxes, *, threshold: float = 0.3):
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold is a score from 0 to 1, not {threshold:g}")
        self.outputs, self.threshold, self.usual = outputs, threshold, {"threshold": threshold}
        self.size = (outputs.height, outputs.width)
        self.colors = outputs.colors or palette(len(outputs.names))

    def supervise(self, features, target):
        """Features, and boxes with their class in one tensor, float32 (batch, most, 5)."""
        return features, tf.concat([target["box"], tf.cast(target["label"], tf.float32)[..., None]], axis=-1)

    def move(self, target, transforms):
        """The boxes of images that augmentation moves, those left out that are mostly outside then."""
        box, label = boxes.moved(target["box"], target["label"], transforms, self.size)
        return {"box": box, "label": label}

    def loss(self, target, prediction):
        """The loss (batch,) of boxes with classes (batch, most, 5) and a grid (batch, rows, columns, classes + 4)."""
        box, label = target[..., :4], tf.cast(target[..., 4], tf.int32)
        logits, nearby = self._split(prediction)
        heat, smallest, weight = grids.targets(box, label, *logits.shape[1:])
        of_classes = tf.reduce_sum(_focal(heat, logits), axis=[1, 2, 3])
        apart = 1 - boxes.generalized_iou(smallest, nearby)
        of_boxes = tf.reduce_sum(weight * apart, axis=[1, 2])
        return (of_classes + OF_BOXES * of_boxes) / self.outputs.per_image

    def answers(self, prediction) -> dict[str, tf.Tensor]:
        """The most certain boxes, as fractions of the image, their classes' indices and scores, the best first.

        Boxes of one thing in neighbouring places may be among them: that they go is left to `on_picture`.
        """
        logits, nearby = self._split(prediction)
        box, index, score = grids.highest(logits, nearby, MOST_FOUND)
        return {"boxes": box, "class": index, "score": score}

    def on_picture(self, answers, picture, threshold=None) -> dict[str, tf.Tensor]:
        """Boxes in pixels of the picture, with names of their classes, and the picture with the boxes drawn on it."""
        least = tf.fill(tf.shape(answers["score"])[:1], self.threshold) if threshold is None else threshold
        box, label, score = self._distinct(answers, least)
        pngs, sizes = boxes.pngs(picture, box, label, np.array(self.colors, "float32") / 255)
        return {
            "boxes": box * tf.cast(tf.tile(sizes, [1, 2])[:, None], tf.float32),
            "label": tf.gather(tf.constant(["", *self.outputs.names]), label + 1),
            "score": score,
            "count": tf.reduce_sum(tf.cast(label != UNLABELLED, tf.int32), axis=1),
            "png_bytes": pngs,
        }

    def signatures(self, model, preprocess, doors, steps):
        """Beside the usual ones `at_threshold`, in which each example says from which score boxes are answered."""
        name, door = next(iter(doors.items()), (DEFAULT, None))
        usual, ask = super().signatures(model, preprocess, doors, steps), self.asked(model, preprocess, door)
        _, request = usual[name]

        def at_threshold(given):
            return ask({key: given[key] for key in request}, threshold=given["threshold"])

        threshold = {"threshold": tf.TensorSpec((None,), tf.float32, name="threshold")}
        return {**usual, "at_threshold": (at_threshold, {**request, **threshold})}

    def requests(self, raw, specs) -> dict:
        """A request for each signature."""
        thresholds = np.linspace(0.1, 0.5, len(next(iter(raw.values()))), dtype="float32")
        return {DEFAULT: raw, "at_threshold": {**raw, "threshold": thresholds}}

    def summarize(self, targets) -> dict:
        """One split's targets, in batches, for the manifest: the number of boxes of each class, and of empty images."""
        counts, empty = np.zeros(len(self.outputs.names), int), 0
        for batch in targets:
            label = batch["label"]
            counts += np.bincount(label[label != UNLABELLED], minlength=len(counts))
            empty += int((label == UNLABELLED).all(axis=1).sum())
        return {"boxes": dict(zip(self.outputs.names, counts.tolist(), strict=True)), "without_boxes": empty}

    def watch(self, predict, batches) -> dict[str, float]:
        """COCO's average precision of a split, and the F1 of what is answered."""
        found = self._detections(predict, batches)
        return self._summed_up(found, self._precision(found))

    def figures(self, predict, batches) -> dict:
        """Average precision, by class and by size, beside that of always answering the usual box in the middle.

        Args:
            predict: from features to a grid.
            batches: (features, boxes with classes) of one split, each example once.
        """
        found = self._detections(predict, batches)
        precision = self._precision(found)
        always = found.always(self.outputs.usual, int(np.argmax(self.outputs.counts)))
        of_classes = zip(self.outputs.names, np.moveaxis(precision[..., 0], 1, 0), strict=True)
        simple = self._summed_up(always, self._precision(always))
        return {
            **self._summed_up(found, precision),
            "baseline": {**simple, "predictor": "always the usual box in the middle"},
            "classes": {name: float(np.mean(part)) for name, part in of_classes if np.isfinite(part).all()},
            "sizes": detections.by_size(precision),
        }

    def keep(self, features, target, prediction) -> dict:
        """The boxes that are there, and those that were found."""
        box, label, score = self._found(prediction)
        true_label = tf.cast(target[..., 4], tf.int32)
        return {"true_box": target[..., :4], "true_label": true_label, "box": box, "label": label, "score": score}

    def scores(self, predictions) -> Scores:
        """The F1 of what is answered."""
        return self._scores(_of(predictions))

    def captions(self, predictions, rows) -> list[str]:
        """How many boxes are right, and which errors there are."""
        counts = self._counts(predictions)
        return [detections.in_words(counts[row]) for row in rows]

    def errors(self, predictions) -> Sequence[Section]:
        """Errors by kind and by class, and the images with most of them."""
        kept, counts = _of(predictions), self._counts(predictions)
        return [
            detections.by_kind(counts),
            detections.worst(predictions.numbers, counts),
            detections.by_class(kept, self._precision(kept), self.outputs.names, self.threshold),
            detections.by_threshold(kept),
        ]

    def overlay(self, picture, target, prediction) -> np.ndarray:
        """The picture with the boxes that are there, and below it with those that were found and their scores."""
        box, label, score = (part[0].numpy() for part in self._found(prediction))
        answered = (score >= self.threshold) & (label != UNLABELLED)
        there = np.asarray(target[0])
        there = there[there[:, 4] != UNLABELLED]
        true = self._with_boxes(picture, there[:, :4], there[:, 4].astype(int))
        scores = [f" {value:.2f}" for value in score[answered]]
        found = self._with_boxes(picture, box[answered], label[answered], scores)
        return one_below_other(true, found)

    def drawn(self, picture, target) -> np.ndarray:
        """The picture with the boxes of a target as the data set gives it, or augmentation moves it."""
        label = np.asarray(target["label"][0])
        return self._with_boxes(picture, np.asarray(target["box"][0])[label != UNLABELLED], label[label != UNLABELLED])

    def _with_boxes(self, picture, box: np.ndarray, label: np.ndarray, behind: Sequence[str] = ()) -> np.ndarray:
        """The picture with boxes and their classes, and what stands `behind` these."""
        texts = [self.outputs.names[index] for index in label]
        texts = ["".join(parts) for parts in zip(texts, behind or [""] * len(texts), strict=True)]
        return with_boxes(picture, box, texts, [self.colors[index] for index in label])

    def _split(self, prediction) -> tuple[tf.Tensor, tf.Tensor]:
        """Logits (batch, rows, columns, classes), and the box of each cell (batch, rows, columns, 4)."""
        logits, logarithms = tf.split(prediction, [len(self.outputs.names), 4], axis=-1)
        return logits, grids.around_cells(logarithms, self.outputs.usual)

    def _distinct(self, answers, threshold: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Boxes, labels and scores of an image's things, each found once, from its threshold, (batch,), on."""
        score = tf.where(answers["score"] >= threshold[:, None], answers["score"], 0.0)
        return boxes.distinct(answers["boxes"], answers["class"], score, len(self.outputs.names), MOST_FOUND, OVERLAP)

    @tf.function(reduce_retracing=True)
    def _found(self, prediction) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """All boxes that count in average precision, of a batch."""
        return self._distinct(self.answers(prediction), tf.fill(tf.shape(prediction)[:1], LEAST))

    def _detections(self, predict, batches) -> Detections:
        parts = [(target.numpy(), *(part.numpy() for part in self._found(predict(x)))) for x, target, *_ in batches]
        target, box, label, score = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Detections(target[..., :4], target[..., 4].astype("int32"), box, label, score)

    def _precision(self, found: Detections) -> np.ndarray:
        return detections.average_precision(found, self.size, len(self.outputs.names))

    def _summed_up(self, found: Detections, precision: np.ndarray) -> dict[str, float]:
        return {**detections.summed_up(precision), "F1": self._scores(found).mean}

    def _scores(self, found: Detections) -> Scores:
        right, boxes_of_both = detections.agreement(found.above(self.threshold))
        return Scores("F1", right / np.maximum(boxes_of_both, 1), boxes_of_both, direction="max")

    def _counts(self, predictions) -> list:
        return detections.counted(_of(predictions).above(self.threshold))


def _of(predictions) -> Detections:
    return Detections(*(predictions[name] for name in ("true_box", "true_label", "box", "label", "score")))


def _checked(batch, outputs: Boxes) -> tuple[np.ndarray, np.ndarray]:
    """Boxes and labels of targets; raises ValueError for what they can't be."""
    box, label = batch["box"], batch["label"]
    if box.dtype != "float32" or box.shape[1:] != (outputs.most, 4) or label.dtype != "int32":
        raise ValueError(f"boxes have to be float32 (examples, {outputs.most}, 4), and their labels int32")
    is_box = label != UNLABELLED
    if is_box.any() and not 0 <= label[is_box].min() <= label[is_box].max() < len(outputs.names):
        raise ValueError(f"labels of {len(outputs.names)} classes are 0 to {len(outputs.names) - 1}")
    sides = box[is_box]
    if (sides < 0).any() or (sides > 1).any() or (sides[:, 2:] <= sides[:, :2]).any():
        raise ValueError("a box has no area, or is outside of its image: top, left, bottom and right are from 0 to 1")
    return box, label


def _focal(heat: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Zhou et al., equation 1, at each place; an error counts less near a centre, and where the model is sure."""
    probability = tf.sigmoid(logits)
    at_centre = (1 - probability) ** FOCUS * tf.nn.softplus(-logits)
    elsewhere = (1 - heat) ** EASE * probability**FOCUS * tf.nn.softplus(logits)
    return tf.where(heat >= 1, at_centre, elsewhere)

"""Detections against the boxes that are there: average precision, and which errors there are.

Lin et al. (2014), Microsoft COCO, with the rules of pycocotools; kinds of errors: Bolya et al. (2020), TIDE: a general
toolbox for identifying object detection errors, section 2.2.

Boxes are top, left, bottom and right as fractions of an image's height and width; a label of UNLABELLED is no box.
"""

import contextlib
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from src.analysis.sections import SHOWN, Examples, Table
from src.specs import UNLABELLED

SAME, NEAR = 0.5, 0.1  # intersection over union of boxes of one thing, and of boxes that have to do with each other
SIZES = ("small", "medium", "large")  # below 32 x 32 pixels, up to 96 x 96, and above
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
KINDS = {
    "wrong class": "overlaps a true box of another class by half or more",
    "wrong place": "overlaps a true box of its class by less than half",
    "wrong class and place": "overlaps a true box of another class by less than half",
    "duplicate": "overlaps a true box that a more certain answer has matched",
    "background": "overlaps no true box, or by less than a tenth",
    "missed": "a true box that no answer overlaps enough",
}


@dataclass(frozen=True)
class Detections:
    """What is in images, and what was found.

    Args:
        true_box, true_label: float32 (images, boxes, 4) and int32 (images, boxes).
        box, label, score: what was found, the best first: float32 (images, found, 4), int32 and float32 (images,
            found).
    """

    true_box: np.ndarray
    true_label: np.ndarray
    box: np.ndarray
    label: np.ndarray
    score: np.ndarray

    def __len__(self) -> int:
        return len(self.label)

    def above(self, threshold: float) -> "Detections":
        """Without those that are less certain."""
        label = np.where(self.score >= threshold, self.label, UNLABELLED)
        return Detections(self.true_box, self.true_label, self.box, label, self.score)

    def always(self, size: tuple[float, float], label: int) -> "Detections":
        """In each image one box of this height and width, in the middle, and of this class."""
        height, width = size
        box = np.clip(np.array([-height, -width, height, width], "float32") / 2 + 0.5, 0, 1)
        boxes, labels = np.broadcast_to(box, (len(self), 1, 4)), np.full((len(self), 1), label, "int32")
        return Detections(self.true_box, self.true_label, boxes, labels, np.ones((len(self), 1), "float32"))


def average_precision(detections: Detections, size: tuple[int, int], classes: int) -> np.ndarray:
    """COCO's average precision, (IoU thresholds 0.5, 0.55, … 0.95; classes; all sizes, small, medium, large).

    NaN where there is no such box.

    Args:
        detections: of a split.
        size: height and width of the images, in whose pixels boxes are small or large.
        classes: how many there are.
    """
    true = _in_pixels(detections.true_box, detections.true_label, size)
    found = _in_pixels(detections.box, detections.label, size)
    with contextlib.redirect_stdout(io.StringIO()):  # it talks
        coco = COCO()
        coco.dataset = {
            "images": [{"id": image} for image in range(len(detections))],
            "categories": [{"id": label} for label in range(classes)],
            "annotations": [
                {"id": number, "image_id": image, "category_id": label, "bbox": box, "area": box[2] * box[3],
                 "iscrowd": 0}
                for number, (image, label, box, _) in enumerate(true, 1)
            ],
        }  # fmt: skip
        coco.createIndex()
        results = COCO()
        results.dataset = {
            **{part: coco.dataset[part] for part in ("images", "categories")},
            "annotations": [
                {"id": number, "image_id": image, "category_id": label, "bbox": box, "area": box[2] * box[3],
                 "score": float(detections.score[image, place])}
                for number, (image, label, box, place) in enumerate(found, 1)
            ],
        }  # fmt: skip
        results.createIndex()
        evaluation = COCOeval(coco, results, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][..., -1]  # (thresholds, recalls, classes, sizes), -1 where there is none
    return np.where(precision[:, 0] < 0, np.nan, precision.mean(axis=1))


def summed_up(precision: np.ndarray) -> dict[str, float]:
    """AP over all thresholds, AP50 and AP75, means over the classes that are there, of `average_precision`."""
    of_all = precision[..., 0]
    parts = {"AP": of_all, "AP50": of_all[0], "AP75": of_all[5]}
    return {name: float(np.nanmean(part)) if np.isfinite(part).any() else 0.0 for name, part in parts.items()}


def by_size(precision: np.ndarray) -> dict[str, float]:
    """AP of the boxes of each size that there are."""
    parts = zip(SIZES, np.moveaxis(precision[..., 1:], -1, 0), strict=True)
    return {name: float(np.nanmean(part)) for name, part in parts if np.isfinite(part).any()}


def counted(detections: Detections) -> list[Counter[str]]:
    """Of each image how many detections are "right", and how many errors there are of each of KINDS.

    The most certain detection takes the box first, as in COCO.
    """
    matches = (_matched(detections, image) for image in range(len(detections)))
    return [Counter([*kinds, *["missed"] * int(missed.sum())]) for kinds, missed in matches]


def agreement(detections: Detections) -> tuple[np.ndarray, np.ndarray]:
    """Of each image, of the boxes that are there and those that were found, how many are right, and how many there are.

    A right one is counted on both sides, so that the quotient is the F1.
    """
    right = np.array([2 * count["right"] for count in counted(detections)], float)
    return right, sum((label != UNLABELLED).sum(axis=1) for label in (detections.true_label, detections.label))


def by_kind(counts: Sequence[Counter[str]]) -> Table:
    """How many errors there are of each kind."""
    total = sum(counts, Counter[str]())
    rows: list[dict[str, str | int | float]] = [
        {"error": kind, "boxes": total[kind], "images": sum(count[kind] > 0 for count in counts), "meaning": meaning}
        for kind, meaning in KINDS.items()
    ]
    text = f"{total['right']:,} answers are right: of a true box's class, and with an IoU of {SAME} or more."
    return Table("Errors by kind", rows, text)


def by_class(detections: Detections, precision: np.ndarray, names: Sequence[str], threshold: float) -> Table:
    """AP of each class, and precision and recall of what is at least so certain."""
    certain = detections.above(threshold)
    right = np.zeros(len(names), int)
    for image, label in enumerate(certain.label):
        kinds, _ = _matched(certain, image)
        labels = label[label != UNLABELLED]
        np.add.at(right, labels[[kind == "right" for kind in kinds]], 1)
    there, answered = (
        np.bincount(label[label != UNLABELLED], minlength=len(names)) for label in (certain.true_label, certain.label)
    )
    rows: list[dict[str, str | int | float]] = [
        {
            "class": name,
            "boxes": int(there[label]),
            **{name: value if there[label] else "" for name, value in summed_up(precision[:, [label]]).items()},
            "precision": _share(right[label], answered[label]),
            "recall": _share(right[label], there[label]),
        }
        for label, name in enumerate(names)
    ]
    return Table("By class", rows, f"Precision and recall are those of boxes with a score of {threshold:g} or more.")


def by_threshold(detections: Detections) -> Table:
    """Precision, recall and F1 of what is at least so certain, by how certain that is."""
    there = int((detections.true_label != UNLABELLED).sum())
    rows: list[dict[str, str | int | float]] = []
    for threshold in THRESHOLDS:
        twice_right, both = (parts.sum() for parts in agreement(detections.above(threshold)))
        answered, right = int(both) - there, twice_right / 2
        rows.append(
            {
                "threshold": threshold,
                "boxes": answered,
                "precision": _share(right, answered),
                "recall": _share(right, there),
                "F1": _share(twice_right, both),
            }
        )
    text = (
        "Precision is the share of the answered boxes that are right, recall the share of the true ones that are found."
    )
    return Table("By threshold", rows, f"{text} --threshold decides what is answered.", is_folded=True)


def worst(numbers: np.ndarray, counts: Sequence[Counter[str]]) -> Examples:
    """The images with the most errors.

    Args:
        numbers: of the images in their split.
        counts: of the errors in each.
    """
    errors = np.array([count.total() - count["right"] for count in counts], int)
    rows = [row for row in np.argsort(-errors, kind="stable")[:SHOWN] if errors[row]]
    text = "Below each picture its true boxes, and below those the ones that were predicted, with their scores."
    return Examples("Most errors", {int(numbers[row]): in_words(counts[row]) for row in rows}, text)


def in_words(count: Mapping[str, int]) -> str:
    """The errors in an image, such as "5 right, 1 missed"."""
    return ", ".join(f"{count[kind]} {kind}" for kind in ("right", *KINDS) if count.get(kind)) or "no box"


def _share(part: float, whole: float) -> float | str:
    """A share for a table, where that of nothing is left empty."""
    return float(part / whole) if whole else ""


def _matched(detections: Detections, image: int) -> tuple[list[str], np.ndarray]:
    there = detections.true_label[image] != UNLABELLED
    answered = detections.label[image] != UNLABELLED
    true_label, label = detections.true_label[image][there], detections.label[image][answered]
    iou = overlaps(detections.box[image][answered], detections.true_box[image][there])
    taken, explained = np.zeros(len(true_label), bool), np.zeros(len(true_label), bool)
    kinds = []
    for row in np.argsort(-detections.score[image][answered], kind="stable"):
        of_class = true_label == label[row]
        kind, which = _kind(iou[row], of_class, taken)
        if kind == "right":
            taken[which] = True
        elif kind.startswith("wrong"):
            explained[which] = True
        kinds.append((row, kind))
    return [kind for _, kind in sorted(kinds)], ~(taken | explained)


def _kind(iou: np.ndarray, of_class: np.ndarray, taken: np.ndarray) -> tuple[str, int]:
    """What a detection is, and which true box it has to do with: -1 for none."""
    ways = (
        ("right", of_class & ~taken, SAME),
        ("duplicate", of_class & taken, SAME),
        ("wrong class", ~of_class & ~taken, SAME),
        ("wrong place", of_class & ~taken, NEAR),
        ("wrong class and place", ~of_class & ~taken, NEAR),
    )
    for kind, allowed, least in ways:
        of_allowed = np.where(allowed, iou, -1.0)
        if of_allowed.size and of_allowed.max() >= least:
            return kind, int(of_allowed.argmax())
    return "background", -1


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of each box (n, 4) with each other one (m, 4), (n, m)."""
    corners_and_sizes = (np.hstack([box[:, :2], box[:, 2:] - box[:, :2]]).astype(float) for box in (boxes, others))
    iou = mask.iou(*corners_and_sizes, [0] * len(others))  # none is a crowd
    return np.reshape(iou, (len(boxes), len(others)))  # it is flat where there are none


def _in_pixels(box: np.ndarray, label: np.ndarray, size: tuple[int, int]) -> list[tuple[int, int, list[float], int]]:
    """Image, label, [left, top, width, height] in pixels and place of each box that is one."""
    height, width = size
    top, left, bottom, right = np.moveaxis(box.astype(float) * (height, width, height, width), -1, 0)
    sides = np.stack([left, top, right - left, bottom - top], axis=-1)
    images, places = np.nonzero(label != UNLABELLED)
    return [
        (int(image), int(label[image, place]), sides[image, place].tolist(), int(place))
        for image, place in zip(images, places, strict=True)
    ]

"""Average precision and kinds of errors, against cases made by hand and another way of computing them."""

import numpy as np
import pytest

from src.analysis.detections import (
    Detections,
    agreement,
    average_precision,
    by_class,
    by_kind,
    by_size,
    by_threshold,
    counted,
    in_words,
    overlaps,
    summed_up,
    worst,
)

RANDOM = np.random.default_rng(0)
SIZE = (100, 200)


def made(true, found, images=1):
    """Detections of lists of (image, label, box) and of (image, label, score, box), boxes in hundredths."""
    most = max(len(true), len(found), 1)
    box, true_box = np.zeros((images, most, 4), "float32"), np.zeros((images, most, 4), "float32")
    label, true_label = np.full((images, most), -1, "int32"), np.full((images, most), -1, "int32")
    score = np.zeros((images, most), "float32")
    for place, (image, kind, sides) in enumerate(true):
        true_label[image, place], true_box[image, place] = kind, np.array(sides) / 100
    for place, (image, kind, certainty, sides) in enumerate(found):
        label[image, place], score[image, place], box[image, place] = kind, certainty, np.array(sides) / 100
    return Detections(true_box, true_label, box, label, score)


def test_a_precision_of_one_and_of_none():
    true = [(0, 0, (0, 0, 50, 50)), (1, 1, (20, 20, 60, 90))]
    right = [(image, label, 0.9, box) for image, label, box in true]
    for figure, detections in ((1, made(true, right, 2)), (0, made(true, [], 2)), (0, made([], right, 2))):
        figures = summed_up(average_precision(detections, SIZE, 3))
        assert figures == pytest.approx(dict.fromkeys(("AP", "AP50", "AP75"), figure))


def test_a_box_counts_by_how_far_it_overlaps():
    found = [(0, 0, 0.5, (0, 0, 10, 62))]  # of 10 x 100: an intersection over union of 0.62
    figures = summed_up(average_precision(made([(0, 0, (0, 0, 10, 100))], found), SIZE, 1))
    assert figures == pytest.approx({"AP": 0.3, "AP50": 1.0, "AP75": 0.0}), "right at 0.5, 0.55 and 0.6 of ten"


def by_hand(detections, label, threshold):
    """Average precision of one class at 101 recalls, with a loop over all images and boxes."""
    ranked = []
    for image in range(len(detections)):
        true = detections.true_box[image][detections.true_label[image] == label]
        rows = np.flatnonzero(detections.label[image] == label)
        free = np.ones(len(true), bool)
        for row in rows[np.argsort(-detections.score[image][rows], kind="stable")]:
            iou = overlaps(detections.box[image][row : row + 1], true)[0] if len(true) else np.zeros(0)
            iou = np.where(free, iou, -1)
            is_right = bool(len(iou)) and iou.max() >= threshold
            if is_right:
                free[iou.argmax()] = False
            ranked.append((detections.score[image][row], is_right))
    right = np.array([is_right for _, is_right in sorted(ranked, key=lambda pair: -pair[0])])
    recall = right.cumsum() / (detections.true_label == label).sum()
    precision = right.cumsum() / np.arange(1, len(right) + 1)
    return np.mean([precision[recall >= at].max(initial=0) for at in np.linspace(0, 1, 101)])


def test_average_precision_is_what_a_plain_loop_computes():
    start = RANDOM.uniform(0, 0.6, (20, 6, 2))
    true_box = np.concatenate([start, start + RANDOM.uniform(0.1, 0.4, (20, 6, 2))], axis=-1)
    true_label = RANDOM.integers(-1, 3, (20, 6)).astype("int32")
    box = np.concatenate([true_box + RANDOM.normal(0, 0.03, (20, 6, 4)), true_box[:, ::-1]], axis=1)
    label = np.concatenate([true_label, RANDOM.integers(-1, 3, (20, 6))], axis=1).astype("int32")
    detections = Detections(true_box, true_label, box, label, RANDOM.random((20, 12)))
    precision = average_precision(detections, SIZE, 3)
    for place, threshold in ((0, 0.5), (5, 0.75)):
        expected = [by_hand(detections, label, threshold) for label in range(3)]
        np.testing.assert_allclose(precision[place, :, 0], expected, rtol=1e-6)


def test_sizes_are_those_of_the_image_that_the_model_sees():
    true = [(0, 0, (0, 0, 30, 15)), (0, 0, (0, 20, 60, 60)), (0, 0, (0, 50, 100, 100))]  # of 100 x 200 pixels
    found = [(0, 0, 0.9, true[0][2]), (0, 0, 0.8, true[2][2])]
    figures = by_size(average_precision(made(true, found), SIZE, 1))
    assert figures == pytest.approx({"small": 1.0, "medium": 0.0, "large": 1.0})
    assert [*by_size(average_precision(made(true[:1], found[:1]), SIZE, 1))] == ["small"]


TRUE = (0, 0, (0, 0, 40, 40))


@pytest.mark.parametrize(
    ("found", "kinds"),
    [
        ([(0, 0, 0.9, (0, 0, 40, 40))], {"right": 1}),
        ([(0, 0, 0.9, (0, 0, 40, 40)), (0, 0, 0.8, (1, 0, 40, 40))], {"right": 1, "duplicate": 1}),
        ([(0, 0, 0.8, (0, 0, 40, 40)), (0, 0, 0.9, (1, 0, 40, 40))], {"right": 1, "duplicate": 1}),
        ([(0, 1, 0.9, (0, 0, 40, 40))], {"wrong class": 1}),
        ([(0, 0, 0.9, (0, 25, 40, 65))], {"wrong place": 1}),
        ([(0, 1, 0.9, (0, 25, 40, 65))], {"wrong class and place": 1}),
        ([(0, 0, 0.9, (60, 60, 90, 90))], {"background": 1, "missed": 1}),
        ([], {"missed": 1}),
    ],
)
def test_each_error_is_of_one_kind(found, kinds):
    assert counted(made([TRUE], found)) == [kinds]


def test_an_image_without_boxes_has_nothing_to_miss():
    empty = made([], [(0, 0, 0.9, (0, 0, 40, 40))])
    assert counted(empty) == [{"background": 1}] and counted(made([], [])) == [{}]
    assert in_words({}) == "no box" and in_words({"missed": 2, "right": 1}) == "1 right, 2 missed"


def test_less_certain_ones_are_left_out():
    detections = made([TRUE], [(0, 0, 0.9, (0, 0, 40, 40)), (0, 0, 0.2, (50, 50, 90, 90))])
    assert counted(detections.above(0.5)) == [{"right": 1}]
    right, boxes = agreement(detections.above(0.5))
    assert (right / boxes).tolist() == [1.0]
    right, boxes = agreement(detections)
    assert (right / boxes).tolist() == pytest.approx([2 / 3])


def test_tables_and_examples_say_what_was_found():
    detections = made([TRUE, (1, 1, (0, 0, 20, 20))], [(0, 0, 0.9, (0, 0, 40, 40)), (1, 0, 0.8, (60, 60, 90, 90))], 2)
    counts = counted(detections)
    sure = {row["threshold"]: row for row in by_threshold(detections).rows}
    assert [sure[0.8][name] for name in ("boxes", "precision", "recall", "F1")] == pytest.approx([2, 0.5, 0.5, 0.5])
    assert [sure[0.9][name] for name in ("boxes", "precision", "recall")] == pytest.approx([1, 1, 0.5])
    assert [row["precision"] for row in by_threshold(made([TRUE], [])).rows] == [""] * len(sure)
    assert {row["error"]: row["boxes"] for row in by_kind(counts).rows if row["boxes"]} == {
        "background": 1,
        "missed": 1,
    }
    assert worst(np.array([4, 7]), counts).captions == {7: "1 background, 1 missed"}
    cat, dog, none = by_class(detections, average_precision(detections, SIZE, 3), ["cat", "dog", "none"], 0.3).rows
    assert [cat[name] for name in ("boxes", "AP", "precision", "recall")] == pytest.approx([1, 1, 0.5, 1])
    assert (dog["AP"], dog["recall"]) == (0.0, 0.0)
    assert [none[name] for name in ("boxes", "AP", "precision", "recall")] == [0, "", "", ""]

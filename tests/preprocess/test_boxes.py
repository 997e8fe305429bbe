"""Boxes as tensors: moved as pixels are, compared as in the paper, and drawn where they are."""

import numpy as np
import pytest
import tensorflow as tf

from src.preprocess import boxes, grids
from src.specs import UNLABELLED
from src.training.augmentation import augmentation

HEIGHT, WIDTH = 40, 60


def around(pixels):
    """Top, left, bottom and right of pixels that are bright."""
    rows, columns = np.nonzero(pixels)
    return np.array(
        [rows.min() / HEIGHT, columns.min() / WIDTH, (rows.max() + 1) / HEIGHT, (columns.max() + 1) / WIDTH]
    )


def move(target, transforms):
    box, label = boxes.moved(target["box"], target["label"], transforms, (HEIGHT, WIDTH))
    return {"box": box, "label": label}


@pytest.mark.parametrize(
    "changes", [{"flip": "both"}, {"shift": 0.3}, {"zoom": 0.4}, {"flip": "horizontal", "crop": 9}]
)
def test_boxes_stay_around_what_moves(changes):
    images = np.zeros((16, HEIGHT, WIDTH, 1), "float32")
    images[:, 12:28, 20:35] = 1
    box = np.tile(around(images[0, ..., 0]), (16, 1, 1)).astype("float32")
    target = {"box": tf.constant(box), "label": tf.zeros((16, 1), tf.int32)}
    augment = augmentation(move, "black", **changes)
    in_graph = tf.function(lambda images, target, step: augment(images, target, 0, step))  # as in the pipeline
    moved, target = in_graph(tf.constant(images), target, tf.constant(3, tf.int64))
    assert np.ptp(target["box"].numpy(), axis=0).max() > 0.01, "each in another way"
    for image, (found,) in zip(moved.numpy(), target["box"].numpy(), strict=True):
        np.testing.assert_allclose(found, around(image[..., 0] > 0.5), atol=1.01 / HEIGHT)


def test_a_box_that_leaves_the_image_goes_and_one_at_its_edge_is_cut():
    box = tf.constant([[[0.1, 0.0, 0.3, 0.2], [0.1, 0.0, 0.3, 0.6], [0.5, 0.5, 0.9, 0.9], [0.0, 0.0, 0.0, 0.0]]])
    label = tf.constant([[2, 1, 0, UNLABELLED]])
    right = tf.constant([[1.0, 0, 0.4 * WIDTH, 0, 1, 0, 0, 0]])  # what comes is what was further to the right
    moved, label = boxes.moved(box, label, right, (HEIGHT, WIDTH))
    assert label.numpy().tolist() == [[UNLABELLED, 1, 0, UNLABELLED]], "of the second a third is left"
    np.testing.assert_allclose(moved[0, 1], [0.1, 0.0, 0.3, 0.2], atol=1e-6)
    np.testing.assert_allclose(moved[0, 2], [0.5, 0.1, 0.9, 0.5], atol=1e-6)
    assert not moved.numpy()[0, [0, 3]].any()


def test_generalized_iou_is_that_of_the_paper():
    box = tf.constant([0.0, 0.0, 0.5, 0.5])
    others = {
        (0.0, 0.0, 0.5, 0.5): 1.0,
        (0.0, 0.25, 0.5, 0.75): 1 / 3,
        (0.5, 0.5, 1.0, 1.0): -0.5,
        (0, 0, 0.25, 0.5): 0.5,
    }
    for other, expected in others.items():
        assert float(boxes.generalized_iou(box, tf.constant(other))) == pytest.approx(expected, abs=1e-6)


def test_a_picture_shows_its_boxes_where_they_are_and_a_large_one_gets_smaller():
    picture = np.zeros((100, 200, 3), "uint8")
    box, color = (
        tf.constant([[0.2, 0.1, 0.8, 0.5], [0.0, 0.0, 0.0, 0.0]]),
        tf.constant([[1.0, 0.5, 0.0], [0.0, 0.0, 1.0]]),
    )
    drawn = tf.io.decode_png(boxes.png(picture, box, color)).numpy()
    assert drawn.shape == picture.shape
    rows, columns = np.nonzero(drawn[..., 0] > 200)
    assert (rows.min(), columns.min()) == pytest.approx((20, 20), abs=1)
    assert (rows.max(), columns.max()) == pytest.approx((80, 100), abs=1)
    assert not drawn[40:60, 40:80].any(), "nothing is drawn within"
    large = tf.io.decode_png(boxes.png(np.zeros((1000, 3000, 3), "uint8"), box, color)).numpy()
    assert large.shape == (341, 1024, 3) and (large[170, :, 0] > 200).sum() >= 6, "its lines are wider"


def test_a_grid_has_a_peak_for_each_box_and_learns_the_smallest_there():
    box = tf.constant([[[0.1, 0.1, 0.9, 0.9], [0.4, 0.4, 0.65, 0.65], [0.0, 0.0, 0.1, 0.1]]])
    heat, smallest, weight = grids.targets(box, tf.constant([[1, 0, UNLABELLED]]), 8, 12, 3)
    assert heat.shape == (1, 8, 12, 3) and heat[0, 4, 6, 1] == 1 and heat[0, 4, 6, 0] == 1
    assert not heat[..., 2].numpy().any() and 0 < heat[0, 4, 7, 1] < 1
    np.testing.assert_array_equal(smallest[0, 4, 6], box[0, 1])
    np.testing.assert_array_equal(smallest[0, 4, 8], box[0, 0])
    assert weight[0, 0, 0] == 0 and float(tf.reduce_sum(weight)) <= 2


@pytest.mark.parametrize("jit", [False, True])
def test_a_grid_of_many_boxes_is_that_of_all_at_once(jit):
    """Of pictures with none, some and many, of which some have gone; in the last one two are as small as each other."""
    random, most, rows, columns = np.random.default_rng(0), 2 * grids.AT_ONCE + 3, 12, 20
    label = random.integers(0, 3, (4, most)).astype("int32")
    label[0], label[1, 3:], label[2, ::4] = UNLABELLED, UNLABELLED, UNLABELLED
    middle, half = random.uniform(0.2, 0.8, (4, most, 2)), random.uniform(0.01, 0.2, (4, most, 2))
    box = np.concatenate([middle - half, middle + half], axis=-1).astype("float32")
    box[3, -1] = box[3, 0]
    graph = tf.function(lambda *given: grids.targets(*given, rows, columns, 3), jit_compile=jit)
    heat, smallest, weight = graph(tf.constant(box), tf.constant(label))

    def along(start, end, cells):
        away = np.arange(cells) - np.floor((start + end) / 2 * cells)
        return np.where(
            abs(away) <= 3 * 0.09 * (end - start) * cells,
            np.exp(-((away / (0.09 * (end - start) * cells)) ** 2) / 2),
            0,
        )

    for image in range(4):
        of_boxes = [np.outer(along(b[0], b[2], rows), along(b[1], b[3], columns)) for b in box[image].astype("float64")]
        peaks = np.where(label[image, :, None, None] == UNLABELLED, 0, of_boxes)  # (most, rows, columns)
        for number in range(3):
            expected = np.max(np.where(label[image, :, None, None] == number, peaks, 0), axis=0)
            np.testing.assert_allclose(heat[image, ..., number], expected, atol=1e-5)
        sides = box[image, :, 2:] - box[image, :, :2]
        index = np.argmin(np.where(peaks > 0, sides.prod(axis=1)[:, None, None], np.inf), axis=0)
        np.testing.assert_array_equal(smallest[image], box[image][index])
        shares = peaks / np.maximum(peaks.sum(axis=(1, 2), keepdims=True), 1e-9)
        np.testing.assert_allclose(weight[image], np.take_along_axis(shares, index[None], axis=0)[0], atol=1e-5)

"""Segmentation: losses and figures against hand-made numbers and scikit-learn."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import jaccard_score

from src.analysis.predictions import Predictions
from src.data import Data
from src.preprocess.images import pixels
from src.sources.memory import InMemory
from src.specs import UNLABELLED, Image, Mask
from src.tasks.segmentation import Task
from src.training.augmentation import augmentation, examples

RANDOM = np.random.default_rng(0)
SPEC = Mask(6, 5, ("ground", "cat", "dog", "none"), ((0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)), (80, 15, 5, 0))
MASKS = RANDOM.integers(UNLABELLED, 3, (7, 6, 5)).astype("int32")  # nothing is "none"
LOGITS = RANDOM.normal(size=(7, 6, 5, 4)).astype("float32")
KNOWN = MASKS != UNLABELLED


def mean_iou(masks, taken):
    known = masks != UNLABELLED
    return jaccard_score(masks[known], taken[known], labels=np.unique(masks[known]), average="macro")


def test_figures_are_scikit_learns_over_classes_that_are_there():
    task, taken = Task(SPEC), LOGITS.argmax(axis=-1)
    for metric in (metrics := task.metrics()):
        for start in (0, 3):
            metric.update_state(MASKS[start : start + 4 if start else 3], LOGITS[start : start + 4 if start else 3])
    expected = {"mean_iou": mean_iou(MASKS, taken), "pixel_accuracy": (taken == MASKS)[KNOWN].mean()}
    assert {metric.name: float(metric.result()) for metric in metrics} == pytest.approx(expected, rel=1e-5)
    batches = tf.data.Dataset.from_tensor_slices((np.arange(7), MASKS)).batch(3)
    figures = task.figures(lambda rows: tf.gather(LOGITS, rows), batches)
    assert {name: figures[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    always = mean_iou(MASKS, np.zeros_like(MASKS))
    assert figures["baseline"]["mean_iou"] == pytest.approx(always) and "ground" in figures["baseline"]["predictor"]
    assert figures["classes"]["none"]["pixels"] == 0


@pytest.mark.parametrize("region_loss", ["cross_entropy", "dice", "both", "focal"])
def test_pixels_that_nobody_labelled_change_no_loss(region_loss):
    task = Task(SPEC, region_loss=region_loss, class_weights=True)
    others = np.where(KNOWN[..., None], LOGITS, 10 * RANDOM.normal(size=LOGITS.shape)).astype("float32")
    np.testing.assert_allclose(task.loss(MASKS, LOGITS), task.loss(MASKS, others), rtol=1e-5)
    right = 30 * tf.one_hot(np.maximum(MASKS, 0), 4)
    assert np.max(task.loss(MASKS, right)) < 0.03 < np.min(task.loss(MASKS, LOGITS)), "right masks cost nothing"
    nothing_known = np.full_like(MASKS, UNLABELLED)
    assert np.isfinite(task.loss(nothing_known, LOGITS)).all()


def test_losses_are_what_they_are_called():
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(MASKS[KNOWN], LOGITS[KNOWN]).numpy()
    number = np.nonzero(KNOWN)[0]
    means = np.bincount(number, entropy) / np.bincount(number)
    np.testing.assert_allclose(Task(SPEC).loss(MASKS, LOGITS), means, rtol=1e-5)
    focal = np.bincount(number, entropy * (1 - np.exp(-entropy)) ** 2) / np.bincount(number)
    np.testing.assert_allclose(Task(SPEC, region_loss="focal").loss(MASKS, LOGITS), focal, rtol=1e-4)
    both, dice = (Task(SPEC, region_loss=name).loss(MASKS, LOGITS) for name in ("both", "dice"))
    np.testing.assert_allclose(both, means + dice, rtol=1e-5)
    weights = Task(SPEC, class_weights=True).weights
    np.testing.assert_allclose(weights[0] / weights[2], np.log(1.15) / np.log(1.9), rtol=1e-5)


def test_masks_move_with_their_images():
    augment = augmentation(Task(SPEC).move, rotate=180, shift=0.3, zoom=0.5, flip="both")
    masks = np.zeros((16, 6, 5), "int32")
    masks[:, 2:4, 1:3] = 2
    images, moved = augment(tf.cast(masks[..., None] / 2, "float32"), tf.constant(masks), 0, tf.constant(0, tf.int64))
    clear = np.abs(images[..., 0] - 0.5) > 0.45  # of the pixels on borders it is mixed
    np.testing.assert_array_equal((images[..., 0] > 0.5).numpy()[clear], (moved == 2).numpy()[clear])
    assert set(np.unique(moved)) == {0, 2} and moved.dtype == tf.int32


def test_kept_counts_give_the_figures_again():
    task = Task(SPEC)
    kept = {name: np.asarray(column) for name, column in task.keep(None, tf.constant(MASKS), LOGITS).items()}
    scores = task.scores(Predictions("test", 7, np.arange(7), kept))
    assert scores.mean == pytest.approx((LOGITS.argmax(axis=-1) == MASKS)[KNOWN].mean())
    worst, table = task.errors(Predictions("test", 7, np.arange(7), kept))
    first = next(iter(worst.captions))
    means = [mean_iou(mask, taken) for mask, taken in zip(MASKS, LOGITS.argmax(axis=-1), strict=True)]
    assert first == np.argmin(means) and worst.captions[first] == f"mean IoU {min(means):.3f}"
    row = next(row for row in table.rows if row["class"] == "cat")
    assert row["IoU"] == pytest.approx(jaccard_score(MASKS[KNOWN] == 1, LOGITS.argmax(axis=-1)[KNOWN] == 1))


def test_a_mask_has_the_class_of_each_pixel_and_their_shares():
    answers = Task(SPEC).answers(tf.constant(LOGITS))
    assert answers["mask"].dtype == tf.uint8 and (answers["mask"].numpy() == LOGITS.argmax(axis=-1)).all()
    shares = [np.mean(answers["mask"][0] == number) for number in range(4)]
    np.testing.assert_allclose(answers["shares"][0], shares, rtol=1e-6)


def test_masks_are_brought_to_the_pictures_that_were_given():
    task, sizes = Task(SPEC), [(6, 5), (12, 15), (3, 20)]
    plain = task.answers(tf.constant(LOGITS[:3]))
    pictures = [np.zeros((*size, 3), "uint8") for size in sizes]
    one_by_one = tf.ragged.stack(pictures)
    answers = task.on_picture(plain, lambda number: one_by_one[number].to_tensor())
    mask = answers["mask"].numpy()
    assert mask.shape == (3, 12, 20) and mask.dtype == np.uint8
    np.testing.assert_array_equal(mask[0, :6, :5], plain["mask"][0])
    np.testing.assert_array_equal(mask[1, :12, :15], np.repeat(np.repeat(plain["mask"][1], 2, 0), 3, 1))
    np.testing.assert_array_equal(mask[2, :3, :20], np.repeat(plain["mask"][2], 4, 1)[1::2])
    assert (mask[0, 6:] == 255).all() and (mask[2, 3:] == 255).all(), "where a picture is smaller than another"
    for number, (height, width) in enumerate(sizes):
        picture = tf.io.decode_png(answers["png_bytes"][number]).numpy()
        np.testing.assert_array_equal(picture, np.array(SPEC.colors)[mask[number, :height, :width]])


def test_training_examples_are_shown_with_their_masks_also_as_augmentation_moves_them():
    images = InMemory.of({"image": np.full((2, 6, 5, 3), 100, "uint8")}, MASKS[:2])
    data = Data(images, images, images, Image(6, 5, 3), SPEC, pixels(Image(6, 5, 3)), {})
    picture = examples(data, augmentation(Task(SPEC).move, flip="both"), 0, Task(SPEC).drawn)
    colors = {*map(tuple, picture.reshape(-1, 3).tolist())}
    for name, color in zip(SPEC.names[:3], SPEC.colors, strict=False):
        assert tuple(int(0.4 * 100 + 0.6 * part) for part in color) in colors, name
    assert len(picture) > 3 * 6, "below each, what augmentation makes of it"


def test_the_baseline_is_the_mean_mask_where_that_is_better_than_one_class():
    task = Task(SPEC)
    sky = np.repeat([[[1], [1], [1], [0], [0], [0]]], 5, axis=2).astype("int32")  # the upper half is another class
    train = [(None, np.concatenate([sky, sky, MASKS[:1]])), (None, np.full((1, 6, 5), UNLABELLED, "int32"))]
    assert task.simple(train, [(None, sky)]) == {
        "mean_iou": 1.0,
        "pixel_accuracy": 1.0,
        "predictor": "the mean training mask",
    }
    assert task.simple(train, [(None, np.zeros_like(sky))]) is None, "always ground is better here"


def test_an_overlay_has_truth_above_prediction():
    picture = RANDOM.integers(0, 256, (6, 5, 3)).astype("uint8")
    drawn = Task(SPEC).overlay(picture, tf.constant(MASKS[:1]), tf.constant(LOGITS[:1])).astype(int)
    above, below = drawn[:6], drawn[-6:]
    same = (MASKS[0] == LOGITS[0].argmax(axis=-1)) & KNOWN[0]
    np.testing.assert_array_equal(above[same], below[same])
    assert (above[~KNOWN[0]].max(axis=-1) == above[~KNOWN[0]].min(axis=-1)).all(), "what is unlabelled stays grey"

"""Detection: what is learnt and answered of boxes made by hand."""

import numpy as np
import pytest
import tensorflow as tf

from src.sources.memory import InMemory
from src.specs import UNLABELLED, Boxes
from src.tasks.detection import MOST_FOUND, Task, adapt

SPEC = Boxes(64, 96, ("cat", "dog"), 3, (3, 1), 2.0, (0.25, 0.5))
BOX = np.array(
    [[[0.125, 0.25, 0.375, 0.75], [0.6, 0.1, 0.8, 0.5], [0, 0, 0, 0]], [[0.25, 0.25, 0.75, 0.75], *np.zeros((2, 4))]]
)
LABEL = np.array([[0, 1, UNLABELLED], [0, UNLABELLED, UNLABELLED]], "int32")
TARGET = {"box": BOX.astype("float32"), "label": LABEL}


def learnt(task, rows=16, columns=24):
    """A prediction without an error: a peak in the cell of each box's centre, and its sides there."""
    logits = np.full((2, rows, columns, 2), -12.0, "float32")
    sides = np.zeros((2, rows, columns, 4), "float32")
    for image, place in zip(*np.nonzero(LABEL != UNLABELLED), strict=True):
        top, left, bottom, right = BOX[image, place]
        row, column = int((top + bottom) / 2 * rows), int((left + right) / 2 * columns)
        logits[image, row, column, LABEL[image, place]] = 12
        y, x = (row + 0.5) / rows, (column + 0.5) / columns
        half = np.array([*SPEC.usual, *SPEC.usual]) / 2
        sides[image, row, column] = np.log(np.array([y - top, x - left, bottom - y, right - x]) / half)
    return tf.constant(np.concatenate([logits, sides], axis=-1))


def supervised(task):
    _, target = task.supervise(tf.zeros(2), {name: tf.constant(column) for name, column in TARGET.items()})
    return target


def test_statistics_are_those_of_the_training_boxes():
    spec = adapt(Boxes(64, 96, ("cat", "dog"), 3), InMemory.of({"x": np.zeros(2, "float32")}, TARGET))
    assert (spec.counts, spec.per_image) == ((2, 1), 1.5)
    sides = (BOX[..., 2:] - BOX[..., :2])[LABEL != UNLABELLED]
    np.testing.assert_allclose(spec.usual, np.exp(np.log(sides).mean(axis=0)), rtol=1e-6)


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ({"box": BOX[:, :2].astype("float32"), "label": LABEL[:, :2]}, r"\(examples, 3, 4\)"),
        ({"box": BOX.astype("float32"), "label": LABEL + 1}, "labels of 2 classes are 0 to 1"),
        ({"box": (BOX + 0.5).astype("float32"), "label": LABEL}, "outside of its image"),
        ({"box": np.zeros_like(BOX, "float32"), "label": LABEL}, "no area"),
        ({"box": BOX.astype("float32"), "label": np.full_like(LABEL, UNLABELLED)}, "there is no box"),
    ],
)
def test_what_is_no_box_is_refused(target, named):
    with pytest.raises(ValueError, match=named):
        adapt(Boxes(64, 96, ("cat", "dog"), 3), InMemory.of({"x": np.zeros(2, "float32")}, target))


def test_the_loss_is_least_where_everything_is_right():
    task = Task(SPEC)
    right, target = learnt(task), supervised(task)
    losses = task.loss(target, right)
    assert losses.shape == (2,) and float(tf.reduce_max(losses)) < 8, "a box is learnt in the cells around, too"
    others = {
        "another class": tf.gather(right, [1, 0, 2, 3, 4, 5], axis=-1),
        "nothing": tf.concat([tf.fill((2, 16, 24, 2), -12.0), right[..., 2:]], axis=-1),
        "everything": tf.concat([tf.fill((2, 16, 24, 2), 3.0), right[..., 2:]], axis=-1),
        "twice as large": tf.concat([right[..., :2], right[..., 2:] + np.log(2)], axis=-1),
        "one cell beside": tf.roll(right, 1, axis=2),
    }
    for name, other in others.items():
        assert (task.loss(target, other) > losses).numpy().all(), name


def test_an_image_without_boxes_learns_that_there_is_nothing():
    task, prediction = Task(SPEC), tf.Variable(tf.zeros((1, 4, 4, 6)))
    empty = tf.concat([tf.zeros((1, 3, 4)), tf.fill((1, 3, 1), -1.0)], axis=-1)
    with tf.GradientTape() as tape:
        loss = task.loss(empty, prediction)
    gradient = tape.gradient(loss, prediction).numpy()
    assert np.isfinite(gradient).all() and (gradient[..., :2] > 0).all() and not gradient[..., 2:].any()


def test_answers_are_in_pixels_of_the_picture_that_was_given():
    task = Task(SPEC)
    pictures = tf.ragged.constant([np.zeros((40, 100, 3), "uint8").tolist(), np.zeros((80, 20, 3), "uint8").tolist()])
    answers = task.on_picture(
        task.answers(learnt(task)), lambda number: pictures[number].to_tensor(shape=(None, None, 3))
    )
    assert answers["boxes"].shape == (2, MOST_FOUND, 4) and answers["count"].numpy().tolist() == [2, 1]
    first = dict(zip(answers["label"][0].numpy().tolist()[:2], answers["boxes"][0].numpy(), strict=False))
    np.testing.assert_allclose(first[b"cat"], BOX[0, 0] * (40, 100, 40, 100), rtol=1e-4)
    np.testing.assert_allclose(first[b"dog"], BOX[0, 1] * (40, 100, 40, 100), rtol=1e-4)
    np.testing.assert_allclose(answers["boxes"][1, 0], BOX[1, 0] * (80, 20, 80, 20), rtol=1e-4)
    assert (answers["label"][0, 2:] == b"").numpy().all() and not answers["score"][0, 2:].numpy().any()
    assert [tf.io.decode_png(picture).shape for picture in answers["png_bytes"]] == [(40, 100, 3), (80, 20, 3)]


def test_a_picture_in_which_nothing_is_found_stays_as_it_is():
    task, grey = Task(SPEC), tf.fill((40, 60, 3), tf.constant(90, tf.uint8))
    answers = task.on_picture(task.answers(tf.fill((2, 16, 24, 6), -12.0)), lambda number: grey)
    assert answers["count"].numpy().tolist() == [0, 0]
    assert (tf.io.decode_png(answers["png_bytes"][0]) == grey).numpy().all()


def test_one_thing_is_found_once_and_the_threshold_is_kept():
    task, grid = Task(SPEC, threshold=0.5), learnt(Task(SPEC)).numpy()
    grid[0, :, :, 2:] = 0.0
    grid[0, 4, 10, 0], grid[0, 4, 12, 0] = 3.0, 2.0  # two cells aside, with boxes of the usual size
    grid[0, 12, 20, 1] = -0.5
    answers = task.on_picture(task.answers(tf.constant(grid)), lambda number: tf.zeros((64, 96, 3), tf.uint8))
    scores = answers["score"][0].numpy()
    assert answers["count"][0] == 2, "the one at 12 columns is sure, the one beside it goes"
    assert (scores[:2] >= 0.5).all() and not scores[2:].any()
    least = tf.constant([0.3, 0.999999999])
    asked = task.on_picture(task.answers(tf.constant(grid)), lambda number: tf.zeros((64, 96, 3), tf.uint8), least)
    assert asked["count"].numpy().tolist() == [3, 1 if asked["score"][1, 0] >= 1 else 0]


def test_a_threshold_is_a_score():
    with pytest.raises(ValueError, match="from 0 to 1"):
        Task(SPEC, threshold=30)


def test_figures_of_what_is_right_are_one():
    task = Task(SPEC)
    batches = tf.data.Dataset.from_tensors((tf.zeros(2), supervised(task)))
    figures = task.figures(lambda _: learnt(task), batches)
    assert [figures[name] for name in ("AP", "AP50", "AP75", "F1")] == pytest.approx([1, 1, 1, 1])
    assert figures["classes"] == pytest.approx({"cat": 1, "dog": 1}) and figures["baseline"]["AP"] < 0.5
    assert task.watch(lambda _: learnt(task), batches)["AP"] == pytest.approx(1)


def test_all_epochs_are_measured_by_one_graph(monkeypatch):
    task, traced, suppress = Task(SPEC), [], tf.image.combined_non_max_suppression
    monkeypatch.setattr(
        tf.image, "combined_non_max_suppression", lambda *given: traced.append(given) or suppress(*given)
    )
    for _ in range(3):
        task.watch(lambda _: learnt(task), tf.data.Dataset.from_tensors((tf.zeros(2), supervised(task))))
    assert len(traced) == 1


def test_boxes_are_drawn_on_the_picture_the_true_ones_above():
    task = Task(SPEC)
    picture = np.zeros((64, 96, 3), "uint8")
    drawn = task.overlay(picture, supervised(task)[:1], learnt(task)[:1])
    above, below = drawn[: len(drawn) // 2 - 1], drawn[len(drawn) // 2 + 1 :]
    assert above.shape == below.shape and above.any() and below.any()
    nothing = task.overlay(picture[..., :1], supervised(task)[:1], tf.fill((1, 16, 24, 6), -12.0))
    assert not nothing[len(nothing) // 2 + 1 :].any()


def test_what_is_not_there_is_not_drawn_whatever_the_threshold():
    drawn = Task(SPEC, threshold=0).overlay(
        np.zeros((64, 96, 3), "uint8"), supervised(Task(SPEC))[:1], tf.fill((1, 16, 24, 6), -12.0)
    )
    assert not drawn[len(drawn) // 2 + 1 :].any()

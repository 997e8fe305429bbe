"""Training images that are changed at random: by seed and step alone, and only in training."""

import numpy as np
import pytest
import tensorflow as tf

from src.data import Data
from src.errors import UsageError, UserError
from src.preprocess.images import pixels
from src.runs.run import read_history
from src.settings import catalogue
from src.settings.contract import load_data
from src.sources.memory import InMemory
from src.specs import Classes, Image
from src.system.signals import Stopped
from src.train import train
from src.training.augmentation import PRESETS, augmentation, suggestion
from tests.samples import PAIRS

IMAGES = [
    (model, data)
    for model, data in PAIRS
    if Image in catalogue.dataset(data).inputs and Classes in catalogue.model(model).gives
]
OTHERS = [(model, data) for model, data in PAIRS if Image not in catalogue.dataset(data).inputs]


def pictures(height=6, width=8, channels=3, batch=16):
    return tf.constant(np.random.default_rng(0).random((batch, height, width, channels), "float32"))


def changed(images, seed=0, step=0, **knobs):
    return augmentation(**knobs)(images, None, seed, tf.constant(step, tf.int64))[0].numpy()


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "none"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_preset_is_a_function_of_seed_and_step(preset, channels):
    images = pictures(10, 12, channels)
    first = changed(images, 1, 5, augment=preset)
    assert first.shape == images.shape and first.dtype == "float32"
    assert first.min() >= 0 and first.max() <= 1
    np.testing.assert_array_equal(first, changed(images, 1, 5, augment=preset))
    for other in (changed(images, 1, 6, augment=preset), changed(images, 2, 5, augment=preset)):
        assert not np.array_equal(first, other)
    graph = tf.function(lambda step: augmentation(augment=preset)(images, None, 1, step)[0])
    np.testing.assert_allclose(graph(tf.constant(5, tf.int64)), first, atol=1e-5)


def test_each_image_is_changed_in_its_own_way():
    same = tf.repeat(pictures(batch=1), 8, axis=0)
    assert len({image.tobytes() for image in changed(same, rotate=90.0)}) == 8


@pytest.mark.parametrize(("flip", "axes"), [("horizontal", [2]), ("vertical", [1]), ("both", [1, 2])])
def test_flipped_images_are_mirrored_to_the_pixel(flip, axes):
    images = pictures().numpy()
    mirrored = {axis: np.flip(images, axis) for axis in axes} | {0: images, 3: np.flip(images, (1, 2))}
    found = [
        [axis for axis, other in mirrored.items() if np.allclose(image, other[number], atol=1e-5)]
        for number, image in enumerate(changed(tf.constant(images), flip=flip))
    ]
    assert all(found) and {axis for (axis,) in found} == ({0, *axes} | ({3} if len(axes) == 2 else set()))


def test_a_crop_moves_whole_pixels_and_reflects_at_the_edge():
    images = pictures(batch=64).numpy()
    padded = np.pad(images, [(0, 0), (2, 2), (2, 2), (0, 0)], mode="symmetric")
    moves = set()
    for number, image in enumerate(changed(tf.constant(images), crop=2)):
        for down in range(5):
            for right in range(5):
                if np.allclose(padded[number, down : down + 6, right : right + 8], image, atol=1e-5):
                    moves.add((number, down, right))
    assert len({number for number, *_ in moves}) == 64
    assert {down for _, down, _ in moves} == {right for *_, right in moves} == set(range(5))


def test_what_is_cut_out_has_the_mean_colour():
    images = pictures(12, 12).numpy()
    found = changed(tf.constant(images), cutout=4)
    for before, after in zip(images, found, strict=True):
        other = np.any(before != after, axis=-1)
        assert 0 < other.sum() <= 25
        np.testing.assert_allclose(after[other], np.broadcast_to(before.mean((0, 1)), (other.sum(), 3)), atol=1e-5)


def test_contrast_keeps_the_mean_and_brightness_the_differences():
    images = 0.4 + 0.2 * pictures()
    np.testing.assert_allclose(changed(images, contrast=0.5).mean((1, 2, 3)), images.numpy().mean((1, 2, 3)), atol=1e-5)
    lighter = changed(images, brightness=0.3) - images
    np.testing.assert_allclose(lighter, np.broadcast_to(lighter[:, :1, :1, :1], lighter.shape), atol=1e-5)
    assert 0.1 < np.abs(lighter).max() <= 0.3001


@pytest.mark.parametrize(
    "knobs",
    [
        {},
        {"augment": "none"},
        {"flip": "none"},
        {"shift": 0.0, "crop": 0},
        {"augment": "cifar", "flip": "none", "crop": 0, "cutout": 0},
    ],
)
def test_nothing_to_change_is_nothing(knobs):
    assert augmentation(**knobs) is None


@pytest.mark.parametrize("knobs", [{"shift": 0.6}, {"rotate": -1.0}, {"zoom": 1.0}, {"crop": -1}, {"brightness": 1.5}])
def test_a_number_out_of_its_range_is_named(knobs):
    (name,) = knobs
    with pytest.raises(UserError, match=f"{name} has to be (from 0|0 or more)"):
        augmentation(**knobs)


@pytest.mark.parametrize("name", ["crop", "cutout"])
def test_what_is_larger_than_the_images_is_refused(name):
    with pytest.raises(UserError, match=f"{name} has to be smaller than the images, which are 6 x 8, not 6"):
        changed(pictures(), **{name: 6})


@pytest.mark.skipif(not OTHERS, reason="all data sets are of images")
def test_other_data_has_no_such_knobs(tmp_path):
    model, data = OTHERS[0]
    with pytest.raises(UsageError, match="there is no knob 'flip'"):
        train(model, data=data, flip="both", runs_dir=str(tmp_path))


@pytest.mark.long
@pytest.mark.skipif(not IMAGES, reason="no model and data set of images")
def test_a_training_that_pauses_sees_the_images_it_would_have_seen(tmp_path):
    model, data = IMAGES[0]
    knobs = {"data": data, "limit": 64, "epochs": 2, "augment": "photos", "export": False, "verbose": False}
    whole = train(model, **knobs, runs_dir=str(tmp_path / "whole"))
    with pytest.raises(Stopped):
        train(model, **knobs, pause=1, runs_dir=str(tmp_path / "paused"))
    resumed = train(model, resume="1", runs_dir=str(tmp_path / "paused"))
    history, expected = read_history(resumed.path), read_history(whole.path)
    for name in expected:
        np.testing.assert_allclose(history[name], expected[name], rtol=1e-4, err_msg=name)
    plain = train(model, **{**knobs, "augment": "none"}, runs_dir=str(tmp_path / "plain"))
    assert read_history(plain.path)["loss"] != expected["loss"]
    assert (whole.path / "figures" / "examples.png").stat().st_size > (
        plain.path / "figures" / "examples.png"
    ).stat().st_size
    assert "differently in each epoch" in (whole.path / "report.html").read_text()


@pytest.mark.skipif(not IMAGES, reason="no model and data set of images")
def test_what_is_measured_is_never_changed(tmp_path):
    model, data = IMAGES[0]
    run = train(
        model, data=data, limit=64, epochs=1, augment="photos", export=False, verbose=False, runs_dir=str(tmp_path)
    )
    raw, target = load_data(catalogue.dataset(data), {}).test.examples(64)
    answers = run.predict(raw)
    names = run.task.outputs.names
    accuracy = np.mean([label == names[wanted] for label, wanted in zip(answers["label"], target, strict=True)])
    assert accuracy == pytest.approx(run.metrics["test"]["accuracy"])


@pytest.mark.parametrize(("side", "knobs", "said"), [(64, {}, True), (64, {"flip": "both"}, False), (28, {}, False)])
def test_it_is_suggested_for_few_photographs(side, knobs, said):
    source = InMemory.of({"image": np.zeros((9, side, side, 3), "uint8")}, np.zeros(9, "int32"))
    spec = Image(side, side, 3)
    data = Data(source, source, source, spec, Classes(("a", "b")), pixels(spec))
    assert ("--augment photos" in suggestion(data, augmentation(**knobs))) is said

"""Any set of TensorFlow Datasets: what it has and predicts is read from its own description."""

import io

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from src.errors import UserError
from src.readers import tfds
from src.settings import catalogue
from src.settings.contract import load_data
from src.specs import UNLABELLED, Boxes, Classes, Columns, Image, Mask, Values
from src.system.signals import Stopped
from src.train import train
from tests.conftest import BARE

library = pytest.importorskip("tensorflow_datasets")
if "tfds" not in catalogue.datasets():
    pytest.skip("there is no data set tfds", allow_module_level=True)
FEATURES = library.features
MODELS = [model.name for model in catalogue.models().values() if Columns in model.takes and Classes in model.gives]
PLAIN = {
    "age": np.float32,
    "siblings": np.int32,
    "sex": FEATURES.ClassLabel(names=["male", "female"]),
    "port": FEATURES.Text(),
    "name": FEATURES.Text(),
    "sizes": FEATURES.Tensor(shape=(2,), dtype=np.float32),
    "survived": FEATURES.ClassLabel(names=["no", "yes"]),
}


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """Stores examples as TensorFlow Datasets does, and opens them by any name."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))

    def store(features, splits, keys=None):
        library.dataset_builders.store_as_tfds_dataset(
            "toy",
            version="1.0.0",
            features=FEATURES.FeaturesDict(features),
            data_dir=str(tmp_path),
            split_datasets={split: list(enumerate(examples)) for split, examples in splits.items()},
            disable_shuffling=True,
        )
        builder = library.builder_from_directory(str(tmp_path / "toy" / "1.0.0"))
        monkeypatch.setattr(tfds, "prepared", lambda name: builder)

    return store


def load(wanted=(), **knobs):
    return load_data(catalogue.dataset("tfds"), {"name": "toy", **knobs}, wanted)


def person(i):
    return {
        "age": float(i),
        "siblings": i % 3,
        "sex": i % 2,
        "port": "QSC"[i % 3],
        "name": f"name {i}",
        "sizes": [i, -i],
        "survived": (i // 2) % 2,
    }


def picture(i):
    pixels = np.full((8 + i % 3, 10, 3), 5 * i, "uint8")
    return {"id": i, "image": pixels, "label": i % 2}


def test_columns_are_numbers_and_categories(stored):
    stored(PLAIN, {"train": map(person, range(100))})
    data = load(target="survived")
    assert data.outputs == Classes(("no", "yes"))
    assert data.inputs == Columns(("age", "siblings", "sizes_1", "sizes_2"), (("port", 4), ("sex", 3)))
    assert [len(split) for split in (data.train, data.validation, data.test)] == [60, 20, 20]
    raw, target = data.train.examples(60)
    np.testing.assert_array_equal((raw["age"] // 2) % 2, target)
    np.testing.assert_array_equal(raw["sizes_2"], -raw["age"])
    assert "left out, as neither numbers nor categories: name" in data.notes


@pytest.mark.skipif(not MODELS, reason="no model takes columns")
def test_a_training_on_columns_of_a_set_that_may_have_images_goes_on(stored, tmp_path):
    stored(PLAIN, {"train": map(person, range(100))})
    knobs = {"data": "tfds", "name": "toy", "target": "survived", "epochs": 2, **BARE}
    with pytest.raises(Stopped):
        train(MODELS[0], **knobs, pause=1, runs_dir=str(tmp_path))
    run = train(MODELS[0], resume="1", data="tfds", runs_dir=str(tmp_path), verbose=False, report=False)
    assert len(run.history["epoch"]) == 2


def test_a_number_is_a_regression_unless_classes_are_wanted(stored):
    stored(PLAIN, {"train": map(person, range(100)), "test": map(person, range(50))})
    assert load(target="age").outputs == Values(("age",))
    assert load(target="siblings").outputs == Classes(("0", "1", "2"))
    data = load((Values,), target="siblings")
    assert data.outputs == Values(("siblings",))
    assert [len(split) for split in (data.train, data.validation, data.test)] == [80, 20, 50]


PETS = {
    "image": FEATURES.Image(),
    "label": FEATURES.ClassLabel(names=["cat", "dog"]),
    "segmentation_mask": FEATURES.Image(shape=(None, None, 1)),
}


def pet(i):
    """A picture whose columns are of the classes 1, 2, 3 and, on the right, of none."""
    mask = np.repeat(np.array([[1, 2, 3, 255]], "uint8"), 8, axis=0).repeat(3 + i % 2, axis=1)
    return {"image": np.full((*mask.shape, 3), i, "uint8"), "label": i % 2, "segmentation_mask": mask[..., None]}


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_a_grey_image_beside_another_is_its_mask(stored, tmp_path, cache):
    stored(PETS, {"train": map(pet, range(40)), "test": map(pet, range(40, 50))}, keys=("image", "label"))
    data = load((Mask,), cache=cache, image_size=(4, 8))
    assert (data.outputs.height, data.outputs.width, data.outputs.names) == (4, 8, ("class 1", "class 2", "class 3"))
    assert [len(split) for split in (data.train, data.validation, data.test)] == [32, 8, 10]
    raw, target = data.test.examples(10)
    assert sorted(raw["image"][:, 0, 0, 0].tolist()) == [*range(40, 50)]
    np.testing.assert_array_equal(target, np.broadcast_to([0, 0, 1, 1, 2, 2, UNLABELLED, UNLABELLED], (10, 4, 8)))
    assert load((Classes,), target="label").outputs == Classes(("cat", "dog")), "not the mask"
    (tmp_path / "classes.txt").write_text("pet\nbackground\nborder\n")
    named = load(target="segmentation_mask", classes=str(tmp_path / "classes.txt"))
    assert named.outputs.names == ("pet", "background", "border")
    (tmp_path / "classes.txt").write_text("pet\nbackground\n")
    with pytest.raises(UserError, match="names 2 classes; 'segmentation_mask' has the values 1, 2, 3"):
        load(target="segmentation_mask", classes=str(tmp_path / "classes.txt"))
    with pytest.raises(UserError, match=r"'image' of toy/1\.0\.0 has colours, and no classes"):
        load(target="image")


CROWDED = {
    "image": FEATURES.Image(),
    "objects": FEATURES.Sequence(
        {"bbox": FEATURES.BBoxFeature(), "label": FEATURES.ClassLabel(names=["cat", "dog"]), "is_crowd": np.bool_}
    ),
}


def crowded(i):
    """A picture with up to two things, and a crowd that is none."""
    box = FEATURES.BBox(ymin=0.25, xmin=0.1, ymax=0.75, xmax=0.1 * (2 + i % 5))
    things = [{"bbox": box, "label": kind, "is_crowd": False} for kind in (0, 1)[: i % 3]]
    return {"image": np.full((8, 10, 3), i, "uint8"), "objects": [*things, {"bbox": box, "label": 0, "is_crowd": True}]}


def test_a_sequence_of_boxes_is_a_target(stored):
    stored(CROWDED, {"train": map(crowded, range(40)), "test": map(crowded, range(40, 50))})
    data = load((Boxes,), image_size=(4, 8))
    assert data.outputs == Boxes(4, 8, ("cat", "dog"), 2)
    assert [len(split) for split in (data.train, data.validation, data.test)] == [32, 8, 10]
    raw, target = data.test.examples(10)
    for number, box, label in zip(raw["image"][:, 0, 0, 0].tolist(), target["box"], target["label"], strict=True):
        assert label.tolist() == [[UNLABELLED, UNLABELLED], [0, UNLABELLED], [0, 1]][number % 3]
        expected = np.array([0.25, 0.1, 0.75, 0.1 * (2 + number % 5)])
        np.testing.assert_allclose(box, (label != UNLABELLED)[:, None] * expected, rtol=1e-6)


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
def test_images_of_any_size_are_read_by_their_number(stored, cache):
    features = {"id": np.int32, "image": FEATURES.Image(), "label": FEATURES.ClassLabel(names=["even", "odd"])}
    stored(features, {"train": map(picture, range(40)), "validation": map(picture, range(40, 46))})
    for _ in range(2):  # the second time from where it was kept
        data = load(cache=cache)
        assert data.inputs == Image(16, 16, 3)
        assert [len(split) for split in (data.train, data.validation, data.test)] == [32, 6, 8]
        raw, target = data.validation.examples(6)
        assert sorted(raw["image"][:, 0, 0, 0].tolist()) == [200, 205, 210, 215, 220, 225]
        np.testing.assert_array_equal(raw["image"][:, 0, 0, 0] // 5 % 2, target)
        assert len(set(data.validation.digests().tolist())) == 6
    assert "46 images, as 16 x 16" in data.notes


def test_images_are_decoded_as_those_of_a_request(stored):
    turned, photos = PIL.Image.Exif(), [io.BytesIO() for _ in range(10)]
    turned[0x0112] = 6
    for i, photo in enumerate(photos):
        pixels = np.random.default_rng(i).integers(0, 256, (8, 8, 3), "uint8")
        PIL.Image.fromarray(pixels).save(photo, "JPEG", exif=turned)
        photo.seek(0)
    features = {"image": FEATURES.Image(), "label": FEATURES.ClassLabel(num_classes=2)}
    stored(features, {"train": [{"image": photo, "label": i % 2} for i, photo in enumerate(photos)]})
    data = load()
    asked = {"image_bytes": tf.constant([photo.getvalue() for photo in photos])}
    known = {image.tobytes() for image in data.doors["image_bytes"](asked)["image"].numpy()}
    assert {image.tobytes() for image in data.train.examples(6)[0]["image"]} <= known


def test_images_of_other_pixels_are_refused(stored):
    features = {"image": FEATURES.Image(shape=(8, 8, 1), dtype=np.uint16), "label": FEATURES.ClassLabel(num_classes=2)}
    stored(features, {"train": [{"image": np.zeros((8, 8, 1), "uint16"), "label": i % 2} for i in range(10)]})
    with pytest.raises(UserError, match="has pixels of uint16 in 'image'"):
        load()


def test_a_split_without_labels_is_cut_from_train(stored, capsys):
    features = {"x": np.float32, "label": FEATURES.ClassLabel(num_classes=2)}
    labelled = [{"x": float(i), "label": i % 2} for i in range(50)]
    stored(features, {"train": labelled, "test": [{"x": 1.0, "label": -1}] * 5})
    data = load()
    assert [len(split) for split in (data.train, data.validation, data.test)] == [30, 10, 10]
    assert "test has no labels" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"name": ""}, "--name NAME"),
        ({"target": "nosuch"}, "no feature 'nosuch'"),
        ({}, "doesn't say what is predicted: --target NAME; it has age"),
        ({"target": "sizes"}, "neither a class nor a number"),
    ],
)
def test_what_can_not_be_predicted_is_said(stored, knobs, said):
    stored(PLAIN, {"train": map(person, range(20))})
    with pytest.raises(UserError, match=said):
        load(**knobs)


def test_a_name_that_is_unknown_is_said():
    with pytest.raises(UserError, match="TensorFlow Datasets has no set 'nosuchset'"):
        load_data(catalogue.dataset("tfds"), {"name": "nosuchset"})


def test_a_file_that_is_cut_off_is_named(stored, tmp_path):
    features = {"id": np.int32, "image": FEATURES.Image(), "label": FEATURES.ClassLabel(num_classes=2)}
    stored(features, {"train": map(picture, range(20))})
    (file,) = tmp_path.rglob("*.tfrecord*")
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"cut off|DataLoss|corrupted|truncated"):
        load()

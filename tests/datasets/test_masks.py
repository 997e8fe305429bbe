"""Pictures and masks as people have them, through the data set that reads them."""

import numpy as np
import pytest
from PIL import Image

from src.errors import UserError
from src.settings import catalogue
from src.settings.contract import load_data
from src.specs import UNLABELLED


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))


def load(path, **knobs):
    return load_data(catalogue.dataset("masks"), {"path": str(path), "image_size": (6, 8), **knobs})


@pytest.fixture
def folder(tmp_path):
    """Twenty pictures with masks of the indices 0, 1 and 3."""
    for number in range(20):
        put(tmp_path / f"images/{number}.png", np.full((6, 8, 3), 10 * number))
        put(tmp_path / f"masks/{number}.png", np.arange(48).reshape(6, 8) // 20 + (np.arange(8) > 6) * 1)
    return tmp_path


def put(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, "uint8")).save(path)


def test_images_keep_their_masks(folder):
    data = load(folder, unlabelled=(3,))
    assert [len(split) for split in (data.train, data.validation, data.test)] == [12, 4, 4]
    assert data.outputs.names == ("class 0", "class 1", "class 2")
    expected = np.arange(48).reshape(6, 8) // 20 + (np.arange(8) > 6) * 1
    for source in (data.train, data.validation, data.test):
        raw, target = source.examples(20)
        assert raw["image"].shape == (len(source), 6, 8, 3) and target.dtype == "int32"
        np.testing.assert_array_equal(target, [np.where(expected == 3, UNLABELLED, expected)] * len(source))


def test_black_and_white_masks_have_two_classes(folder):
    for number in range(20):
        put(folder / f"masks/{number}.png", 255 * (np.arange(48).reshape(6, 8) % 2))
    data = load(folder)
    assert data.outputs.names == ("background", "foreground")
    assert set(np.unique(data.train.examples(2)[1])) == {0, 1}
    assert set(np.unique(load(folder, unlabelled=(255,)).train.examples(2)[1])) == {UNLABELLED, 0}


@pytest.mark.parametrize("values", [[0, 127, 254], [*range(100)]], ids=["gaps", "greys"])
def test_greys_are_no_classes(folder, values):
    for number in range(20):
        put(folder / f"masks/{number}.png", np.resize(np.roll(values, 40 * number), (6, 8)))
    with pytest.raises(UserError, match="greys of a picture, it seems, and no indices"):
        load(folder)


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
def test_what_can_not_be_used_is_named_or_left_out_each_time(folder, cache):
    put(folder / "masks/3.png", np.zeros((5, 8)))
    (folder / "images/4.png").write_bytes(b"no picture")
    for _ in range(2):  # the second time from the disk
        with pytest.raises(UserError, match=r"has 2 of 20 pictures that can't be used; --skip-bad") as raised:
            load(folder, cache=cache)
        assert "masks/3.png is 5 x 8 pixels, and its picture 6 x 8" in str(raised.value)
        assert "images/4.png: " in str(raised.value)
        data = load(folder, cache=cache, skip_bad=True)
        assert sum(map(len, (data.train, data.validation, data.test))) == 18
        assert "left out: " in data.notes and "masks/3.png" in data.notes
        assert data.outputs.names[-1] == "class 3"


def test_classes_have_the_names_and_colours_of_the_file(folder):
    (folder / "classes.txt").write_text("0 0 0 road\n9 9 9 car\n70 70 70 sky\n")
    with pytest.raises(UserError, match="has the index 3; 3 classes are named, 0 to 2"):
        load(folder, classes=str(folder / "classes.txt"))
    outputs = load(folder, classes=str(folder / "classes.txt"), unlabelled=(3,)).outputs
    assert outputs.names == ("road", "car", "sky") and outputs.colors[2] == (70, 70, 70)

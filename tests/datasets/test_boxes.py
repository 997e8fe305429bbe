"""Pictures with boxes as people have them, through the data set that reads them."""

from pathlib import Path

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
    return load_data(catalogue.dataset("boxes"), {"path": str(path), "image_size": (6, 8), **knobs})


@pytest.fixture
def folder(tmp_path):
    """Twenty pictures of YOLO, in each of which a white box stands on black, of the class that its number tells."""
    for number in range(20):
        put(tmp_path, number, [number % 5, 1, number % 5 + 4, 5], number % 2)
    (tmp_path / "classes.txt").write_text("even\nodd\n")
    return tmp_path


def put(folder, number, box, label):
    """Writes a picture of 6 x 8 pixels, and its box: left, top, right and bottom."""
    left, top, right, bottom = box
    image = np.zeros((6, 8), "uint8")
    image[top:bottom, left:right] = 255
    Image.fromarray(image).save(folder / f"{number}.png")
    cells = (left + right) / 16, (top + bottom) / 12, (right - left) / 8, (bottom - top) / 6
    (folder / f"{number}.txt").write_text(" ".join(map(str, (label, *cells))))


def test_images_keep_their_boxes(folder):
    (folder / "0.txt").write_text("")
    data = load(folder)
    assert [len(split) for split in (data.train, data.validation, data.test)] == [12, 4, 4]
    assert (data.outputs.names, data.outputs.most) == (("even", "odd"), 1)
    assert (
        "20 pictures with boxes, YOLO (even 9, odd 10)" in data.notes and "1 of 20 pictures have no box" in data.notes
    )
    for source in (data.train, data.validation, data.test):
        raw, target = source.examples(20)
        assert raw["image"].shape == (len(source), 6, 8, 1)
        assert target["box"].dtype == "float32" and target["label"].dtype == "int32"
        for position, (image, (box,), (label,)) in enumerate(zip(raw["image"], *target.values(), strict=True)):
            number = int(Path(source.name_of(position)).stem)
            assert label == (number % 2 if number else UNLABELLED)
            top, left, bottom, right = np.round(box * (6, 8, 6, 8)).astype(int)
            assert image[top:bottom, left:right].min(initial=255) == 255
            assert (image == 255).sum() == (16 if not number else (bottom - top) * (right - left))


def test_each_split_has_pictures_with_boxes_however_few_there_are(folder):
    for number in range(20):
        if number % 3:
            (folder / f"{number}.txt").write_text("")
    data = load(folder)
    for source in (data.train, data.validation, data.test):
        _, target = source.examples(20)
        assert 0 < (target["label"] != UNLABELLED).any(axis=1).mean() < 0.6


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_what_can_not_be_used_is_named_or_left_out(folder, cache):
    (folder / "3.png").write_bytes(b"no picture")
    (folder / "4.txt").write_text("1 0.5 0.5 0.5 0.5\n0 0.5 0.5 0 0\n7 0.5 0.5 0.5 0.5")
    with pytest.raises(UserError, match=r"has 2 boxes and 1 of 20 pictures that can't be used; --skip-bad") as raised:
        load(folder, cache=cache)
    assert "3.png: it is no picture" in str(raised.value)
    assert "4.txt, line 2: is too small, 0 x 0 pixels" in str(raised.value)
    assert "4.txt, line 3: is of the class 7; 2 are named, 0 to 1" in str(raised.value)
    data = load(folder, cache=cache, skip_bad=True)
    assert sum(map(len, (data.train, data.validation, data.test))) == 19
    assert data.notes.count("left out: ") == 3


def test_faults_are_told_in_few_lines(folder):
    (folder / "4.txt").write_text("7 0.5 0.5 0.5 0.5\n" * 50)
    with pytest.raises(UserError, match="has 50 boxes that can't be used") as raised:
        load(folder)
    assert len(str(raised.value).splitlines()) == 12 and "and 40 more" in str(raised.value)


def test_a_file_names_the_classes(folder, tmp_path_factory):
    names = tmp_path_factory.mktemp("names") / "mine.txt"
    names.write_text("zero\none\ntwo\n")
    assert load(folder, classes=str(names)).outputs.names == ("zero", "one", "two")


def test_a_format_is_asked_for(folder):
    with pytest.raises(UserError, match="has pictures, but not an XML file called as a picture is"):
        load(folder, format="voc")
    assert load(folder, format="yolo").outputs.most == 1

"""Masks in files: which is whose, and what their pixels mean."""

import numpy as np
import pytest
from PIL import Image

from src.analysis.colors import palette
from src.datasets.masks import GROUND
from src.readers.class_files import Classes
from src.readers.masks import indices, pairs

SHAPE = (4, 6)
CLASSES = Classes(("road", "sky"), ((128, 0, 0), (0, 0, 128)))


def picture(path, pixels, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, "uint8")).save(path, **how)
    return path


def grey(path, value=0):
    return picture(path, np.full(SHAPE, value))


@pytest.mark.parametrize(
    ("image", "mask", "split"),
    [
        ("images/1.jpg", "masks/1.png", "train"),
        ("1.png", "1_mask.png", "train"),
        ("cells/a.b.png", "cells/a.b-label.png", "train"),
        ("JPEGImages/1.jpg", "SegmentationClass/1.png", "train"),
        ("images/a_l.png", "masks/a_l.png", "train"),
        ("images/a.png", "masks/a_mask.png", "train"),
        ("images/food_labels.png", "masks/food_labels_mask.png", "train"),
        ("val/1.png", "valannot/1.png", "validation"),
        ("images/test/x/1.png", "labels/test/x/1.png", "test"),
        ("Testing/Images/1.png", "Testing/GT/1.png", "test"),
    ],
)
def test_a_mask_finds_its_picture(image, mask, split, tmp_path):
    for path in (image, mask, "train/images/t.png", "train/masks/t.png"):
        grey(tmp_path / path)
    found, left_out = pairs(tmp_path)
    assert (tmp_path / image, tmp_path / mask) in found[split] and not left_out


def test_what_stands_alone_is_told(tmp_path):
    for path in ("images/1.png", "images/2.png", "masks/1.png", "masks/3.png", "images/notes.txt"):
        grey(tmp_path / path) if path.endswith(".png") else (tmp_path / path).write_text("")
    found, left_out = pairs(tmp_path)
    assert [mask.name for _, mask in found["train"]] == ["1.png"]
    assert f"1 pictures without a mask ({tmp_path / 'images/2.png'})" in left_out
    assert f"1 masks without a picture ({tmp_path / 'masks/3.png'})" in left_out and "1 .txt" in left_out


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["1.png", "2.png"], "has no picture with a mask: put masks into a folder masks"),
        (["images/1.png", "images/1.jpg", "masks/1.png"], "are both the picture of 1"),
        (["test/1.png", "test/1_mask.png"], "has masks for test, and none for train"),
    ],
)
def test_what_can_not_be_is_said(files, said, tmp_path):
    for file in files:
        grey(tmp_path / file)
    with pytest.raises(ValueError, match=said):
        pairs(tmp_path)


def test_a_mask_is_of_indices_or_of_colours(tmp_path):
    image, values = grey(tmp_path / "i.png"), np.arange(24).reshape(SHAPE) % 2
    of_palette = Image.fromarray(values.astype("uint8"), "P")
    of_palette.putpalette([*CLASSES.colors[1], *CLASSES.colors[0]])
    of_palette.save(tmp_path / "palette.png")
    files = {
        "grey": (picture(tmp_path / "grey.png", values), None, values),
        "palette": (tmp_path / "palette.png", None, values),
        "palette by colour": (tmp_path / "palette.png", CLASSES, 1 - values),
        "grey in colours": (picture(tmp_path / "grey3.png", values[..., None].repeat(3, axis=-1)), None, values),
        "colours": (picture(tmp_path / "rgb.png", np.array(CLASSES.colors)[values]), CLASSES, values),
    }
    for name, (file, classes, expected) in files.items():
        np.testing.assert_array_equal(indices((image, file), SHAPE, classes), expected, name)
    doubled = indices((image, files["grey"][0]), (8, 12), None)
    np.testing.assert_array_equal(doubled, values.repeat(2, axis=0).repeat(2, axis=1), "the nearest pixel")


def test_a_mask_that_can_not_be_used_has_a_reason(tmp_path):
    image, colors = grey(tmp_path / "i.png"), np.array(CLASSES.colors)[np.arange(24).reshape(SHAPE) // 3 % 2]
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    masks = {
        "is 5 x 6 pixels, and its picture 4 x 6": (picture(tmp_path / "large.png", np.zeros((5, 6))), None),
        "can't be read": (tmp_path / "broken.png", None),
        "is in colours: say whose they are, --classes": (picture(tmp_path / "rgb.png", colors), None),
        r"has the colour \(1, 2, 3\) in 100.0% of its pixels": (
            picture(tmp_path / "other.png", np.full((*SHAPE, 3), (1, 2, 3))),
            CLASSES,
        ),
        "is a JPEG, which changes colours": (picture(tmp_path / "lossy.jpg", np.zeros(SHAPE)), None),
    }
    for reason, (file, classes) in masks.items():
        with pytest.raises(ValueError, match=reason):
            indices((image, file), SHAPE, classes)


def test_a_mask_belongs_to_its_picture_as_it_is_seen(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = picture(tmp_path / "turned.jpg", np.zeros(SHAPE), exif=exif)
    mask = picture(tmp_path / "mask.png", np.ones(SHAPE[::-1]))
    assert indices((turned, mask), (6, 4), None).tolist() == np.ones((6, 4)).tolist()


def test_colours_can_be_told_apart():
    assert len({GROUND, *palette(20)}) == 21 and len(palette(1)) == 1 and len(palette(300)) == 300

"""A folder of pictures as people have it: of all formats and sizes, and with what is wrong in it."""

import io
import os

import keras
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from src.errors import UserError
from src.readers import headers, pictures
from src.settings import catalogue
from src.settings.contract import load_data
from src.sources import cache as caches
from src.specs import Classes, Image
from src.system import places
from src.train import train

if "images" not in catalogue.datasets():
    pytest.skip("there is no data set images", allow_module_level=True)
MODELS = [m.name for m in catalogue.models().values() if Image in m.takes and Classes in m.gives]


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))


def picture(mode="RGB", kind="PNG", size=(12, 10), seed=0):
    """The bytes of a picture of random pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), "uint8")
    content = io.BytesIO()
    PIL.Image.fromarray(pixels).convert(mode).save(content, kind)
    return content.getvalue()


def fill(folder, classes=("cat", "dog"), each=5):
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(each):
            (folder / name / f"{i}.png").write_bytes(picture(seed=100 * number + i))
    return folder


def load(path, **knobs):
    return load_data(catalogue.dataset("images"), {"path": str(path), **knobs})


def sizes(data):
    return [len(split) for split in (data.train, data.validation, data.test)]


def test_splits_are_cut_from_class_folders(tmp_path):
    data = load(fill(tmp_path / "pets", each=10))
    assert data.outputs.names == ("cat", "dog")
    assert sizes(data) == [12, 4, 4]
    assert [np.bincount(split.targets()).tolist() for split in (data.validation, data.test)] == [[2, 2]] * 2
    assert "20 pictures (cat 10, dog 10), 10 x 12 pixels, in colour; resized to 10 x 12" in data.notes


def test_of_many_classes_the_smallest_and_the_largest_are_told():
    names = [f"class {number}" for number in range(30)]
    assert pictures.counted(names, [*range(29), 0]) == "30 classes of 0 to 2"
    assert pictures.counted(names, []) == "30 classes of 0 to 0"


@pytest.mark.parametrize(
    ("there", "counts"),
    [
        ({"train": 10}, [12, 4, 4]),
        ({"train": 10, "test": 3}, [16, 4, 6]),
        ({"training": 10, "val": 2}, [16, 4, 4]),
        ({"Train": 4, "validation": 2, "test": 3}, [8, 4, 6]),
    ],
)
def test_a_split_that_has_no_folder_is_cut_from_train(tmp_path, there, counts):
    for split, each in there.items():
        fill(tmp_path / split, each=each)
    assert sizes(load(tmp_path)) == counts


def test_formats_sizes_and_colours_may_be_mixed(tmp_path):
    fill(tmp_path)
    kinds = [("RGB", "JPEG"), ("L", "JPEG"), ("CMYK", "JPEG"), ("RGBA", "PNG"), ("P", "PNG"), ("LA", "PNG")]
    kinds += [("1", "PNG"), ("RGB", "BMP"), ("L", "BMP"), ("RGB", "GIF"), ("L", "GIF")]
    for number, (mode, kind) in enumerate(kinds):
        (tmp_path / "cat" / f"{mode}.{kind}").write_bytes(picture(mode, kind, (40 + number, 50)))
    data = load(tmp_path)
    assert sum(sizes(data)) == 10 + len(kinds)
    assert data.inputs == Image(32, 32, 3)
    assert "of them grey" in data.notes


def test_a_picture_is_read_as_a_request_with_it_is(tmp_path):
    data = load(fill(tmp_path), image_size=(6, 7))
    assert data.inputs == Image(6, 7, 3)
    door = data.doors["image_bytes"]
    files = sorted(tmp_path.rglob("*.png"))
    asked = door({"image_bytes": tf.constant([file.read_bytes() for file in files])})["image"].numpy()
    known = {image.tobytes() for image in asked}
    raw, _ = data.train.examples(6)
    assert raw["image"].shape == (6, 6, 7, 3)
    assert {image.tobytes() for image in raw["image"]} <= known


def test_grey_pictures_stay_grey_and_colour_is_taken_from_a_request(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(5):
            (tmp_path / name / f"{i}.png").write_bytes(picture("L", seed=i))
    data = load(tmp_path)
    assert data.inputs.channels == 1
    for mode, kind in [("RGB", "PNG"), ("RGB", "BMP"), ("RGB", "GIF"), ("CMYK", "JPEG"), ("L", "PNG")]:
        asked = {"image_bytes": tf.constant([picture(mode, kind)])}
        assert data.doors["image_bytes"](asked)["image"].shape == (1, 10, 12, 1)


def test_where_pictures_are_kept_changes_nothing_else(tmp_path, monkeypatch):
    fill(tmp_path / "pets")
    found = []
    for cache in ("memory", "disk", "none"):
        data = load(tmp_path / "pets", cache=cache)
        batches = data.train.shuffled(1, 2, 3, base=2).take(5).as_numpy_iterator()
        found.append([(raw["image"].tobytes(), target.tolist()) for raw, target in batches])
        found[-1].append(data.train.digests().tolist())
    assert found[0] == found[1] == found[2]
    monkeypatch.setattr(pictures.Store, "_images", never)  # neither decodes all of them once more
    monkeypatch.setattr(pictures.digests, "of_contents", never)
    for cache in ("disk", "none"):
        assert load(tmp_path / "pets", cache=cache).train.digests().tolist() == found[0][-1]


def test_without_a_folder_for_them_pictures_are_read_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    fill(tmp_path / "pets")
    for cache in (None, "none"):
        assert sum(sizes(load(tmp_path / "pets", cache=cache))) == 10
    with pytest.raises(UserError, match="--cache disk needs"):
        load(tmp_path / "pets", cache="disk")


def never(*_):
    raise AssertionError
    yield


def test_a_changed_file_is_read_again(tmp_path):
    fill(tmp_path / "pets")
    before = load(tmp_path / "pets", cache="disk").train.examples(6)[0]["image"]
    for file in (tmp_path / "pets").rglob("*.png"):
        file.write_bytes(picture(seed=77))
    after = load(tmp_path / "pets", cache="disk").train.examples(6)[0]["image"]
    assert not np.array_equal(before, after)


def damaged():
    whole = picture(kind="JPEG", size=(60, 60))
    return {
        "cut.jpg": (whole[: len(whole) // 2], "it is damaged"),
        "empty.png": (b"", "it is empty"),
        "text.png": (b"hello", "it is no picture"),
        "palette.bmp": (picture("P", "BMP"), "it is BMP with a palette"),
        "tiff.png": (picture(kind="TIFF"), "it is TIFF in truth"),
    }


def test_bad_pictures_are_all_named_or_left_out(tmp_path):
    fill(tmp_path)
    bad = damaged()
    for name, (content, _) in bad.items():
        (tmp_path / "cat" / name).write_bytes(content)
    for cache in ("memory", "disk", "none"):
        with pytest.raises(UserError, match="5 of 15 pictures that can't be read; --skip-bad") as error:
            load(tmp_path, cache=cache)
        for name, (_, reason) in bad.items():
            assert f"{tmp_path / 'cat' / name}: {reason}" in str(error.value)
        data = load(tmp_path, cache=cache, skip_bad=True)
        assert sum(sizes(data)) == 10
        assert "left out as unreadable: 5 pictures:" in data.notes


def test_a_picture_of_absurd_size_is_never_decoded(tmp_path):
    fill(tmp_path)
    content = io.BytesIO()
    PIL.Image.new("1", (30_000, 20_000)).save(content, "PNG")
    (tmp_path / "dog" / "bomb.png").write_bytes(content.getvalue())
    with pytest.raises(UserError, match=r"bomb\.png: it has an absurd number of pixels"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (["cat/*", "notes.txt"], "one class only: cat"),
        (["cat/*", "dog/notes.txt"], "the class folder .*dog has no file"),
        (["notes.txt"], "no folder, one for each class"),
        (["cat/*", "dog/0.png"], "the class 'dog' has 1 example, and validation, test none"),
        (
            ["cat/*", "dog/*", "test/wolf/0.png", "train/cat/0.png", "train/dog/0.png"],
            "classes that .*train hasn't: wolf",
        ),
    ],
)
def test_what_is_wrong_with_a_folder_is_said(tmp_path, left, said):
    fill(tmp_path / "all")
    for pattern in left:
        for file in (tmp_path / "all").glob(pattern) if "*" in pattern else [tmp_path / "all" / "cat" / "0.png"]:
            place = tmp_path / "pets" / (file.relative_to(tmp_path / "all") if "*" in pattern else pattern)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.read_bytes())
    with pytest.raises(UserError, match=said):
        load(tmp_path / "pets")


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_that_lead_out_are_refused(tmp_path):
    fill(tmp_path / "pets")
    fill(tmp_path / "others")
    (tmp_path / "pets" / "cat" / "within.png").symlink_to(tmp_path / "pets" / "dog" / "1.png")
    assert sum(sizes(load(tmp_path / "pets"))) == 11
    for place, target in [("cat/out.png", "others/cat/1.png"), ("wolf", "others/cat")]:
        link = tmp_path / "pets" / place
        link.symlink_to(tmp_path / target)
        with pytest.raises(UserError, match=r"is a link that leads out of .*pets"):
            load(tmp_path / "pets")
        link.unlink()


def test_without_a_folder_the_flag_is_named():
    with pytest.raises(UserError, match="--path FOLDER"):
        load_data(catalogue.dataset("images"), {})


def mixed(folder, each=10):
    """Pictures of 12 bits, with alpha, and turned, by turns."""
    turn = PIL.Image.Exif()
    turn[0x0112] = 6
    for number, name in enumerate(("cat", "dog")):
        (folder / name).mkdir(parents=True)
        for i in range(each):
            pixels = np.random.default_rng(100 * number + i).integers(0, 4096, (10, 12, 4))
            content = io.BytesIO()
            if i % 3 == 0:
                content.write(tf.io.encode_png(pixels[..., :3].astype("uint16")).numpy())
            elif i % 3 == 1:
                PIL.Image.fromarray((pixels // 16).astype("uint8")).save(content, "PNG")
            else:
                stored = PIL.Image.fromarray((pixels[..., :3] // 16).astype("uint8")).transpose(
                    PIL.Image.Transpose.ROTATE_90
                )
                stored.save(content, "JPEG", exif=turn)
            (folder / name / f"{i}.png").write_bytes(content.getvalue())
    return folder


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
def test_pictures_of_16_bits_keep_them_and_give_a_request_of_whole_numbers(tmp_path, cache):
    for _ in range(2):  # the second time from where they were kept
        data = load(mixed(tmp_path) if not any(tmp_path.iterdir()) else tmp_path, cache=cache)
        assert data.inputs == Image(10, 12, 3)  # as they are seen
        for said in (
            "8 of 20 have 16 bits a channel; 4,095 is white",
            "6 of 20 are turned",
            "6 of 20 have an alpha channel: transparent parts get the grey level 255",
        ):
            assert said in data.notes
        raw, _ = data.train.examples(12)
        assert raw["image"].dtype == data.preprocess.input["image"].dtype == "int32"
        assert 255 < raw["image"].max() <= 4095
        assert raw["image"].max() / 4095 == pytest.approx(float(tf.reduce_max(data.preprocess(raw))))


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
def test_pictures_with_nothing_in_them_are_a_warning(tmp_path, cache):
    place = fill(tmp_path / "pets", ("bird", "cat", "dog", "wolf"))
    plain = io.BytesIO()
    for number in range(5):
        plain.seek(0)
        PIL.Image.new("RGB", (12, 10), (number, 50, 9)).save(plain, "PNG")
        (place / "wolf" / f"{number}.png").write_bytes(plain.getvalue())
        (place / "dog" / f"{number}.png").write_bytes(picture(seed=1))
    (place / "cat" / "2.png").write_bytes(plain.getvalue())
    for _ in range(2):
        dog, wolf, cat = load(place, cache=cache).warnings
        assert "all 5 pictures of the class 'dog' are the same one: " in dog
        assert "all 5 pictures of the class 'wolf' have one colour throughout: " in wolf
        assert f"1 of 20 pictures have one colour throughout ({place / 'cat' / '2.png'}): " in cat
    assert load(fill(tmp_path / "others"), cache=cache).warnings == ()


def test_the_background_is_a_knob(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for i in range(5):
            PIL.Image.new("RGBA", (12, 10), (9, 9, i, 0)).save(tmp_path / name / f"{i}.png")
    for background in (0, 200, 255):
        assert (load(tmp_path, background=background).train.examples(6)[0]["image"] == background).all()
    with pytest.raises(UserError, match="background is a grey level from 0 to 255, not 256"):
        load(tmp_path, background=256)


def test_a_transparent_gif_is_told_of(tmp_path):
    fill(tmp_path)
    clear = PIL.Image.new("P", (12, 10))
    clear.save(tmp_path / "cat" / "clear.gif", transparency=0)
    assert "1 of 11 are GIF with a transparent colour, which becomes black" in load(tmp_path).notes


@pytest.mark.skipif(not MODELS, reason="no model takes images")
def test_a_run_and_its_export_are_called_after_the_folder_and_know_its_pictures(tmp_path, lasting_verifier):
    place = mixed(tmp_path / "my pets")
    folders = {"runs_dir": str(tmp_path / "runs"), "exports_dir": str(tmp_path / "exports"), "verbose": False}
    run = train(MODELS[0], data="images", path=str(place), augment="photos", epochs=1, **folders)
    assert run.path.name.startswith(f"{MODELS[0]}-my-pets-")
    assert (run.path / "figures" / "examples.png").is_file()
    assert "20 pictures (cat 10, dog 10)" in (run.path / "report.html").read_text()

    export = tf.saved_model.load(str(tmp_path / "exports" / f"{MODELS[0]}-my-pets" / "1"))
    files = [file.read_bytes() for file in sorted(place.rglob("*.png"))]
    asked = export.signatures["image_bytes"](image_bytes=tf.constant(files))["probabilities"].numpy()
    raw, _ = load(place).train.examples(12)
    trained = run.predict(raw)["probabilities"]
    assert all(np.isclose(asked, one, atol=1e-5).all(axis=1).any() for one in trained)


@pytest.mark.parametrize("size", [(0,), (1, 2, 3), (100_000,)])
def test_an_image_size_that_can_not_be_is_refused(tmp_path, size):
    with pytest.raises(UserError, match="image_size is one number, or height and width, from 1 to 4,096"):
        load(fill(tmp_path), image_size=size)


def test_a_gif_of_endless_frames_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(headers, "MOST_PIXELS", 100)
    folder = fill(tmp_path / "pets")
    frames = [PIL.Image.new("L", (10, 10), shade) for shade in range(5)]
    frames[0].save(folder / "cat" / "many.gif", save_all=True, append_images=frames[1:])
    header = headers.read(folder / "cat" / "many.gif")
    assert header.reason == "it has an absurd number of pixels in 5 frames: keep the first one alone"


@pytest.mark.parametrize("damage", ["a bit", "cut", "no checksum", "record", "record of another", "left half-written"])
def test_a_damaged_cache_is_decoded_again_and_never_trained_on(tmp_path, damage):
    fill(tmp_path / "pets")
    before = load(tmp_path / "pets", cache="disk")
    (array,) = places.decoded().glob("*.npy")
    record, content = array.with_suffix(".json"), array.read_bytes()
    match damage:
        case "a bit":
            array.write_bytes(content[:500] + bytes([content[500] ^ 1]) + content[501:])
        case "cut":
            array.write_bytes(content[:-600])
        case "no checksum":
            array.write_bytes(content[: -caches.SEAL_BYTES])
        case "record":
            record.write_text(record.read_text()[:-9])
        case "record of another":
            record.write_text(record.read_text().replace('"plain": []', '"plain": [0]'))
        case "left half-written":
            array.unlink()
            (array.parent / f".999999999-{array.name}").write_bytes(content[:700])
    again = load(tmp_path / "pets", cache="disk")
    for raw, expected in zip(again.train.examples(6), before.train.examples(6), strict=True):
        keras.tree.map_structure(np.testing.assert_array_equal, raw, expected)
    assert (again.warnings, array.read_bytes()) == (before.warnings, content)
    assert not list(array.parent.glob(".*"))

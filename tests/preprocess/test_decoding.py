"""Encoded pictures become what a viewer shows: turned, on a background, and with all their bits."""

import io
import struct

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
import tensorflow as tf

from src.preprocess.decoding import marks
from src.preprocess.images import Pictures, pixels
from src.specs import Image

RANDOM = np.random.default_rng(0)
RGB = RANDOM.integers(0, 256, (10, 14, 3), "uint8")
ALPHA = RANDOM.integers(0, 256, (10, 14), "uint8")


def encoded(picture, kind="PNG", **about) -> bytes:
    content = io.BytesIO()
    (PIL.Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture).save(content, kind, **about)
    return content.getvalue()


def deep(pixels) -> bytes:
    """A PNG of 16 bits, which PIL can't write in colour."""
    return tf.io.encode_png(np.asarray(pixels, "uint16")).numpy()


def exif(orientation, endian="<") -> bytes:
    tags = PIL.Image.Exif()
    tags.endian = endian
    tags[0x010F], tags[0x0112], tags[0x0131] = "a maker", orientation, "a program"  # as cameras have it, among others
    return tags.tobytes()


def decode(picture, shape=RGB.shape, **knobs):
    return Pictures(Image(*shape), **knobs).decode(tf.constant(picture)).numpy()


@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_pictures_are_turned_as_exif_says(kind, endian):
    for orientation in range(1, 9):
        picture = encoded(RGB, kind, exif=exif(orientation, endian))
        stored = PIL.Image.fromarray(tf.io.decode_image(picture).numpy())
        stored.getexif()[0x0112] = orientation
        seen = PIL.ImageOps.exif_transpose(stored)
        np.testing.assert_array_equal(decode(picture, np.shape(seen)), seen)
        smaller = decode(picture, (6, 5, 3)).astype(int)
        assert abs(smaller - decode(encoded(seen), (6, 5, 3))).max() <= 1


@pytest.mark.parametrize(
    "tags",
    [
        b"",
        exif(0),
        exif(9),
        exif(6)[:34],
        exif(6)[:12],
        exif(6).replace(b"II*\0\x08\0", b"II*\0\xff\xff"),
        exif(6).replace(b"\x12\x01", b"\x13\x01"),
    ],
    ids=["none", "0", "9", "cut", "cut early", "leading nowhere", "without orientation"],
)
def test_exif_data_that_say_nothing_turn_nothing(tags):
    picture = encoded(RGB, "JPEG", **({"exif": tags} if tags else {}))
    np.testing.assert_array_equal(decode(picture), tf.io.decode_image(picture))


def palette():
    picture = PIL.Image.fromarray(RGB[..., 0] // 64, "P")
    picture.putpalette([10, 20, 30, 200, 100, 0, 5, 5, 250, 90, 90, 90])
    return picture


@pytest.mark.parametrize("background", [255, 0, 100])
@pytest.mark.parametrize("shape", [RGB.shape, (10, 14, 1)], ids=["colour", "grey"])
def test_transparent_parts_are_put_on_the_background(shape, background):
    grey = PIL.Image.fromarray(RGB[..., 1])
    for picture, about in [
        (PIL.Image.merge("LA", [grey, PIL.Image.fromarray(ALPHA)]), {}),
        (PIL.Image.fromarray(np.dstack([RGB, ALPHA])), {}),
        (palette(), {"transparency": 2}),
        (palette(), {"transparency": bytes([0, 90, 180, 255])}),
        (grey, {"transparency": int(RGB[0, 0, 1])}),
        (PIL.Image.fromarray(RGB), {"transparency": tuple(RGB[3, 3].tolist())}),
    ]:
        content = encoded(picture, **about)
        seen = PIL.Image.open(io.BytesIO(content)).convert("RGBA")
        canvas = PIL.Image.new("RGBA", seen.size, (background,) * 3 + (255,))
        wanted = PIL.Image.alpha_composite(canvas, seen).convert("RGB" if shape[2] == 3 else "L")
        found = decode(content, shape, background=background)
        assert abs(found.astype(int) - np.reshape(wanted, shape)).max() <= 1  # rounding


def test_what_is_not_transparent_stays_as_it_is():
    for picture in (RGB, np.dstack([RGB, np.full_like(ALPHA, 255)])):
        np.testing.assert_array_equal(decode(encoded(picture), background=7), RGB)
    for mode in ("1", "L", "P"):  # of fewer bits, too
        plain = PIL.Image.fromarray(RGB).convert(mode)
        np.testing.assert_array_equal(decode(encoded(plain), background=7), plain.convert("RGB"))
    bits = np.dstack([RGB, np.zeros_like(ALPHA)])[::-1]  # the fourth byte of a BMP isn't used
    header = struct.pack("<2sIHHI IiiHHIIiiII", b"BM", 54 + bits.nbytes, 0, 0, 54, 40, 14, 10, 1, 32, 0, 0, 0, 0, 0, 0)
    np.testing.assert_array_equal(decode(header + bits.tobytes(), background=7), RGB[..., ::-1])


def test_images_of_four_channels_keep_their_transparency():
    picture = np.dstack([RGB, ALPHA])
    np.testing.assert_array_equal(decode(encoded(picture), picture.shape), picture)


def test_a_set_of_16_bits_keeps_them_and_brings_others_to_its_range():
    colours, grey = RANDOM.integers(0, 4096, (10, 14, 3)), RANDOM.integers(0, 4096, (10, 14, 1))
    door = Pictures(Image(10, 14, 3), high=4095)
    asked = {"image_bytes": tf.constant([deep(colours), deep(grey), encoded(RGB), deep(colours * 16)])}
    found = door(asked)["image"]
    assert found.dtype == tf.int32  # which JSON can hold
    np.testing.assert_array_equal(found[0], colours)
    np.testing.assert_array_equal(found[1], np.repeat(grey, 3, axis=-1))
    np.testing.assert_array_equal(found[2], np.round(RGB * (4095 / 255)))
    assert found.numpy()[3].max() == 4095
    np.testing.assert_array_equal(door(door.encode({"image": found.numpy()}))["image"], found)
    features = pixels(door.spec, 4095)({"image": found})
    np.testing.assert_allclose(features, found.numpy() / 4095, atol=1e-6)


def test_a_picture_of_16_bits_is_shown_as_bright_as_it_was_learnt():
    colours = RANDOM.integers(0, 4096, (10, 14, 3))
    request = {"image_bytes": tf.constant([deep(colours), encoded(RGB), deep(colours * 16)])}
    seen = [Pictures(Image(5, 7, 3), high=4095).picture(request, tf.constant(number)) for number in range(3)]
    np.testing.assert_array_equal(seen[0], np.round(colours / 4095 * 255))
    np.testing.assert_array_equal(seen[1], RGB)
    np.testing.assert_array_equal(seen[2], np.round(np.minimum(colours * 16, 4095) / 4095 * 255))


def test_transparent_parts_of_16_bits_get_the_background_in_their_range():
    picture = np.dstack([np.full((10, 14, 3), 1000), np.full((10, 14), 65535 // 5)])
    found = decode(deep(picture), high=4095, background=255)
    np.testing.assert_array_equal(found, np.full_like(found, 1000 // 5 + 4095 * 4 // 5))


def test_a_set_without_16_bits_reads_them_as_8():
    np.testing.assert_array_equal(decode(deep(RGB.astype(int) * 257)), RGB)


def test_marks_are_found_in_the_first_bytes():
    found = marks(tf.constant(deep(np.zeros((400, 400, 4)))[:100]))
    assert (found.orientation, found.deep, found.transparent) == (1, True, True)
    for broken in (b"", b"\x89PNG", b"\xff\xd8\xff\xe1\0\0Exif\0\0"):
        assert marks(tf.constant(broken)) == (1, False, False)


def header(kind, width, height) -> bytes:
    """A picture of 4 × 4 pixels that claims to have others."""
    content = bytearray(encoded(RGB[:4, :4], kind))
    match kind:
        case "PNG":
            content[16:24] = struct.pack(">2I", width, height)
        case "GIF":
            content[6:10] = struct.pack("<2H", width, height)
        case "BMP":
            content[18:26] = struct.pack("<2i", width, height)
        case "JPEG":
            frame = content.index(b"\xff\xc0")
            content[frame + 5 : frame + 9] = struct.pack(">2H", height, width)
    return bytes(content)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "JPEG"])
@pytest.mark.parametrize("sides", [(10_001, 10_000), (65_000, 65_000)])
def test_a_picture_that_would_unpack_to_gigabytes_is_not_decoded(kind, sides):
    with pytest.raises(tf.errors.InvalidArgumentError, match="more than 100 million pixels"):
        decode(header(kind, *sides))


def test_a_bmp_may_begin_at_the_top():
    content = bytearray(encoded(RGB, "BMP"))
    content[22:26] = struct.pack("<i", -len(RGB))
    np.testing.assert_array_equal(decode(bytes(content)), RGB[::-1])


def test_the_picture_that_was_given_keeps_its_size_and_is_turned():
    door, upright = Pictures(Image(4, 4, 1)), RGB.transpose(1, 0, 2)
    request = {"image_bytes": tf.constant([encoded(RGB), encoded(RGB, exif=exif(6))])}
    np.testing.assert_array_equal(door.picture(request, tf.constant(0)), RGB)
    np.testing.assert_array_equal(door.picture(request, tf.constant(1)), upright[:, ::-1])

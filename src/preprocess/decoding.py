"""Encoded pictures as tensors, by TensorFlow's ops alone, so that a server sees what training saw.

`tf.io.decode_image` leaves out what a viewer does: here pictures are turned as their EXIF data say, transparent parts
are put on a background, and a PNG of 16 bits may keep them.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

MOST_PIXELS = 100_000_000  # of a picture; what is larger is a mistake, or an attack on memory
HEAD = 2**16  # bytes at the beginning of a picture in which its marks are looked for
EXIF = r"Exif\x00\x00|eXIf"  # how the data begin in JPEG and in PNG
ENTRIES = 100  # of an EXIF directory, at most
ORIENTATION = 0x0112
ALPHA = 4  # in PNG's colour type


class Marks(NamedTuple):
    """What the first bytes of a picture say, a scalar each.

    Args:
        orientation: EXIF's, int32 from 1 to 8: how the picture is to be turned; 1 is not at all.
        deep: whether it is a PNG of 16 bits a channel.
        transparent: whether it is a PNG that may have transparent parts.
    """

    orientation: tf.Tensor
    deep: tf.Tensor
    transparent: tf.Tensor


def marks(picture: tf.Tensor) -> Marks:
    """The marks of an encoded picture (), or of its first HEAD bytes."""
    head = tf.strings.substr(picture, 0, HEAD)
    is_png = tf.strings.substr(head, 0, 4) == b"\x89PNG"
    bits, colour_type = tf.unstack(tf.io.decode_raw(head, tf.uint8, fixed_length=26)[24:])
    alpha = tf.bitwise.bitwise_and(colour_type, ALPHA) == ALPHA
    return Marks(_orientation(head), is_png & (bits == 16), is_png & (alpha | _has(head, "tRNS")))


def decoded(picture: tf.Tensor, channels: int, kind: tf.DType, transparent: tf.Tensor, background: float) -> tf.Tensor:
    """The pixels of an encoded picture, (height, width, channels), as they are stored: not turned.

    Args:
        picture: ().
        channels: 1 (grey), 3, or 4, with which transparency stays.
        kind: uint8, or uint16 for a PNG.
        transparent: whether it may have transparent parts, ().
        background: the grey on which they are put, in the picture's own range.

    Raises:
        InvalidArgumentError: in the graph, for what is no picture, and before it is decoded for one of more than
            MOST_PIXELS.
    """
    with tf.control_dependencies([_check_size(picture)]):
        picture = tf.identity(picture)

    def as_it_is():
        if channels == 1:  # to which not every format can be decoded
            return _grey(tf.io.decode_image(picture, dtype=kind, expand_animations=False))
        return tf.io.decode_image(picture, channels=channels, dtype=kind, expand_animations=False)

    def on_background():
        pixels = tf.io.decode_png(picture, channels=4, dtype=kind)
        colours, alpha = pixels[..., :3], pixels[..., 3:]

        def composite():
            opaque = tf.cast(alpha, tf.float32) / kind.max
            return tf.cast(tf.round(tf.cast(colours, tf.float32) * opaque + background * (1 - opaque)), kind)

        image = tf.cond(tf.reduce_min(alpha) < kind.max, composite, lambda: colours)
        return _grey(image) if channels == 1 else image

    image = as_it_is() if channels == 4 else tf.cond(transparent, on_background, as_it_is)
    return tf.ensure_shape(image, (None, None, channels))


def turned(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """An image (height, width, channels) as EXIF's orientation () says that it is to be seen."""
    image = tf.transpose(image, tf.where(orientation > 4, (1, 0, 2), (0, 1, 2)))
    upside_down = tf.reduce_any(orientation == [3, 4, 7, 8])
    left_to_right = tf.reduce_any(orientation == [2, 3, 6, 7])
    return tf.reverse(image, tf.boolean_mask([0, 1], [upside_down, left_to_right]))


def _check_size(picture: tf.Tensor) -> tf.Operation:
    """Refuses a picture whose header says that it has more than MOST_PIXELS: a small file may unpack to gigabytes.

    WebP, which TensorFlow decodes too, has a bound of its own: 16,383 pixels a side.
    """
    head = tf.cast(tf.io.decode_raw(tf.strings.substr(picture, 0, 30), tf.uint8, fixed_length=30), tf.float64)

    def sides(offset, places):  # width and height: two numbers, of bytes with those values
        return tf.reduce_sum(tf.reshape(head[offset : offset + 2 * len(places)], (2, -1)) * places, axis=1)

    def begins(mark):
        return tf.strings.substr(picture, 0, len(mark)) == mark

    places = np.array([256.0**place for place in range(4)])
    png, gif, bmp = sides(16, places[::-1]), sides(6, places[:2]), sides(18, places)
    bmp = tf.minimum(bmp, 2.0**32 - bmp)  # a negative height is that of a picture which begins at the top
    is_jpeg = begins(b"\xff\xd8\xff")
    jpeg = tf.cond(is_jpeg, lambda: tf.io.extract_jpeg_shape(picture)[:2], lambda: tf.zeros(2, tf.int32))
    sizes = tf.stack([png, gif, bmp, tf.cast(jpeg, tf.float64)])
    pixels = tf.where([begins(b"\x89PNG"), begins(b"GIF8"), begins(b"BM"), is_jpeg], tf.reduce_prod(sizes, axis=1), 0)
    reason = f"a picture of more than {MOST_PIXELS // 10**6} million pixels"
    return tf.debugging.Assert(tf.reduce_all(pixels <= MOST_PIXELS), [reason])


def _orientation(head: tf.Tensor) -> tf.Tensor:
    """The orientation in EXIF data (CIPA DC-008): TIFF behind a name, one in JPEG, another in PNG."""

    def first_directory():
        return _of_tiff(tf.strings.regex_replace(head, rf"^\C*?(?:{EXIF})", "", replace_global=False))

    has_exif = tf.reduce_any([_has(head, name) for name in EXIF.split("|")])
    return tf.cond(has_exif, first_directory, lambda: 1)


def _of_tiff(tiff: tf.Tensor) -> tf.Tensor:
    """The orientation in the first directory: a count, then entries of tag, type, count (2 numbers) and value (2)."""
    size, little_endian = tf.strings.length(tiff), tf.strings.substr(tiff, 0, 2) == "II"

    def numbers(offset, count):
        part = tf.strings.substr(tiff, tf.minimum(offset, size), 2 * count)
        either = [tf.io.decode_raw(part, tf.uint16, little_endian=end, fixed_length=2 * count) for end in (True, False)]
        return tf.cast(tf.where(little_endian, *either), tf.int32)

    directory = tf.reduce_sum(numbers(4, 2))  # its offset: one half of it is 0, or it lies beyond HEAD
    count, entries = tf.split(numbers(directory, 1 + 6 * ENTRIES), [1, 6 * ENTRIES])
    entries = tf.reshape(entries, (ENTRIES, 6))[: count[0]]
    tag, value = entries[:, 0], entries[:, 4]
    orientations = tf.boolean_mask(value, (tag == ORIENTATION) & (value >= 2) & (value <= 8))
    return tf.concat([orientations, [1]], axis=0)[0]


def _has(text: tf.Tensor, literal: str) -> tf.Tensor:
    """Whether it stands in the text; much faster than an expression that begins or ends with anything."""
    return tf.strings.regex_replace(text, literal, "", replace_global=False) != text


def _grey(image: tf.Tensor) -> tf.Tensor:
    """One channel, of an image (height, width, any) that is grey or in colour, each perhaps with alpha."""
    in_colour = tf.shape(image)[-1] > 2
    return tf.cond(in_colour, lambda: tf.image.rgb_to_grayscale(image[..., :3]), lambda: image[..., :1])

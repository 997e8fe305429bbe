"""What a picture file says of itself, without being decoded."""

import struct
from dataclasses import dataclass
from pathlib import Path

import PIL.Image
import tensorflow as tf

from src.preprocess.decoding import HEAD, MOST_PIXELS, marks

GREY, ALPHA = ("1", "L", "LA", "I", "I;16", "F"), ("RGBA", "LA", "PA")  # PIL's modes
MOST_FRAMES = 4  # of a GIF of MOST_PIXELS: TensorFlow unpacks all of them, a byte a pixel, to decode the first one
QUARTERS = range(5, 9)  # EXIF's orientations by which height and width change places


@dataclass(frozen=True)
class Header:
    """What a picture says of itself, or why it can't be used.

    Args:
        height, width: pixels, as it is seen.
        grey: whether it has no colours.
        orientation: EXIF's: 1 where it is seen as it is stored, else how it is turned.
        deep: whether it has 16 bits a channel.
        alpha: whether it is a PNG that may have transparent parts.
        clear_gif: whether it is a GIF that may have them, which TensorFlow doesn't tell.
        reason: why it can't be used; "" where it can.
    """

    height: int = 0
    width: int = 0
    grey: bool = False
    orientation: int = 1
    deep: bool = False
    alpha: bool = False
    clear_gif: bool = False
    reason: str = ""


def read(file: Path) -> Header:
    """The header of a file; it has a reason where the picture can't be used."""
    try:
        if not file.stat().st_size:
            return Header(reason="it is empty")
        with open(file, "rb") as content, PIL.Image.open(content) as picture:
            (width, height), mode, kind, about = picture.size, picture.mode, picture.format, picture.info
            frames = getattr(picture, "n_frames", 1) if kind == "GIF" else 1
            content.seek(0)
            head = content.read(HEAD)
    except (OSError, ValueError, SyntaxError, IndexError, struct.error, PIL.Image.DecompressionBombError) as error:
        if isinstance(error, PIL.Image.DecompressionBombError):
            return Header(reason="it has an absurd number of pixels")
        return Header(reason="it is no picture" if isinstance(error, PIL.UnidentifiedImageError) else str(error))
    if width * height > MOST_PIXELS:
        return Header(reason=f"it has an absurd number of pixels, {height:,} x {width:,}")
    if frames * width * height > MOST_FRAMES * MOST_PIXELS:
        return Header(reason=f"it has an absurd number of pixels in {frames:,} frames: keep the first one alone")
    if kind not in ("PNG", "JPEG", "MPO", "BMP", "GIF"):
        return Header(reason=f"it is {kind} in truth: convert it to PNG or JPEG")
    if kind == "BMP" and mode in ("P", "1"):
        return Header(reason="it is BMP with a palette, which TensorFlow can't read: convert it to PNG")
    orientation = int(_orientation(head)) if "exif" in about else 1
    if orientation in QUARTERS:
        height, width = width, height
    transparent = mode in ALPHA or "transparency" in about
    return Header(
        height,
        width,
        grey=mode in GREY,
        orientation=orientation,
        deep=kind == "PNG" and head[24] == 16,  # PIL shows 8 bits of one in colour
        alpha=kind == "PNG" and transparent,
        clear_gif=kind == "GIF" and transparent,
    )


@tf.function(input_signature=[tf.TensorSpec((), tf.string)])
def _orientation(head: tf.Tensor) -> tf.Tensor:
    return marks(head).orientation

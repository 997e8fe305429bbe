"""Pictures on which something is drawn, for people."""

from collections.abc import Sequence

import numpy as np
import PIL.Image
import PIL.ImageDraw

# Pixels of a picture that is drawn on, at least, of lines and of texts: a report shows it less than half as wide.
WIDTH, LINE, TEXT = 480, 5, 24
GAP = 2  # pixels between two pictures


def with_boxes(
    picture: np.ndarray, box: np.ndarray, texts: Sequence[str], colors: Sequence[tuple[int, int, int]]
) -> np.ndarray:
    """A picture with boxes on it, uint8 (height, width, 3), enlarged where it is small.

    Args:
        picture: uint8 (height, width, 1 or 3).
        box: top, left, bottom and right as fractions of height and width, (boxes, 4).
        texts: what stands in each.
        colors: of each.
    """
    image = PIL.Image.fromarray(np.broadcast_to(picture, (*picture.shape[:2], 3)))
    scale = -(-WIDTH // image.width)
    image = image.resize((image.width * scale, image.height * scale))
    draw = PIL.ImageDraw.Draw(image)
    for sides, text, color in zip(box, texts, colors, strict=True):
        top, left, bottom, right = sides * (image.height, image.width, image.height, image.width)
        draw.rectangle((left, top, right, bottom), outline=color, width=LINE)
        draw.text((left + LINE, top + LINE), text, "white", stroke_width=3, stroke_fill=color, font_size=TEXT)
    return np.asarray(image)


def one_below_other(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Two pictures of one size, (height, width, 3), as one, with a grey line between them."""
    return np.concatenate([upper, np.full((GAP, *upper.shape[1:]), 128, "uint8"), lower])

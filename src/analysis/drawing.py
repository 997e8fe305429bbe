"""Pictures on which something is drawn, for people."""

from collections.abc import Sequence

import numpy as np
import PIL.Image
import PIL.ImageDraw

WIDTH = 480  # pixels of a picture that is drawn on, at least, so that texts can be read
LINE = 2


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
        draw.text((left + 4, top + 2), text, fill="white", stroke_width=2, stroke_fill=color)
    return np.asarray(image)

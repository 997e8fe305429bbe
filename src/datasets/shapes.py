"""Circles, squares and triangles on a mottled ground, and where they are: made, so no download.

1,000 colour pictures of 64 x 64 pixels, one to four shapes in each, of any colour and size, one over another; the
target is the class of each pixel, or a box around what is to be seen of each shape. Split 60/20/20. The same pictures
on every machine.
"""

import numpy as np

from src.data import Data, Targets
from src.preprocess.images import Pictures, pixels
from src.sources.memory import split
from src.specs import UNLABELLED, Boxes, Image, Mask

INPUTS, OUTPUTS = (Image,), (Mask, Boxes)
EXAMPLES, SIDE, MOST = 1000, 64, 4
NAMES = ("ground", "circle", "square", "triangle")
COLORS = ((40, 40, 40), (230, 97, 1), (31, 119, 180), (94, 170, 60))


def load(wanted: type | None = None) -> Data:
    """The pictures, and what is in them.

    Args:
        wanted: Mask or Boxes; a mask where nobody says.
    """
    random = np.random.default_rng(0)
    images, shapes = zip(*(_picture(random) for _ in range(EXAMPLES)), strict=True)
    outputs: Mask | Boxes = Mask(SIDE, SIDE, NAMES, COLORS)
    target: Targets = _masks(shapes)
    if wanted is Boxes:
        outputs, target = Boxes(SIDE, SIDE, NAMES[1:], MOST), _boxes(shapes)
    train, validation, test = split({"image": np.stack(images)}, target, stratify=False)
    spec = Image(SIDE, SIDE, 3)
    return Data(train, validation, test, spec, outputs, pixels(spec), {"image_bytes": Pictures(spec)})


def _picture(random: np.random.Generator) -> tuple[np.ndarray, list[tuple[int, np.ndarray]]]:
    """An image, uint8 (SIDE, SIDE, 3), and its shapes, the lowest first: the class, and which pixels are inside."""
    ground = random.uniform(40, 160, 3)
    image = ground + random.uniform(-25, 25, (8, 8, 3)).repeat(SIDE // 8, axis=0).repeat(SIDE // 8, axis=1)
    shapes = []
    for _ in range(random.integers(1, MOST + 1)):
        kind = int(random.integers(1, len(NAMES)))
        inside = _inside(NAMES[kind], random.uniform(0.15, 0.85, 2) * SIDE, random.uniform(6, 15))
        away = random.choice((-1, 1), 3) * random.uniform(50, 120, 3)  # so that it can be seen
        image[inside] = ground + away
        shapes.append((kind, inside))
    return np.clip(image + random.normal(0, 8, image.shape), 0, 255).astype("uint8"), shapes


def _inside(kind: str, centre: np.ndarray, radius: float) -> np.ndarray:
    """Which pixels are inside a shape."""
    y, x = np.indices((SIDE, SIDE)) - centre[:, None, None]
    if kind == "circle":
        return x**2 + y**2 <= radius**2
    if kind == "square":
        return np.maximum(abs(x), abs(y)) <= 0.85 * radius
    return (y <= 0.8 * radius) & (y >= 2 * abs(x) - 1.1 * radius)


def _masks(pictures) -> np.ndarray:
    """The class of each pixel, int32 (pictures, SIDE, SIDE)."""
    masks = np.zeros((len(pictures), SIDE, SIDE), "int32")
    for mask, shapes in zip(masks, pictures, strict=True):
        for kind, inside in shapes:
            mask[inside] = kind
    return masks


def _boxes(pictures) -> dict[str, np.ndarray]:
    """A box around what is to be seen of each shape: see `Boxes` of src/specs.py."""
    box, label = np.zeros((len(pictures), MOST, 4), "float32"), np.full((len(pictures), MOST), UNLABELLED, "int32")
    for number, shapes in enumerate(pictures):
        above, seen = np.zeros((SIDE, SIDE), bool), []
        for kind, inside in reversed(shapes):
            if (visible := inside & ~above).any():
                seen.append((kind, visible))
            above |= inside
        for place, (kind, visible) in enumerate(seen):
            rows, columns = np.nonzero(visible)
            box[number, place] = (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
            label[number, place] = kind - 1
    return {"box": box / SIDE, "label": label}

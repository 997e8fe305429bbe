"""Circles, squares and triangles on a mottled ground, and which pixels are whose: made, so no download.

1,000 colour pictures of 64 x 64 pixels, one to four shapes in each, of any colour and size, one over another. Split
60/20/20. The same pictures on every machine.
"""

import numpy as np

from src.data import Data
from src.preprocess.images import Pictures, pixels
from src.sources.memory import split
from src.specs import Image, Mask

INPUTS, OUTPUTS = (Image,), (Mask,)
EXAMPLES, SIDE, MOST = 1000, 64, 4
NAMES = ("ground", "circle", "square", "triangle")
COLORS = ((40, 40, 40), (230, 97, 1), (31, 119, 180), (94, 170, 60))


def load() -> Data:
    """The pictures and their masks."""
    random = np.random.default_rng(0)
    images, masks = zip(*(_picture(random) for _ in range(EXAMPLES)), strict=True)
    train, validation, test = split({"image": np.stack(images)}, np.stack(masks), stratify=False)
    spec = Image(SIDE, SIDE, 3)
    masked = Mask(SIDE, SIDE, NAMES, COLORS)
    return Data(train, validation, test, spec, masked, pixels(spec), {"image_bytes": Pictures(spec)})


def _picture(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """An image, uint8 (SIDE, SIDE, 3), and its mask, int32 (SIDE, SIDE)."""
    ground = random.uniform(40, 160, 3)
    image = ground + random.uniform(-25, 25, (8, 8, 3)).repeat(SIDE // 8, axis=0).repeat(SIDE // 8, axis=1)
    mask = np.zeros((SIDE, SIDE), "int32")
    for _ in range(random.integers(1, MOST + 1)):
        kind = random.integers(1, len(NAMES))
        inside = _inside(NAMES[kind], random.uniform(0.15, 0.85, 2) * SIDE, random.uniform(6, 15))
        away = random.choice((-1, 1), 3) * random.uniform(50, 120, 3)  # so that it can be seen
        image[inside] = ground + away
        mask[inside] = kind
    return np.clip(image + random.normal(0, 8, image.shape), 0, 255).astype("uint8"), mask


def _inside(kind: str, centre: np.ndarray, radius: float) -> np.ndarray:
    """Which pixels are inside a shape."""
    y, x = np.indices((SIDE, SIDE)) - centre[:, None, None]
    if kind == "circle":
        return x**2 + y**2 <= radius**2
    if kind == "square":
        return np.maximum(abs(x), abs(y)) <= 0.85 * radius
    return (y <= 0.8 * radius) & (y >= 2 * abs(x) - 1.1 * radius)

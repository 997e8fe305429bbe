"""Bright and dark blocks on grey, up to two an image: a target of several arrays, padded."""

import numpy as np

from src.data import Data
from src.preprocess.images import Pictures, pixels
from src.sources.memory import split
from src.specs import Blocks, Image

INPUTS, OUTPUTS = (Image,), (Blocks,)
SIDE, MOST, EXAMPLES = 12, 2, 200


def load() -> Data:
    """The images, and where their blocks are."""
    random = np.random.default_rng(0)
    image = random.integers(100, 150, (EXAMPLES, SIDE, SIDE, 1)).astype("uint8")
    box = np.zeros((EXAMPLES, MOST, 4), "float32")
    label = random.integers(0, 2, (EXAMPLES, MOST)).astype("int32")
    count = random.integers(1, MOST + 1, EXAMPLES).astype("int32")
    for number in range(EXAMPLES):
        for block in range(count[number]):
            top, left = 6 * block + random.integers(0, 3), random.integers(0, 3)
            image[number, top : top + 3, left : left + 3] = 255 * label[number, block]
            box[number, block] = np.array([top, left, top + 3, left + 3]) / SIDE
    spec = Image(SIDE, SIDE, 1)
    train, validation, test = split({"image": image}, {"box": box, "label": label, "count": count}, stratify=False)
    doors = {"image_bytes": Pictures(spec)}
    return Data(train, validation, test, spec, Blocks(("dark", "bright"), MOST), pixels(spec), doors)

"""Bright squares on grey, and where they are: masks are made when they are needed, as those in files are read."""

import numpy as np
import tensorflow as tf

from src.data import Data
from src.preprocess.images import pixels
from src.sources.fetched import Fetched
from src.specs import Image, Mask

INPUTS, OUTPUTS = (Image,), (Mask,)
SIDE, SQUARE = 16, 10


def load() -> Data:
    """The images."""

    def fetch(number):
        corner = tf.random.stateless_uniform([2], [number, 0], 0, SIDE - SQUARE, tf.int32)
        rows, columns = (tf.range(SIDE)[:, None] - corner[0], tf.range(SIDE)[None] - corner[1])
        inside = (rows >= 0) & (rows < SQUARE) & (columns >= 0) & (columns < SQUARE)
        grey = tf.random.stateless_uniform([SIDE, SIDE], [number, 1], 0, 120, tf.int32)
        image = tf.cast(tf.where(inside, 255 - grey, grey), tf.uint8)[..., None]
        return {"image": image}, tf.cast(inside, tf.int32)

    train, validation, test = (Fetched(fetch, None, np.arange(start, start + 64)) for start in (0, 64, 128))
    spec = Image(SIDE, SIDE, 1)
    return Data(train, validation, test, spec, Mask(SIDE, SIDE, ("ground", "square")), pixels(spec))

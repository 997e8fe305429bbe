"""Arrays as somebody has them: from numbers of any scale to features, by statistics of the training split."""

import keras
import numpy as np
from keras import layers, ops

from src import numbers
from src.data import Source
from src.preprocess.images import pixels
from src.preprocess.tables import Moments, finite
from src.specs import Image, Series, Vector

WHITES = (1.0, 255.0)  # of images whose values don't begin below 0


def scaled(train: Source) -> tuple[Vector | Series, keras.Model]:
    """The features of vectors, or series, and the model that makes them: each column, or channel, is standardised.

    Args:
        train: the training split, whose request is one input, (batch, columns) or (batch, time, channels).

    Raises:
        ValueError: for an infinite number.
    """
    ((name, first),) = train.examples(1)[0].items()
    moments = Moments([f"{name} {column}" for column in range(1, first.shape[-1] + 1)])
    for raw, _ in train.read():
        moments.update(raw[name].reshape(-1, first.shape[-1]).astype("float64"))
    largest = np.maximum(np.abs(moments.low), np.abs(moments.high))
    dtypes = {numbers.dtype(*column) for column in zip(largest, moments.deviation, strict=True)}
    dtype = "float64" if first.dtype == "float64" and "float64" in dtypes else "float32"
    values = keras.Input(first.shape[1:], dtype=dtype, name=name)
    shifted = ops.cast(values - moments.mean.astype(dtype), "float32")
    features = finite(layers.Rescaling((1 / moments.deviation).tolist(), dtype="float32", name="scale")(shifted))
    spec = Vector(*first.shape[1:]) if first.ndim == 2 else Series(*first.shape[1:])
    return spec, keras.Model({name: values}, features, name="preprocess")


def images(train: Source) -> tuple[Image, keras.Model]:
    """The features of images, and the model that makes them.

    Pixels that aren't bytes are brought from [0, 1], from [0, 255], or else from the range that they have in the
    training split, to [0, 1].

    Args:
        train: the training split, whose request is "image", (batch, height, width, channels).
    """
    first = train.examples(1)[0]["image"]
    spec = Image(*first.shape[1:])
    if first.dtype == "uint8":
        return spec, pixels(spec)
    low, high = np.inf, -np.inf
    for raw, _ in train.read():
        low, high = min(low, float(raw["image"].min())), max(high, float(raw["image"].max()))
    if low >= 0:
        low, high = 0.0, next((white for white in WHITES if high <= white), high)
    scale = 1 / (high - low) if high > low else 1.0
    image = keras.Input(first.shape[1:], dtype="float32", name="image")
    features = finite(layers.Rescaling(scale, offset=-low * scale, dtype="float32")(image))
    return spec, keras.Model({"image": image}, features, name="preprocess")

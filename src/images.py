"""Images: from a raw request, or an encoded picture, to features. What data sets of images share."""

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from src.specs import Image

CELL = 40  # pixels of an image in a mosaic, at least


def pixels(spec: Image) -> keras.Model:
    """From "image", uint8 (batch, height, width, channels), to float32 in [0, 1]."""
    image = keras.Input((spec.height, spec.width, spec.channels), dtype="uint8", name="image")
    return keras.Model({"image": image}, layers.Rescaling(1 / 255, dtype="float32")(image), name="preprocess")


def mosaic(images: np.ndarray) -> np.ndarray:
    """Rows and columns of uint8 images, (rows, columns, height, width, channels), as one, large enough to see."""
    scale = max(1, -(-CELL // images.shape[2]))
    images = images.repeat(scale, axis=2).repeat(scale, axis=3)
    framed = np.pad(images, [(0, 0), (0, 0), (1, 1), (1, 1), (0, 0)], constant_values=255)
    return np.concatenate(np.concatenate(framed, axis=1), axis=1)


class Pictures:
    """A door from encoded pictures (PNG, JPEG, GIF or BMP, of any size) to the request of `pixels`."""

    def __init__(self, spec: Image):
        self.spec = spec

    def __call__(self, pictures: tf.Tensor) -> dict[str, tf.Tensor]:
        """The images of a batch of strings (batch,), decoded and resized."""
        shape = (self.spec.height, self.spec.width, self.spec.channels)
        return {"image": tf.map_fn(self._decode, pictures, fn_output_signature=tf.TensorSpec(shape, tf.uint8))}

    def encode(self, raw: Mapping[str, np.ndarray]) -> np.ndarray:
        """The images of a raw request as PNG, (batch,)."""
        return np.array([tf.io.encode_png(image).numpy() for image in raw["image"]], object)

    def _decode(self, picture: tf.Tensor) -> tf.Tensor:
        image = tf.io.decode_image(picture, channels=self.spec.channels, expand_animations=False)
        image = tf.ensure_shape(image, (None, None, self.spec.channels))
        image = tf.image.resize(image, (self.spec.height, self.spec.width), antialias=True)
        return tf.cast(tf.round(image), tf.uint8)

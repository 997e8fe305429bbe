"""Images: from a raw request, or an encoded picture, to features. What data sets of images share."""

from collections.abc import Mapping
from typing import ClassVar

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


def resized(image: tf.Tensor, spec: Image) -> tf.Tensor:
    """A uint8 image (height, width, channels) of any height and width in those of `spec`."""
    if image.shape == (spec.height, spec.width, spec.channels):
        return image
    image = tf.ensure_shape(image, (None, None, spec.channels))
    image = tf.image.resize(image, (spec.height, spec.width), antialias=True)
    return tf.cast(tf.round(image), tf.uint8)


def mosaic(images: np.ndarray) -> np.ndarray:
    """Rows and columns of uint8 images, (rows, columns, height, width, channels), as one, large enough to see."""
    scale = max(1, -(-CELL // images.shape[2]))
    images = images.repeat(scale, axis=2).repeat(scale, axis=3)
    framed = np.pad(images, [(0, 0), (0, 0), (1, 1), (1, 1), (0, 0)], constant_values=255)
    return np.concatenate(np.concatenate(framed, axis=1), axis=1)


class Pictures:
    """A door from encoded pictures (PNG, JPEG, GIF or BMP, of any size) to the request of `pixels`."""

    request: ClassVar = {"image_bytes": tf.TensorSpec((None,), tf.string, name="image_bytes")}

    def __init__(self, spec: Image):
        self.spec = spec

    def __call__(self, request: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The images of a batch of strings (batch,), decoded and resized."""
        shape = (self.spec.height, self.spec.width, self.spec.channels)
        one = tf.TensorSpec(shape, tf.uint8)
        return {"image": tf.map_fn(self.decode, request["image_bytes"], fn_output_signature=one)}

    def encode(self, raw: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The images of a raw request as PNG, (batch,)."""
        return {"image_bytes": np.array([tf.io.encode_png(image).numpy() for image in raw["image"]], object)}

    def decode(self, picture: tf.Tensor) -> tf.Tensor:
        """The image, uint8 (height, width, channels), of an encoded picture ()."""
        if self.spec.channels == 1:  # which not every format can be decoded to
            image = _grey(tf.io.decode_image(picture, expand_animations=False))
        else:
            image = tf.io.decode_image(picture, channels=self.spec.channels, expand_animations=False)
        return resized(image, self.spec)


def _grey(image: tf.Tensor) -> tf.Tensor:
    """One channel, of an image (height, width, any) that is grey or in colour, each perhaps with alpha."""
    in_colour = tf.shape(image)[-1] > 2
    return tf.cond(in_colour, lambda: tf.image.rgb_to_grayscale(image[..., :3]), lambda: image[..., :1])

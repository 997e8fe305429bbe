"""Images: from a raw request, or an encoded picture, to features. What data sets of images share."""

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from src.data import Door, Raw
from src.preprocess.decoding import decoded, marks, turned
from src.specs import Image

CELL = 40  # pixels of an image in a mosaic, at least


def pixels(spec: Image, high: int | None = None) -> keras.Model:
    """From "image", uint8 (batch, height, width, channels), to float32 in [0, 1].

    Args:
        spec: of the images.
        high: what is white where the set has pictures of 16 bits; "image" is int32 then, as TensorFlow Serving's JSON
            has no uint16.
    """
    kind = "int32" if high else "uint8"
    image = keras.Input((spec.height, spec.width, spec.channels), dtype=kind, name="image")
    return keras.Model({"image": image}, layers.Rescaling(1 / (high or 255), dtype="float32")(image), name="preprocess")


def shown(raw: Raw, high: int | None = None) -> np.ndarray:
    """The images of a raw request for people, uint8, the first channel where there are neither one nor three."""
    images = raw["image"] if high is None else np.round(raw["image"] * (255 / high)).astype("uint8")
    return images if images.shape[-1] in (1, 3) else images[..., :1]


def mosaic(images: np.ndarray) -> np.ndarray:
    """Rows and columns of uint8 images, (rows, columns, height, width, channels), as one, large enough to see."""
    scale = max(1, -(-CELL // images.shape[2]))
    images = images.repeat(scale, axis=2).repeat(scale, axis=3)
    framed = np.pad(images, [(0, 0), (0, 0), (1, 1), (1, 1), (0, 0)], constant_values=255)
    return np.concatenate(np.concatenate(framed, axis=1), axis=1)


class Pictures(Door):
    """A door from encoded pictures (PNG, JPEG, GIF or BMP, of any size) to the request of `pixels`.

    Args:
        spec: of the images.
        high: what is white in pictures of 16 bits, and those of 8 bits are brought to; None for a set without any.
        background: grey level, 0 to 255, on which transparent parts are put.
    """

    def __init__(self, spec: Image, high: int | None = None, background: int = 255):
        self.request = {"image_bytes": tf.TensorSpec((None,), tf.string, name="image_bytes")}
        self.spec, self.high, self.background = spec, high, background
        self.kind = tf.uint16 if high else tf.uint8  # of images that are kept

    def __call__(self, request: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The images of a batch of strings (batch,), decoded and resized."""
        image = tf.TensorSpec((self.spec.height, self.spec.width, self.spec.channels), self.kind)
        images = tf.map_fn(self.decode, request["image_bytes"], fn_output_signature=image)
        return {"image": tf.cast(images, tf.int32) if self.high else images}

    def picture(self, request: Mapping[str, tf.Tensor], number: tf.Tensor) -> tf.Tensor:
        """The picture of that number for people, uint8 (height, width, 3), in the size in which it is seen."""
        encoded = request["image_bytes"][number]
        orientation, deep, transparent = marks(encoded)

        def stored(kind: tf.DType, white: int) -> tf.Tensor:
            return decoded(encoded, 3, kind, transparent, self.background * white / 255)

        def of_16_bits(white: int) -> tf.Tensor:
            pixels = tf.cast(stored(tf.uint16, white), tf.float32) * (255 / white)
            return tf.cast(tf.round(tf.minimum(pixels, 255.0)), tf.uint8)

        if high := self.high:
            return turned(tf.cond(deep, lambda: of_16_bits(high), lambda: stored(tf.uint8, 255)), orientation)
        return turned(stored(tf.uint8, 255), orientation)

    def encode(self, raw: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The images of a raw request as PNG, (batch,)."""
        images = raw["image"].astype(self.kind.as_numpy_dtype)
        return {"image_bytes": np.array([tf.io.encode_png(image).numpy() for image in images], object)}

    def decode(self, picture: tf.Tensor) -> tf.Tensor:
        """The image, uint8 or uint16 (height, width, channels), of an encoded picture ()."""
        orientation, deep, transparent = marks(picture)
        height, width = self.spec.height, self.spec.width
        size = tf.where(orientation > 4, (width, height), (height, width))

        def image(kind: tf.DType, white: int) -> tf.Tensor:
            stored = decoded(picture, self.spec.channels, kind, transparent, self.background * white / 255)
            return tf.image.resize(stored, size, antialias=True)

        if self.high:
            high = float(self.high)
            pixels = tf.cond(
                deep,
                lambda: tf.minimum(image(tf.uint16, self.high), high),
                lambda: image(tf.uint8, 255) * (high / 255),
            )
        else:
            pixels = image(tf.uint8, 255)
        pixels = turned(pixels, orientation)
        return tf.ensure_shape(tf.cast(tf.round(pixels), self.kind), (height, width, self.spec.channels))

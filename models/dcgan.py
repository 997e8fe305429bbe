"""Plain DCGAN, as TensorFlow's tutorial has it: what a GAN has to beat, and a small file to start one's own from.

Radford et al. (2016), Unsupervised representation learning with deep convolutional generative adversarial networks;
networks and numbers of tensorflow.org/tutorials/generative/dcgan. It trains as models/gan.py does.

    make train MODEL=dcgan
"""

import keras
from keras import layers

from models.gan import GAN
from src.specs import Image, Images

TAKES, GIVES = (Image,), (Images,)
DATA = "digits"
JUDGE = {"model": "cnn", "head_pool": "global"}
FIT = {"batch": 256, "learning_rate": 1e-4, "schedule": "constant", "epochs": 50, "patience": 0}
LATENT = 100


def build(inputs: Image, outputs: Images) -> keras.Model:
    """Returns a model from latent vectors to images in [0, 1], for heights and widths that are multiples of 4.

    Raises:
        ValueError: for images of another size.
    """
    if inputs.height % 4 or inputs.width % 4:
        raise ValueError(f"height and width have to be multiples of 4, not {inputs.height} x {inputs.width}")
    networks = generator(outputs.shape, "average"), generator(outputs.shape, "generator"), discriminator(outputs.shape)
    return GAN(*networks, loss="non_saturating")


def generator(shape: tuple[int, int, int], name: str) -> keras.Model:
    """From {"latent": (batch, 100)} to images."""

    def activate(x):
        return layers.LeakyReLU(0.3)(layers.BatchNormalization()(x))

    latent = keras.Input((LATENT,), name="latent")
    height, width, channels = shape[0] // 4, shape[1] // 4, shape[2]
    x = activate(layers.Dense(height * width * 256, use_bias=False)(latent))
    x = layers.Reshape((height, width, 256))(x)  # (batch, height / 4, width / 4, 256)
    x = activate(layers.Conv2DTranspose(128, 5, strides=1, padding="same", use_bias=False)(x))
    x = activate(layers.Conv2DTranspose(64, 5, strides=2, padding="same", use_bias=False)(x))  # (…, height / 2, …, 64)
    x = layers.Conv2DTranspose(channels, 5, strides=2, padding="same", use_bias=False, activation="tanh")(x)
    image = layers.Rescaling(0.5, 0.5, dtype="float32", name="image")(x)  # (batch, height, width, channels)
    return keras.Model({"latent": latent}, image, name=name)


def discriminator(shape: tuple[int, int, int]) -> keras.Model:
    """From {"image"} to how real it looks, (batch, 1)."""
    image = keras.Input(shape, name="image")  # (batch, height, width, channels)
    x = layers.Rescaling(2.0, -1.0)(image)
    for filters in (64, 128):
        x = layers.LeakyReLU(0.3)(layers.Conv2D(filters, 5, strides=2, padding="same")(x))
        x = layers.Dropout(0.3)(x)  # (batch, height / 2, width / 2, filters), then a quarter
    score = layers.Dense(1, dtype="float32")(layers.Flatten()(x))  # (batch, 1)
    return keras.Model({"image": image}, score, name="discriminator")

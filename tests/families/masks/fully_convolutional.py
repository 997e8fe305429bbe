"""Fully convolutional network: a prediction for each pixel."""

import keras
from keras import layers

from src.layers import features
from src.specs import Image, Mask

TAKES, GIVES, DATA = (Image,), (Mask,), "shapes"
FIT = {"learning_rate": 0.05, "batch": 8}


def build(inputs, outputs, *, filters: int = 8) -> keras.Model:
    """Returns the model.

    Args:
        filters: channels of the hidden layer.
    """
    tensors = features(inputs)
    x = layers.Conv2D(filters, 5, padding="same", activation="relu")(tensors)
    return keras.Model(tensors, layers.Conv2D(len(outputs.names), 1, dtype="float32")(x))

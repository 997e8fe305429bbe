"""U-Net: an encoder that halves the image and a decoder that doubles it, which sees each stage of the encoder again.

Ronneberger et al. (2015), U-Net: convolutional networks for biomedical image segmentation, figure 1. Convolutions are
padded, so that the mask has the image's size, and normalised (Ioffe and Szegedy, 2015), as is usual since.

    make train MODEL=unet                                                # shapes, made pictures
    make train MODEL=unet ARGS="--batch 8 --learning-rate 5e-3"          # three minutes on two cores; mean IoU 0.96
"""

import keras
from keras import layers

from src.layers import features
from src.specs import Choice, Image, Mask, Range

TAKES = (Image,)
GIVES = (Mask,)
DATA = "shapes"
FIT = {"learning_rate": 3e-3, "batch": 16}
SPACE = {
    "filters": Choice((16, 32, 64), (16, 32, 64, 128), (32, 64, 128, 256)),
    "dropout": Range(0.0, 0.5),
}


def build(
    inputs: Image, outputs: Mask, *, filters: tuple[int, ...] = (16, 32, 64, 128), dropout: float = 0.1
) -> keras.Model:
    """Returns a model from images of any size to one logit a pixel and class.

    Args:
        inputs: spec of the images.
        outputs: spec of the masks.
        filters: channels of each stage; every stage but the last halves height and width.
        dropout: fraction of the lowest stage's channels dropped in training, in [0, 1).

    Raises:
        ValueError: for no stages.
    """
    if not filters:
        raise ValueError("filters has to name a stage")
    image = x = features(inputs)  # (batch, height, width, channels)
    *above, lowest = filters
    seen = []
    for stage, channels in enumerate(above, 1):
        x = _convolved(x, channels, f"down_{stage}")  # (batch, h, w, channels)
        seen.append(x)
        x = layers.MaxPooling2D(padding="same", name=f"pool_{stage}")(x)
    x = _convolved(x, lowest, "bottom")
    x = layers.SpatialDropout2D(dropout, name="dropout")(x) if dropout else x
    for stage, channels in reversed(list(enumerate(above, 1))):
        beside = seen[stage - 1]
        x = layers.Conv2DTranspose(channels, 2, 2, name=f"up_{stage}")(x)
        x = x[:, : beside.shape[1], : beside.shape[2]]  # an odd side was rounded up
        x = layers.Concatenate(name=f"beside_{stage}")([beside, x])
        x = _convolved(x, channels, f"up_{stage}")
    logits = layers.Conv2D(len(outputs.names), 1, dtype="float32", name="head")(x)
    return keras.Model(image, logits, name="unet")


def _convolved(x: keras.KerasTensor, channels: int, name: str) -> keras.KerasTensor:
    """Two convolutions, from (batch, h, w, any) to (batch, h, w, channels)."""
    for number in (1, 2):
        x = layers.Conv2D(channels, 3, padding="same", use_bias=False, name=f"{name}_{number}_conv")(x)
        # On a few steps an epoch the default momentum 0.99 leaves the moving statistics far behind the weights.
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}_{number}_norm")(x)
        x = layers.Activation("relu", name=f"{name}_{number}_relu")(x)
    return x

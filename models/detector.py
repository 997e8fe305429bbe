"""Detector: a grid over the image, in each of whose cells are a logit for each class and the four sides of a box.

Zhou et al. (2019), Objects as points (centres instead of anchors); Liu et al. (2020), Training-time-friendly network
for real-time object detection, figure 3 (one head for classes, one for sides); from small stages back to large ones:
Lin et al. (2017), Feature pyramid networks, figure 3.

    make train MODEL=detector                                           # shapes, made pictures
    make train MODEL=detector DATA=boxes ARGS="--path photos"
"""

import math
from typing import Literal

import keras
from keras import layers

from models.unet import ENCODERS
from src.layers import features, last_of_each_size
from src.specs import Boxes, Choice, Image

TAKES = (Image,)
GIVES = (Boxes,)
DATA = "shapes"
FIT = {"learning_rate": 3e-3, "batch": 8}
SPACE = {
    "filters": Choice((24, 48, 96), (24, 48, 96, 192), (32, 64, 128, 256)),
    "neck": Choice(32, 64, 96),
}
RARE = 0.05  # probability of a thing at a place before anything is learnt


def build(
    inputs: Image,
    outputs: Boxes,
    *,
    encoder: Literal["plain", "efficientnet", "resnet", "mobilenet"] = "plain",
    filters: tuple[int, ...] = (24, 48, 96, 192),
    neck: int = 64,
) -> keras.Model:
    """Returns a model from images to a grid of a quarter of their size, (batch, height / 4, width / 4, classes + 4).

    Args:
        inputs: spec of the images.
        outputs: spec of the boxes.
        encoder: what halves the image: plain, residual blocks of `filters`, or the stages of that model below its head,
            as U-Net has them: `--init` takes over the weights of a run of it.
        filters: channels of the plain stages; the first halves height and width twice, every other one once.
        neck: channels of the way back, and of each head.

    Raises:
        ValueError: for no stages.
    """
    if not filters:
        raise ValueError("filters has to name a stage")
    image = features(inputs)  # (batch, height, width, channels)
    if encoder == "plain":
        *larger, lowest = _plain_stages(image, filters)
    else:
        *larger, lowest = last_of_each_size(ENCODERS[encoder](inputs, image))
        quarter = -(-inputs.height // 4), -(-inputs.width // 4)
        larger = [stage for stage in larger if stage.shape[1] <= quarter[0] and stage.shape[2] <= quarter[1]]
    x = _convolved(lowest, neck, "lowest", kernel=1)
    for number, beside in reversed(list(enumerate(larger, 1))):
        x = layers.UpSampling2D(2, interpolation="nearest", name=f"up_{number}")(x)
        x = x[:, : beside.shape[1], : beside.shape[2]]  # an odd side was rounded up
        x = layers.Add(name=f"beside_{number}")([x, _convolved(beside, neck, f"beside_{number}", kernel=1)])
        x = _convolved(x, neck, f"joined_{number}")
    rare = keras.initializers.Constant(math.log(RARE / (1 - RARE)))
    classes, sides = _convolved(x, neck, "classes"), _convolved(x, neck, "sides")
    logits = layers.Conv2D(len(outputs.names), 1, bias_initializer=rare, dtype="float32", name="class_head")(classes)
    logarithms = layers.Conv2D(4, 1, kernel_initializer="zeros", dtype="float32", name="side_head")(sides)
    return keras.Model(image, layers.Concatenate(dtype="float32", name="grid")([logits, logarithms]), name="detector")


def _plain_stages(x: keras.KerasTensor, filters: tuple[int, ...]) -> list[keras.KerasTensor]:
    """Stages of a quarter of height and width, an eighth and so on, (batch, h, w, channels)."""
    x = _convolved(x, filters[0], "stem", 2)
    made = []
    for number, channels in enumerate(filters, 1):
        x = _block(x, channels, f"stage_{number}")
        made.append(x)
    return made


def _block(x: keras.KerasTensor, channels: int, name: str) -> keras.KerasTensor:
    """A residual block (He et al., 2016) that halves height and width, to (batch, h / 2, w / 2, channels)."""
    x = _convolved(x, channels, f"{name}_down", 2)
    y = _convolved(x, channels, f"{name}_1")
    y = _convolved(y, channels, f"{name}_2", activation=None)
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([x, y]))


def _convolved(
    x: keras.KerasTensor, channels: int, name: str, stride: int = 1, kernel: int = 3, activation: str | None = "relu"
) -> keras.KerasTensor:
    """A normalised convolution, from (batch, h, w, any) to (batch, h / stride, w / stride, channels)."""
    x = layers.Conv2D(channels, kernel, stride, "same", use_bias=False, name=f"{name}_conv")(x)
    # On a few steps an epoch the default momentum 0.99 leaves the moving statistics far behind the weights.
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return layers.Activation(activation, name=f"{name}_{activation}")(x) if activation else x

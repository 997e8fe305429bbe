"""MobileNetV2: inverted residuals with linear bottlenecks, at several widths; ImageNet's weights fit it.

Sandler et al. (2018), MobileNetV2: inverted residuals and linear bottlenecks. Layers are called as in
keras.applications, so that its models fit, too; the published files, which it matches by order, call them otherwise.

    make train MODEL=mobilenet ARGS="--epochs 10"  # digits, a minute or two; test accuracy 0.95
    make train MODEL=mobilenet DATA=images ARGS="--path photos --pretrained"
"""

import keras
from keras import layers

from models.efficientnet import rounded
from src.layers import colored, features, head, last_of_each_size, strides
from src.specs import Choice, Image, Numbers, Range

TAKES = (Image,)
GIVES = (Numbers,)
DATA = "digits"
FIT = {"learning_rate": 3e-3, "body_rate": 0.01}
SPACE = {"alpha": Choice(0.35, 1.0), "dropout": Range(0.0, 0.5)}
PRETRAINED = {  # from images of 224 pixels; no hashes are published
    "alpha": {
        0.35: {
            "url": "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
            "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"
        },
        0.5: {
            "url": "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
            "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.5_224_no_top.h5"
        },
        0.75: {
            "url": "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
            "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.75_224_no_top.h5"
        },
        1.0: {
            "url": "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
            "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
        },
        1.3: {
            "url": "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
            "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.3_224_no_top.h5"
        },
        1.4: {
            "url": "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
            "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.4_224_no_top.h5"
        },
    }
}
RENAMED = {
    r"^mobl0_conv(_0)?_(\w+)/": r"expanded_conv_\2/",
    r"^bn0_conv(_0)?_bn_(\w+)/": r"expanded_conv_\2_BN/",
    r"^mobl(\d+)_conv(_\d+)?_(\w+)/": r"block_\1_\3/",
    r"^bn(\d+)_conv(_\d+)?_bn_(\w+)/": r"block_\1_\3_BN/",
}
STAGES = (  # Sandler et al., table 2: how much wider inside, channels, blocks, whether it halves height and width
    (1, 16, 1, False),
    (6, 24, 2, True),
    (6, 32, 3, True),
    (6, 64, 4, True),
    (6, 96, 3, False),
    (6, 160, 3, True),
    (6, 320, 1, False),
)


def build(inputs: Image, outputs: Numbers, *, alpha: float = 1.0, dropout: float = 0.2) -> keras.Model:
    """Returns a model from images to one logit a class, or one number a value.

    Images of fewer than 32 pixels are halved less often.

    Args:
        inputs: spec of the images.
        outputs: spec of the target.
        alpha: width of the layers, as a multiple of the paper's; weights are published for 0.35, 0.5, 0.75, 1, 1.3
            and 1.4.
        dropout: fraction of the last features dropped in training, in [0, 1).

    Raises:
        ValueError: for a width that isn't positive.
    """
    image = features(inputs)  # (batch, height, width, channels)
    x = stages(inputs, image, alpha=alpha)[-1]
    x = _activate(_normalize(_convolve(x, rounded(1280 * max(1.0, alpha)), "Conv_1"), "Conv_1_bn"))
    x = layers.GlobalAveragePooling2D(name="pool")(x)  # (batch, 1280), or more
    x = layers.Dropout(dropout, name="dropout")(x) if dropout else x
    return keras.Model(image, head(outputs)(x), name="mobilenet")


def stages(inputs: Image, image: keras.KerasTensor, *, alpha: float = 1.0) -> list[keras.KerasTensor]:
    """The network below its head: the last features of each height and width, largest first, (batch, h, w, channels).

    Args:
        inputs: spec of the images.
        image: float32 (batch, height, width, channels) in [0, 1].
        alpha: as `build` takes it.

    Raises:
        ValueError: for a width that isn't positive.
    """
    if alpha <= 0:
        raise ValueError("alpha has to be positive")
    step = iter(strides(inputs, 1 + sum(halves for *_, halves in STAGES)))
    x = layers.Rescaling(2.0, -1.0, name="normalized")(colored(image))  # as the weights have seen them
    x = _activate(_normalize(_convolve(x, rounded(32 * alpha), "Conv1", 3, next(step)), "bn_Conv1"))
    made, number = [x], 0
    for wider, channels, blocks, halves in STAGES:
        stride = next(step) if halves else 1
        for block in range(blocks):
            x = _block(x, rounded(int(channels * alpha)), wider, stride if block == 0 else 1, number)
            number += 1
        made.append(x)  # (batch, h, w, channels): halved by the first layer and by four of the stages
    return last_of_each_size(made)


def _block(x, channels: int, wider: int, stride: int, number: int):
    """An inverted residual, from (batch, h, w, any) to (batch, h / stride, w / stride, channels)."""
    name = f"block_{number}" if number else "expanded_conv"
    y = x
    if number:
        y = _activate(_normalize(_convolve(y, wider * x.shape[-1], f"{name}_expand"), f"{name}_expand_BN"))
    depthwise = layers.DepthwiseConv2D(3, stride, "same", use_bias=False, name=f"{name}_depthwise")
    y = _activate(_normalize(depthwise(y), f"{name}_depthwise_BN"))
    y = _normalize(_convolve(y, channels, f"{name}_project"), f"{name}_project_BN")
    return layers.Add(name=f"{name}_add")([x, y]) if stride == 1 and x.shape[-1] == channels else y


def _convolve(x, channels: int, name: str, kernel: int = 1, stride: int = 1):
    return layers.Conv2D(channels, kernel, stride, "same", use_bias=False, name=name)(x)


def _normalize(x, name: str):
    # On a few steps an epoch the published momentum 0.999 leaves the moving statistics far behind the weights.
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-3, name=name)(x)


def _activate(x):
    return layers.ReLU(6)(x)

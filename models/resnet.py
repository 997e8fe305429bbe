"""ResNet: residual blocks, 18, 34 or 50 layers deep; ImageNet's weights fit the one of 50.

He et al. (2016), Deep residual learning for image recognition, table 1. Layers are called, and padded, as in
keras.applications, which publishes weights for 50 layers, but none for 18 and 34.

    make train MODEL=resnet ARGS="--epochs 10"  # digits, a minute or two; test accuracy 0.98
    make train MODEL=resnet DATA=images ARGS="--path photos --depth 50 --pretrained"
"""

from typing import Literal

import keras
from keras import layers, ops

from src.layers import colored, features, head, last_of_each_size, strides
from src.specs import Choice, Image, Numbers, Range

TAKES = (Image,)
GIVES = (Numbers,)
DATA = "digits"
FIT = {"learning_rate": 1e-3, "body_rate": 0.03}
SPACE = {"depth": Choice(18, 34), "dropout": Range(0.0, 0.5)}
PRETRAINED = {
    "depth": {
        50: {
            "url": "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
            "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "md5": "4d473c1dd8becc155b73f8504c6f6626",
        }
    }
}
BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}  # by stage
MEANS = (103.939, 116.779, 123.68)  # of ImageNet's blue, green and red


def build(inputs: Image, outputs: Numbers, *, depth: Literal[18, 34, 50] = 18, dropout: float = 0.0) -> keras.Model:
    """Returns a model from images to one logit a class, or one number a value.

    Images of fewer than 32 pixels are halved less often.

    Args:
        inputs: spec of the images.
        outputs: spec of the target.
        depth: layers with weights. Blocks have two convolutions; with 50 layers three, of which the last is four times
            as wide.
        dropout: fraction of the last features dropped in training, in [0, 1).
    """
    image = features(inputs)  # (batch, height, width, channels)
    x = stages(inputs, image, depth=depth)[-1]
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)  # (batch, 512), or 2048 with 50 layers
    x = layers.Dropout(dropout, name="dropout")(x) if dropout else x
    return keras.Model(image, head(outputs)(x), name="resnet")


def stages(inputs: Image, image: keras.KerasTensor, *, depth: int = 18) -> list[keras.KerasTensor]:
    """The network below its head: the last features of each height and width, largest first, (batch, h, w, channels).

    Args:
        inputs: spec of the images.
        image: float32 (batch, height, width, channels) in [0, 1].
        depth: as `build` takes it.
    """
    first, pooled, *steps = strides(inputs, 5)
    x = layers.ZeroPadding2D(3, name="conv1_pad")(centered(colored(image)))
    x = layers.ReLU(name="conv1_relu")(_normalize(layers.Conv2D(64, 7, first, name="conv1_conv")(x), "conv1_bn"))
    made = [x]
    if pooled > 1:
        x = layers.MaxPooling2D(3, 2, name="pool1_pool")(layers.ZeroPadding2D(1, name="pool1_pad")(x))
    for stage, (blocks, step) in enumerate(zip(BLOCKS[depth], [1, *steps], strict=True), 2):
        for number in range(1, blocks + 1):
            block = _bottleneck if depth >= 50 else _block
            x = block(x, 16 * 2**stage, step if number == 1 else 1, f"conv{stage}_block{number}")
        made.append(x)  # (batch, h / step, w / step, channels)
    return last_of_each_size(made)


def centered(x: keras.KerasTensor) -> keras.KerasTensor:
    """Images as the weights have seen them: 0 to 255 less the mean, blue first; (batch, height, width, channels)."""
    if x.shape[-1] != len(MEANS):
        return layers.Rescaling(255.0, -sum(MEANS) / len(MEANS), name="centered")(x)
    return layers.Rescaling(255.0, [-mean for mean in MEANS], name="centered")(ops.take(x, [2, 1, 0], axis=-1))


def _block(x, channels: int, step: int, name: str):
    """He et al., figure 5, left: from (batch, h, w, any) to (batch, h / step, w / step, channels)."""
    y = layers.ReLU(name=f"{name}_1_relu")(_convolve(x, channels, 3, f"{name}_1", step))
    return _join(x, _convolve(y, channels, 3, f"{name}_2"), step, name)


def _bottleneck(x, channels: int, step: int, name: str):
    """He et al., figure 5, right: from (batch, h, w, any) to (batch, h / step, w / step, 4 * channels)."""
    y = layers.ReLU(name=f"{name}_1_relu")(_convolve(x, channels, 1, f"{name}_1", step))
    y = layers.ReLU(name=f"{name}_2_relu")(_convolve(y, channels, 3, f"{name}_2"))
    return _join(x, _convolve(y, 4 * channels, 1, f"{name}_3"), step, name)


def _join(x, y, step: int, name: str):
    """The sum of a block's input, brought to the same shape, and of what it has made of it."""
    if step > 1 or x.shape[-1] != y.shape[-1]:
        x = _convolve(x, y.shape[-1], 1, f"{name}_0", step)
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([x, y]))


def _convolve(x, channels: int, kernel: int, name: str, step: int = 1):
    # The published weights have biases, too, which the normalisation makes needless.
    return _normalize(layers.Conv2D(channels, kernel, step, "same", name=f"{name}_conv")(x), f"{name}_bn")


def _normalize(x, name: str):
    # On a few steps an epoch the published momentum 0.99 leaves the moving statistics far behind the weights.
    return layers.BatchNormalization(momentum=0.9, epsilon=1.001e-5, name=name)(x)

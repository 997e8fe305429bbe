"""VGG: a stack of 3 x 3 convolutions with pooling, 16 or 19 layers deep; ImageNet's weights fit it.

Simonyan and Zisserman (2015), Very deep convolutional networks for large-scale image recognition, table 1, columns D
and E. Each channel of the last stage is averaged, in place of the two dense layers with 120 million parameters. Layers
are called as in keras.applications. From scratch, `resnet` learns faster and gets further.

    make train MODEL=vgg ARGS="--epochs 10"  # digits, five minutes; test accuracy 0.97
    make train MODEL=vgg DATA=images ARGS="--path photos --pretrained"
"""

from typing import Literal

import keras
from keras import layers

from models.resnet import centered
from src.layers import colored, features, head, strides
from src.specs import Choice, Image, Numbers, Range

TAKES = (Image,)
GIVES = (Numbers,)
DATA = "digits"
FIT = {"learning_rate": 1e-4}
SPACE = {"depth": Choice(16, 19), "dropout": Range(0.0, 0.7)}
PRETRAINED = {
    "depth": {
        16: {
            "url": "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
            "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "md5": "6d6bbae143d832006294945121d1f1fc",
        },
        19: {
            "url": "https://storage.googleapis.com/tensorflow/keras-applications/vgg19/"
            "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "md5": "253f8cb515780f3b799900260a226db6",
        },
    }
}
CONVOLUTIONS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}  # by stage


def build(inputs: Image, outputs: Numbers, *, depth: Literal[16, 19] = 16, dropout: float = 0.5) -> keras.Model:
    """Returns a model from images to one logit a class, or one number a value.

    Images of fewer than 32 pixels are halved less often.

    Args:
        inputs: spec of the images.
        outputs: spec of the target.
        depth: layers with weights, of which three are dense in the paper.
        dropout: fraction of the last features dropped in training, in [0, 1).
    """
    image = features(inputs)  # (batch, height, width, channels)
    x = centered(colored(image))
    for stage, (convolutions, step) in enumerate(zip(CONVOLUTIONS[depth], strides(inputs, 5), strict=True), 1):
        for number in range(1, convolutions + 1):
            convolve = layers.Conv2D(
                min(32 * 2**stage, 512),
                3,
                padding="same",
                activation="relu",
                kernel_initializer="he_normal",  # as nothing else keeps the size of what passes so many layers
                name=f"block{stage}_conv{number}",
            )
            x = convolve(x)
        if step > 1:
            x = layers.MaxPooling2D(2, name=f"block{stage}_pool")(x)
        # (batch, h / step, w / step, channels)
    x = layers.GlobalAveragePooling2D(name="pool")(x)  # (batch, 512)
    x = layers.Dropout(dropout, name="dropout")(x) if dropout else x
    return keras.Model(image, head(outputs)(x), name="vgg")

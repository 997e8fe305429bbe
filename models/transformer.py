"""Transformer: an encoder of texts, series and images, or a decoder that predicts the next token.

Vaswani et al. (2017), Attention is all you need; normalisation before each part: Xiong et al. (2020), On layer
normalization in the transformer architecture; decoder: Radford et al. (2018), Improving language understanding by
generative pre-training; class token: Devlin et al. (2019), BERT; patches: Dosovitskiy et al. (2021), An image is worth
16x16 words.

    make train MODEL=transformer                # docstrings: which library is it?
    make train MODEL=transformer DATA=digits    # as a ViT
"""

import math
from dataclasses import dataclass, fields
from typing import Literal, Self

import keras
import numpy as np
from keras import layers, ops

from src.layers import embedded, features, forecast, head, over_time
from src.specs import Choice, Image, NextToken, Numbers, Range, Series, Tokens

TAKES = (Tokens, Series, Image)
GIVES = (Numbers, NextToken)
DATA = "docstrings"
FIT = {"learning_rate": 1e-3, "epochs": 15, "clip_norm": 1.0}
SPACE = {
    "blocks": Choice(1, 2, 4),
    "width": Choice(64, 128),
    "heads": Choice(2, 4, 8, where="width % heads == 0"),
    "dropout": Range(0.0, 0.5),
}
MOST_PATCHES = 256


def build(
    inputs: Tokens | Series | Image,
    outputs: Numbers | NextToken,
    *,
    blocks: int = 2,
    width: int = 64,
    heads: int = 4,
    feedforward: int = 4,
    positions: Literal["learned", "sinusoidal"] = "learned",
    pool: Literal["mean", "class_token"] = "mean",
    patch: int | None = None,
    token_dropout: float = 0.0,
    dropout: float = 0.1,
) -> keras.Model:
    """Returns a model from a sequence, or an image, to a class, values, the next values, or the token after each one.

    Args:
        inputs: spec of the features.
        outputs: spec of the target.
        blocks: number of blocks of attention and feed-forward layers.
        width: size of the vector of each step, a multiple of `heads`.
        heads: number of attention heads.
        feedforward: width of the feed-forward layers, as a multiple of `width`.
        positions: position embeddings, learnt or sinusoidal.
        pool: what a class or value is predicted from: the mean of all steps, or a class token.
        patch: height and width of an image's patches, in pixels. The default is 2, doubled until there are at most 256
            patches.
        token_dropout: fraction of the vocabulary dropped in each training step, in [0, 1).
        dropout: fraction of each sublayer's outputs dropped in training, in [0, 1).

    Raises:
        ValueError: for knobs that don't fit each other, the inputs or outputs.
    """
    if blocks < 1 or heads < 1 or width % heads:
        raise ValueError(f"heads has to divide width; {heads} and {width} are given, and {blocks} blocks")
    decoder = isinstance(outputs, NextToken)
    if decoder and pool != "mean":
        raise ValueError("the next token is predicted at each step: pool has no meaning")
    if token_dropout and not isinstance(inputs, Tokens):
        raise ValueError("token_dropout is for tokens")
    tensors = features(inputs)  # (batch, time), (batch, time, channels) or (batch, height, width, channels)
    x, mask, length = _steps(inputs, tensors, width, patch, token_dropout)  # (batch, time, width), (batch, time)
    if pool == "class_token":
        x, mask, length = _with_class_token(x, mask, length)  # time is 1 more
    x = x + position_vectors(positions, length, width)(indices(x))
    x = layers.Dropout(dropout, name="dropout")(x)
    seen = None if decoder or mask is None else ops.expand_dims(mask, (1, 2))  # (batch, 1, 1, time)
    for number in range(1, blocks + 1):
        attention = Attention.new(f"block_{number}", width, heads, dropout)
        query, key, value = attention.project(x)
        x = attention.add(x, ops.dot_product_attention(query, key, value, mask=seen, is_causal=decoder))
        x = FeedForward.new(f"block_{number}", width, feedforward * width, dropout).add(x)  # (batch, time, width)
    if not decoder:
        x = x[:, 0] if pool == "class_token" else over_time(x, mask, pool)  # (batch, width)
    x = layers.LayerNormalization(name="norm")(x)  # after the mean, in which steps of much weight are to keep it
    return keras.Model(tensors, forecast(outputs, tensors, head(outputs)(x)), name="transformer")


def step(model: keras.Model, inputs: Tokens) -> keras.Model:
    """One step of `model`: from {"token", "position", keys and values so far} to {"logits", keys and values}.

    Args:
        model: built for the next token, or opened again.
        inputs: spec of its tokens.
    """
    token = keras.Input((), dtype="int32", name="token")  # (batch,)
    position = keras.Input((), dtype="int32", name="position")  # (batch,)
    x = model.get_layer("embedding")(token[:, None]) + model.get_layer("positions")(position[:, None])
    # x: (batch, 1, width)
    indices = ops.arange(inputs.length)[None, :]
    here = ops.equal(indices, position[:, None])[..., None, None]  # (batch, length, 1, 1)
    seen = ops.less_equal(indices, position[:, None])[:, None, None, :]  # (batch, 1, 1, length)
    before: dict[str, keras.KerasTensor] = {}
    after: dict[str, keras.KerasTensor] = {}
    for name in [layer.name.removesuffix("_query") for layer in model.layers if layer.name.endswith("_query")]:
        attention = Attention.of(model, name)
        shape, dtype = (inputs.length, *attention.key.kernel.shape[1:]), attention.key.compute_dtype
        old_keys = keras.Input(shape, dtype=dtype, name=f"{name}_keys")  # (batch, length, heads, width / heads)
        old_values = keras.Input(shape, dtype=dtype, name=f"{name}_values")
        query, key, value = attention.project(x)
        keys, values = ops.where(here, key, old_keys), ops.where(here, value, old_values)
        x = attention.add(x, ops.dot_product_attention(query, keys, values, mask=seen))  # (batch, 1, width)
        x = FeedForward.of(model, name).add(x)
        before |= {f"{name}_keys": old_keys, f"{name}_values": old_values}
        after |= {f"{name}_keys": keys, f"{name}_values": values}
    logits = model.get_layer("head")(model.get_layer("norm")(x))[:, 0]  # (batch, vocabulary)
    return keras.Model({"token": token, "position": position, **before}, {"logits": logits, **after}, name="step")


@dataclass(frozen=True)
class Part:
    """Layers that are called together; a field is also the end of its layer's name."""

    @classmethod
    def of(cls, model: keras.Model, name: str) -> Self:
        """Those of `model` whose names begin with `name`."""
        return cls(**{field.name: model.get_layer(f"{name}_{field.name}") for field in fields(cls)})


@dataclass(frozen=True)
class Attention(Part):
    """Attention beside a residual connection, normalised first (Xiong et al., figure 1b)."""

    norm_1: keras.Layer
    query: keras.Layer
    key: keras.Layer
    value: keras.Layer
    join: keras.Layer
    dropout_1: keras.Layer

    @classmethod
    def new(cls, name: str, width: int, heads: int, dropout: float) -> "Attention":
        """Of layers called `name`_FIELD."""

        def project(part: str) -> keras.Layer:
            shape = (None, heads, width // heads)
            return layers.EinsumDense("btw,whs->bths", shape, bias_axes="hs", name=f"{name}_{part}")

        return cls(
            norm_1=layers.LayerNormalization(name=f"{name}_norm_1"),
            query=project("query"),
            key=project("key"),
            value=project("value"),
            join=layers.EinsumDense("bths,hsw->btw", (None, width), bias_axes="w", name=f"{name}_join"),
            dropout_1=layers.Dropout(dropout, name=f"{name}_dropout_1"),
        )

    def project(self, x: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor, keras.KerasTensor]:
        """From (batch, time, width) to queries, keys and values, each (batch, time, heads, width / heads)."""
        x = self.norm_1(x)
        return self.query(x), self.key(x), self.value(x)

    def add(self, x: keras.KerasTensor, attended: keras.KerasTensor) -> keras.KerasTensor:
        """From x and what its heads attended to, (batch, time, heads, width / heads), to (batch, time, width)."""
        return x + self.dropout_1(self.join(attended))


@dataclass(frozen=True)
class FeedForward(Part):
    """Two dense layers beside a residual connection, normalised first."""

    norm_2: keras.Layer
    widen: keras.Layer
    narrow: keras.Layer
    dropout_2: keras.Layer

    @classmethod
    def new(cls, name: str, width: int, middle: int, dropout: float) -> "FeedForward":
        """Of layers called `name`_FIELD, with `middle` units between the dense layers."""
        return cls(
            norm_2=layers.LayerNormalization(name=f"{name}_norm_2"),
            widen=layers.Dense(middle, activation="gelu", name=f"{name}_widen"),
            narrow=layers.Dense(width, name=f"{name}_narrow"),
            dropout_2=layers.Dropout(dropout, name=f"{name}_dropout_2"),
        )

    def add(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """From (batch, time, width) to the same shape."""
        y = self.widen(self.norm_2(x))  # (batch, time, middle)
        return x + self.dropout_2(self.narrow(y))


def _steps(inputs, tensors, width: int, patch: int | None, dropout: float):
    """The vectors of all steps (batch, time, width), which of them are no padding, and how many there are at most."""
    if isinstance(inputs, Tokens):
        return embedded(inputs, tensors, width, dropout=dropout), ops.not_equal(tensors, 0), inputs.length
    if isinstance(inputs, Series):
        return layers.Dense(width, name="embedding")(tensors), None, inputs.length
    patch = patch or _patch(inputs)
    x = layers.Conv2D(width, patch, patch, padding="same", name="embedding")(tensors)
    length = x.shape[1] * x.shape[2]
    return layers.Reshape((length, width), name="patches")(x), None, length


def _patch(image: Image) -> int:
    """2, doubled until an image has at most MOST_PATCHES: attention costs the square of their number."""
    patch = 2
    while math.ceil(image.height / patch) * math.ceil(image.width / patch) > MOST_PATCHES:
        patch *= 2
    return patch


def _with_class_token(x, mask, length: int):
    """The same with a step before the first that holds a vector to be learnt: Devlin et al. (2019), section 3."""
    first = ops.zeros_like(x[:, :1, 0], dtype="int32")  # (batch, 1)
    x = ops.concatenate([layers.Embedding(1, x.shape[-1], name="class_token")(first), x], axis=1)
    if mask is not None:
        mask = ops.concatenate([ops.equal(first, 0), mask], axis=1)
    return x, mask, length + 1


def indices(x):
    """0, 1, 2, … for each row of `x`, (batch, time)."""
    return ops.cumsum(ops.ones_like(x[:, :, 0], dtype="int32"), axis=1) - 1


def position_vectors(kind: str, length: int, width: int, name: str = "positions") -> keras.layers.Layer:
    """From indices, (batch, time), to vectors, (batch, time, width)."""
    if kind == "learned":
        return layers.Embedding(length, width, name=name)
    # Vaswani et al., section 3.5
    angles = np.arange(length)[:, None] / 10_000 ** (np.arange(0, width, 2) / width)  # (length, width / 2)
    table = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, -1)[:, :width]
    layer = layers.Embedding(length, width, trainable=False, name=name)
    layer.build()
    layer.embeddings.assign(table)
    return layer

"""Transformer: an encoder of texts, series and images, or a decoder that predicts the next token.

Vaswani et al. (2017), Attention is all you need; normalisation before each part: Xiong et al. (2020), On layer
normalization in the transformer architecture; decoder: Radford et al. (2018), Improving language understanding by
generative pre-training; class token: Devlin et al. (2019), BERT; patches: Dosovitskiy et al. (2021), An image is worth
16x16 words.

    make train MODEL=transformer                # docstrings: which library is it?
    make train MODEL=transformer DATA=digits    # as a ViT
"""

import math
from collections.abc import Callable
from typing import Literal

import keras
import numpy as np
from keras import layers, ops

from src.layers import embedded, features, forecast, head, over_time
from src.specs import Choice, Classes, Horizon, Image, NextToken, Range, Series, Tokens, Values

TAKES = (Tokens, Series, Image)
GIVES = (Classes, Values, NextToken, Horizon)
DATA = "docstrings"
FIT = {"learning_rate": 1e-3, "epochs": 15, "clip_norm": 1.0}
SPACE = {
    "blocks": Choice(1, 2, 4),
    "width": Choice(64, 128),
    "heads": Choice(2, 4, 8, where="width % heads == 0"),
    "dropout": Range(0.0, 0.5),
}
MOST_PATCHES = 256
PARTS = ("norm_1", "query", "key", "value", "join", "dropout_1", "norm_2", "widen", "narrow", "dropout_2")  # of a block


def build(
    inputs,
    outputs,
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
    tensors = features(inputs)
    if token_dropout and not isinstance(inputs, Tokens):
        raise ValueError("token_dropout is for tokens")
    x, mask, length = _steps(inputs, tensors, width, patch, token_dropout)
    if pool == "class_token":
        x, mask, length = _with_class_token(x, mask, length)
    x = x + _positions(positions, length, width)(_places(x))
    x = layers.Dropout(dropout, name="dropout")(x)
    seen = None if decoder or mask is None else ops.expand_dims(mask, (1, 2))

    def attend(query, key, value):
        return ops.dot_product_attention(query, key, value, mask=seen, is_causal=decoder)

    for number in range(1, blocks + 1):
        x = _apply(_block(number, width, heads, feedforward * width, dropout), x, attend)
    if not decoder:
        x = x[:, 0] if pool == "class_token" else over_time(x, mask, pool)
    x = layers.LayerNormalization(name="norm")(x)  # after the mean, in which steps of much weight are to keep it
    return keras.Model(tensors, forecast(outputs, tensors, head(outputs)(x)), name="transformer")


def step(model: keras.Model, inputs) -> keras.Model:
    """One step of `model`: from {"token", "position", keys and values so far} to {"logits", keys and values}.

    Args:
        model: built for the next token, or opened again.
        inputs: spec of its tokens.
    """
    token, position = (keras.Input((), dtype="int32", name=name) for name in ("token", "position"))
    x = model.get_layer("embedding")(token[:, None]) + model.get_layer("positions")(position[:, None])
    place = ops.arange(inputs.length)[None, :]
    here, seen = (ops.equal(place, position[:, None]), ops.less_equal(place, position[:, None]))
    before, after = {}, {}
    number = 1
    while f"block_{number}_query" in {layer.name for layer in model.layers}:
        block = {part: model.get_layer(f"block_{number}_{part}") for part in PARTS}
        shape = (inputs.length, *block["key"].kernel.shape[1:])
        names = [f"block_{number}_{what}" for what in ("keys", "values")]
        cache = [keras.Input(shape, dtype=block["key"].compute_dtype, name=name) for name in names]

        def attend(query, key, value, cache=cache, names=names):
            kept = [ops.where(here[..., None, None], new, old) for new, old in zip((key, value), cache, strict=True)]
            after.update(zip(names, kept, strict=True))
            return ops.dot_product_attention(query, *kept, mask=seen[:, None, None, :])

        x = _apply(block, x, attend)
        before |= dict(zip(names, cache, strict=True))
        number += 1
    logits = model.get_layer("head")(model.get_layer("norm")(x))[:, 0]
    return keras.Model({"token": token, "position": position, **before}, {"logits": logits, **after}, name="step")


def _block(number: int, width: int, heads: int, middle: int, dropout: float) -> dict[str, keras.layers.Layer]:
    """The layers of a block, by part."""

    def project():
        return layers.EinsumDense("btw,whs->bths", (None, heads, width // heads), bias_axes="hs")

    made = (
        layers.LayerNormalization(),
        project(), project(), project(),
        layers.EinsumDense("bths,hsw->btw", (None, width), bias_axes="w"),
        layers.Dropout(dropout),
        layers.LayerNormalization(),
        layers.Dense(middle, activation="gelu"),
        layers.Dense(width),
        layers.Dropout(dropout),
    )  # fmt: skip
    for part, layer in zip(PARTS, made, strict=True):
        layer.name = f"block_{number}_{part}"
    return dict(zip(PARTS, made, strict=True))


def _apply(block: dict[str, keras.layers.Layer], x, attend: Callable):
    """Attention, then the feed-forward layers, each beside a residual connection (Xiong et al., figure 1b)."""
    y = block["norm_1"](x)
    y = attend(block["query"](y), block["key"](y), block["value"](y))
    x = x + block["dropout_1"](block["join"](y))
    y = block["narrow"](block["widen"](block["norm_2"](x)))
    return x + block["dropout_2"](y)


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
    first = ops.zeros_like(x[:, :1, 0], dtype="int32")
    x = ops.concatenate([layers.Embedding(1, x.shape[-1], name="class_token")(first), x], axis=1)
    if mask is not None:
        mask = ops.concatenate([ops.equal(first, 0), mask], axis=1)
    return x, mask, length + 1


def _places(x):
    """0, 1, 2, … for each row of `x`, (batch, time)."""
    return ops.cumsum(ops.ones_like(x[:, :, 0], dtype="int32"), axis=1) - 1


def _positions(kind: str, length: int, width: int) -> keras.layers.Layer:
    """From places to vectors."""
    if kind == "learned":
        return layers.Embedding(length, width, name="positions")
    angles = np.arange(length)[:, None] / 10_000 ** (np.arange(0, width, 2) / width)  # Vaswani et al., section 3.5
    table = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, -1)[:, :width]
    layer = layers.Embedding(length, width, trainable=False, name="positions")
    layer.build()
    layer.embeddings.assign(table)
    return layer

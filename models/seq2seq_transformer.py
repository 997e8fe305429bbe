"""Sequence to sequence: a transformer's encoder reads a text, and its decoder writes one, looking at what was read.

Vaswani et al. (2017), Attention is all you need, figure 1, with one matrix for all embeddings and the logits, section
3.4; normalisation before each part: Xiong et al. (2020), On layer normalization in the transformer architecture.

    make train MODEL=seq2seq_transformer                                    # dates in many ways of writing to ISO 8601
    make train MODEL=seq2seq_transformer DATA=pairs ARGS="--path fra.tsv"   # your own pairs of texts
"""

import math

import keras
from keras import layers, ops

from models.transformer import Attention, FeedForward, indices, position_vectors
from src.layers import embeddings, features, source_embedding
from src.specs import Choice, Range, Text, Tokens

TAKES = (Tokens,)
GIVES = (Text,)
DATA = "iso_dates"
FIT = {"learning_rate": 2e-3, "clip_norm": 1.0, "batch": 64, "epochs": 8}
SPACE = {
    "blocks": Choice(1, 2, 4),
    "width": Choice(64, 128, 256),
    "heads": Choice(2, 4, 8, where="width % heads == 0"),
    "dropout": Range(0.0, 0.3),
}


def build(
    inputs: Tokens,
    outputs: Text,
    *,
    blocks: int = 2,
    width: int = 128,
    heads: int = 4,
    feedforward: int = 4,
    dropout: float = 0.1,
) -> keras.Model:
    """Returns a model from a text, and what has been written of another, to the token after each written one.

    Args:
        inputs: spec of the text that is read.
        outputs: spec of the text that is written.
        blocks: number of blocks that read, and as many that write.
        width: size of the vector of each token, a multiple of `heads`.
        heads: number of attention heads.
        feedforward: width of the feed-forward layers, as a multiple of `width`.
        dropout: fraction of each sublayer's outputs dropped in training, in [0, 1).

    Raises:
        ValueError: for knobs that don't fit each other.
    """
    if blocks < 1 or heads < 1 or width % heads:
        raise ValueError(f"heads has to divide width; {heads} and {width} are given, and {blocks} blocks")
    source, written = features(inputs), keras.Input((None,), dtype="int32", name="written")  # (batch, time) both
    read, write = embeddings(inputs, outputs, width)
    readers = [
        (Attention.new(name, width, heads, dropout), FeedForward.new(name, width, feedforward * width, dropout))
        for name in (f"read_{number}" for number in range(1, blocks + 1))
    ]
    positions = position_vectors("sinusoidal", inputs.length, width, "read_positions")
    drop, norm = layers.Dropout(dropout, name="read_dropout"), layers.LayerNormalization(name="read_norm")
    memory, seen = _read(source, read, positions, drop, readers, norm)
    positions = position_vectors("sinusoidal", outputs.length, width, "write_positions")
    x = _placed(written, write, positions)  # (batch, time, width)
    x = layers.Dropout(dropout, name="write_dropout")(x)
    for number in range(1, blocks + 1):
        attention = Attention.new(f"write_{number}", width, heads, dropout)
        query, key, value = attention.project(x)
        x = attention.add(x, ops.dot_product_attention(query, key, value, is_causal=True))
        look = Attention.new(f"look_{number}", width, heads, dropout)
        query, key, value = look.query(look.norm_1(x)), look.key(memory), look.value(memory)
        x = look.add(x, ops.dot_product_attention(query, key, value, mask=seen[:, None, None]))
        x = FeedForward.new(f"write_{number}", width, feedforward * width, dropout).add(x)
    x = layers.LayerNormalization(name="norm")(x)
    return keras.Model({"tokens": source, "written": written}, write(x, reverse=True), name="seq2seq_transformer")


def start(model: keras.Model, inputs: Tokens) -> keras.Model:
    """What there is before the first token: keys and values of what was read, for each block that writes.

    Args:
        model: built, or opened again.
        inputs: spec of the text that is read.
    """
    source = keras.Input((None,), dtype="int32", name="tokens")  # (batch, time)
    readers = [(Attention.of(model, name), FeedForward.of(model, name)) for name in _blocks(model, "read")]
    positions, drop, norm = map(model.get_layer, ("read_positions", "read_dropout", "read_norm"))
    memory, seen = _read(source, source_embedding(model), positions, drop, readers, norm)
    looks = {name: Attention.of(model, name) for name in _blocks(model, "look")}
    keys = {f"{name}_key": look.key(memory) for name, look in looks.items()}
    values = {f"{name}_value": look.value(memory) for name, look in looks.items()}
    return keras.Model(source, {**keys, **values, "seen": seen}, name="start")


def step(model: keras.Model, inputs: Tokens) -> keras.Model:
    """One step of `model`: from {"token", "position", states} to {"logits", "attention", states}.

    States are the keys and values of the source, and those of what has been written so far.

    Args:
        model: built, or opened again.
        inputs: spec of the text that is read.
    """
    token, position = (keras.Input((), dtype="int32", name=name) for name in ("token", "position"))  # (batch,)
    seen = keras.Input((None,), dtype="bool", name="seen")  # (batch, source time)
    embedding, positions = model.get_layer("embedding"), model.get_layer("write_positions")
    x = embedding(token[:, None]) * math.sqrt(embedding.output_dim) + positions(position[:, None])  # (batch, 1, width)
    length = positions.input_dim
    here = ops.equal(ops.arange(length), position[:, None])[..., None, None]  # (batch, length, 1, 1)
    before, after = {"seen": seen}, {"seen": seen}
    for own, other in zip(_blocks(model, "write"), _blocks(model, "look"), strict=True):
        attention, look = Attention.of(model, own), Attention.of(model, other)
        shape, dtype = attention.key.kernel.shape[1:], attention.key.compute_dtype
        old = {name: keras.Input((length, *shape), dtype=dtype, name=name) for name in (f"{own}_keys", f"{own}_values")}
        read = {
            name: keras.Input((None, *shape), dtype=dtype, name=name) for name in (f"{other}_key", f"{other}_value")
        }
        query, *new = attention.project(x)  # (batch, 1, heads, width / heads)
        now = {name: ops.where(here, state, old[name]) for name, state in zip(old, new, strict=True)}
        written = ops.less_equal(ops.arange(length), position[:, None])[:, None, None]  # (batch, 1, 1, length)
        x = attention.add(x, ops.dot_product_attention(query, *now.values(), mask=written))
        weights = _weights(look.query(look.norm_1(x)), read[f"{other}_key"], seen)
        x = look.add(x, ops.einsum("bhqs,bshd->bqhd", weights, read[f"{other}_value"]))
        x = FeedForward.of(model, own).add(x)
        before, after = {**before, **old, **read}, {**after, **now, **read}
    logits = embedding(model.get_layer("norm")(x)[:, 0], reverse=True)  # (batch, vocabulary)
    said = {"logits": logits, "attention": ops.mean(weights, axis=1)[:, 0]}  # of the last block, its heads' mean
    return keras.Model({"token": token, "position": position, **before}, {**said, **after}, name="step")


def _read(source, embedding, positions, drop, readers, norm):
    """What blocks make of the text that is read, (batch, time, width), and which of its tokens are no padding."""
    seen = ops.not_equal(source, 0)  # (batch, time)
    x = drop(_placed(source, embedding, positions))
    for attention, feed in readers:
        query, key, value = attention.project(x)
        x = feed.add(attention.add(x, ops.dot_product_attention(query, key, value, mask=seen[:, None, None])))
    return norm(x), seen


def _placed(tokens, embedding, positions):
    """The vectors of tokens, (batch, time, width), scaled, and those of their places: sections 3.4 and 3.5."""
    x = embedding(tokens)
    return x * math.sqrt(embedding.output_dim) + positions(indices(x))


def _weights(query, key, seen):
    """How much each query (batch, 1, heads, d) attends to keys (batch, time, heads, d): (batch, heads, 1, time)."""
    scores = ops.cast(ops.einsum("bqhd,bshd->bhqs", query, key), "float32") / math.sqrt(key.shape[-1])
    return ops.cast(ops.softmax(ops.where(seen[:, None, None], scores, -1e9), axis=-1), key.dtype)


def _blocks(model: keras.Model, kind: str) -> list[str]:
    """The names of the blocks that "write", or "look" at what was read, first to last."""
    named = [layer.name.removesuffix("_query") for layer in model.layers if layer.name.endswith("_query")]
    return sorted((name for name in named if name.startswith(kind)), key=lambda name: int(name.rpartition("_")[2]))

"""Sequence to sequence: LSTMs read a text, and others write one, looking back at each step at what was read.

Sutskever, Vinyals and Le (2014), Sequence to sequence learning with neural networks; read in both directions: Bahdanau,
Cho and Bengio (2015), Neural machine translation by jointly learning to align and translate, section 3.2; attention:
Luong, Pham and Manning (2015), Effective approaches to attention-based neural machine translation, section 3.1, score
"general", scaled as by Vaswani et al. (2017), Attention is all you need, section 3.2.1; one matrix embeds tokens and
predicts them: Press and Wolf (2017), Using the output embedding to improve language models.

    make train MODEL=seq2seq                                    # dates in many ways of writing to ISO 8601
    make train MODEL=seq2seq DATA=pairs ARGS="--path fra.tsv"   # your own pairs of texts
"""

import math

import keras
from keras import layers, ops

from src.layers import embeddings, features, source_embedding
from src.specs import Choice, Range, Text, Tokens

TAKES = (Tokens,)
GIVES = (Text,)
DATA = "iso_dates"
FIT = {"learning_rate": 5e-3, "clip_norm": 1.0, "batch": 64, "epochs": 8}
SPACE = {
    "units": Choice(64, 128, 256),
    "depth": Choice(1, 2),
    "dropout": Range(0.0, 0.5),
}


def build(
    inputs: Tokens,
    outputs: Text,
    *,
    units: int = 128,
    embedding: int = 64,
    depth: int = 1,
    dropout: float = 0.2,
) -> keras.Model:
    """Returns a model from a text, and what has been written of another, to the token after each written one.

    Args:
        inputs: spec of the text that is read.
        outputs: spec of the text that is written.
        units: size of the state of each LSTM that writes, an even number; those that read have half in each direction.
        embedding: size of the token embeddings.
        depth: LSTMs that read, one above the other, and as many that write.
        dropout: fraction of each layer's inputs dropped in training, in [0, 1).

    Raises:
        ValueError: for an odd number of units, or no LSTM.
    """
    if units < 2 or units % 2 or depth < 1:
        raise ValueError(f"units has to be even, and depth 1 or more; {units} and {depth} are given")
    source, written = features(inputs), keras.Input((None,), dtype="int32", name="written")  # (batch, time) both
    read, write = embeddings(inputs, outputs, embedding)
    names = [f"read_{number}" for number in range(1, depth + 1)]
    readers = [
        layers.Bidirectional(layers.LSTM(units // 2, return_sequences=True, return_state=True), name=name)
        for name in names
    ]
    drops = [layers.Dropout(dropout, name=f"{name}_dropout") for name in names]
    memory, seen, states = _read(source, read, readers, drops)
    x = write(written) * math.sqrt(embedding)  # (batch, time, embedding)
    for number, state in enumerate(states, 1):
        x = layers.Dropout(dropout, name=f"write_{number}_dropout")(x)
        x = layers.LSTM(units, return_sequences=True, name=f"write_{number}")(x, initial_state=state)
    query = layers.Dense(units, use_bias=False, name="query")(x)  # (batch, time, units)
    context = ops.matmul(_weights(query, memory, seen), memory)  # (batch, time, units)
    x = ops.concatenate([context, x], axis=-1)
    x = layers.Dense(embedding, "tanh", use_bias=False, name="attended")(x)  # equation 5 of Luong et al.
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model({"tokens": source, "written": written}, write(x, reverse=True), name="seq2seq")


def start(model: keras.Model, inputs: Tokens) -> keras.Model:
    """What there is before the first token: what was read, and the states of the LSTMs that write.

    Args:
        model: built, or opened again.
        inputs: spec of the text that is read.
    """
    source = keras.Input((None,), dtype="int32", name="tokens")  # (batch, time)
    readers = [layer for layer in model.layers if isinstance(layer, layers.Bidirectional)]
    drops = [model.get_layer(f"{reader.name}_dropout") for reader in readers]
    memory, seen, states = _read(source, source_embedding(model), readers, drops)
    begun = {f"write_{number}_h": h for number, (h, _) in enumerate(states, 1)}
    begun |= {f"write_{number}_c": c for number, (_, c) in enumerate(states, 1)}
    return keras.Model(source, {"memory": memory, "seen": seen, **begun}, name="start")


def step(model: keras.Model, inputs: Tokens) -> keras.Model:
    """One step of `model`: from {"token", states} to {"logits", "attention", states}.

    Args:
        model: built, or opened again.
        inputs: spec of the text that is read.
    """
    token = keras.Input((), dtype="int32", name="token")  # (batch,)
    look = model.get_layer("query")
    memory = keras.Input((None, look.units), dtype=look.compute_dtype, name="memory")  # (batch, source time, units)
    seen = keras.Input((None,), dtype="bool", name="seen")  # (batch, source time)
    before, after = {"memory": memory, "seen": seen}, {"memory": memory, "seen": seen}
    embedding = model.get_layer("embedding")
    x = embedding(token) * math.sqrt(embedding.output_dim)  # (batch, embedding)
    for layer in model.layers:
        if isinstance(layer, layers.LSTM):
            names = [f"{layer.name}_{part}" for part in "hc"]
            states = [keras.Input((layer.units,), dtype=layer.compute_dtype, name=name) for name in names]
            layer.cell.name = f"{layer.name}_cell"  # Keras calls the cells of all layers the same
            x, new_states = layer.cell(x, states)  # (batch, units)
            before |= dict(zip(names, states, strict=True))
            after |= dict(zip(names, new_states, strict=True))
    weights = _weights(look(x)[:, None], memory, seen)  # (batch, 1, source time)
    context = ops.matmul(weights, memory)[:, 0]  # (batch, units)
    x = model.get_layer("attended")(ops.concatenate([context, x], axis=-1))  # (batch, embedding)
    said = {"logits": embedding(x, reverse=True), "attention": weights[:, 0]}
    return keras.Model({"token": token, **before}, {**said, **after}, name="step")


def _read(source, embedding, readers, drops):
    """What LSTMs make of the text that is read: the vector of each token, (batch, time, units), which of them are no
    padding, and the last state of each LSTM, h and c of both directions, each (batch, units)."""
    seen = ops.not_equal(source, 0)  # (batch, time)
    x, states = embedding(source) * math.sqrt(embedding.output_dim), []  # (batch, time, embedding)
    for reader, drop in zip(readers, drops, strict=True):
        x, *ends = reader(drop(x), mask=seen)
        states.append([ops.concatenate(pair, axis=-1) for pair in zip(ends[:2], ends[2:], strict=True)])
    # A product carries no mask, of which a model's steps know nothing.
    return x * ops.cast(seen[..., None], x.dtype), seen, states


def _weights(query: keras.KerasTensor, memory: keras.KerasTensor, seen: keras.KerasTensor) -> keras.KerasTensor:
    """How much each query (batch, time, units) attends to what was read, (batch, source time, units), where it is
    `seen`, (batch, source time): (batch, time, source time), equation 7 of Luong et al."""
    # Without the scale nearly all weights become 0 or 1, where a softmax has next to no gradient.
    query = query / math.sqrt(query.shape[-1])
    scores = ops.cast(ops.matmul(query, ops.transpose(memory, (0, 2, 1))), "float32")
    return ops.cast(ops.softmax(ops.where(seen[:, None], scores, -1e9), axis=-1), memory.dtype)

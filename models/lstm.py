"""Recurrent network: LSTM, GRU or simple cells over texts and series, in one direction or both.

Hochreiter and Schmidhuber (1997), Long short-term memory; GRU: Cho et al. (2014); both directions: Schuster and Paliwal
(1997); dropout between the steps: Gal and Ghahramani (2016), A theoretically grounded application of dropout.

    make train MODEL=lstm                     # docstrings: which library is it?
    make train RECIPE=lstm-pydoc              # then: make generate MODEL=lstm DATA=pydoc
"""

from typing import Literal

import keras
from keras import layers, ops

from src.layers import embedded, features, forecast, head, over_time
from src.specs import Choice, Classes, Horizon, NextToken, Range, Series, Tokens, Values

TAKES = (Tokens, Series)
GIVES = (Classes, Values, NextToken, Horizon)
DATA = "docstrings"
FIT = {"learning_rate": 3e-3, "epochs": 10, "clip_norm": 1.0}
SPACE = {
    "cell": Choice("lstm", "gru"),
    "units": Choice((64,), (128,), (64, 64)),
    "dropout": Range(0.0, 0.6),
}


def build(
    inputs,
    outputs,
    *,
    cell: Literal["lstm", "gru", "simple"] = "lstm",
    units: tuple[int, ...] = (64,),
    bidirectional: bool = False,
    pool: Literal["last", "mean", "max"] = "last",
    embedding: int | None = None,
    vectors: str | None = None,
    trainable: bool = True,
    token_dropout: float = 0.0,
    dropout: float = 0.2,
    recurrent_dropout: float = 0.0,
) -> keras.Model:
    """Returns a model from a sequence to a class, values, the next values, or the token after each one.

    Args:
        inputs: spec of the features.
        outputs: spec of the target.
        cell: type of recurrent cell.
        units: size of the state of each layer, first to last.
        bidirectional: whether each layer also reads backwards; not for language models, which would see the next token.
        pool: how the last layer's steps are combined: the last step, their mean, or each unit's maximum.
        embedding: size of the token embeddings, for tokens only. The default is 64.
        vectors: file of pretrained embeddings in GloVe's or word2vec's text format: a word and its numbers on each
            line.
        trainable: whether the embeddings are trained.
        token_dropout: fraction of the vocabulary dropped in each training step, in [0, 1).
        dropout: fraction of each layer's inputs dropped in training, in [0, 1).
        recurrent_dropout: fraction of the state dropped from step to step in training, in [0, 1).

    Raises:
        ValueError: for knobs that don't fit the inputs or outputs.
    """
    if not units:
        raise ValueError("units has to name a layer")
    if isinstance(outputs, NextToken) and (bidirectional or pool != "last"):
        raise ValueError("the next token is predicted at each step: neither bidirectional nor pool have a meaning")
    kind = {"lstm": layers.LSTM, "gru": layers.GRU, "simple": layers.SimpleRNN}[cell]
    steps = isinstance(outputs, NextToken)
    tensors = features(inputs)
    mask = None
    x = tensors
    if isinstance(inputs, Tokens):
        x = embedded(inputs, tensors, embedding, vectors, trainable, token_dropout)
        mask = None if steps else ops.not_equal(tensors, 0)
    elif embedding or vectors or not trainable or token_dropout:
        raise ValueError("embedding, vectors, trainable and token_dropout are for tokens")
    for number, size in enumerate(units, 1):
        x = layers.Dropout(dropout, name=f"dropout_{number}")(x) if dropout else x
        every = steps or pool != "last" or number < len(units)
        layer = kind(size, return_sequences=every, recurrent_dropout=recurrent_dropout, name=f"{cell}_{number}")
        if bidirectional:
            layer = layers.Bidirectional(layer, name=f"both_{number}")
        x = layer(x, mask=mask)
    if not steps:
        x = over_time(x, mask, pool)
    x = layers.Dropout(dropout, name="dropout")(x) if dropout else x
    return keras.Model(tensors, forecast(outputs, tensors, head(outputs)(x)), name="lstm")


def step(model: keras.Model, inputs) -> keras.Model:
    """One step of `model`: from {"token", states} to {"logits", states}; states begin at zero.

    Args:
        model: built for the next token, or opened again.
        inputs: spec of its tokens.
    """
    token = keras.Input((), dtype="int32", name="token")
    states, after = {}, {}
    x = model.get_layer("embedding")(token)
    for layer in model.layers:
        if isinstance(layer, layers.RNN):
            sizes = keras.tree.flatten(layer.cell.state_size)
            names = [f"{layer.name}_state_{number}" for number in range(len(sizes))]
            for name, size in zip(names, sizes, strict=True):
                states[name] = keras.Input((size,), dtype=layer.compute_dtype, name=name)
            layer.cell.name = f"{layer.name}_cell"  # Keras calls the cells of all layers the same
            x, new = layer.cell(x, [states[name] for name in names])
            after |= dict(zip(names, new, strict=True))
    return keras.Model({"token": token, **states}, {"logits": model.get_layer("head")(x), **after}, name="step")

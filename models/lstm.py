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
from src.specs import Choice, NextToken, Numbers, Range, Series, Tokens

TAKES = (Tokens, Series)
GIVES = (Numbers, NextToken)
DATA = "docstrings"
FIT = {"learning_rate": 3e-3, "epochs": 10, "clip_norm": 1.0}
SPACE = {
    "cell": Choice("lstm", "gru"),
    "units": Choice((64,), (128,), (64, 64)),
    "dropout": Range(0.0, 0.6),
}


def build(
    inputs: Tokens | Series,
    outputs: Numbers | NextToken,
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
    if not isinstance(inputs, Tokens) and (embedding or vectors or not trainable or token_dropout):
        raise ValueError("embedding, vectors, trainable and token_dropout are for tokens")
    next_token = isinstance(outputs, NextToken)
    recurrent = {"lstm": layers.LSTM, "gru": layers.GRU, "simple": layers.SimpleRNN}[cell]
    tensors = features(inputs)  # (batch, time) of tokens, (batch, time, channels) of series
    x, mask = tensors, None
    if isinstance(inputs, Tokens):
        x = embedded(inputs, tensors, embedding, vectors, trainable, token_dropout)  # (batch, time, embedding)
        mask = None if next_token else ops.not_equal(tensors, 0)
    for number, size in enumerate(units, 1):
        x = layers.Dropout(dropout, name=f"dropout_{number}")(x) if dropout else x
        every = next_token or pool != "last" or number < len(units)
        layer = recurrent(size, return_sequences=every, recurrent_dropout=recurrent_dropout, name=f"{cell}_{number}")
        if bidirectional:
            layer = layers.Bidirectional(layer, name=f"both_{number}")
        x = layer(x, mask=mask)  # (batch, time, units), or (batch, units) of the last step
    x = over_time(x, mask, pool)  # (batch, units); (batch, time, units) for the next token
    x = layers.Dropout(dropout, name="dropout")(x) if dropout else x
    return keras.Model(tensors, forecast(outputs, tensors, head(outputs)(x)), name="lstm")


def step(model: keras.Model, inputs: Tokens) -> keras.Model:
    """One step of `model`: from {"token", states} to {"logits", states}; states begin at zero.

    Args:
        model: built for the next token, or opened again.
        inputs: spec of its tokens.
    """
    token = keras.Input((), dtype="int32", name="token")  # (batch,)
    before: dict[str, keras.KerasTensor] = {}
    after: dict[str, keras.KerasTensor] = {}
    x = model.get_layer("embedding")(token)  # (batch, embedding)
    for layer in model.layers:
        if isinstance(layer, layers.RNN):
            sizes = keras.tree.flatten(layer.cell.state_size)  # one for each state, of which an LSTM has two
            states = [
                keras.Input((size,), dtype=layer.compute_dtype, name=f"{layer.name}_state_{number}")
                for number, size in enumerate(sizes)
            ]  # each (batch, units)
            layer.cell.name = f"{layer.name}_cell"  # Keras calls the cells of all layers the same
            x, new_states = layer.cell(x, states)  # (batch, units)
            before |= {state.name: state for state in states}
            after |= {state.name: new for state, new in zip(states, new_states, strict=True)}
    logits = model.get_layer("head")(x)  # (batch, vocabulary)
    return keras.Model({"token": token, **before}, {"logits": logits, **after}, name="step")

"""Encoder and decoder: the state after the source is the one before the first written token."""

import keras
from keras import layers

from src.layers import features
from src.specs import Letters, Tokens

TAKES, GIVES, DATA = (Tokens,), (Letters,), "backwards"
FIT = {"learning_rate": 0.01}


def build(inputs, outputs, *, units: int = 32) -> keras.Model:
    """Returns the model.

    Args:
        units: of the state.
    """
    source, written = features(inputs), keras.Input((None,), dtype="int32", name="written")
    state = layers.GRU(units, name="encoder")(layers.Embedding(inputs.vocabulary, units, name="read")(source))
    x = layers.Embedding(len(outputs.tokens), units, name="embedding")(written)
    x = layers.GRU(units, return_sequences=True, name="decoder")(x, initial_state=state)
    logits = layers.Dense(len(outputs.tokens), dtype="float32", name="head")(x)
    return keras.Model({"source": source, "written": written}, logits)


def start(model, inputs):
    """The state after the source."""
    return keras.Model(model.input["source"], {"state": model.get_layer("encoder").output})


def step(model, inputs):
    """One token on."""
    token, state = keras.Input((), dtype="int32", name="token"), keras.Input((32,), name="state")
    x = model.get_layer("embedding")(token)
    _, after = model.get_layer("decoder").cell(x, [state])
    return keras.Model(
        {"token": token, "state": state}, {"logits": model.get_layer("head")(after[0]), "state": after[0]}
    )

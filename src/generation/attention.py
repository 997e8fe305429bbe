"""Where a model looked at the source while it wrote a text."""

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from src.generation.sampling import START


def looked(step: keras.Model, states: Mapping[str, tf.Tensor], tokens: np.ndarray) -> np.ndarray | None:
    """The weight of each token of the source for each token of a text, float32 (time, source), rows that sum to 1.

    Args:
        step: see `search` of src/generation/beams.py; its "attention" is (batch, source).
        states: before the first token, a batch of one.
        tokens: of the text, (time,).

    Returns:
        None where the step doesn't say.
    """
    if "attention" not in step.output:
        return None
    ask, weights = tf.function(lambda asked: step(asked, training=False)), []
    for time, token in enumerate([START, *tokens[:-1]]):
        now = {"token": tf.constant([token], tf.int32), "position": tf.constant([time])}
        answer = ask({**{name: now[name] for name in now if name in step.input}, **states})
        states = {name: answer[name] for name in states}
        weights.append(answer["attention"].numpy()[0])
    return np.stack(weights)

"""Writing texts for many sources, to measure a model or to show where it looks."""

from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from src.generation.sampling import START, first_states
from src.generation.tokens import padded

AT_ONCE = 128  # texts that are written at a time


class Writer:
    """Writes the best text for each source, by a search that is traced once.

    Args:
        step: see `search` of src/generation/beams.py; its "attention", if it says where it looks, is (batch, source).
        start: the model from tokens of sources, int32 (batch, time), to the states before the first token.
        search: from the step and those states to the tokens of the best texts, int32 (batch, time).
    """

    def __init__(
        self,
        step: keras.Model,
        start: keras.Model,
        search: Callable[[keras.Model, Mapping[str, tf.Tensor]], tf.Tensor],
    ):
        self.step, self.start = step, start
        any_sources = tf.TensorSpec([None, None], tf.int32)
        self._search = tf.function(lambda sources: search(step, start(sources)), input_signature=[any_sources])

    def write(self, sources: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The tokens of a text for each source, whose tokens are (time,)."""
        texts: list[np.ndarray] = [np.zeros(0, "int32")] * len(sources)
        by_length = np.argsort([len(source) for source in sources], kind="stable")  # so that little is padded
        for rows in np.array_split(by_length, -(-len(by_length) // AT_ONCE)):
            found = self._search(padded([sources[row] for row in rows])).numpy()
            for row, tokens in zip(rows, found, strict=True):
                texts[row] = tokens[tokens > 0]
        return texts

    def looked(self, source: np.ndarray, text: np.ndarray) -> np.ndarray | None:
        """How much it looked at each token of the source for each token of a text, float32 (text, source).

        Returns:
            Rows that sum to 1; None where the step doesn't say.
        """
        if "attention" not in self.step.output:
            return None
        states, weights = first_states(self.step, self.start(padded([source])), 1), []
        for time, token in enumerate([START, *text[:-1]]):
            now = {"token": tf.constant([token], tf.int32), "position": tf.constant([time])}
            answer = self.step({**{name: now[name] for name in now if name in self.step.input}, **states})
            states = {name: answer[name] for name in states}
            weights.append(answer["attention"].numpy()[0])
        return np.stack(weights)

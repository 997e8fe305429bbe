"""Beam search: the likeliest texts that a model's step may write, as one graph for the harness and the export alike.

Sutskever, Vinyals and Le (2014), Sequence to sequence learning with neural networks, section 3.2; length penalty: Wu et
al. (2016), Google's neural machine translation system, section 7, equation 14.
"""

from collections.abc import Mapping
from typing import NamedTuple

import keras
import tensorflow as tf

from src.generation.sampling import START, UNKNOWN, first_states

FIRST = UNKNOWN + 1  # of the tokens that are written


class _Beams(NamedTuple):
    """The likeliest texts of each row so far, best first.

    Args:
        tokens: int32 (batch, width, length), 0 where nothing is written yet.
        log_probability: of each text, float32 (batch, width); -inf where there is none.
        score: that, divided by the length penalty.
        size: tokens of each text, int32 (batch, width).
        is_over: whether the text has ended, or nothing that may come changes what the row answers.
    """

    tokens: tf.Tensor
    log_probability: tf.Tensor
    score: tf.Tensor
    size: tf.Tensor
    is_over: tf.Tensor


def search(
    step: keras.Model,
    start: Mapping[str, tf.Tensor],
    length: int,
    end: int,
    *,
    width: int = 4,
    penalty: float = 0.6,
    best: int = 1,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The best texts of each row; what a row gets doesn't depend on the others in its batch.

    Of `width` texts, all continuations by a token compete, and those that have ended, for the next `width` places. With
    a width of 1, that is the likeliest token each time. The search is over when no text of any row can get among its
    best any more.

    Args:
        step: from {"token": (batch,), perhaps "position": (batch,), states} to {"logits": (batch, vocabulary), states}.
            A state that it hands on as it is, such as what was read of the source, isn't reordered.
        start: the states before the first token, batch first; one of them at least, the others are zeros.
        length: most tokens of a text, its end among them; what hasn't ended by then is cut off.
        end: the token that ends a text.
        width: texts of each row that are kept.
        penalty: the exponent α of the length penalty: 0 compares probabilities, and 1 nearly their mean over tokens.
        best: texts of each row that are wanted, at most `width`.

    Returns:
        The texts, int32 (batch, best, length), 0 after their end; and their scores, float32 (batch, best), log
        probabilities divided by the length penalty, -inf where there are no more texts.

    Raises:
        ValueError: for numbers that can't be.
    """
    if not (1 <= best <= width and length >= 1 and penalty >= 0):
        raise ValueError(f"best {best} has to be from 1 to width {width}, length 1 or more, and penalty 0 or more")
    rows = tf.shape(next(iter(start.values())))[0]
    model = _Step(step, rows, width)
    most = _length_penalty(tf.constant(length), penalty)

    def advance(time, beams, states):
        last = tf.where(time > 0, beams.tokens[:, :, tf.maximum(time - 1, 0)], START)
        logits, states = model.advance(last, time, states)
        beams, parent = _continued(beams, logits, time, end, penalty)
        reachable = tf.where(beams.is_over, -float("inf"), beams.log_probability / most)  # the best that may become
        settled = tf.reduce_all(beams.is_over[:, :best], axis=1)
        settled &= beams.score[:, best - 1] >= tf.reduce_max(reachable, axis=1)
        beams = beams._replace(is_over=beams.is_over | settled[:, tf.newaxis])
        return time + 1, beams, model.reordered(states, parent)

    def goes_on(time, beams, _):
        return (time < length) & ~tf.reduce_all(beams.is_over)

    first = tf.constant(0), _nothing(rows, width, length), model.tiled(start)
    _, beams, _ = tf.while_loop(goes_on, advance, first, parallel_iterations=1)
    there = tf.math.is_finite(beams.score)
    return tf.where(there[..., tf.newaxis], beams.tokens, START)[:, :best], beams.score[:, :best]


def _nothing(rows: tf.Tensor, width: int, length: int) -> _Beams:
    """One empty text a row."""
    alone = tf.where(tf.range(width) == 0, 0.0, -float("inf"))
    log_probability = tf.broadcast_to(alone, [rows, width])
    none = tf.zeros([rows, width], tf.int32)
    return _Beams(tf.fill([rows, width, length], START), log_probability, log_probability, none, none > 0)


def _continued(beams: _Beams, logits: tf.Tensor, time: tf.Tensor, end: int, penalty: float) -> tuple[_Beams, tf.Tensor]:
    """The best of what the texts become by another token, and of those that are over; and what each was before.

    Args:
        logits: float (batch, width, vocabulary).
        time: tokens that texts have which aren't over.
    """
    width, written = beams.score.shape[1], logits.shape[2] - FIRST
    over = beams.is_over[..., tf.newaxis]
    itself = tf.where(tf.range(written) == 0, 0.0, -float("inf"))  # a text that is over becomes nothing else
    nats = tf.where(over, itself, tf.nn.log_softmax(tf.cast(logits[..., FIRST:], tf.float32)))
    log_probability = beams.log_probability[..., tf.newaxis] + nats  # (batch, width, written)
    size = tf.where(beams.is_over, beams.size, time + 1)
    score = log_probability / _length_penalty(size, penalty)[..., tf.newaxis]
    score, chosen = tf.math.top_k(tf.reshape(score, [-1, width * written]), width)
    parent = chosen // written
    was_over, size, tokens = (tf.gather(part, parent, batch_dims=1) for part in (beams.is_over, size, beams.tokens))
    token = tf.where(was_over, START, chosen % written + FIRST)
    here = tf.range(tokens.shape[2]) == time
    tokens = tf.where(here & ~was_over[..., tf.newaxis], token[..., tf.newaxis], tokens)
    log_probability = tf.gather(tf.reshape(log_probability, [-1, width * written]), chosen, batch_dims=1)
    return _Beams(tokens, log_probability, score, size, was_over | (token == end)), parent


def _length_penalty(size: tf.Tensor, penalty: float) -> tf.Tensor:
    return ((5.0 + tf.cast(size, tf.float32)) / 6.0) ** penalty


class _Step:
    """A model's step for `width` texts of each row, one after the other in its batch."""

    def __init__(self, step: keras.Model, rows: tf.Tensor, width: int):
        self.step, self.rows, self.width = step, rows, width
        self.inputs = {name: tensor for name, tensor in step.input.items() if name not in ("token", "position")}
        self.moved = [name for name, tensor in self.inputs.items() if step.output[name] is not tensor]

    def tiled(self, states: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The states of rows for each text of theirs."""
        of_rows = first_states(self.step, states, self.rows)
        return {name: self._shaped(name, tf.repeat(state, self.width, axis=0)) for name, state in of_rows.items()}

    def advance(self, token: tf.Tensor, time: tf.Tensor, states: Mapping[str, tf.Tensor]):
        """The logits (batch, width, vocabulary) after a token of each text (batch, width), and the new states."""
        asked = {"token": tf.reshape(token, [-1]), **states}
        if "position" in self.step.input:
            asked["position"] = tf.fill([self.rows * self.width], time)
        after = self.step(asked, training=False)
        logits = tf.reshape(after["logits"], [self.rows, self.width, after["logits"].shape[-1]])
        return logits, {name: after[name] for name in self.inputs}

    def reordered(self, states: Mapping[str, tf.Tensor], parent: tf.Tensor) -> dict[str, tf.Tensor]:
        """The states of the texts that each text, (batch, width), has come from."""
        index = tf.reshape(parent + self.width * tf.range(self.rows)[:, tf.newaxis], [-1])
        moved = {name: self._shaped(name, tf.gather(states[name], index)) for name in self.moved}
        return {**states, **moved}

    def _shaped(self, name: str, state: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(state, self.inputs[name].shape)

"""Generation: token after token from a model's step, as one graph for the harness and the export alike.

Temperature: Ackley, Hinton and Sejnowski (1985); top-k: Fan et al. (2018), section 5.3; top-p: Holtzman et al. (2020),
The curious case of neural text degeneration, section 3.1.
"""

from collections.abc import Mapping
from typing import NamedTuple

import keras
import tensorflow as tf

MOST_TOKENS = 10_000  # that can be asked for: meanwhile other requests to a server wait
BLOCK = 64  # random numbers drawn at once
START, UNKNOWN = 0, 1  # the padding index begins a text; neither is ever drawn
SMALLEST_TEMPERATURE = 1e-4
USUAL = {"seed": (tf.int32, 0), "temperature": (tf.float32, 1.0), "top_k": (tf.int32, 0), "top_p": (tf.float32, 1.0)}


class Drawing(NamedTuple):
    """How each text of a batch is drawn, all (batch,).

    Args:
        length: tokens wanted, int32.
        seed: of the random numbers, int32.
        temperature: divides the logits; 0 takes the likeliest token.
        top_k: only so many of the likeliest tokens are drawn, int32; 0 for all.
        top_p: only the likeliest tokens that together have this probability are drawn; 1 for all.
    """

    length: tf.Tensor
    seed: tf.Tensor
    temperature: tf.Tensor
    top_k: tf.Tensor
    top_p: tf.Tensor


def sample(
    step: keras.Model,
    prompts: tf.Tensor,
    context: int,
    drawing: Drawing,
    start: Mapping[str, tf.Tensor] | None = None,
) -> tf.Tensor:
    """Continues each prompt; what a row gets doesn't depend on the others in its batch.

    Args:
        step: from {"token": (batch,), states} to {"logits": (batch, vocabulary), states}. One that asks for its
            "position" too works up to position `context`; there it reads the second half of its text again, as a new
            beginning, so that texts of any length cost the same a token.
        prompts: int32 (batch, time), padded with 0.
        context: most tokens that the model was trained on at a time.
        drawing: how each text is drawn.
        start: states before the first token, batch first; the others are zeros.

    Returns:
        int32 (batch, largest length), 0 after each row's length.
    """
    length, seed, temperature, top_k, top_p = drawing
    length = tf.clip_by_value(length, 0, MOST_TOKENS)
    sizes = tf.reduce_sum(tf.cast(prompts > 0, tf.int32), axis=1)
    rows, longest = tf.shape(prompts)[0], tf.reduce_max(length)
    noise = _noise(seed, longest)
    loop = _Loop(step, context, rows, start)

    def draw(time, token, state, drawn):
        logits, state = loop.advance(token, state)
        number = tf.clip_by_value(time - sizes, 0, tf.maximum(longest - 1, 0))
        chosen = choose(logits, tf.gather(noise, number, batch_dims=1), temperature, top_k, top_p)
        given = tf.gather(tf.pad(prompts, [[0, 0], [0, 1]]), tf.minimum(time, tf.shape(prompts)[1]), axis=1)
        token = tf.where(time < sizes, given, chosen)
        return time + 1, token, state, drawn.write(time, token)

    steps = tf.maximum(tf.reduce_max(sizes + length), 1)
    drawn = tf.TensorArray(tf.int32, size=steps, element_shape=(None,))
    first = 0, tf.fill([rows], START), loop.state(), drawn
    *_, drawn = tf.while_loop(lambda time, *_: time < steps, draw, first, parallel_iterations=1)
    tokens = tf.transpose(tf.reshape(drawn.stack(), (steps, rows)))
    times = sizes[:, tf.newaxis] + tf.range(longest)
    within = tf.range(longest) < length[:, tf.newaxis]
    return tf.where(within, tf.gather(tokens, tf.minimum(times, steps - 1), batch_dims=1), 0)


def choose(
    logits: tf.Tensor, noise: tf.Tensor, temperature: tf.Tensor, top_k: tf.Tensor, top_p: tf.Tensor
) -> tf.Tensor:
    """One token a row, (batch,): the one in whose share of the probability the row's random number falls.

    Args:
        logits: (batch, vocabulary).
        noise: uniform in [0, 1), (batch,).
        temperature, top_k, top_p: see `Drawing`.
    """
    logits = logits[:, UNKNOWN + 1 :]
    likeliest, tokens = tf.math.top_k(logits, logits.shape[1])
    shares = tf.nn.softmax(likeliest / tf.maximum(temperature, SMALLEST_TEMPERATURE)[:, tf.newaxis])
    before = tf.cumsum(shares, axis=1, exclusive=True)
    most = tf.where(top_k > 0, top_k, tf.shape(logits)[1])
    kept = (tf.range(tf.shape(logits)[1]) < most[:, tf.newaxis]) & (before < top_p[:, tf.newaxis])
    kept |= tf.range(tf.shape(logits)[1]) == 0  # one at least
    shares = tf.where(kept, shares, 0.0)
    reached = tf.cumsum(shares, axis=1)
    rank = tf.reduce_sum(tf.cast(reached <= noise[:, tf.newaxis] * reached[:, -1:], tf.int32), axis=1)
    rank = tf.minimum(rank, tf.reduce_sum(tf.cast(kept, tf.int32), axis=1) - 1)  # rounding at the very end
    return tf.gather(tokens, rank, batch_dims=1) + UNKNOWN + 1


def first_states(step: keras.Model, given: Mapping[str, tf.Tensor], rows: tf.Tensor | int) -> dict[str, tf.Tensor]:
    """All states of a step before the first token, each (rows, …): those that are given, and zeros for the others."""
    states = {name: state for name, state in step.input.items() if name not in ("token", "position")}
    return {
        name: given[name] if name in given else tf.zeros([rows, *state.shape[1:]], state.dtype)
        for name, state in states.items()
    }


class _Loop:
    """A model's step with all that it needs to know of the text so far."""

    def __init__(self, step: keras.Model, context: int, rows: tf.Tensor, start: Mapping[str, tf.Tensor] | None):
        self.step = step
        self.rows = rows
        self.start = start
        self.context = context
        self.has_position = "position" in step.input
        self.inputs = {name: tensor for name, tensor in step.input.items() if name not in ("token", "position")}

    def state(self) -> dict[str, tf.Tensor]:
        """What there is before the first token."""
        state = self._empty()
        if self.has_position:
            state |= {"position": tf.constant(0), "text": tf.fill([self.rows, self.context], START)}
        return state

    def advance(self, token: tf.Tensor, state: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """The logits after `token`, and the new state."""
        if not self.has_position:
            return self._ask({"token": token}, state)
        text, position = state["text"], state["position"]
        states = {name: state[name] for name in self.inputs}
        full = position == self.context
        position, states = tf.cond(full, lambda: self._read_again(text), lambda: (position, states))
        logits, states = self._ask({"token": token, "position": tf.fill([self.rows], position)}, states)
        text = tf.concat([text[:, 1:], token[:, tf.newaxis]], axis=1)
        return logits, {**states, "position": position + 1, "text": text}

    def _read_again(self, text: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """The position after the second half of `text`, and the states there."""
        half = (self.context - 1) // 2
        kept = tf.concat([tf.fill([self.rows, 1], START), text[:, self.context - half :]], axis=1)

        def read(time, states):
            token, position = tf.gather(kept, time, axis=1), tf.fill([self.rows], time)
            return time + 1, self._ask({"token": token, "position": position}, states)[1]

        return tf.while_loop(lambda time, _: time < kept.shape[1], read, (0, self._empty()), parallel_iterations=1)

    def _empty(self) -> dict[str, tf.Tensor]:
        return first_states(self.step, self.start or {}, self.rows)

    def _ask(self, now: Mapping[str, tf.Tensor], states: Mapping[str, tf.Tensor]):
        after = self.step({**now, **states}, training=False)
        return after["logits"], {name: after[name] for name in self.inputs}


def _noise(seed: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Uniform random numbers, (batch, size or more): a row's depend on its seed alone, however many others want."""
    blocks = tf.maximum(-(-size // BLOCK), 1)
    keys = tf.stack(tf.meshgrid(seed, tf.range(blocks), indexing="ij"), axis=-1)
    drawn = tf.map_fn(
        lambda key: tf.random.stateless_uniform([BLOCK], key), tf.reshape(keys, (-1, 2)), fn_output_signature=tf.float32
    )
    return tf.reshape(drawn, (tf.shape(seed)[0], blocks * BLOCK))

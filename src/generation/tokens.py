"""Examples of text to text as rows of tokens, 0 being padding, and batches of them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import tensorflow as tf

Rows: TypeAlias = Sequence[Sequence[int] | np.ndarray]  # of tokens, each (time,)


class Example(NamedTuple):
    """A source and all that it may become.

    Args:
        source: its tokens, (time,).
        right: those of each text that is right, of which the first is learnt.
    """

    source: np.ndarray
    right: list[np.ndarray]


def first(batches: Iterable[tuple], most: int) -> list[Example]:
    """The first examples of supervised batches, `most` at most."""
    found: list[Example] = []
    for features, target, *_ in batches:
        found += examples(features["tokens"], target)[: most - len(found)]
        if len(found) == most:
            break
    return found


def examples(sources: tf.Tensor, right: tf.Tensor) -> list[Example]:
    """The examples of a batch.

    Args:
        sources: tokens (batch, time).
        right: those of all right texts, with a 0 behind each text, (batch, time).
    """
    found = []
    for source, row in zip(sources.numpy(), right.numpy(), strict=True):
        (ends,) = np.nonzero(np.diff(row > 0, prepend=False, append=False))
        texts = [row[start:end] for start, end in ends.reshape(-1, 2)]
        found.append(Example(source[source > 0], texts))
    return found


def padded(rows: Rows) -> tf.Tensor:
    """Rows of tokens as int32 (rows, time); time is 1 at least."""
    batch = np.zeros((len(rows), max(1, *map(len, rows))), "int32")
    for number, row in enumerate(rows):
        batch[number, : len(row)] = row
    return tf.constant(batch)


def is_learnt(right: tf.Tensor) -> tf.Tensor:
    """Which tokens of right texts, (batch, time) with a 0 behind each text, are those of the first text."""
    return tf.math.cumprod(tf.cast(right > 0, tf.int32), axis=1) > 0


def of_tokens(values: tf.Tensor, weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Values and weights (batch, time) as (tokens,): of rows, Keras' Mean takes means, so long batches weigh less."""
    return tf.reshape(values, [-1]), tf.reshape(weights, [-1])

"""Examples of a tf.data pipeline that somebody else made, which come in its own order and are never all in memory."""

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
import tensorflow as tf

from src.data import Raw, Source, Targets
from src.system import digests

FIRST = 64  # examples that are kept: a pipeline may take long to begin


class Streamed(Source):
    """Those examples of a pipeline whose requests have certain hashes, so that no order mixes one split with another.

    Its batches are no function of seed and step.

    Args:
        batches: ({input: tensor}, target) in batches of any size; the same examples in each pass, in any order.
        hashes: of the requests that belong to this source, uint64 (examples,), sorted.
        targets: theirs, as they are learnt, in that order.
        encode: from the targets of a batch of the pipeline to those that are learnt.
    """

    is_exact = False

    def __init__(self, batches: tf.data.Dataset, hashes: np.ndarray, targets: np.ndarray, encode: Callable):
        self._batches, self._hashes, self._targets, self._encode = batches, hashes, targets, encode

    def __len__(self) -> int:
        return len(self._hashes)

    def take(self, n: int) -> "Streamed":
        """The n examples of the lowest hashes, which are the same in each pass, and those that are equal to them."""
        last = self._hashes[min(n, len(self)) - 1]
        kept = int(np.searchsorted(self._hashes, last, side="right"))
        return Streamed(self._batches, self._hashes[:kept], self._targets[:kept], self._encode)

    def examples(self, n: int) -> tuple[Raw, Targets]:
        if n > FIRST:
            return next(self.in_order(n).as_numpy_iterator())
        return tf.nest.map_structure(lambda array: array[:n], self._first)

    def target_batches(self) -> Iterator[Targets]:
        yield self._targets

    def digests(self) -> np.ndarray:
        return self._hashes

    def in_order(self, batch: int) -> tf.data.Dataset:
        """Each example once, in the order in which the pipeline gives them in this pass."""
        return self._own.rebatch(batch)

    def shuffled(self, seed: int, batch: int, steps: int, base: int | tf.Variable = 0) -> tf.data.Dataset:
        """Endless full batches, in the pipeline's order; it begins anew whatever `base` is."""
        if batch * steps > len(self):
            raise ValueError(f"{steps} steps of {batch} examples need more than the {len(self)} there are.")
        return self._own.repeat().rebatch(batch, drop_remainder=True)

    @cached_property
    def _first(self) -> tuple[Raw, Targets]:
        return next(self.in_order(FIRST).as_numpy_iterator())

    @property
    def _own(self) -> tf.data.Dataset:
        """This source's examples, in batches of any size."""
        names, shape = sorted(self._batches.element_spec[0]), (None, *self._targets.shape[1:])

        def pick(target, *columns):
            hashes = digests.of_batch(dict(zip(names, columns, strict=True)))
            nearest = np.minimum(np.searchsorted(self._hashes, hashes), len(self) - 1)
            rows = np.flatnonzero(self._hashes[nearest] == hashes)
            return rows, self._encode(target[rows])

        def own(raw, target):
            kinds = [tf.int64, tf.as_dtype(self._targets.dtype)]
            rows, learnt = tf.numpy_function(pick, [target, *(raw[name] for name in names)], kinds, stateful=False)
            rows = tf.ensure_shape(rows, (None,))
            return {name: tf.gather(raw[name], rows) for name in raw}, tf.ensure_shape(learnt, shape)

        return self._batches.map(own, num_parallel_calls=tf.data.AUTOTUNE)

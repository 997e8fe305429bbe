"""Examples that stay where they are, in files or in compact arrays, until a batch needs them."""

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from src.sources.memory import Arrays, Source, at_a_time
from src.sources.order import Order


class Fetched(Source):
    """Some of the examples of a store, which are fetched by their numbers; the store is shared, never copied.

    Args:
        fetch: a graph function from the number of an example, int64 (), to its raw request by input's name; several
            run side by side. With `at_once` from numbers (batch,).
        target: of every example of the store.
        rows: the numbers of these examples.
        at_once: whether `fetch` takes a batch.
        groups: a number for every example of the store; those of one number belong together.
        hashes: from numbers of examples, (n,), to a hash of each, uint64 (n,), such as that of its file, so that they
            needn't be fetched to be told apart: see src/sources/digests.py.
    """

    def __init__(
        self,
        fetch: Callable,
        target: np.ndarray,
        rows: np.ndarray,
        *,
        at_once: bool = False,
        groups: np.ndarray | None = None,
        hashes: Callable[[np.ndarray], np.ndarray] | None = None,
    ):
        self._fetch = fetch
        self._target = target
        self._rows = rows
        self._at_once = at_once
        self._groups = groups
        self._hashes = hashes

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def groups(self) -> np.ndarray | None:
        """A number for each of these examples, where they are grouped."""
        return None if self._groups is None else self._groups[self._rows]

    def take(self, n: int) -> "Fetched":
        return self.chosen(slice(n))

    def chosen(self, rows: np.ndarray | slice) -> "Fetched":
        """The examples at these places, in that order."""
        return self._of(self._rows[rows])

    def joined(self, other: "Fetched") -> "Fetched":
        """These examples, and then those of another split of the same store."""
        return self._of(np.concatenate([self._rows, other._rows]))

    def target_batches(self) -> Iterator[np.ndarray]:
        yield self._target[self._rows]

    def digests(self) -> np.ndarray:
        return self._hashes(self._rows) if self._hashes else super().digests()

    def examples(self, n: int) -> Arrays:
        n = min(n, len(self))
        return self._part(slice(n)) if self._at_once else next(self.take(n).in_order(n).as_numpy_iterator())

    def read(self) -> Iterator[Arrays]:
        if not self._at_once:
            return super().read()
        batch = at_a_time(self)  # without tf.data, which takes seconds to start where there are many inputs
        return (self._part(slice(start, start + batch)) for start in range(0, len(self), batch))

    def in_order(self, batch: int) -> tf.data.Dataset:
        rows = tf.constant(self._rows)
        starts = tf.data.Dataset.range(0, len(self), batch)
        return self._batches(starts.map(lambda start: rows[start : tf.minimum(start + batch, len(self))]), batch)

    def shuffled(self, seed: int, batch: int, steps: int, base: int | tf.Variable = 0) -> tf.data.Dataset:
        rows, order = tf.constant(self._rows), Order(seed, len(self), batch, steps)
        offsets = tf.data.Dataset.counter()
        return self._batches(offsets.map(lambda offset: tf.gather(rows, order.rows(base + offset))), batch)

    def _part(self, rows: slice) -> Arrays:
        numbers = self._rows[rows]
        with tf.device("CPU"):
            raw = self._fetch(tf.constant(numbers))
            return {name: tensor.numpy() for name, tensor in raw.items()}, self._target[numbers]

    def _batches(self, numbers: tf.data.Dataset, batch: int) -> tf.data.Dataset:
        """From batches of numbers to batches of examples."""
        target = tf.constant(self._target)

        def fetch(rows):
            return self._fetch(rows), tf.gather(target, rows)

        if self._at_once:
            return numbers.map(fetch)
        return numbers.unbatch().map(fetch, num_parallel_calls=tf.data.AUTOTUNE).batch(batch)

    def _of(self, rows: np.ndarray) -> "Fetched":
        about = {"at_once": self._at_once, "groups": self._groups, "hashes": self._hashes}
        return Fetched(self._fetch, self._target, rows, **about)

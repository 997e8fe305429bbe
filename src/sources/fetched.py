"""Examples that stay where they are, in files or in compact arrays, until a batch needs them."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from src.data import Divisible, Raw, Targets
from src.sources.order import Order


class Fetched(Divisible):
    """Some of the examples of a store, which are fetched by their numbers; the store is shared, never copied.

    Args:
        fetch: a graph function from the number of an example, int64 (), to its raw request by input's name; several
            run side by side. With `at_once` from numbers (batch,). Without `target`, to the request and the target.
        target: of every example of the store, an array, or arrays by name; None where targets are too large for
            memory, as those of images are, and are fetched with their examples.
        rows: the numbers of these examples.
        at_once: whether `fetch` takes a batch.
        groups: a number for every example of the store; those of one number belong together.
        hashes: from numbers of examples, (n,), to a hash of each, uint64 (n,), such as that of its file, so that they
            needn't be fetched to be told apart: see src/system/digests.py.
        name: from the number of an example to what people call it, such as its file.
    """

    def __init__(
        self,
        fetch: Callable,
        target: Targets | None,
        rows: np.ndarray,
        *,
        at_once: bool = False,
        groups: np.ndarray | None = None,
        hashes: Callable[[np.ndarray], np.ndarray] | None = None,
        name: Callable[[int], str] = lambda number: "",
    ):
        self._fetch = fetch
        self._target = target
        self._rows = rows
        self._at_once = at_once
        self._groups = groups
        self.groups = None if groups is None else groups[rows]
        self._hashes = hashes
        self._name = name

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, n: int) -> "Fetched":
        return self.chosen(slice(n))

    def chosen(self, rows: np.ndarray | slice) -> "Fetched":
        """The examples of these numbers, in that order."""
        return self._of(self._rows[rows])

    def joined(self, other: "Fetched") -> "Fetched":
        """These examples, and then those of another split of the same store."""
        return self._of(np.concatenate([self._rows, other._rows]))

    def target_batches(self) -> Iterator[Targets]:
        if self._target is None:
            yield from super().target_batches()
        else:
            yield tf.nest.map_structure(lambda array: array[self._rows], self._target)

    def digests(self) -> np.ndarray:
        return self._hashes(self._rows) if self._hashes else super().digests()

    def name_of(self, example: int) -> str:
        return self._name(int(self._rows[example]))

    def examples(self, n: int) -> tuple[Raw, Targets]:
        n = min(n, len(self))
        return self._part(slice(n)) if self._at_once else next(self.take(n).in_order(n).as_numpy_iterator())

    def read(self) -> Iterator[tuple[Raw, Targets]]:
        if not self._at_once:
            return super().read()
        batch = self.at_a_time()  # without tf.data, which takes seconds to start where there are many inputs
        return (self._part(slice(start, start + batch)) for start in range(0, len(self), batch))

    def in_order(self, batch: int) -> tf.data.Dataset:
        rows = tf.constant(self._rows)
        starts = tf.data.Dataset.range(0, len(self), batch)
        return self._batches(starts.map(lambda start: rows[start : tf.minimum(start + batch, len(self))]), batch)

    def shuffled(self, seed: int, batch: int, steps: int, base: int | tf.Variable = 0) -> tf.data.Dataset:
        rows, order = tf.constant(self._rows), Order(seed, len(self), batch, steps)
        offsets = tf.data.Dataset.counter()
        return self._batches(offsets.map(lambda offset: tf.gather(rows, order.rows(base + offset))), batch)

    def _part(self, rows: slice) -> tuple[Raw, Targets]:
        with tf.device("CPU"):
            example = self._with_target(tf.constant(self._rows[rows]))
            return tf.nest.map_structure(lambda tensor: tensor.numpy(), example)

    def _batches(self, numbers: tf.data.Dataset, batch: int) -> tf.data.Dataset:
        """From batches of numbers to batches of examples."""
        if self._at_once:
            return numbers.map(self._with_target)
        return numbers.unbatch().map(self._with_target, num_parallel_calls=tf.data.AUTOTUNE).batch(batch)

    def _with_target(self, numbers: tf.Tensor):
        """The request and the target of an example, or of a batch."""
        if self._target is None:
            return self._fetch(numbers)
        return self._fetch(numbers), tf.nest.map_structure(lambda array: tf.gather(array, numbers), self._target)

    def _of(self, rows: np.ndarray) -> "Fetched":
        about: dict[str, Any] = {"groups": self._groups, "hashes": self._hashes, "name": self._name}
        return Fetched(self._fetch, self._target, rows, at_once=self._at_once, **about)

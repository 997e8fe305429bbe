"""Examples that are pieces of one long array, such as a text or a series."""

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
import tensorflow as tf

from src.data import BATCH, Raw, Source, Targets
from src.sources.order import Order


class Windows(Source):
    """Pieces of one long array, such as a text or a series, cut when they are needed.

    In each epoch of a training all windows begin at another offset below `stride`.

    Args:
        rows: (time, …), of which `size` windows can be cut.
        size: number of windows.
        span: rows of a window.
        stride: rows from the beginning of one to the beginning of the next.
        cut: from windows, (batch, span, …), to the raw request by input's name and the target.
    """

    def __init__(self, rows: np.ndarray, size: int, span: int, stride: int, cut: Callable):
        self._rows = rows
        self._size = size
        self._span = span
        self._stride = stride
        self._cut = cut

    def __len__(self) -> int:
        return self._size

    def take(self, n: int) -> "Windows":
        n = min(n, self._size)
        return Windows(self._rows[: (n - 1) * self._stride + self._span], n, self._span, self._stride, self._cut)

    def examples(self, n: int) -> tuple[Raw, Targets]:
        raw, target = self._windows(self._tensor, tf.range(min(n, self._size), dtype=tf.int64) * self._stride)
        return {name: tensor.numpy() for name, tensor in raw.items()}, target.numpy()

    def target_batches(self) -> Iterator[Targets]:
        rows = self._tensor  # the requests aren't made, as their graph is pruned
        return self._starts(BATCH).map(lambda batch: self._windows(rows, batch)[1]).as_numpy_iterator()

    def in_order(self, batch: int) -> tf.data.Dataset:
        rows = self._tensor
        return self._starts(batch).map(lambda batch: self._windows(rows, batch))

    def shuffled(self, seed: int, batch: int, steps: int, base: int | tf.Variable = 0) -> tf.data.Dataset:
        order, rows = Order(seed, self._size, batch, steps), self._tensor

        def gather(offset):
            step = base + offset
            shift = tf.random.experimental.index_shuffle(0, seed=order.of(step), max_index=self._stride - 1)
            starts = order.rows(step) * self._stride + tf.cast(shift, tf.int64)
            return self._windows(rows, tf.minimum(starts, len(self._rows) - self._span))

        return tf.data.Dataset.counter().map(gather)

    def _starts(self, batch: int) -> tf.data.Dataset:
        """The first rows of all windows, in order, in batches."""
        return tf.data.Dataset.range(0, self._size * self._stride, self._stride).batch(batch)

    def _windows(self, rows: tf.Tensor, starts: tf.Tensor):
        return self._cut(tf.gather(rows, starts[:, tf.newaxis] + tf.range(self._span, dtype=tf.int64)))

    @cached_property
    def _tensor(self) -> tf.Tensor:
        with tf.device("CPU"):
            return tf.constant(self._rows)

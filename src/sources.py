"""Sources of examples: what exact order, determinism and memory rest on."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Protocol

import numpy as np
import tensorflow as tf

Arrays = tuple[Mapping[str, np.ndarray], np.ndarray]


class Source(Protocol):
    """A sequence of examples, each a raw request and a target. Any class with these methods is one.

    A shuffled batch is a pure function of (seed, step), so training that stops and goes on sees what it would have
    seen.
    """

    def __len__(self) -> int:
        """The number of examples."""

    def take(self, n: int) -> "Source":
        """The source of the first n examples; no others are read."""

    def examples(self, n: int) -> Arrays:
        """The first n examples: raw arrays by input's name, texts as bytes, and targets."""

    def in_order(self, batch: int) -> tf.data.Dataset:
        """Each example once, as ({input: tensor}, targets) in batches of `batch`; the last one may be smaller."""

    def shuffled(self, seed: int, batch: int, steps: int, base: int | tf.Variable = 0) -> tf.data.Dataset:
        """Endless full batches from step `base` on; each epoch of `steps` steps has an order of its own.

        Raises:
            ValueError: where an epoch needs more examples than there are.
        """


class InMemory(Source):
    """Examples that are held as they were read, images as uint8, and gathered a batch at a time.

    Args:
        size: number of examples.
        read: returns the raw arrays by input's name and the targets of the first n examples; called once, when the
            first example is needed.
    """

    def __init__(self, size: int, read: Callable[[int], Arrays]):
        self._size = size
        self._read = read

    @classmethod
    def of(cls, raw: Mapping[str, np.ndarray], target: np.ndarray) -> "InMemory":
        """A source of arrays that are there already."""
        return cls(len(target), lambda n: ({name: array[:n] for name, array in raw.items()}, target[:n]))

    def __len__(self) -> int:
        return self._size

    def take(self, n: int) -> "InMemory":
        return InMemory(min(n, self._size), self._read)

    def examples(self, n: int) -> Arrays:
        raw, target = self._tensors
        return {name: tensor[:n].numpy() for name, tensor in raw.items()}, target[:n].numpy()

    def in_order(self, batch: int) -> tf.data.Dataset:
        raw, target = self._tensors

        def slice_from(start):
            rows = slice(start, tf.minimum(start + batch, self._size))
            return {name: tensor[rows] for name, tensor in raw.items()}, target[rows]

        return tf.data.Dataset.range(0, self._size, batch).map(slice_from)

    def shuffled(self, seed: int, batch: int, steps: int, base: int | tf.Variable = 0) -> tf.data.Dataset:
        if batch * steps > self._size:
            raise ValueError(f"{steps} steps of {batch} examples need more than the {self._size} there are.")
        raw, target = self._tensors

        def gather(offset):
            step = base + offset
            positions = step % steps * batch + tf.range(batch, dtype=tf.int64)
            order = tf.stack([tf.constant(seed, tf.int64), step // steps])
            rows = tf.random.experimental.index_shuffle(positions, seed=order, max_index=self._size - 1)
            return {name: tf.gather(tensor, rows) for name, tensor in raw.items()}, tf.gather(target, rows)

        return tf.data.Dataset.counter().map(gather)

    @cached_property
    def _tensors(self) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        raw, target = self._read(self._size)
        with tf.device("CPU"):
            return {name: tf.constant(array) for name, array in raw.items()}, tf.constant(target)


def split(raw: Mapping[str, np.ndarray], target: np.ndarray, *, stratify: bool) -> tuple[InMemory, InMemory, InMemory]:
    """Training (60%), validation (20%) and test (20%) of one set of arrays, the same at each call.

    Args:
        raw: arrays by input's name.
        target: one for each example.
        stratify: whether each split has every class in the same proportion.
    """
    from sklearn.model_selection import train_test_split

    everything = np.arange(len(target))
    rest, test = train_test_split(everything, test_size=0.2, random_state=0, stratify=target if stratify else None)
    labels = target[rest] if stratify else None
    train, validation = train_test_split(rest, test_size=0.25, random_state=0, stratify=labels)
    return tuple(
        InMemory.of({name: array[rows] for name, array in raw.items()}, target[rows])
        for rows in (train, validation, test)
    )

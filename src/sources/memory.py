"""Examples in memory, as they were read: images as uint8, texts as bytes; gathered a batch at a time."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from src.data import Divisible, Raw, Source, Targets
from src.sources.order import Order
from src.sources.splits import check_labels, deal

each = tf.nest.map_structure  # of the arrays of a request, or of a target
Lengths: TypeAlias = Callable[[Source], np.ndarray]


class InMemory(Divisible):
    """Examples that are held in memory.

    Args:
        size: number of examples.
        read: returns the raw arrays by input's name and the targets of the first n examples; called once, when the
            first example is needed.
        lengths: from these examples to a number for each, (size,), about the same for those of a training batch: what
            is padded to the longest of its batch is then padded little. Called when a training begins.
        groups: a number for each example; those of one number belong together, and come into the same fold.
    """

    def __init__(
        self,
        size: int,
        read: Callable[[int], tuple[Raw, Targets]],
        lengths: Lengths | None = None,
        groups: np.ndarray | None = None,
    ):
        self._size = size
        self._read = read
        self._lengths = lengths
        self.groups = groups

    @classmethod
    def of(
        cls, raw: Raw, target: Targets, lengths: Lengths | None = None, groups: np.ndarray | None = None
    ) -> "InMemory":
        """A source of arrays that are there already; raises ValueError where they aren't of one length."""
        size = _checked_size(raw, target)
        return cls(size, lambda n: (_at(slice(n), dict(raw)), _at(slice(n), target)), lengths, groups)

    def __len__(self) -> int:
        return self._size

    def take(self, n: int) -> "InMemory":
        groups = None if self.groups is None else self.groups[:n]
        return InMemory(min(n, self._size), self._read, self._lengths, groups)

    def examples(self, n: int) -> tuple[Raw, Targets]:
        return self._part(slice(n))

    def read(self) -> Iterator[tuple[Raw, Targets]]:
        batch = self.at_a_time()  # without tf.data, which takes seconds to start where there are many inputs
        return (self._part(slice(start, start + batch)) for start in range(0, self._size, batch))

    def target_batches(self) -> Iterator[Targets]:
        yield each(lambda tensor: tensor.numpy(), self._tensors[1])

    def joined(self, other: "InMemory") -> "InMemory":
        """These examples, and then those of another split."""
        parts = (source.examples(len(source)) for source in (self, other))
        raw, target = each(lambda *arrays: np.concatenate(arrays), *parts)
        groups = None if self.groups is None else np.concatenate([self.groups, other.groups])
        return InMemory.of(raw, target, self._lengths, groups)

    def chosen(self, rows: np.ndarray) -> "InMemory":
        """The examples of these numbers, in that order."""
        raw, target = _at(rows, self.examples(len(self)))
        groups = None if self.groups is None else self.groups[rows]
        return InMemory.of(raw, target, self._lengths, groups)

    def in_order(self, batch: int) -> tf.data.Dataset:
        tensors = self._tensors

        def slice_from(start):
            return _at(slice(start, tf.minimum(start + batch, self._size)), tensors)

        return tf.data.Dataset.range(0, self._size, batch).map(slice_from)

    def shuffled(self, seed: int, batch: int, steps: int, base: int | tf.Variable = 0) -> tf.data.Dataset:
        raw, target = self._tensors
        order = Order(seed, self._size, batch, steps)
        lengths = tf.constant(self._lengths(self)) if self._lengths else None

        def gather(offset):
            step = base + offset
            rows = order.rows(step) if lengths is None else order.alike(step, lengths)
            return each(lambda tensor: tf.gather(tensor, rows), (raw, target))

        return tf.data.Dataset.counter().map(gather)

    def _part(self, rows: slice) -> tuple[Raw, Targets]:
        with tf.device("CPU"):
            return each(lambda tensor: tensor[rows].numpy(), self._tensors)

    @cached_property
    def _tensors(self) -> tuple[dict[str, tf.Tensor], Any]:
        raw, target = self._read(self._size)
        with tf.device("CPU"):
            tensors = {name: _tensor(name, array) for name, array in raw.items()}
            return tensors, each(lambda array: _tensor("the target", array), target)


def split(
    raw: Raw, target: Targets, *, stratify: bool, lengths: Lengths | None = None
) -> tuple[InMemory, InMemory, InMemory]:
    """Training, validation and test of one set of arrays, the same at each call; see `deal`.

    Args:
        raw: arrays by input's name.
        target: an array, or arrays by name, of one entry for each example.
        stratify: whether each split has every class in the same proportion.
        lengths: see `InMemory`.

    Raises:
        ValueError: where there isn't one target for each example, or what is to be stratified isn't a label.
    """
    _checked_size(raw, target)
    labels = tf.nest.flatten(target)[0]
    if stratify:
        check_labels(labels)
    train, validation, test = (
        InMemory.of(_at(rows, dict(raw)), _at(rows, target), lengths) for rows in deal(labels, stratify=stratify)
    )
    return train, validation, test


def _checked_size(raw: Raw, target: Targets) -> int:
    """The number of examples."""
    size = len(tf.nest.flatten(target)[0])
    for name, array in [*raw.items(), *(target.items() if isinstance(target, Mapping) else ())]:
        if len(array) != size:
            raise ValueError(f"{name} has {len(array):,} examples, but there are {size:,} targets")
    return size


def _at(rows: Any, arrays: Any) -> Any:
    """Those rows of each array."""
    return each(lambda array: array[rows], arrays)


def _tensor(name: str, array: np.ndarray) -> tf.Tensor:
    try:
        return tf.constant(array)
    except (TypeError, ValueError) as error:
        kinds = ", ".join(sorted({type(value).__name__ for value in np.ravel(array)}))
        raise ValueError(f"{name} can't be an array of TensorFlow: it holds {kinds}") from error

"""Sources of examples: what exact order, determinism and memory rest on."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Protocol

import numpy as np
import tensorflow as tf

from src.sources import digests
from src.sources.order import Order
from src.sources.splits import deal

Arrays = tuple[Mapping[str, np.ndarray], np.ndarray]
BATCH, BATCH_BYTES = 4096, 32 * 2**20  # of what is read at a time, at most


class Source(Protocol):
    """A sequence of examples, each a raw request and a target.

    A class of one's own derives from it, and has `take`, `examples`, `in_order`, `shuffled` and a length: the others
    follow from these.

    A shuffled batch is a pure function of (seed, step), so training that stops and goes on sees what it would have
    seen. One whose examples can be dealt out to folds has `joined`, `chosen` and `groups`, too: see InMemory. Examples
    that are too many for memory are those of src/sources/fetched.py.
    """

    def __len__(self) -> int:
        """The number of examples."""

    def take(self, n: int) -> "Source":
        """The source of the first n examples; no others are read."""

    def examples(self, n: int) -> Arrays:
        """The first n examples: raw arrays by input's name, texts as bytes, and targets."""

    def read(self) -> Iterator[Arrays]:
        """Each example once, in order, as arrays, in batches of some megabytes."""
        return self.in_order(at_a_time(self)).as_numpy_iterator()

    def targets(self) -> np.ndarray:
        """All targets, in order."""
        return np.concatenate(list(self.target_batches()))

    def target_batches(self) -> Iterator[np.ndarray]:
        """All targets, in order and in batches: together, those of windows take much more memory than their source."""
        return (target for _, target in self.read())

    def digests(self) -> np.ndarray:
        """A hash of each example's contents, uint64 (examples,), the same in every process."""
        return np.concatenate([digests.of_batch(raw) for raw, _ in self.read()])

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
        lengths: from the raw arrays to a length for each example, about the same for those of a training batch: what
            is padded to the longest of its batch is then padded little.
        groups: a number for each example; those of one number belong together, and come into the same fold.
    """

    def __init__(
        self,
        size: int,
        read: Callable[[int], Arrays],
        lengths: Callable | None = None,
        groups: np.ndarray | None = None,
    ):
        self._size = size
        self._read = read
        self._lengths = lengths
        self.groups = groups

    @classmethod
    def of(
        cls,
        raw: Mapping[str, np.ndarray],
        target: np.ndarray,
        lengths: Callable | None = None,
        groups: np.ndarray | None = None,
    ) -> "InMemory":
        """A source of arrays that are there already; raises ValueError where they aren't of one length."""
        _check_lengths(raw, target)

        def read(n):
            return {name: array[:n] for name, array in raw.items()}, target[:n]

        return cls(len(target), read, lengths, groups)

    def __len__(self) -> int:
        return self._size

    def take(self, n: int) -> "InMemory":
        groups = None if self.groups is None else self.groups[:n]
        return InMemory(min(n, self._size), self._read, self._lengths, groups)

    def examples(self, n: int) -> Arrays:
        return self._part(slice(n))

    def read(self) -> Iterator[Arrays]:
        batch = at_a_time(self)  # without tf.data, which takes seconds to start where there are many inputs
        return (self._part(slice(start, start + batch)) for start in range(0, self._size, batch))

    def target_batches(self) -> Iterator[np.ndarray]:
        yield self._tensors[1].numpy()

    def joined(self, other: "InMemory") -> "InMemory":
        """These examples, and then those of another split."""
        (raw, target), (more, wanted) = (source.examples(len(source)) for source in (self, other))
        both = {name: np.concatenate([raw[name], more[name]]) for name in raw}
        groups = None if self.groups is None else np.concatenate([self.groups, other.groups])
        return InMemory.of(both, np.concatenate([target, wanted]), self._lengths, groups)

    def chosen(self, rows: np.ndarray) -> "InMemory":
        """The examples of these numbers, in that order."""
        raw, target = self.examples(len(self))
        groups = None if self.groups is None else self.groups[rows]
        return InMemory.of({name: array[rows] for name, array in raw.items()}, target[rows], self._lengths, groups)

    def in_order(self, batch: int) -> tf.data.Dataset:
        raw, target = self._tensors

        def slice_from(start):
            rows = slice(start, tf.minimum(start + batch, self._size))
            return {name: tensor[rows] for name, tensor in raw.items()}, target[rows]

        return tf.data.Dataset.range(0, self._size, batch).map(slice_from)

    def shuffled(self, seed: int, batch: int, steps: int, base: int | tf.Variable = 0) -> tf.data.Dataset:
        raw, target = self._tensors
        order = Order(seed, self._size, batch, steps)
        lengths = self._lengths(raw) if self._lengths else None

        def gather(offset):
            step = base + offset
            rows = order.rows(step) if lengths is None else order.alike(step, lengths)
            return {name: tf.gather(tensor, rows) for name, tensor in raw.items()}, tf.gather(target, rows)

        return tf.data.Dataset.counter().map(gather)

    def _part(self, rows: slice) -> Arrays:
        raw, target = self._tensors
        with tf.device("CPU"):
            return {name: tensor[rows].numpy() for name, tensor in raw.items()}, target[rows].numpy()

    @cached_property
    def _tensors(self) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        raw, target = self._read(self._size)
        with tf.device("CPU"):
            return {name: _tensor(name, array) for name, array in raw.items()}, _tensor("the target", target)


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

    def examples(self, n: int) -> Arrays:
        raw, target = self._windows(self._tensor, tf.range(min(n, self._size), dtype=tf.int64) * self._stride)
        return {name: tensor.numpy() for name, tensor in raw.items()}, target.numpy()

    def target_batches(self) -> Iterator[np.ndarray]:
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


def at_a_time(source: Source) -> int:
    """How many examples are read at a time, by the size of the first one."""
    raw, _ = source.examples(1)
    size = sum(column.nbytes if column.dtype != object else sum(map(len, column.ravel())) for column in raw.values())
    return max(1, min(BATCH, BATCH_BYTES // (size or 1)))


def split(
    raw: Mapping[str, np.ndarray], target: np.ndarray, *, stratify: bool, lengths: Callable | None = None
) -> tuple[InMemory, InMemory, InMemory]:
    """Training, validation and test of one set of arrays, the same at each call; see `deal`.

    Args:
        raw: arrays by input's name.
        target: one for each example.
        stratify: whether each split has every class in the same proportion.
        lengths: see `InMemory`.

    Raises:
        ValueError: where there isn't one target for each example.
    """
    _check_lengths(raw, target)
    parts = deal(target, stratify=stratify)
    return tuple(
        InMemory.of({name: array[rows] for name, array in raw.items()}, target[rows], lengths) for rows in parts
    )


def _check_lengths(raw: Mapping[str, np.ndarray], target: np.ndarray) -> None:
    for name, array in raw.items():
        if len(array) != len(target):
            raise ValueError(f"{name} has {len(array):,} examples, but there are {len(target):,} targets")


def _tensor(name: str, array: np.ndarray) -> tf.Tensor:
    try:
        return tf.constant(array)
    except (TypeError, ValueError) as error:
        kinds = ", ".join(sorted({type(value).__name__ for value in np.ravel(array)}))
        raise ValueError(f"{name} can't be an array of TensorFlow: it holds {kinds}") from error

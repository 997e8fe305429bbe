"""Data sets: what `load` of a file of src/datasets/ returns, and what it is made of."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from src.specs import Input, Output
from src.system import digests

Raw: TypeAlias = Mapping[str, np.ndarray]  # a batch of requests, by input's name
# A batch, the examples first: an array, or arrays by name; its task knows which.
Targets: TypeAlias = Any
Features: TypeAlias = tf.Tensor | Mapping[str, tf.Tensor]
Shown: TypeAlias = np.ndarray | Sequence[str]  # pictures, uint8 (examples, height, width, 1 or 3), or texts

BATCH, BATCH_BYTES = 4096, 32 * 2**20  # of what is read at a time, at most
LONGEST, DIGITS = 200, 4  # characters of a value that are shown, and digits behind the point


class Source(ABC):
    """A sequence of examples, each a raw request and a target.

    A shuffled batch is a pure function of (seed, step), so training that stops and goes on sees what it would have
    seen. src/sources/ has those of arrays in memory, of pieces of a long array, and of what is fetched when needed; the
    one of a tf.data pipeline says by `is_exact` that its batches aren't.
    """

    is_exact: ClassVar[bool] = True

    @abstractmethod
    def __len__(self) -> int:
        """The number of examples."""

    @abstractmethod
    def take(self, n: int) -> "Source":
        """The source of the first n examples; no others are read."""

    @abstractmethod
    def examples(self, n: int) -> tuple[Raw, Targets]:
        """The first n examples: raw arrays by input's name, texts as bytes, and targets."""

    @abstractmethod
    def in_order(self, batch: int) -> tf.data.Dataset:
        """Each example once, as ({input: tensor}, targets) in batches of `batch`; the last one may be smaller."""

    @abstractmethod
    def shuffled(self, seed: int, batch: int, steps: int, base: int | tf.Variable = 0) -> tf.data.Dataset:
        """Endless full batches from step `base` on; each epoch of `steps` steps has an order of its own.

        Raises:
            ValueError: where an epoch needs more examples than there are.
        """

    def read(self) -> Iterator[tuple[Raw, Targets]]:
        """Each example once, in order, as arrays, in batches of some megabytes."""
        return self.in_order(self.at_a_time()).as_numpy_iterator()

    def target_batches(self) -> Iterator[Targets]:
        """All targets, in order and in batches: they may be larger than memory."""
        return (target for _, target in self.read())

    def targets(self) -> Targets:
        """All targets, in order, for targets that fit into memory."""
        batches = list(self.target_batches())
        return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *batches)

    def digests(self) -> np.ndarray:
        """A hash of each example's contents, uint64 (examples,), the same in every process."""
        return np.concatenate([digests.of_batch(raw) for raw, _ in self.read()])

    def name_of(self, example: int) -> str:
        """Where people find the example of that number, such as its file; "" where it has no name."""
        return ""

    def at_a_time(self) -> int:
        """How many examples are read at a time, by the size of the first one."""
        columns = [np.asarray(column) for column in tf.nest.flatten(self.examples(1))]
        sizes = (column.nbytes if column.dtype != object else sum(map(len, column.ravel())) for column in columns)
        return max(1, min(BATCH, BATCH_BYTES // (sum(sizes) or 1)))


class Divisible(Source):
    """A source whose examples can be dealt out to folds.

    Args:
        groups: a number for each example; those of one number stay in one fold. None where each stands by itself.
    """

    groups: np.ndarray | None

    @abstractmethod
    def joined(self, other: Self) -> Self:
        """These examples, and then those of another split."""

    @abstractmethod
    def chosen(self, rows: np.ndarray) -> Self:
        """The examples of these numbers, in that order."""


class Door:
    """Another way in: a graph function from another request to the raw one, which becomes a signature of its name.

    Args:
        request: the spec of each input, batch first.
        picture: a graph function from a request, and the number of an example in it, int32 (), to its picture as it was
            given, uint8 (height, width, 3); None where examples are no pictures.
    """

    request: Mapping[str, tf.TensorSpec]
    picture: Callable[[Mapping[str, tf.Tensor], tf.Tensor], tf.Tensor] | None = None

    def __call__(self, request: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The raw request."""
        raise NotImplementedError

    def encode(self, raw: Raw) -> Raw | None:
        """A request of this kind for each example of a raw one, by which the door is tested; None for no such test."""
        return None


def show(raw: Raw) -> Shown:
    """Raw examples for people: pictures where there is one input of uint8 images, else a text for each example."""
    if len(raw) == 1:
        (images,) = raw.values()
        if images.ndim == 4 and images.dtype == np.uint8:
            return images if images.shape[-1] in (1, 3) else images[..., :1]
    columns = {name: [text(value)[:LONGEST] for value in column] for name, column in raw.items()}
    if len(columns) == 1:
        return next(iter(columns.values()))
    rows = zip(*columns.values(), strict=True)
    return ["\n".join(f"{name}: {value}" for name, value in zip(columns, row, strict=True)) for row in rows]


def text(value: Any) -> str:
    """A value of a request for people: bytes as the text that they are, 37 for 37.0, and a missing number empty."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, float | np.floating) and np.isnan(value):
        return ""
    return np.array2string(np.asarray(value), precision=DIGITS, threshold=20, formatter={"float_kind": _number})


@dataclass(frozen=True)
class Data:
    """A data set, ready to be trained on.

    Args:
        train, validation, test: the splits; validation never comes from test.
        inputs, outputs: what the features and the target are.
        preprocess: a functional Keras model from one raw request, its named Inputs, to the features.
        doors: other ways in, by name, such as {"image_bytes": …} from encoded pictures.
        adapt: from another training split to its `inputs` and `preprocess`; None where they don't depend on it.
        notes: what the user's own files were taken for, which is told and kept in the run.
        warnings: what looks wrong in the data: what, why, and what to change; told before training, kept in the report.
        columns: what the user's file calls each input of the request, where that isn't the same.
        show: from raw examples to what people are shown of them; `shown` asks it.
        name: what runs are called by that are given it from Python.
    """

    train: Source
    validation: Source
    test: Source
    inputs: Input
    outputs: Output
    preprocess: keras.Model
    doors: Mapping[str, Door] = field(default_factory=dict)
    adapt: Callable[[Source], tuple[Input, keras.Model]] | None = None
    notes: str = ""
    warnings: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    show: Callable[[Raw], Shown] = show
    name: str = "data"

    @classmethod
    def adapted(cls, adapt: Callable[[Source], tuple[Input, keras.Model]], train: Source, **others) -> "Data":
        """A data set whose features follow from its training split by `adapt`; the others are its other fields."""
        inputs, preprocess = adapt(train)
        return cls(train, inputs=inputs, preprocess=preprocess, adapt=adapt, **others)

    def predicting(self, kind: type[Any]) -> "Data":
        """The same data set with that kind of output: its own, or one that is made of its features."""
        own = isinstance(self.outputs, kind)
        return self if own else dataclasses.replace(self, outputs=kind.of(self.inputs, self.outputs))

    def shown(self, raw: Raw) -> Shown:
        """What people are shown of raw examples, their inputs called as in the user's file."""
        return self.show({self.columns.get(name, name): column for name, column in raw.items()})

    def doors_among(self, signatures: Collection[str]) -> dict[str, Door]:
        """The other ways in that a model can be asked by."""
        return {name: door for name, door in self.doors.items() if name in signatures}


def _number(value: np.floating) -> str:
    is_usual = value == 0 or 10.0**-DIGITS <= abs(value) < 1e16
    return np.format_float_positional(value, precision=DIGITS, trim="-") if is_usual else f"{value:.{DIGITS}g}"

"""What a model is given and what it is to predict, as plain data.

A data set says what its features and its target are; a model file says which of them it takes and gives; the output
finds the task. Statistics of the target live in the output spec, so a run can be used where its data set is gone.
Nothing here imports TensorFlow.
"""

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

UNKNOWN = "\ufffd"  # Unicode's replacement character stands for what training had not
OR = "\x1e"  # between texts of which any is right: ASCII's record separator, which no text has
TURN = "\n"  # between utterances of a conversation that are read together
UNLABELLED = -1  # class of a pixel that counts nowhere, and of a box that isn't there
STEPS = 100  # usual changes of a series from step to step that tell as much as the deviation of all its values


@dataclass(frozen=True)
class Input:
    """The features that a model sees: what all inputs derive from."""


@dataclass(frozen=True)
class Image(Input):
    """One float32 tensor (batch, height, width, channels), values in [0, 1]."""

    height: int
    width: int
    channels: int


@dataclass(frozen=True)
class Vector(Input):
    """One float32 tensor (batch, size)."""

    size: int


@dataclass(frozen=True)
class Columns(Input):
    """A table: {"numeric": float32 (batch, n), "categories": int32 (batch, m)}, each only where there are any.

    Numbers are scaled and a missing one is 0. A category is its index in the vocabulary, 0 = unknown or missing.

    Args:
        numeric: names of the n numeric features, indicators of missing values among them.
        categories: name and vocabulary size (the unknown one included) of each of the m categories.
    """

    numeric: tuple[str, ...]
    categories: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Tokens(Input):
    """One int32 tensor (batch, time), time at most `length`: indices below `vocabulary`, 0 padding, 1 unknown.

    Args:
        length: most tokens of an example.
        vocabulary: number of indices.
        tokens: the text of each index, to look up pre-trained vectors and to write texts; not kept in a run.
        between: what stands between the tokens of a text; not kept either.
    """

    length: int
    vocabulary: int
    tokens: tuple[str, ...] = field(default=(), repr=False, compare=False, metadata={"kept": False})
    between: str = field(default=" ", repr=False, compare=False, metadata={"kept": False})


@dataclass(frozen=True)
class Series(Input):
    """One float32 tensor (batch, length, channels), oldest value first."""

    length: int
    channels: int


@dataclass(frozen=True)
class Output(ABC):
    """What is predicted: what all outputs derive from."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int | None, ...]:
        """Of the prediction for one example; None where it differs from one to another."""

    @property
    def size(self) -> int:
        """Numbers that a model predicts for one example, at each place where there are many."""
        return self.shape[-1] or 0


class Numbers(Output):
    """So many numbers for each example, which `head` of src/layers.py predicts.

    A model file whose GIVES names it takes every such output, also those that come.
    """


@dataclass(frozen=True)
class Classes(Numbers):
    """One of several classes; the target is an int32 index into `names`, the prediction one logit for each name.

    Args:
        names: the classes, in the order of their labels.
        counts: training examples of each class; the task fills them in.
    """

    names: tuple[str, ...]
    counts: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.names),)


@dataclass(frozen=True)
class Values(Numbers):
    """Real numbers; the target is float32 (batch, len(names)) in `unit`, the prediction is standardised.

    Args:
        names: what each number is.
        unit: of all of them, such as "EUR"; "" for none.
        mean, scale: the training targets' mean and standard deviation; the task fills them in.
    """

    names: tuple[str, ...]
    unit: str = ""
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.names),)


@dataclass(frozen=True)
class Mask(Output):
    """The class of each pixel of an image; the prediction is a logit for each class (batch, height, width, classes).

    The target is int32 (batch, height, width), of indices into `names`, and UNLABELLED where nobody knows.

    Args:
        height, width: of an image.
        names: the classes, in the order of their indices.
        colors: RGB of each class, in which masks are drawn.
        counts: training pixels of each class; the task fills them in.
    """

    height: int
    width: int
    names: tuple[str, ...]
    colors: tuple[tuple[int, int, int], ...]
    counts: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.height, self.width, len(self.names))


@dataclass(frozen=True)
class Boxes(Output):
    """Things in an image, each in a box; the prediction is a grid of any size, (batch, rows, columns, classes + 4).

    In each cell are a logit for each class, of a box of that class around the centre of the cell, and then how far the
    box reaches up, left, down and right from there, as logarithms of shares of half the `usual` height and width.

    The target is {"box": float32 (batch, most, 4), "label": int32 (batch, most)}: top, left, bottom and right, as
    fractions of height and width, and an index into `names`. Where an image has fewer boxes, the last labels are
    UNLABELLED, and their boxes 0.

    Args:
        height, width: of an image.
        names: the classes, in the order of their indices.
        most: boxes of an image.
        counts: training boxes of each class; the task fills them in.
        per_image: … and how many there are in an image, on average.
        usual: … and their height and width, as fractions of the image's: geometric means.
        colors: … and RGB of each class, in which boxes are drawn.
    """

    height: int
    width: int
    names: tuple[str, ...]
    most: int
    counts: tuple[int, ...] = ()
    per_image: float = 1.0
    usual: tuple[float, float] = (0.2, 0.2)
    colors: tuple[tuple[int, int, int], ...] = ()

    @property
    def shape(self) -> tuple[int | None, int | None, int]:
        return (None, None, len(self.names) + 4)


@dataclass(frozen=True)
class Text(Output):
    """Another text, written token by token; the prediction is logits (batch, time, len(tokens)).

    The target is the text itself, bytes (batch,). Where several are right, they stand one after the other, with OR
    between them: the first is learnt, and any counts as right.

    Args:
        length: most tokens of a text.
        vocabulary: most tokens that are told apart.
        tokens: the bytes of each index, as src/preprocess/subwords.py numbers them, each byte a character of Latin-1;
            learnt from the training texts by the task, unless the data set has them.
    """

    length: int
    vocabulary: int
    tokens: tuple[str, ...] = field(default=(), repr=False)

    @property
    def shape(self) -> tuple[int | None, ...]:
        return (None, len(self.tokens))


# Outputs made of the input itself.


@dataclass(frozen=True)
class NextToken(Output):
    """The token that follows each one of a text; the prediction is logits (batch, time, len(tokens)).

    The target is the data set's own, which isn't used.

    Args:
        tokens: the text of each index; 0 is padding and 1 an unknown token.
        between: what stands between the tokens of a text, such as a blank between words.
    """

    tokens: tuple[str, ...]
    between: str = ""

    @classmethod
    def of(cls, inputs: Tokens, outputs: Output) -> "NextToken":
        """The words of a data set with these features.

        Raises:
            ValueError: where it doesn't say what they are.
        """
        if not inputs.tokens:
            raise ValueError("its Tokens have no tokens, so nothing can be written: give the text of each index")
        return cls(("", UNKNOWN, *inputs.tokens[2:]), inputs.between)

    @property
    def shape(self) -> tuple[int | None, ...]:
        return (None, len(self.tokens))  # a text may have any length


@dataclass(frozen=True)
class Horizon(Numbers):
    """The next values of a series; the prediction is standardised, (batch, length * len(names)), a step's together.

    The target is (batch, 2, length, len(names)), of `dtype`: what came, and what had come one season before.

    Args:
        names: the series that are forecast.
        length: steps ahead.
        season: steps after which they repeat, such as 7 for days of a week; 1 for none.
        log: whether it is their logarithm that is standardised.
        mean, scale: mean and standard deviation of the training values, or of their logarithm.
        naive: mean absolute error of the last value, a step ahead, in the training split.
        seasonal: … of the value one season before.
    """

    names: tuple[str, ...]
    length: int
    season: int = 1
    log: bool = False
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    naive: tuple[float, ...] = ()
    seasonal: tuple[float, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.length * len(self.names),)

    @property
    def dtypes(self) -> tuple[str, ...]:
        """Of each series in requests and answers: float64 where float32 would lose what changes in large values."""
        from src import numbers  # with numpy, which help has no use for

        dtypes = []
        for mean, scale, naive in zip(self.mean, self.scale, self.naive, strict=True):
            step = naive / math.exp(mean) if self.log else naive
            dtypes.append(numbers.dtype(1.0 if self.log else abs(mean), min(scale, STEPS * step)))
        return tuple(dtypes)

    @property
    def dtype(self) -> str:
        """float64 where a series is."""
        return max(self.dtypes, default="float32")


@dataclass(frozen=True)
class Images(Output):
    """Images like those of a data set; the prediction is float32 (batch, height, width, channels) in [0, 1].

    The target is the data set's own: an int32 index into `names` where it has classes.

    Args:
        height, width, channels: of an image.
        names: the classes that can be asked for.
    """

    height: int
    width: int
    channels: int
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, inputs: Image, outputs: Classes | Values) -> "Images":
        """Those of a data set with these features and that target."""
        names = outputs.names if isinstance(outputs, Classes) else ()
        return cls(inputs.height, inputs.width, inputs.channels, names)

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.height, self.width, self.channels)


def kinds_of(kind: type[Any]) -> tuple[type, ...]:
    """The kinds of inputs or outputs that derive from one, or itself."""
    return tuple(leaf for subclass in kind.__subclasses__() for leaf in kinds_of(subclass)) or (kind,)


def kinds() -> dict[str, type]:
    """Every kind of input and output by name, wherever in this file it stands."""
    return {kind.__name__: kind for kind in (*kinds_of(Input), *kinds_of(Output))}


def groups() -> dict[str, tuple[type, ...]]:
    """What a model file may name instead of each kind."""
    return {"Numbers": kinds_of(Numbers)}


# Outputs that any data set of such inputs has, too.
DERIVED: dict[type, tuple[type, ...]] = {Image: (Images,), Tokens: (NextToken,)}
GONE = {"NextToken": ("counts",)}  # fields that older runs have


def to_json(spec: Input | Output) -> dict[str, Any]:
    """The spec as JSON data: its kind and its fields."""
    fields = [field.name for field in dataclasses.fields(spec) if field.metadata.get("kept", True)]
    return {"kind": type(spec).__name__, **{name: getattr(spec, name) for name in fields}}


def from_json(data: Mapping[str, Any]) -> Any:
    """The spec that `to_json` wrote."""
    left_out = ("kind", *GONE.get(data["kind"], ()))
    fields = {name: as_tuples(value) for name, value in data.items() if name not in left_out}
    return kinds()[data["kind"]](**fields)


def as_tuples(value: Any) -> Any:
    """The value with tuples for lists, as JSON has only these."""
    return tuple(as_tuples(item) for item in value) if isinstance(value, (list, tuple)) else value


# What a model file's SPACE is made of: the values that tuning may try.


@dataclass(frozen=True)
class Choice:
    """One of the given values.

    Args:
        when: searched only while each of these knobs has one of these values: {"optimizer": ("sgd",)}.
        where: a rule between knobs, without which nothing is tried: "width % heads == 0".
    """

    values: tuple
    when: dict[str, tuple]
    where: str

    def __init__(self, *values, when: dict[str, tuple] | None = None, where: str = ""):
        for name, value in {"values": values, "when": when or {}, "where": where}.items():
            object.__setattr__(self, name, value)

    def corners(self) -> tuple:
        """The values at the ends, which a contract test builds."""
        return self.values[0], self.values[-1]


@dataclass(frozen=True)
class Range:
    """A number from `low` to `high`, both included; drawn on a log scale with `log`, in steps of `step`.

    Args:
        when, where: see Choice.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    when: dict[str, tuple] = field(default_factory=dict)
    where: str = ""

    def corners(self) -> tuple:
        """The values at the ends, which a contract test builds."""
        return self.low, self.high

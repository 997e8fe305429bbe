"""What a model can be asked about users' files: the words that the readers of files, src/readers/inputs.py, share."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

DEFAULT = "serving_default"
STRINGS = "strings"  # the signature that takes columns as texts, an empty one where a value is missing
PICTURES = "image_bytes"  # … encoded pictures


class InputSpec(NamedTuple):
    """What an input of a signature takes.

    Args:
        dtype: TensorFlow's name of the type; "string" for texts and bytes.
        shape: the batch first; None where any size will do.
    """

    dtype: str
    shape: tuple[int | None, ...]


Inputs: TypeAlias = Mapping[str, InputSpec]
Signatures: TypeAlias = Mapping[str, Inputs]


@dataclass(frozen=True)
class Reading:
    """How a file is read: see src/serving/ask.py.

    Args:
        columns: what the file that the model was trained on calls its inputs, where that isn't the same; None where it
            isn't known.
        by_line: whether each line of a text file is a text.
        alias: what people are told that the input is, in place of its path; "" for the path.
    """

    header: bool | None = None
    encoding: str = ""
    decimal: str | None = None
    text: str = ""
    time: str = ""
    series: str = ""
    columns: Mapping[str, str] | None = None
    by_line: bool = False
    alias: str = ""

    def called(self, inputs: Iterable[str]) -> dict[str, str]:
        """What the training file calls each input."""
        return {name: (self.columns or {}).get(name, name) for name in inputs}


@dataclass(frozen=True)
class Examples:
    """Some of the examples of an input.

    Args:
        request: the columns of the signature, a value for each example.
        where: each example is, for messages, such as "houses.csv, row 17"; "" for one that is all there is.
        beside: columns of texts that go with the answers: the file's own, or the files' names.
        unread: examples that can't be read: how many of these come before each, and where it is and why.
        called: what the file calls the inputs.
        answers: what people are told that answers are called, where that isn't as the model has them.
        ahead: of a series, whose answers are the steps after it: from a number of steps to the columns beside them.
    """

    request: Mapping[str, Sequence[Any]]
    where: Sequence[str]
    beside: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unread: Sequence[tuple[int, str]] = ()
    called: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    ahead: Callable[[int], Mapping[str, Sequence[str]]] | None = None

    def split(self, sizes: Sequence[int], most: int) -> Iterator["Examples"]:
        """The same examples in pieces whose `sizes` add up to no more than `most`, or that are a single example."""
        start, total = 0, 0
        for index, size in enumerate(sizes):
            if index > start and total + size > most:
                yield self._part(start, index)
                start, total = index, 0
            total += size
        yield self._part(start, len(self.where))

    def _part(self, start: int, stop: int) -> "Examples":
        request, beside = (
            {name: column[start:stop] for name, column in columns.items()} for columns in (self.request, self.beside)
        )
        last = stop == len(self.where)
        unread = [(index - start, reason) for index, reason in self.unread if start <= index < stop + last]
        return replace(self, request=request, where=self.where[start:stop], beside=beside, unread=unread)

    def why(self, index: int, reason: str) -> str:
        """Where an example is, and why the model refuses it: an input that the reason begins with as in the file."""
        name, _, rest = reason.partition(" ")
        if name in self.called:
            reason = f"{self.called[name]} {self.beside[self.called[name]][index]!r:.60} {rest}"
        return f"{self.where[index]}: {reason}" if self.where[index] else reason


class Asked(NamedTuple):
    """What is asked about an input.

    Args:
        signature: that fits it.
        pieces: its examples, some at a time.
        total: how many there are; None where that isn't known.
        files: the column beside the answers with the file that each example is; "" where they aren't files.
    """

    signature: str
    pieces: Iterator[Examples]
    total: int | None = None
    files: str = ""

"""Sections of a report: what a task shows of its errors, as data; src/reports/ lays it out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from matplotlib.figure import Figure


@dataclass(frozen=True)
class Plot:
    """A plot.

    Args:
        title: heading of the section.
        figure: drawn in matplotlib's current style, so that the page decides on the colour of texts and lines.
        text: how to read it.
    """

    title: str
    figure: Figure
    text: str = ""


@dataclass(frozen=True)
class Table:
    """A table, sorted by a click on a column's head.

    Args:
        title: heading of the section.
        rows: values by the head of their column, the same heads in each row; under EXAMPLE, the number of an example.
        text: how to read it.
        is_folded: whether it is closed at first.
        costs: columns, each of whose units costs what the reader says; rows of the least cost are marked.
    """

    title: str
    rows: Sequence[Mapping[str, str | int | float]]
    text: str = ""
    is_folded: bool = False
    costs: Sequence[str] = ()


@dataclass(frozen=True)
class Examples:
    """Examples of the measured split, shown as pictures, texts or rows.

    Args:
        title: heading of the section.
        captions: by the number of the example in its split.
        text: why these.
    """

    title: str
    captions: Mapping[int, str]
    text: str = ""


@dataclass(frozen=True)
class Passages:
    """Texts whose parts are marked.

    Args:
        title: heading of the section.
        passages: by caption, the parts of the text, each with a weight from 0 to 1.
        text: what the weight is.
    """

    title: str
    passages: Mapping[str, Sequence[tuple[str, float]]]
    text: str = ""


SHOWN = 12  # examples of a kind of error
CHARACTERS = 1000  # of a text that is shown
EXAMPLE = "example"  # head of the column of a table that has numbers of examples
Section: TypeAlias = Plot | Table | Examples | Passages

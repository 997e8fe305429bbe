"""Panels of one size for a report, in matplotlib's current style: a page, and a file, each have one of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure

INK = "#010203"  # of texts and lines; a page puts its own colour, light or dark, in its place
WIDTH, HEIGHT = 4.6, 3.4  # inches
SHADES: Colormap = LinearSegmentedColormap.from_list("shades", [(0.12, 0.47, 0.71, 0.0), (0.12, 0.47, 0.71, 1.0)])


def panel(width: float = WIDTH, height: float = HEIGHT, **labels: Any) -> tuple[Figure, Axes]:
    """A figure with one panel, and the panel, with its title, xlabel, ylabel, …"""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.set(**labels)
    plain(axes)
    return figure, axes


def plain(axes: Axes) -> None:
    """Leaves out what isn't needed to read a panel."""
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


@contextmanager
def in_ink() -> Iterator[None]:
    """What is drawn meanwhile has texts and lines of ink, on nothing: `INK` can be any colour, so can the ground."""
    inked = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color", "grid.color")
    style: dict[Any, Any] = dict.fromkeys(inked, INK)
    style |= dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), "none")
    style |= {"svg.fonttype": "none", "svg.hashsalt": "report"}  # texts stay texts, and pages the same each time
    with matplotlib.rc_context(style):
        yield

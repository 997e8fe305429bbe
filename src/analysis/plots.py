"""Panels of one size for a report, in matplotlib's current style: a page, and a file, each have one of their own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import matplotlib
import matplotlib.font_manager
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure

INK = "#010203"  # of texts and lines; a page puts its own colour, light or dark, in its place
# Of lines and points, to be seen on white and on black.
COLORS = ["#3b8ed6", "#f08024", "#35a853", "#e2574c", "#a27fd0", "#a9746e", "#e28bc5", "#8a8f96", "#a8ab2e", "#2bb5c7"]
WIDTH, HEIGHT = 4.6, 3.4  # inches
MOST_NAMED = 50  # points of a line
# Of scripts that matplotlib's own font lacks, as Linux, macOS and Windows have them.
FONTS = (
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans CJK KR", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei"),
    *("Hiragino Sans", "PingFang SC", "Apple SD Gothic Neo", "Arial Unicode MS"),
    *("Yu Gothic", "Microsoft YaHei", "Malgun Gothic", "Nirmala UI", "Leelawadee UI"),
)
Numbers: TypeAlias = Sequence[float] | np.ndarray
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


def name_points(axes: Axes, x: Numbers, y: Numbers, names: Sequence[str]) -> None:
    """Has points of a plot say something in a page when they are pointed at: of many, some, evenly.

    Args:
        axes: with what is drawn at the points.
        x, y: where they are.
        names: what each says.
    """
    shown = np.unique(np.linspace(0, len(names) - 1, min(len(names), MOST_NAMED)).round().astype(int))
    if len(shown):
        # Matplotlib has links of points, and no titles: a page makes the one of the other.
        across, up = np.array([x, y], float)[:, shown]
        axes.scatter(across, up, s=70, alpha=0, urls=[names[place] for place in shown])


@contextmanager
def in_all_scripts() -> Iterator[None]:
    """What is drawn and saved meanwhile takes letters that matplotlib's font lacks from fonts that are installed."""
    installed = matplotlib.font_manager.get_font_names()
    others = [font for font in FONTS if font in installed]
    with matplotlib.rc_context({"font.family": [*matplotlib.rcParams["font.family"], *others]}):
        yield


@contextmanager
def in_ink() -> Iterator[None]:
    """What is drawn meanwhile has texts and lines of ink, on nothing: `INK` can be any colour, so can the ground."""
    inked = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color", "grid.color")
    style: dict[Any, Any] = dict.fromkeys(inked, INK)
    style |= dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), "none")
    style["axes.prop_cycle"] = cycler(color=COLORS)
    style |= {"svg.fonttype": "none", "svg.hashsalt": "report"}  # texts stay texts, and pages the same each time
    with matplotlib.rc_context(style):
        yield

"""The curves of a training: each figure over the epochs, in training and in validation."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from src.analysis import plots
from src.reports.numbers import number
from src.system import screen

MOST_COLUMNS = 4  # of panels in one figure
COLORS = {"train": "C0", "validation": "C1"}

History = Mapping[str, Sequence[float]]


def curves(history: History, kept: int | None = None) -> Figure:
    """All panels in one figure; see `panels`."""
    drawn = _panels(history, kept)
    rows = math.ceil(len(drawn) / MOST_COLUMNS)
    columns = math.ceil(len(drawn) / rows)
    figure = Figure(figsize=(4.5 * columns, plots.HEIGHT * rows), layout="constrained")
    every = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, draw in zip(every, drawn, strict=False):
        draw(axes)
    for axes in every[len(drawn) :]:
        axes.set_axis_off()
    return figure


def panels(history: History, kept: int | None) -> list[Figure]:
    """A panel for each figure that is measured, and for the learning rate.

    Args:
        history: each epoch's figures, by name.
        kept: the row of the epoch whose weights were kept, which is marked; None for no mark.
    """
    figures = []
    for draw in _panels(history, kept):
        figure, axes = plots.panel()
        draw(axes)
        figures.append(figure)
    return figures


def kept_epoch(history: History, monitor: str, direction: str) -> int | None:
    """The row of the epoch that was best; None where another figure decided that."""
    if not history.get(monitor):
        return None
    return int(np.argmin(history[monitor]) if direction == "min" else np.argmax(history[monitor]))


def by_split(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The figures of training, and those of validation, whose names begin with "val_"."""
    validation = {name.removeprefix("val_"): figures[name] for name in figures if name.startswith("val_")}
    return [{name: figures[name] for name in figures if not name.startswith("val_")}, validation]


def names_of(metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The figures that a split has, in the order in which they were measured; the loss last, where it tells more."""
    splits = [figures for split, figures in metrics.items() if split != "baseline"]
    names = [name for name in metrics["train"] if name != "loss"]
    return names if loss_is_another(splits) or "loss" not in metrics["train"] else [*names, "loss"]


def loss_is_another(splits: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the loss tells nothing more, as it is another figure in every split.

    Args:
        splits: the figures of each by name, numbers or those of all epochs.
    """
    if not all("loss" in split for split in splits):
        return False
    return any(
        all(name in split and np.allclose(split["loss"], split[name], rtol=1e-4, atol=0) for split in splits)
        for name in splits[0]
        if name != "loss"
    )


def _panels(history: History, kept: int | None) -> list[Callable[[Axes], None]]:
    """What draws each panel."""
    figures = {name: column for name, column in history.items() if name not in ("epoch", "learning_rate")}
    names = list(dict.fromkeys(name.removeprefix("val_") for name in figures))
    if loss_is_another(by_split(figures)):
        names.remove("loss")
    lines = {name: {"train": figures.get(name), "validation": figures.get(f"val_{name}")} for name in names}
    epochs = [int(epoch) + 1 for epoch in history["epoch"]]

    def drawing(title: str, columns: Mapping[str, Sequence[float] | None]) -> Callable[[Axes], None]:
        return lambda axes: _draw(axes, title, epochs, columns, kept)

    rate = drawing("learning rate", {"learning rate": history["learning_rate"]})
    return [*(drawing(name, columns) for name, columns in lines.items()), rate]


def _draw(
    axes: Axes, title: str, epochs: list[int], columns: Mapping[str, Sequence[float] | None], kept: int | None
) -> None:
    marker = "o" if len(epochs) == 1 else ""  # a line of one point can't be seen
    for label, column in columns.items():
        if column is not None:
            axes.plot(epochs, column, label=label, color=COLORS.get(label, "0.5"), marker=marker)
            told = zip(epochs, column, strict=True)
            names = [f"epoch {epoch}, {label}: {number(value)}" for epoch, value in told]
            plots.name_points(axes, epochs, column, names)
    if kept is not None:
        axes.axvline(epochs[kept], color=plots.INK, alpha=0.6, linewidth=1, linestyle="--", label="kept epoch")
    axes.set(title=screen.drawn(title), xlabel="epoch")
    if len(epochs) == 1:
        axes.set_xlim(epochs[0] - 1, epochs[0] + 1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(columns) > 1:
        axes.legend(frameon=False)
    plots.plain(axes)

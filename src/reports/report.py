"""What a reader is shown of a run: report.html, and the summary on the screen."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from rich.table import Table

from src.reports.next_steps import next_steps
from src.reports.samples import KEPT, folder_of
from src.runs.manifest import remarks
from src.runs.run import Run
from src.system import records, screen
from src.system.files import whole

MOST_COLUMNS = 4  # of the curves
COLORS = {"train": "C0", "validation": "C1"}
EXAMPLES = "examples.png"
SIDE_BY_SIDE = 12  # pictures, of as many epochs


def write(path: Path) -> None:
    """Writes report.html of the run in the folder `path`, and its curves."""
    run = Run(path)
    curves(run.history).savefig(path / "figures" / "curves.png", dpi=100)
    meanings = {folder_of(name): text for name, text in run.task.meanings.items()}
    names = {file.stem for file in (path / "figures").glob("*.png")}
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True)
    page = environment.get_template("report.html").render(
        run=path.name,
        config=run.config,
        manifest=run.manifest,
        remarks=remarks(run.manifest),
        splits={name: figures for name, figures in run.metrics.items() if name != "baseline"},
        baseline=run.metrics["baseline"],
        names=_names(run.metrics),
        figures=sorted(names - {Path(EXAMPLES).stem}, key=lambda name: (name != "curves", name)),
        examples=EXAMPLES if Path(EXAMPLES).stem in names else "",
        samples=records.read(path / "figures" / "samples.json", dict[str, str]),
        pictures=_pictures(path / "figures" / "samples", meanings),
        side_by_side=[folder_of(name) for name in run.task.side_by_side],
        meanings=meanings,
        warnings=run.warnings,
        number=number,
        some=_some,
    )
    with whole(path / "report.html") as partial:
        partial.write_text(page, encoding="utf-8")


def curves(history: Mapping[str, list[float]]) -> Figure:
    """Each figure over the epochs, in training and in validation, as far as it is measured there."""
    figures = {name: column for name, column in history.items() if name not in ("epoch", "learning_rate")}
    names = list(dict.fromkeys(name.removeprefix("val_") for name in figures))
    if loss_is_another(by_split(figures)):
        names.remove("loss")
    rows = math.ceil((len(names) + 1) / MOST_COLUMNS)
    columns = math.ceil((len(names) + 1) / rows)
    figure = Figure(figsize=(4.5 * columns, 3.4 * rows), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    epochs = [int(epoch) + 1 for epoch in history["epoch"]]
    marker = "o" if len(epochs) == 1 else ""  # a line of one point can't be seen
    for axes, name in zip(panels, names, strict=False):
        for split, column in (("train", name), ("validation", f"val_{name}")):
            if column in history:
                axes.plot(epochs, history[column], label=split, color=COLORS[split], marker=marker)
        axes.set(title=screen.drawn(name), xlabel="epoch")
        axes.legend(frameon=False)
    panels[len(names)].plot(epochs, history["learning_rate"], color="0.4", marker=marker)
    panels[len(names)].set(title="learning rate", xlabel="epoch")
    for axes in panels[: len(names) + 1]:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[len(names) + 1 :]:
        axes.set_axis_off()
    return figure


def show(run: Run) -> None:
    """Prints a table of the run's figures."""
    splits = [split for split in run.metrics if split != "baseline"]
    baseline = run.metrics["baseline"]
    table = Table(title=f"{run.config['model']} on {run.config['data_name']}", title_justify="left")
    table.add_column(no_wrap=True, min_width=max(map(len, _names(run.metrics))))
    for column in (*splits, f"baseline: {baseline['predictor']}"):
        table.add_column(column, justify="right")
    for name in _names(run.metrics):
        values = [run.metrics[split][name] for split in splits] + [baseline.get(name)]
        table.add_row(name, *("" if value is None else number(value) for value in values))
    console = screen.PlainConsole()
    console.print(table)
    for text in run.warnings:
        console.print(f"warning: {text}", style="yellow", soft_wrap=not console.is_terminal)
    console.print(f"run     {run.path}", soft_wrap=True)
    console.print(f"report  {run.path / 'report.html'}", soft_wrap=True)


def summary(run: Run, best_epoch: int, stopped_epoch: int, published: Path | None) -> None:
    """Prints what came of a training and what to do next.

    Args:
        run: the run.
        best_epoch: the one whose weights were kept, from 1.
        stopped_epoch: the one after which training ended early; 0 where it didn't.
        published: the export, if there is one.
    """
    if stopped_epoch:
        screen.tell(
            f"\nStopped after epoch {stopped_epoch}: {run.task.monitor} hasn't improved since epoch {best_epoch}, "
            "whose weights are kept."
        )
    else:
        screen.show(f"\nThe weights of epoch {best_epoch} are kept.")
    show(run)
    if published:
        screen.show(f"export  {published}  (verified in a clean process)")
    screen.show("\nNext:")
    commands = next_steps(run, published)
    width = max(map(len, commands))
    for command, about in commands.items():
        screen.show(f"  {command:<{width}}  {about}")


def number(value: float) -> str:
    """Four significant digits."""
    return f"{value:#.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def _pictures(folder: Path, order: Mapping[str, str]) -> dict[str, list[str]]:
    """By the name of each picture of the model's work, in that order, the epochs of which it is there."""
    folders = sorted(folder.glob("*/"), key=lambda path: (*order, path.name).index(path.name))
    return {path.name: sorted(file.stem for file in path.glob("*.png") if file.stem != KEPT) for path in folders}


def _some(epochs: list[str]) -> list[str]:
    """As many as fit side by side, evenly, the first and the last among them."""
    return [epochs[index] for index in sorted({round(at) for at in np.linspace(0, len(epochs) - 1, SIDE_BY_SIDE)})]


def _names(metrics: Mapping[str, Mapping]) -> list[str]:
    """The figures that a split has, in the order in which they were measured; the loss last, where it tells more."""
    splits = [figures for split, figures in metrics.items() if split != "baseline"]
    names = [name for name in metrics["train"] if name != "loss"]
    return names if loss_is_another(splits) or "loss" not in metrics["train"] else [*names, "loss"]


def by_split(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The figures of training, and those of validation, whose names begin with "val_"."""
    validation = {name.removeprefix("val_"): figures[name] for name in figures if name.startswith("val_")}
    return [{name: figures[name] for name in figures if not name.startswith("val_")}, validation]


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

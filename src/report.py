"""What a reader is shown of a run: report.html, and the summary on the screen."""

import csv
import shlex
from collections.abc import Mapping
from pathlib import Path

import jinja2
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from rich.console import Console
from rich.table import Table

from src.files import read_json, whole
from src.runs import Run


def write(path: Path) -> None:
    """Writes report.html of the run in the folder `path`, and its curves."""
    run = Run(path)
    curves(read_history(path)).savefig(path / "figures" / "curves.png", dpi=100)
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True)
    page = environment.get_template("report.html").render(
        run=path.name,
        config=run.config,
        manifest=run.manifest,
        splits={name: figures for name, figures in run.metrics.items() if name != "baseline"},
        baseline=run.metrics["baseline"],
        names=_names(run.metrics),
        figures=sorted((p.stem for p in (path / "figures").glob("*.png")), key=lambda name: (name != "curves", name)),
        samples=read_json(path / "figures" / "samples.json"),
        number=number,
    )
    with whole(path / "report.html") as partial:
        partial.write_text(page, encoding="utf-8")


def read_history(path: Path) -> dict[str, list[float]]:
    """Each epoch's figures, by name."""
    with open(path / "history.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in rows[0]}


def curves(history: Mapping[str, list[float]]) -> Figure:
    """Each figure over the epochs, in training and in validation."""
    names = [name for name in history if f"val_{name}" in history]
    figure = Figure(figsize=(4.5 * (len(names) + 1), 3.4), layout="constrained")
    *panels, last = figure.subplots(1, len(names) + 1)
    epochs = [int(epoch) + 1 for epoch in history["epoch"]]
    marker = "o" if len(epochs) == 1 else ""  # a line of one point can't be seen
    for axes, name in zip(panels, names, strict=True):
        axes.plot(epochs, history[name], label="train", marker=marker)
        axes.plot(epochs, history[f"val_{name}"], label="validation", marker=marker)
        axes.set(title=name, xlabel="epoch")
        axes.legend(frameon=False)
    last.plot(epochs, history["learning_rate"], color="0.4", marker=marker)
    last.set(title="learning rate", xlabel="epoch")
    for axes in (*panels, last):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def show(run: Run) -> None:
    """Prints a table of the run's figures."""
    names = _names(run.metrics)
    table = Table(title=f"{run.config['model']} on {run.config['data']}", title_justify="left")
    table.add_column("split")
    for name in names:
        table.add_column(name, justify="right")
    for split, figures in run.metrics.items():
        text = f"baseline: {figures['predictor']}" if split == "baseline" else split
        table.add_row(text, *(number(figures[name]) if name in figures else "" for name in names))
    console = Console(highlight=False)
    console.print(table)
    console.print(f"run     {run.path}", soft_wrap=True)
    console.print(f"report  {run.path / 'report.html'}", soft_wrap=True)


def summary(run: Run, best_epoch: int, published: Path | None) -> None:
    """Prints what came of a training and what to do next."""
    print(f"\nThe weights are those of epoch {best_epoch}.")
    show(run)
    if published:
        print(f"export  {published}  (verified in a clean process)")
    name = run.config["model"]
    print("\nNext:")
    print("  make tensorboard                 watch the curves of all runs")
    print(f"  make evaluate RUN={shlex.quote(str(run.path))}")
    print(f'  make train MODEL={name} DATA={run.config["data"]} ARGS="--help"   its knobs')


def number(value: float) -> str:
    """Four significant digits."""
    return f"{value:#.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def _names(metrics: Mapping[str, Mapping]) -> list[str]:
    """The figures that a split has, in the order in which they were measured; the loss last."""
    names = list(metrics["train"])
    return sorted(names, key=lambda name: name == "loss")

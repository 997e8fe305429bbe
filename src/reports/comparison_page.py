"""The page of a comparison: one file with the figures, curves and knobs of runs, and examples on which they differ."""

import shlex
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from src.analysis import plots
from src.analysis.sections import EXAMPLE, SHOWN, Examples, Table
from src.reports.comparison import cells, conclusion, heading, knob_text, signed
from src.reports.curves import kept_epoch, names_of
from src.reports.examples import ERRORS, Shown, read_examples
from src.reports.numbers import duration, number
from src.reports.page import cost_of, template
from src.runs.comparison import Comparison, Line
from src.system.screen import drawn

COLORS, STYLES = 10, ("-", "--", ":")  # that tell curves apart
LINE, SHORT = 0.2, 18  # inches of a line of a legend, and characters of a name of which two stand on one
FEW = 4  # runs, up to which the answer of each is told below an example; else that of the best and of the worst one
MOST_LISTED = 100  # examples in a table

Differing = tuple[Examples, Table]  # examples that are shown, and more of them in a table


def rendered(comparison: Comparison) -> str:
    """The page."""
    paths = shlex.join(str(line.run.path) for line in comparison.lines)
    shown = _shown(comparison)
    with plots.in_ink():
        return template("comparison.html").render(
            heading=heading(comparison),
            task=comparison.first.run.config["task"],
            conclusion=conclusion(comparison),
            runs=_runs(comparison),
            monitor=comparison.first.run.task.monitor.removeprefix("val_"),
            curves=_curves(comparison),
            differing=_differing(comparison, shown),
            shown=shown,
            figures=_figures(comparison),
            costs=_costs(comparison),
            again=f"make compare {shlex.quote(f'RUNS={paths}')}",
            common={name: knob_text(value) for name, value in comparison.common_knobs.items()},
            changed_files=comparison.changed_files,
        )


def _called(line: Line) -> dict[str, Any]:
    """The number by which a run is called on the page, and its name."""
    return {"": line.number, "run": line.name}


def _runs(comparison: Comparison) -> Table:
    """The figure of each run, and the knobs that differ."""
    knobs = [{name: knob_text(value) for name, value in line.knobs.items()} for line in comparison.lines]
    parts = zip(comparison.lines, cells(comparison), knobs, strict=True)
    return Table("Runs", [{**_called(line), **figures, **chosen} for line, figures, chosen in parts])


def _curves(comparison: Comparison) -> Figure:
    """Of each run the figure that decides which epoch is best, over the epochs; that epoch is marked."""
    monitor, direction = comparison.first.run.task.monitor, comparison.first.run.task.direction
    columns = 2 if max(len(line.name) for line in comparison.lines) <= SHORT else 1
    height = plots.HEIGHT + LINE * len(comparison.lines) / columns
    figure, axes = plots.panel(height=height, xlabel="epoch", ylabel=drawn(monitor.removeprefix("val_")))
    for line in comparison.lines:
        history = line.run.history
        if (best := kept_epoch(history, monitor, direction)) is None:
            continue
        place = line.number - 1
        style: dict[str, Any] = {"color": f"C{place % COLORS}", "linestyle": STYLES[place // COLORS % len(STYLES)]}
        style |= {"marker": "o", "markevery": [best], "markersize": 5}
        epochs = [epoch + 1 for epoch in history["epoch"]]
        axes.plot(epochs, history[monitor], label=drawn(f"{line.number}  {line.name}"), **style)
        told = zip(epochs, history[monitor], strict=True)
        names = [f"run {line.number}, epoch {epoch:.0f}: {number(value)}" for epoch, value in told]
        plots.name_points(axes, epochs, history[monitor], names)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(loc="outside lower left", frameon=False, fontsize=9, ncols=columns)
    return figure


def _differing(comparison: Comparison, shown: dict[int, Shown]) -> list[Differing]:
    """The examples on which the scores of runs differ, those on which they differ most first.

    Of two runs those on which the one is better, and those on which the other is.
    """
    lines = comparison.paired
    if len(lines) < 2:
        return []
    scores = [line.measured.scores_of(comparison.numbers) for line in lines]
    sign = 1 if comparison.is_more_better else -1
    gains = sign * np.stack([of_run.values.astype(float) for of_run in scores])  # (runs, examples): more is better
    if len(lines) > 2:
        leads = {"Where the runs differ most": gains.std(axis=0)}
    else:
        first, other = (line.number for line in lines)
        title = "Run {} is right, run {} wrong" if scores[0].is_share else "Run {} is better than run {}"
        lead = gains[1] - gains[0]
        leads = {title.format(other, first): lead, title.format(first, other): -lead}
    ranked = {title: np.argsort(-lead, kind="stable")[: np.sum(lead > 0)] for title, lead in leads.items()}
    return [_part(title, rows, comparison, gains, shown) for title, rows in ranked.items() if len(rows)]


def _part(
    title: str, rows: np.ndarray, comparison: Comparison, gains: np.ndarray, shown: dict[int, Shown]
) -> Differing:
    """Examples with what the runs answered.

    Args:
        title: what they have in common.
        rows: of the examples that all these runs have kept, the most telling first.
        comparison: has these runs.
        gains: their scores (runs, examples), more is better.
        shown: examples of which there is something to show, by number.
    """
    numbers = comparison.numbers
    with_content = [row for row in rows if (example := shown.get(int(numbers[row]))) and example.content][:SHOWN]
    told = _answers(comparison, numbers[with_content])
    captions = {number: _caption(told[number], gains[:, row]) for number, row in zip(told, with_content, strict=True)}
    listed = _answers(comparison, numbers[rows[:MOST_LISTED]])
    title_listed = "All of them" if len(listed) == len(rows) else "Those on which they differ most"
    table = Table(title_listed, [{EXAMPLE: number, **answers} for number, answers in listed.items()], is_folded=True)
    return Examples(f"{title} ({len(rows):,})", captions), table


def _answers(comparison: Comparison, numbers: np.ndarray) -> dict[int, dict[str, str]]:
    """By the number of an example, what each run answered."""
    runs = [f"run {line.number}" for line in comparison.paired]
    answers = [line.measured.captions_of(numbers) for line in comparison.paired]
    return {
        int(number): dict(zip(runs, of_one, strict=True)) for number, *of_one in zip(numbers, *answers, strict=True)
    }


def _caption(answered: dict[str, str], gains: np.ndarray) -> str:
    """A line for each answer to an example; of many those of the best and of the worst run."""
    runs: Sequence[str] = list(answered)
    if len(runs) > FEW:
        runs = [runs[int(gains.argmax())], runs[int(gains.argmin())]]
    return "\n".join(f"{run}: {answered[run]}" for run in runs)


def _shown(comparison: Comparison) -> dict[int, Shown]:
    """The examples that any of the runs has kept to be shown, by number; those with only a name, too."""
    shown: dict[int, Shown] = {}
    for line in comparison.lines:
        for example, kept in read_examples(line.run.path / "figures" / ERRORS).items():
            if example not in shown or not shown[example].content:
                shown[example] = kept
    return shown


def _figures(comparison: Comparison) -> list[Table]:
    """A table for each figure that all runs have: each split's, and how far it is above that of the first run."""
    metrics = [line.run.metrics for line in comparison.lines]
    splits = [split for split in metrics[0] if split != "baseline" and all(split in of_run for of_run in metrics)]
    names = [name for name in names_of(metrics[0]) if all(name in of[split] for of in metrics for split in splits)]
    return [Table(name, [_figure(name, splits, line, metrics[0]) for line in comparison.lines]) for name in names]


def _figure(name: str, splits: Sequence[str], line: Line, first: dict[str, Any]) -> dict[str, Any]:
    """A row of such a table."""
    row = _called(line)
    for split in splits:
        value = line.run.metrics[split][name]
        row[split] = number(value) + (f" ({signed(value - first[split][name])})" if line.number > 1 else "")
    return row


def _costs(comparison: Comparison) -> Table:
    """Time and memory of each training, as far as they were measured."""
    rows = []
    for line in comparison.lines:
        cost = cost_of(line.run.path)
        since = ", since it was resumed" if cost and cost["resumed"] else ""
        rows.append(
            {
                **_called(line),
                "epochs": len(line.run.history["epoch"]),
                "time": f"{duration(cost['seconds'])}{since}" if cost else "not measured",
                "processor time": duration(cost["processor_seconds"]) if cost else "",
                "memory": f"{cost['peak_bytes'] / 2**30:.2g} GiB" if cost else "",
                "device": line.run.config["device"],
            }
        )
    return Table("Time and memory", rows)

"""The page of a search, report.html in its folder: the best configurations, the objective, and what it cost."""

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from src.reports import report
from src.reports.numbers import duration, number
from src.specs import Choice, Range
from src.system import records
from src.system.files import whole
from src.system.screen import drawn
from tuning.comparison import comparison_of, deviation, verdict
from tuning.folder import Folder, Search
from tuning.results import DEFAULT, Direction, Failure, Result, Results
from tuning.table import word, words

SHOWN = 10  # of the best
COLUMNS = 3  # panels side by side, at most
MARGIN = 0.06  # beside the ends of a range, as a share of it
FAR = 3  # interquartile ranges beside the quartiles: what is worse stands at the edge
TRIAL_STYLE: dict[str, Any] = {"color": "C0", "s": 26, "linewidths": 1}
DEFAULT_STYLE: dict[str, Any] = {"color": "C1", "marker": "D", "s": 40, "zorder": 3}
FAILURE_STYLE: dict[str, Any] = {"color": "C3", "marker": "x", "s": 26}

Limits = tuple[float, float]


def write(folder: Folder, results: Results) -> None:
    """Writes report.html of a search, and its figures; nothing as long as no trial has a score."""
    path, objective, ranking = folder.path, results.objective, results.ranking
    if not ranking:
        return
    (path / "figures").mkdir(exist_ok=True)
    limits = _limits([result.score for result in ranking], objective.direction)
    _over_trials(results, limits).savefig(path / "figures" / "trials.png", dpi=100)
    _against_knobs(results, limits).savefig(path / "figures" / "knobs.png", dpi=100)
    comparison = comparison_of(path)
    if comparison and comparison["trial"] != ranking[0].trial.id:
        comparison = None  # of an earlier winner
    page = _template().render(
        what=records.read(path / "search.json", Search),
        path=path,
        figure=objective.figure,
        count=len(results.ended) - 1,
        failures=results.failures,
        paused=any(result.paused for result in ranking),
        seconds=sum(result.seconds for result in results.ended.values()),
        comparison=comparison,
        compared_seconds=comparison and folder.seconds("*-seed*"),
        verdict=comparison and verdict(comparison, objective),
        best=[_row(path, results, result) for result in ranking[:SHOWN]],
    )
    with whole(path / "report.html") as partial:
        partial.write_text(page, encoding="utf-8")


def _template() -> jinja2.Template:
    """Of the page, which shares its style with the report of a run."""
    folders = Path(__file__).parent, Path(report.__file__).parent
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(folders), autoescape=True)
    environment.filters |= {
        "number": number,
        "words": words,
        "duration": duration,
        "mean": statistics.mean,
        "deviation": deviation,
    }
    return environment.get_template("page.html")


def _row(path: Path, results: Results, result: Result) -> dict[str, Any]:
    """A line of the table of the best: the result, its values by columns, and the reports of its runs."""
    values = results.searched(result.trial)
    reports = [f"runs/{run}/report.html" for run in result.runs]
    return {
        "result": result,
        "values": [word(values[name]) if name in values else "" for name in results.space],
        "reports": [report for report in reports if (path / report).exists()],
    }


def _over_trials(results: Results, limits: Limits) -> Figure:
    """Each trial's figure, in the order in which they came, and the best one until then."""
    drawing = Figure(figsize=(9, 3.6), layout="constrained")
    axes = drawing.subplots()
    best, line = math.nan, []
    for position, result in enumerate(results.ended.values(), 1):
        _mark(axes, position, result, limits)
        if isinstance(result, Result):
            best = result.score if math.isnan(best) else min(best, result.score, key=results.objective.as_loss)
        line.append(best)
    axes.step(range(1, len(line) + 1), line, where="post", color="C0", alpha=0.5, label="best so far")
    axes.set(xlabel="trial", ylabel=drawn(results.objective.figure), ylim=limits)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    _plain(axes)
    return drawing


def _against_knobs(results: Results, limits: Limits) -> Figure:
    """Each trial's figure over the values of each knob; a panel a knob."""
    space = results.space
    columns = min(COLUMNS, len(space))
    rows = math.ceil(len(space) / columns)
    drawing = Figure(figsize=(3.3 * columns + 0.6, 2.9 * rows), layout="constrained")
    panels = drawing.subplots(rows, columns, squeeze=False, sharey=True).flat
    searched = [(results.searched(result.trial), result) for result in results.ended.values()]
    for axes, (name, choice) in zip(panels, space.items(), strict=False):
        points = [(values[name], result) for values, result in searched if values.get(name) is not None]
        positions = _positions(axes, choice, [value for value, _ in points])
        for position, (_, result) in zip(positions, points, strict=True):
            _mark(axes, position, result, limits)
        axes.set(xlabel=name, ylim=limits)
        if axes.get_subplotspec().is_first_col():
            axes.set_ylabel(drawn(results.objective.figure))
        _plain(axes)
    for axes in list(drawing.axes)[len(space) :]:
        axes.set_axis_off()
    return drawing


def _positions(axes: Axes, choice: Choice | Range, values: Sequence[Any]) -> Sequence[float]:
    """Where on the horizontal axis each of the values stands; the axis is labelled for them."""
    if isinstance(choice, Range):
        if choice.log:
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())
            factor = (choice.high / choice.low) ** MARGIN
            low, high = choice.low / factor, choice.high * factor
        else:
            margin = MARGIN * (choice.high - choice.low)
            low, high = choice.low - margin, choice.high + margin
        axes.set_xlim(low, high)
        return [min(max(value, low), high) for value in values]
    values = [tuple(value) if isinstance(value, list) else value for value in values]
    distinct = list(dict.fromkeys([*choice.values, *values]))  # the default may be another one
    labels = [drawn(word(value)) for value in distinct]
    axes.set_xticks(range(len(distinct)), labels, rotation=30 if max(map(len, labels)) > 5 else 0)
    axes.set_xlim(-0.5, len(distinct) - 0.5)
    return [distinct.index(value) for value in values]


def _mark(axes: Axes, position: float, result: Result | Failure, limits: Limits) -> None:
    if isinstance(result, Failure):
        axes.scatter(position, limits[0], clip_on=False, **FAILURE_STYLE)
        return
    style = DEFAULT_STYLE if result.trial.id == DEFAULT.id else TRIAL_STYLE
    if result.paused:
        style = {**style, "facecolors": "none"}
    axes.scatter(position, min(max(result.score, limits[0]), limits[1]), clip_on=False, **style)


def _limits(scores: Sequence[float], direction: Direction) -> Limits:
    """Of the axis for the figures: one diverged training mustn't press all others into a line."""
    lower, upper = np.percentile(scores, (25, 75))
    low, high = min(scores), max(scores)
    if direction == "min":
        high = min(high, upper + FAR * (upper - lower))
    else:
        low = max(low, lower - FAR * (upper - lower))
    margin = MARGIN * (high - low) or 0.05 * abs(high) or 1.0
    return float(low - margin), float(high + margin)


def _plain(axes: Axes) -> None:
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)

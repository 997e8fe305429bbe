"""The page of a search, report.html in its folder: the best configurations, the objective, and what it cost."""

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from src.reports import report
from src.reports.report import number
from src.specs import Choice, Range
from src.system.files import read_json, whole
from tuning.comparison import deviation, verdict
from tuning.oracle import Trial
from tuning.space import Space
from tuning.table import word, words

Found = Sequence[tuple[Trial, Mapping[str, Any]]]  # trials with their results

SHOWN = 10  # of the best
WIDEST = 3  # panels side by side
ROOM = 0.06  # beside the ends of a range, as a share of it
FAR = 3  # interquartile ranges beside the quartiles: what is worse stands at the edge
TRIAL = {"color": "C0", "s": 26, "linewidths": 1}
DEFAULT = {"color": "C1", "marker": "D", "s": 40, "zorder": 3}
FAILED = {"color": "C3", "marker": "x", "s": 26}


def write(search) -> None:
    """Writes report.html of a search, and its figures.

    Args:
        search: has `ranking`, `results` in the order in which they came, `space`, `shown`, `monitor`, `direction` and
            `folder`.
    """
    path, figure = search.folder.path, search.monitor.removeprefix("val_")
    found = list(search.results.values())
    scored = [(trial, result) for trial, result in search.ranking if "score" in result]
    failed = [(trial.id, words(trial.values), result["reason"]) for trial, result in found if "reason" in result]
    if not scored:
        return
    (path / "figures").mkdir(exist_ok=True)
    limits = _limits([result["score"] for _, result in scored], search.direction)
    _over_trials(found, figure, search.direction, limits).savefig(path / "figures" / "trials.png", dpi=100)
    knobs = [(search.shown(trial), trial.id == "default", result) for trial, result in found]
    _against_knobs(knobs, search.space, figure, limits).savefig(path / "figures" / "knobs.png", dpi=100)
    comparison = read_json(file) if (file := path / "comparison.json").exists() else None
    if comparison and comparison["trial"] != scored[0][0].id:
        comparison = None  # of an earlier winner
    folders = Path(__file__).parent, Path(report.__file__).parent
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(folders), autoescape=True)
    environment.filters["number"] = number
    page = environment.get_template("page.html").render(
        what=read_json(path / "search.json"),
        path=path,
        figure=figure,
        count=len(found) - 1,
        failed=failed,
        paused=any(result["paused"] for _, result in scored),
        seconds=sum(result["seconds"] for _, result in found),
        comparison=comparison,
        compared_seconds=comparison and search.folder.seconds("*-seed*"),
        verdict=comparison and verdict(comparison, search.direction),
        best=[_row(search, rank, *one) for rank, one in enumerate(scored[:SHOWN], 1)],
        number=number,
        mean=statistics.mean,
        deviation=deviation,
        duration=_duration,
    )
    with whole(path / "report.html") as partial:
        partial.write_text(page, encoding="utf-8")


def _row(search, rank: int, trial: Trial, result: Mapping[str, Any]) -> dict[str, Any]:
    shown = search.shown(trial)
    reports = [f"runs/{run}/report.html" for run in result["runs"]]
    return {
        **result,
        "rank": rank,
        "name": trial.id,
        "values": [word(shown[name]) if name in shown else "" for name in search.space],
        "reports": [report for report in reports if (search.folder.path / report).exists()],
    }


def _over_trials(found: Found, figure: str, direction: str, limits: tuple[float, float]) -> Figure:
    """Each trial's figure, in the order in which they came, and the best one until then."""
    better = max if direction == "max" else min
    drawing = Figure(figsize=(9, 3.6), layout="constrained")
    axes = drawing.subplots()
    best, line = math.nan, []
    for place, (trial, result) in enumerate(found, 1):
        score = result.get("score")
        _mark(axes, place, score, trial.id == "default", result.get("paused", False), limits)
        if score is not None:
            best = score if math.isnan(best) else better(best, score)
        line.append(best)
    axes.step(range(1, len(line) + 1), line, where="post", color="C0", alpha=0.5, label="best so far")
    axes.set(xlabel="trial", ylabel=figure, ylim=limits)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    _plain(axes)
    return drawing


def _against_knobs(
    found: Sequence[tuple[Mapping[str, Any], bool, Mapping[str, Any]]],
    space: Space,
    figure: str,
    limits: tuple[float, float],
) -> Figure:
    """Each trial's figure over the values of each knob; a panel a knob."""
    columns = min(WIDEST, len(space))
    rows = math.ceil(len(space) / columns)
    drawing = Figure(figsize=(3.3 * columns + 0.6, 2.9 * rows), layout="constrained")
    panels = drawing.subplots(rows, columns, squeeze=False, sharey=True).flat
    for axes, (name, values) in zip(panels, space.items(), strict=False):
        here = [(shown[name], *others) for shown, *others in found if shown.get(name) is not None]
        for place, (_, default, result) in zip(_places(axes, values, [value for value, *_ in here]), here, strict=True):
            _mark(axes, place, result.get("score"), default, result.get("paused", False), limits)
        axes.set(xlabel=name, ylim=limits)
        if axes.get_subplotspec().is_first_col():
            axes.set_ylabel(figure)
        _plain(axes)
    for axes in list(drawing.axes)[len(space) :]:
        axes.set_axis_off()
    return drawing


def _places(axes: Axes, values: Choice | Range, found: Sequence[Any]) -> Sequence[float]:
    """Where on the horizontal axis each value stands, which is labelled for them."""
    if isinstance(values, Range):
        if values.log:
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())
            room = (values.high / values.low) ** ROOM
            low, high = values.low / room, values.high * room
        else:
            room = ROOM * (values.high - values.low)
            low, high = values.low - room, values.high + room
        axes.set_xlim(low, high)
        return [min(max(value, low), high) for value in found]
    found = [tuple(value) if isinstance(value, list) else value for value in found]
    known = list(dict.fromkeys([*values.values, *found]))  # the one without any search may be another one
    labels = [word(value) for value in known]
    axes.set_xticks(range(len(known)), labels, rotation=30 if max(map(len, labels)) > 5 else 0)
    axes.set_xlim(-0.5, len(known) - 0.5)
    return [known.index(value) for value in found]


def _mark(
    axes: Axes, place: float, score: float | None, default: bool, paused: bool, limits: tuple[float, float]
) -> None:
    if score is None:
        axes.scatter(place, limits[0], clip_on=False, **FAILED)
    else:
        style = DEFAULT if default else {**TRIAL, **({"facecolors": "none"} if paused else {})}
        axes.scatter(place, min(max(score, limits[0]), limits[1]), clip_on=False, **style)


def _limits(scores: Sequence[float], direction: str) -> tuple[float, float]:
    """Of the axis for the figures: one diverged training mustn't press all others into a line."""
    lower, upper = np.percentile(scores, (25, 75))
    low, high = min(scores), max(scores)
    if direction == "min":
        high = min(high, upper + FAR * (upper - lower))
    else:
        low = max(low, lower - FAR * (upper - lower))
    room = ROOM * (high - low) or 0.05 * abs(high) or 1.0
    return float(low - room), float(high + room)


def _plain(axes: Axes) -> None:
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"

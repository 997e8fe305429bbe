"""Whether a search was worth it: its winner beside the default configuration, on the test split.

Of many trials the best one's validation figure is too good, as it was chosen by it, and one training is one draw. So
both are trained again, with several seeds of their own, and tested once.
"""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from src.errors import UserError
from src.reports.numbers import number
from src.system import records
from src.system.files import write_json
from tuning.results import DEFAULT, Failure, Objective, Result, Trial
from tuning.running import Running

FILE = "comparison.json"


def compare(winner: Trial, objective: Objective, seeds: int, running: Running, say: Callable[[str], None]) -> None:
    """Trains and tests both, or only the default where it won, and says and writes what came of it.

    Args:
        winner: of the search.
        objective: by which it won.
        seeds: trainings of each.
        running: trains, in the folder of the search.
        say: takes a line for the user.

    Raises:
        UserError: where a training fails; the winner stays.
    """
    folder = running.folder
    first = folder.settings.values["seed"] + 1
    scores: dict[str, list[float]] = {}
    for name, trial in {"default": DEFAULT, **({} if winner.id == DEFAULT.id else {"best": winner})}.items():
        scores[name] = []
        for seed in range(first, first + seeds):
            again = Trial(f"{trial.id}-seed{seed}", trial.values)
            if not folder.result(again):
                say(f"{name}, seed {seed} …")
            result = _trained(again, seed, running)
            scores[name].append(folder.tested(result, objective))
            folder.lighten(result.runs)
    comparison = {"trial": winner.id, "figure": objective.figure, **scores}
    write_json(folder.path / FILE, comparison)
    summary = [
        f"{name} {number(statistics.mean(each))}" + (f" ± {number(deviation(each))}" if seeds > 1 else "")
        for name, each in scores.items()
    ]
    say(f"{objective.figure} on test, {seeds} seed{'s' * (seeds > 1)}: {', '.join(summary)}")
    say(verdict(comparison, objective))


class Comparison(TypedDict):
    """The content of comparison.json: the trial that won, and the figures of each seed."""

    trial: str
    figure: str
    default: list[records.Finite]
    best: NotRequired[list[records.Finite]]


def comparison_of(path: Path) -> Comparison | None:
    """What came of the comparison, of the search in the folder `path`; None where there was none yet."""
    if not (file := path / FILE).exists():
        return None
    comparison = records.read(file, Comparison)
    if not (comparison["default"] and comparison.get("best", True)):
        raise UserError(f"{file} is damaged: it lacks figures.")
    return comparison


def verdict(comparison: Mapping[str, Any], objective: Objective) -> str:
    """A sentence on what comparison.json says: whether the winner is better, and by more than chance may be."""
    if "best" not in comparison:
        return "The default configuration won: the search found nothing better."
    default, best = comparison["default"], comparison["best"]
    gain = objective.as_loss(statistics.mean(default)) - objective.as_loss(statistics.mean(best))
    if len(best) == 1:
        than = "better" if gain > 0 else "worse" if gain < 0 else "as good"
        return f"The winner is {than} on test in one training of each, which says little."
    if gain <= 0:
        than = "better" if gain < 0 else "as good"
        return f"The default configuration is {than}: the search found nothing better."
    if gain <= math.hypot(deviation(best), deviation(default)):
        return "The winner is better, but by no more than two trainings of one configuration may differ."
    return "The winner is better than the default configuration."


def deviation(figures: Sequence[float]) -> float:
    """Their standard deviation; 0 of one."""
    return statistics.stdev(figures) if len(figures) > 1 else 0.0


def _trained(trial: Trial, seed: int, running: Running) -> Result:
    """What comes of one training that is tested, on all examples."""
    result = running.train(trial, seed=seed, folds=0, test=True)
    if isinstance(result, Failure):
        raise UserError(
            f"{trial.id} failed: {result.reason}\n"
            f"The search is done; its winner is in {running.folder.path / 'best.json'}. The same command tries the "
            "comparison again; with --seeds 0 it leaves it out."
        )
    return result

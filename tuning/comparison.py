"""Whether a search was worth it: its winner beside the configuration without any search, on the test split.

Of many trials the best one's validation figure is too good, as it was chosen by it, and one training is one draw. So
both are trained again, with several seeds of their own, and tested once.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from src.reports.report import number
from src.system.files import write_json
from tuning.oracle import Trial


def compare(search, best: Trial, default: Trial, seeds: int) -> None:
    """Trains and tests both, or only the default where it won, and says and writes what came of it.

    Args:
        search: has `train`, `folder`, `monitor`, `direction` and `say`.
        best: the winner.
        default: the configuration without any search.
        seeds: trainings of each.
    """
    first = search.folder.settings.values["seed"] + 1
    figure = search.monitor.removeprefix("val_")
    found: dict[str, list[float]] = {}
    for name, trial in {"default": default, **({} if best.id == default.id else {"best": best})}.items():
        found[name] = []
        for seed in range(first, first + seeds):
            again = Trial(f"{trial.id}-seed{seed}", trial.values)
            if not search.folder.result(again.id):
                search.say(f"{name}, seed {seed} …")
            result = search.train(again, seed=seed, folds=0, test=True)
            found[name].append(search.folder.tested(result, search.monitor))
            search.folder.lighten(result["runs"])
    comparison = {"trial": best.id, "figure": figure, **found}
    write_json(search.folder.path / "comparison.json", comparison)
    said = [
        f"{name} {number(statistics.mean(each))}" + (f" ± {number(deviation(each))}" if seeds > 1 else "")
        for name, each in found.items()
    ]
    search.say(f"{figure} on test, {seeds} seed{'s' * (seeds > 1)}: {', '.join(said)}")
    search.say(verdict(comparison, search.direction))


def verdict(comparison: Mapping[str, Any], direction: str) -> str:
    """A sentence on what comparison.json says: whether the winner is better, and by more than chance may be."""
    if "best" not in comparison:
        return "The configuration without any search won: nothing was found that is better than it."
    default, best = comparison["default"], comparison["best"]
    gain = (statistics.mean(best) - statistics.mean(default)) * (1 if direction == "max" else -1)
    if len(best) == 1:
        than = "better" if gain > 0 else "worse" if gain < 0 else "as good"
        return f"The winner is {than} on test in one training of each, which says little."
    if gain <= 0:
        than = "better" if gain < 0 else "as good"
        return f"The configuration without any search is {than}: nothing was found that is better than it."
    if gain <= math.hypot(deviation(best), deviation(default)):
        return "The winner is better, but by no more than two trainings of one configuration may differ."
    return "The winner is better than the configuration without any search."


def deviation(figures: Sequence[float]) -> float:
    """Their standard deviation; 0 of one."""
    return statistics.stdev(figures) if len(figures) > 1 else 0.0

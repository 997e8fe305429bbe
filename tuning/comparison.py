"""Whether a search was worth it: its winner beside the configuration without any search, on the test split.

Of many trials the best one's validation figure is too good, as it was chosen by it, and one training is one draw. So
both are trained again, with several seeds of their own, and tested once.
"""

import statistics

from src.files import write_json
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
            search.say(f"{name}, seed {seed} …")
            result = search.train(Trial(f"{trial.id}-seed{seed}", trial.values), seed=seed, test=True)
            found[name].append(search.folder.tested(result, search.monitor))
    write_json(search.folder.path / "comparison.json", {"figure": figure, **found})
    means = {name: statistics.mean(figures) for name, figures in found.items()}
    said = [f"{name} {means[name]:.4g} ± {_deviation(figures):.2g}" for name, figures in found.items()]
    search.say(f"{figure} on test, {seeds} seeds: {', '.join(said)}")
    if means["default"] == (max if search.direction == "max" else min)(means.values()):
        search.say("The configuration without any search is as good: nothing was found that is better than it.")


def _deviation(figures: list[float]) -> float:
    """Their standard deviation; 0 of one."""
    return statistics.stdev(figures) if len(figures) > 1 else 0.0

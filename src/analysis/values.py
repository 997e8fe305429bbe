"""Errors of predicted numbers: how they spread, where they are large, and by step ahead."""

from collections.abc import Sequence

import numpy as np

from src.analysis.plots import INK, name_points, panel
from src.analysis.sections import Plot, Table
from src.system.screen import drawn

PARTS = 5  # of the examples, by their true value
POINTS = 1000  # of a scatter plot


def residuals(true: np.ndarray, predicted: np.ndarray, name: str, unit: str) -> list[Plot]:
    """The errors over the predicted value, and how often each comes; one value an example."""
    errors, of = predicted - true, drawn(f" ({unit})" if unit else "")
    rows = np.linspace(0, len(true) - 1, min(POINTS, len(true))).astype(int)
    over, axes = panel(xlabel=f"predicted{of}", ylabel=f"predicted − true{of}")
    axes.axhline(0, color=INK, alpha=0.4, linewidth=1)
    axes.scatter(predicted[rows], errors[rows], s=14, alpha=0.7)
    spread, axes = panel(xlabel=f"predicted − true{of}", ylabel="examples")
    axes.hist(errors, bins=30)
    axes.axvline(0, color=INK, alpha=0.4, linewidth=1)
    text = "A shape in the errors is something that the model hasn't learnt."
    return [Plot(f"Errors of {name}", over, text), Plot("Their distribution", spread)]


def by_quantile(true: np.ndarray, predicted: np.ndarray, name: str, unit: str) -> Table:
    """The errors of the examples with the smallest true values, the next ones, …; one value an example."""
    order = np.argsort(true, kind="stable")
    rows: list[dict[str, str | int | float]] = []
    for part in filter(len, np.array_split(order, PARTS)):
        errors = predicted[part] - true[part]
        rows.append(
            {
                f"true{f' ({unit})' if unit else ''}": f"{true[part[0]]:.4g} to {true[part[-1]]:.4g}",
                "examples": len(part),
                "mean absolute error": float(np.abs(errors).mean()),
                "mean error": float(errors.mean()),
            }
        )
    text = "A mean error above 0: predicted too high."
    return Table(f"Error by {name}", rows, text)


def by_step(errors: np.ndarray, simple: np.ndarray) -> list[Plot]:
    """The mean absolute error of each step ahead; nothing where there is only one.

    Args:
        errors: scaled, of the model (examples, steps, series).
        simple: … of the last value.
    """
    if errors.shape[1] == 1:
        return []
    figure, axes = panel(xlabel="steps ahead", ylabel="mean absolute scaled error")
    steps = range(1, errors.shape[1] + 1)
    for label, part, color, alpha in (("model", errors, "C0", 1.0), ("the last value", simple, INK, 0.5)):
        mean = np.abs(part).mean(axis=(0, 2))
        axes.plot(steps, mean, label=label, color=color, alpha=alpha)
        name_points(axes, steps, mean, [f"{label}, {step} ahead: {mean[step - 1]:.3g}" for step in steps])
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    text = "1 is the error of the last value, a step ahead, in the training split."
    return [Plot("Error by step ahead", figure, text)]


def by_series(true: np.ndarray, predicted: np.ndarray, names: Sequence[str]) -> Table:
    """The errors of each series, of (examples, steps, series)."""
    errors = (predicted - true).astype(float)
    rows: list[dict[str, str | int | float]] = [
        {
            "series": name,
            "mean absolute error": float(np.abs(errors[..., place]).mean()),
            "root mean squared error": float(np.sqrt((errors[..., place] ** 2).mean())),
            "mean error": float(errors[..., place].mean()),
        }
        for place, name in enumerate(names)
    ]
    return Table("Error by series", rows)

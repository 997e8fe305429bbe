"""What the figures of a training show that looks wrong: what, why, and what to change."""

from collections.abc import Callable, Mapping, Sequence

LATE = 5  # the last one of so many parts of a training
STILL = 0.1  # share of all that was gained, by which a training was still improving in its last part
LAG = 0.2  # share of the lead over the baseline that a model may lose when it is measured on its own training split


def found(
    history: Mapping[str, Sequence[float]],
    metrics: Mapping[str, Mapping[str, float]],
    monitor: str,
    direction: str,
    has_layer: Callable[[str], bool],
) -> list[str]:
    """Texts, "what: why, and what to change".

    Args:
        history: each epoch's figures, by name.
        metrics: the kept model's figures by split, and last those of "baseline", of the split before.
        monitor: the figure that decided which epoch is best, such as "val_log_loss".
        direction: "min" or "max".
        has_layer: whether the model has a layer of that class; asked only where it matters, as it opens the model.
    """
    if monitor not in history:  # of a run whose best epoch was decided by another figure
        return []
    sign = 1 if direction == "max" else -1
    validation = [sign * value for value in history[monitor]]
    name = monitor.removeprefix("val_")
    overfits = _by_split(metrics, name, sign)
    return [
        *overfits,
        *_when_best(validation, name, overfits=bool(overfits)),
        *_averages(history, metrics, name, sign, validation, has_layer),
        *_beside_baseline(metrics, name, sign, validation),
    ]


def _when_best(validation: list[float], name: str, overfits: bool) -> list[str]:
    """Where the best epoch is one of the first, or of the last ones of a model to which more training would do good."""
    epochs, best = len(validation), max(validation)
    if epochs < 2:
        return []
    place, late = validation.index(best), max(1, epochs // LATE)
    if place == 0 and epochs > LATE:
        return [
            f"{name} was best after the first of {epochs} epochs: the learning rate is too high, or validation isn't "
            "like training; try a tenth of --learning-rate"
        ]
    gained, lately = best - validation[0], best - max(validation[:-late])
    if place >= epochs - late and lately > STILL * gained > 0 and not overfits:
        return [f"{name} was still improving after {epochs} epochs: train longer, with --epochs {3 * epochs}"]
    return []


def _beside_baseline(
    metrics: Mapping[str, Mapping[str, float]], name: str, sign: int, validation: list[float]
) -> list[str]:
    """Where a simple predictor is no worse than the model."""
    measured, epochs = list(metrics)[-2], len(validation)
    train, reached, simple = (metrics[split].get(name) for split in ("train", measured, "baseline"))
    if reached is None or simple is None or sign * reached > sign * simple:
        return []
    if validation.index(max(validation)) >= epochs - max(1, epochs // LATE):
        cure = f"train longer, with --epochs {3 * epochs}"
    elif train is not None and sign * train > sign * simple:
        cure = "it overfits; get more examples, regularise more, or use a smaller model"
    else:
        cure = "try another --learning-rate, or a larger model"
    baseline = f"the baseline's {simple:.4g} ({metrics['baseline']['predictor']})"
    return [f"{name} is {reached:.4g} on {measured}, no better than {baseline}: {cure}"]


def _averages(
    history: Mapping[str, Sequence[float]],
    metrics: Mapping[str, Mapping[str, float]],
    name: str,
    sign: int,
    validation: list[float],
    has_layer: Callable[[str], bool],
) -> list[str]:
    """Where the model is far worse on the training split than it was while it was being trained on it."""
    if name not in history or not all(name in metrics[split] for split in ("train", "baseline")):
        return []
    train, simple = (sign * metrics[split][name] for split in ("train", "baseline"))
    while_trained = sign * history[name][validation.index(max(validation))]
    lags = while_trained - train > LAG * max(while_trained - simple, 0) > 0
    if not lags or not has_layer("BatchNormalization"):
        return []
    return [
        f"{name} was {abs(while_trained):.3g} while training and is {abs(train):.3g} on the same examples: the "
        "moving averages of BatchNormalization lag behind the weights; lower its momentum, or take more steps with "
        "a smaller --batch"
    ]


def _by_split(metrics: Mapping[str, Mapping[str, float]], name: str, sign: int) -> list[str]:
    """Where the model is far better on the training split than elsewhere."""
    if not all(name in metrics[split] for split in ("train", "validation", "baseline")):
        return []
    train, held_out, simple = (sign * metrics[split][name] for split in ("train", "validation", "baseline"))
    if not (train - held_out > max(held_out - simple, 0) and train > simple):
        return []
    return [
        f"{name} is {abs(train):.3g} on train and {abs(held_out):.3g} on validation: the model "
        "overfits; try more examples, --augment for images, --dropout or a smaller model"
    ]

"""What came of a training in two plain sentences: how good it is, and what limits it."""

from src.analysis.predictions import Predictions
from src.reports.numbers import number
from src.runs.run import Run

GAP = 0.25  # of the lead over the baseline, by which a figure is better on train where that is said


def verdict(run: Run, predictions: Predictions | None) -> tuple[str, str]:
    """The sentences.

    Args:
        run: the run.
        predictions: that it has kept of the measured split; without them there is no interval.
    """
    scores = run.task.scores(predictions) if predictions else None
    measured = run.measured
    name = scores.name if scores else run.task.monitor.removeprefix("val_")
    if name not in run.metrics[measured]:
        return f"It was measured on {measured}.", _limit(run)
    baseline = run.metrics["baseline"]
    simple, interval = baseline.get(name), scores.interval if scores else None
    sentence = f"On {measured}, {name} is {number(run.metrics[measured][name])}"
    if predictions and interval:
        of = f", of a sample of {len(predictions):,} of {predictions.examples:,} examples"
        sampled = of * (len(predictions) < predictions.examples)
        sentence += f" (95% interval {number(interval[0])} to {number(interval[1])}{sampled})"
    if simple is not None:
        sentence += f"; the baseline, {baseline['predictor']}, has {number(simple)}"
    return f"{sentence}.", _limit(run, name, interval)


def _limit(run: Run, name: str = "", interval: tuple[float, float] | None = None) -> str:
    """What keeps it from being better, or from being known to be."""
    if run.diagnosis:
        return f"What limits it: {run.diagnosis[0]}."
    simple, train, reached = (run.metrics[part].get(name) for part in ("baseline", "train", run.measured))
    if interval and simple is not None and interval[0] <= simple <= interval[1]:
        return "What limits it: too few examples to tell it from the baseline; measure it on more."
    if simple is not None and 0 < abs(reached - simple) * GAP < (train - reached) * (1 if reached > simple else -1):
        return f"It is better on train, {number(train)}: more examples, or more regularisation, may help."
    return "Nothing in its curves or figures points to over-fitting, too short a training, or missed classes."

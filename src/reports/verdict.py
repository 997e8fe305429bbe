"""What came of a training in two plain sentences: how good it is, and what limits it."""

from src.analysis.intervals import Scores
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
    monitor = run.task.monitor.removeprefix("val_")
    figures = [name for name in run.metrics[measured] if name != "loss"]  # an old run may lack the task's
    name = scores.name if scores else monitor if monitor in figures else next(iter(figures), "loss")
    baseline = run.metrics["baseline"]
    simple, interval = baseline.get(name), scores.interval if scores else None
    sentence = f"On {measured}, {name} is {number(run.metrics[measured][name])}"
    if predictions and interval:
        of = f", of a sample of {len(predictions):,} of {predictions.examples:,} examples"
        sampled = of * (len(predictions) < predictions.examples)
        sentence += f" (95% interval {number(interval[0])} to {number(interval[1])}{sampled})"
    if simple is not None:
        sentence += f"; the baseline, {baseline['predictor']}, has {number(simple)}"
    return f"{sentence}.", _limit(run, name, scores, interval)


def _limit(run: Run, name: str, scores: Scores | None, interval: tuple[float, float] | None) -> str:
    """What keeps it from being better, or from being known to be; "" where its history doesn't tell."""
    if run.diagnosis:
        return f"What limits it: {run.diagnosis[0]}."
    if len(run.history.get("epoch", ())) == 1:
        return "What limits it: it was trained for one epoch; train longer."
    simple = run.metrics["baseline"].get(name)
    if interval and simple is not None and interval[0] <= simple <= interval[1]:
        return "What limits it: too few examples to tell it from the baseline; measure it on more."
    if scores and simple is not None and (scores.mean < simple) == scores.is_more_better:
        return "What limits it: it has learnt no more than the baseline; train longer, or with another --learning-rate."
    for figure in dict.fromkeys((name, run.task.monitor.removeprefix("val_"))):
        simple, train, reached = (run.metrics[part].get(figure) for part in ("baseline", "train", run.measured))
        if simple is None or train is None or reached is None:
            continue
        if 0 < abs(reached - simple) * GAP < (train - reached) * (1 if reached > simple else -1):
            of_figure = "It" if figure == name else figure
            return f"{of_figure} is better on train, {number(train)}: more examples, or more regularisation, may help."
    if run.task.monitor not in run.history:
        return ""
    return "Nothing in its curves or figures points to over-fitting, too short a training, or missed classes."

"""Forecasting: the next values of series, by the mean absolute error of standardised values.

Hyndman and Athanasopoulos, Forecasting: principles and practice (3rd edition, 2021), sections 5.2 (the last value and
the one a season before as forecasts) and 5.8 (MASE, the error beside that of the last value in training).
"""

import dataclasses
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from src import task
from src.analysis import values
from src.analysis.intervals import Scores
from src.analysis.plots import INK
from src.analysis.sections import Section
from src.data import Source
from src.sources import summaries
from src.specs import Horizon
from src.system import screen

SPEC = Horizon
DRAWN = 200  # steps of each series
NAMES_DRAWN = 8
LARGEST = {"float32": 88.0, "float64": 709.0}  # logarithms: of greater ones the exponential is infinite


def adapt(outputs: Horizon, train: Source) -> Horizon:
    """The spec as it is: its statistics came with the series.

    Raises:
        ValueError: for targets of another shape or type, or that aren't finite.
    """
    shape = (2, outputs.length, len(outputs.names))
    start = 0
    for target in train.target_batches():
        if target.shape[1:] != shape or target.dtype not in ("float32", "float64"):
            wanted = f"float32 or float64 (examples, *{shape})"
            raise ValueError(f"targets have to be {wanted}, not {target.dtype} {target.shape}")
        if not np.isfinite(target).all():
            place = start + np.argwhere(~np.isfinite(target))[0, 0]
            raise ValueError(f"the target of example {place} is infinite or not a number")
        start += len(target)
    return outputs


class Task(task.Task):
    """Forecasting of `outputs.names`, `outputs.length` steps ahead.

    Args:
        outputs: the series, with mean, scale and the errors of simple forecasts in the training split.
    """

    monitor, direction = "val_mase", "min"
    meanings: ClassVar = {
        "mase": "the mean absolute scaled error: 1 is what the last value is off on average, a step ahead, in the "
        "training split. Less is better.",
    }

    def __init__(self, outputs: Horizon):
        self.outputs = outputs
        self.mean, self.scale, self.naive = (
            np.array(statistic, outputs.dtype) for statistic in (outputs.mean, outputs.scale, outputs.naive)
        )

    def supervise(self, features, target):
        """What the model is trained on: features and standardised targets, float32 (batch, 2, length, series)."""
        target = tf.cast(target, self.outputs.dtype)
        target = tf.math.log(target) if self.outputs.log else target
        return features, tf.cast((target - self.mean) / self.scale, tf.float32)

    def loss(self, target, prediction):
        """Absolute error (batch,) of standardised values."""
        return tf.reduce_mean(abs(target[:, 0] - self._steps(prediction)), axis=(1, 2))

    def metrics(self) -> list[keras.metrics.Metric]:
        """MASE, and the mean absolute and root mean squared error over all series, un-scaled."""

        def error(target, prediction):
            return self._in_unit(self._steps(prediction)) - self._in_unit(target[:, 0])

        class RootMeanSquaredError(keras.metrics.Mean):
            def update_state(self, y_true, y_pred, sample_weight=None):
                super().update_state(error(y_true, y_pred) ** 2)

            def result(self):
                return keras.ops.sqrt(super().result())

        return [
            keras.metrics.MeanMetricWrapper(lambda y, p: abs(error(y, p)) / self.naive, "mase"),
            keras.metrics.MeanMetricWrapper(lambda y, p: abs(error(y, p)), "mae"),
            RootMeanSquaredError("rmse"),
        ]

    def answers(self, prediction) -> dict[str, tf.Tensor]:
        """The next values of each series by its name, (batch, length)."""
        values = self._in_unit(self._steps(prediction))
        each = zip(self.outputs.names, self.outputs.dtypes, strict=True)
        return {name: tf.cast(values[:, :, place], dtype) for place, (name, dtype) in enumerate(each)}

    def called(self, columns) -> "Task":
        """The task of the same series by the names that the user's file has for them."""
        names = tuple(columns.get(name, name) for name in self.outputs.names)
        return Task(dataclasses.replace(self.outputs, names=names))

    def summarize(self, targets) -> dict:
        """One split's targets, in batches, for the manifest: mean, least and largest value of each series."""
        return {"series": summaries.ranges((batch[:, 0] for batch in targets), self.outputs.names)}

    def figures(self, predict, batches) -> dict:
        """Errors of each series beside those of the last value and of the value one season before.

        Args:
            predict: from features to standardised values.
            batches: (features, standardised targets) of one split, each example once.
        """
        count = 0
        drawn: list = []  # of each step, series by series: truth and forecast
        sums = np.zeros((3, 2, len(self.outputs.names)))  # predictors × kinds of error × series
        for features, target, *_ in batches:
            truth, before = self._in_unit(target.numpy()).swapaxes(0, 1)  # each (batch, length, series)
            last = np.broadcast_to(features.numpy()[:, -1:, : len(self.outputs.names)], truth.shape)
            forecasts = [self._in_unit(self._steps(np.asarray(predict(features)))), self._in_unit(last), before]
            errors = [forecast - truth for forecast in forecasts]
            sums = sums + np.array([[abs(e).sum((0, 1), float), (e**2).sum((0, 1), float)] for e in errors])
            count += truth.shape[0] * truth.shape[1]
            if len(drawn) < DRAWN:
                drawn += np.stack([truth[:, 0], forecasts[0][:, 0]], axis=-1).tolist()
        model, last_value, last_season = (self._errors(*kinds) for kinds in sums / count)
        simple = {"the last value": last_value, "the value one season before": last_season}
        if self.outputs.season == 1:
            del simple["the value one season before"]  # it is the last one
        best = min(simple, key=lambda name: simple[name]["mase"])
        return {**model, "baseline": {**simple[best], "predictor": best}, "simple": simple, "drawn": drawn[:DRAWN]}

    def keep(self, features, target, prediction) -> dict:
        """What came, what was forecast (batch, length, series), and the last value before (batch, series)."""
        last = self._in_unit(features.numpy()[:, -1, : len(self.outputs.names)])
        forecast = self._in_unit(self._steps(np.asarray(prediction)))
        return {"true": self._in_unit(target.numpy()[:, 0]), "predicted": forecast, "last": last}

    def scores(self, predictions) -> Scores:
        """MASE; forecasts that overlap aren't independent."""
        scaled = np.abs(predictions["predicted"] - predictions["true"]) / self.naive
        each = scaled.mean(axis=(1, 2), dtype=float)
        return Scores("mase", each, together=self.outputs.length, scale=self.outputs.naive)

    def errors(self, predictions) -> list[Section]:
        """The error by step ahead, beside that of the last value, and by series."""
        true, forecast, last = (predictions[name] for name in ("true", "predicted", "last"))
        by_step = values.by_step((forecast - true) / self.naive, (last[:, np.newaxis] - true) / self.naive)
        return [*by_step, values.by_series(true, forecast, self.outputs.names)]

    def draw(self, figures: dict) -> dict[str, Figure]:
        """What came and what was forecast one step ahead, a picture for each series."""
        steps = np.array(figures["drawn"])  # (time, series, truth and forecast)
        drawn = {}
        for place, name in enumerate(self.outputs.names[:NAMES_DRAWN]):
            figure = Figure(figsize=(9, 3), layout="constrained")
            axes = figure.subplots()
            axes.plot(steps[:, place, 0], color=INK, alpha=0.7, label="what came")
            axes.plot(steps[:, place, 1], label="forecast, one step ahead")
            axes.set(title=screen.drawn(name), xlabel="step")
            axes.legend(frameon=False)
            axes.spines[["top", "right"]].set_visible(False)
            drawn[f"forecast {name}"] = figure
        return drawn

    def _errors(self, absolute: np.ndarray, squared: np.ndarray) -> dict:
        mase, rmse = absolute / self.naive, np.sqrt(squared)
        seasonal = absolute / self.outputs.seasonal
        names = ("mae", "rmse", "mase", "seasonal_mase")
        columns = zip(absolute, rmse, mase, seasonal, strict=True)
        each = zip(self.outputs.names, columns, strict=True)
        return {
            "mase": float(mase.mean()),
            "mae": float(absolute.mean()),
            "rmse": float(np.sqrt(squared.mean())),
            "series": {name: dict(zip(names, map(float, errors), strict=True)) for name, errors in each},
        }

    def _steps(self, prediction):
        """(batch, length, series) of what a model predicts."""
        shape = (-1, self.outputs.length, len(self.outputs.names))
        return prediction.reshape(shape) if isinstance(prediction, np.ndarray) else tf.reshape(prediction, shape)

    def _in_unit(self, standardised):
        if isinstance(standardised, np.ndarray):
            values = standardised.astype(self.outputs.dtype) * self.scale + self.mean
            return np.exp(values) if self.outputs.log else values
        values = tf.cast(standardised, self.outputs.dtype) * self.scale + self.mean
        return tf.exp(tf.minimum(values, LARGEST[self.outputs.dtype])) if self.outputs.log else values

"""Regression: real numbers, by the mean squared error of standardised targets.

Goodfellow, Bengio and Courville, Deep Learning (2016), section 5.1.4. The model sees targets of mean 0 and deviation
1, so that one learning rate suits every unit; all figures and answers are in the target's own unit.
"""

import dataclasses
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from src import numbers, task
from src.analysis import values
from src.analysis.intervals import Scores
from src.analysis.plots import INK
from src.analysis.sections import SHOWN, Examples, Section
from src.data import Source
from src.sources import summaries
from src.specs import Values
from src.system import screen

SPEC = Values
POINTS_DRAWN = 1000
NAMES_DRAWN = 8


def adapt(outputs: Values, train: Source) -> Values:
    """The spec with mean and standard deviation of the training targets.

    Raises:
        ValueError: for targets that aren't finite numbers of float32 or float64, one an example and name.
    """
    targets = train.targets()
    if targets.shape[1:] != (outputs.size,) or targets.dtype not in ("float32", "float64"):
        wanted = f"float32 or float64 (examples, {outputs.size})"
        raise ValueError(f"targets have to be {wanted}, not {targets.dtype} {targets.shape}")
    if not np.isfinite(targets).all():
        place = np.argwhere(~np.isfinite(targets))[0, 0]
        raise ValueError(f"the target of example {place} is infinite or not a number")
    shift = targets[0].astype("float64")  # so that a constant's deviation is 0 and no rounding
    centred = targets - shift
    scale = centred.std(axis=0)
    return dataclasses.replace(
        outputs,
        mean=tuple((centred.mean(axis=0) + shift).tolist()),
        scale=tuple(np.where(scale > 0, scale, 1.0).tolist()),
    )


class Task(task.Task):
    """Regression of `outputs.names`, in `outputs.unit`.

    Args:
        outputs: what the values are, with mean and scale of the training targets.
    """

    monitor, direction = "val_mae", "min"
    meanings: ClassVar = {
        "mae": "the mean absolute error, by how much a prediction is off on average, in the unit of the values.",
        "rmse": "the root of the mean squared error: as mae, but a large error counts more than two of half its size.",
    }

    def __init__(self, outputs: Values):
        self.outputs = outputs
        dtypes = [numbers.dtype(abs(mean), scale) for mean, scale in zip(outputs.mean, outputs.scale, strict=True)]
        self.dtype = max(dtypes, default="float32")  # in which values can be told apart
        self.mean, self.scale = np.array(outputs.mean, self.dtype), np.array(outputs.scale, self.dtype)

    def supervise(self, features, target):
        """What the model is trained on: features and standardised targets, float32 (batch, values)."""
        return features, tf.cast((tf.cast(target, self.dtype) - self.mean) / self.scale, "float32")

    def loss(self, target, prediction):
        """Squared error (batch,) of standardised values (batch, values)."""
        return keras.losses.mean_squared_error(target, prediction)

    def metrics(self) -> list[keras.metrics.Metric]:
        """Mean absolute error and root mean squared error in the target's unit, over all values."""
        scale = self.scale.astype("float32")

        class RootMeanSquaredError(keras.metrics.RootMeanSquaredError):
            def update_state(self, y_true, y_pred, sample_weight=None):
                return super().update_state(y_true * scale, y_pred * scale, sample_weight)

        def absolute_error(target, prediction):
            return keras.losses.mean_absolute_error(target * scale, prediction * scale)

        return [keras.metrics.MeanMetricWrapper(absolute_error, "mae"), RootMeanSquaredError("rmse")]

    def answers(self, prediction) -> dict[str, tf.Tensor]:
        """The values in their unit: (batch,) for a single one, else (batch, values) in order of names."""
        value = self._in_unit(prediction)
        return {"value": value[:, 0] if self.outputs.size == 1 else value}

    def summarize(self, targets) -> dict:
        """One split's targets, in batches, for the manifest: mean, least and largest of each value."""
        return {"values": summaries.ranges(targets, self.outputs.names)}

    def figures(self, predict, batches) -> dict:
        """Errors of each value beside those of always answering the training mean.

        Args:
            predict: from features to standardised values.
            batches: (features, standardised targets) of one split, each example once.
        """
        count, sums = 0, np.zeros((5, self.outputs.size))
        points: list = []  # of each example, value by value: true and predicted
        for features, target, *_ in batches:
            true, value = self._in_unit(target.numpy()), self._in_unit(np.asarray(predict(features)))
            error, deviation = value - true, true - self.mean
            terms = (abs(error), error**2, abs(deviation), deviation**2, deviation)
            sums += np.array([term.sum(axis=0, dtype="float64") for term in terms])
            count += len(true)
            if len(points) < POINTS_DRAWN:
                points += np.stack([true, value], axis=-1).tolist()
        absolute, squared, from_mean, from_mean_squared, offset = sums / count
        spread = from_mean_squared - offset**2  # about the split's own mean
        of_each = {
            name: {
                "mae": float(absolute[i]),
                "rmse": float(np.sqrt(squared[i])),
                "r2": float(1 - squared[i] / spread[i]) if spread[i] > 0 else 0.0,
            }
            for i, name in enumerate(self.outputs.names)
        }
        return {
            "mae": float(absolute.mean()),
            "rmse": float(np.sqrt(squared.mean())),
            "baseline": {
                "mae": float(from_mean.mean()),
                "rmse": float(np.sqrt(from_mean_squared.mean())),
                "predictor": "always the training mean",
            },
            "values": of_each,
            "points": points[:POINTS_DRAWN],
        }

    def keep(self, features, target, prediction) -> dict:
        """True and predicted values (batch, values) of each example, in their unit."""
        return {"true": self._in_unit(target.numpy()), "predicted": self._in_unit(np.asarray(prediction))}

    def scores(self, predictions) -> Scores:
        """Mean absolute error over all values."""
        return Scores("mae", np.abs(predictions["predicted"] - predictions["true"]).mean(axis=1, dtype=float))

    def evidence(self, prediction, answered):
        """The mean (batch,) of the standardised values: what speaks for it makes them larger."""
        return tf.reduce_mean(tf.cast(prediction, "float32"), axis=-1)

    def captions(self, predictions, rows) -> list[str]:
        """Predicted and true values."""
        unit = f" {self.outputs.unit}" if self.outputs.unit else ""
        pairs = zip(predictions["predicted"][rows], predictions["true"][rows], strict=True)
        return [f"predicted {_listed(predicted)}, true {_listed(true)}{unit}" for predicted, true in pairs]

    def errors(self, predictions) -> list[Section]:
        """Residuals and the error by the true value, of each value, and the worst examples."""
        true, predicted, unit = predictions["true"], predictions["predicted"], self.outputs.unit
        sections: list[Section] = []
        for place, name in enumerate(self.outputs.names[:NAMES_DRAWN]):
            of_one = true[:, place], predicted[:, place], name, unit
            sections += [*values.residuals(*of_one), values.by_quantile(*of_one)]
        worst = np.argsort(-np.abs((predicted - true) / self.scale).mean(axis=1), kind="stable")[:SHOWN]
        captions = dict(zip(predictions.numbers[worst].tolist(), self.captions(predictions, worst), strict=True))
        return [*sections, Examples("Largest errors", captions)]

    def draw(self, figures: dict) -> dict[str, Figure]:
        """Predicted against true values, a picture for each."""
        points = np.array(figures["points"])  # (examples, values, true and predicted)
        unit = screen.drawn(f" ({self.outputs.unit})") if self.outputs.unit else ""
        drawn = {}
        for position, name in enumerate(self.outputs.names):
            figure = Figure(figsize=(5, 5), layout="constrained")
            axes = figure.subplots()
            true, predicted = points[:, position].T
            low, high = points[:, position].min(), points[:, position].max()
            axes.plot([low, high], [low, high], color=INK, alpha=0.4, linewidth=1)
            axes.scatter(true, predicted, s=14, alpha=0.7)
            axes.set(xlabel=f"true{unit}", ylabel=f"predicted{unit}", title=screen.drawn(name))
            drawn[f"predicted {name}"] = figure
        return drawn

    def _in_unit(self, standardised):
        if tf.is_tensor(standardised):
            standardised = tf.cast(standardised, self.dtype)
        return standardised * self.scale + self.mean


def _listed(row: np.ndarray) -> str:
    return ", ".join(f"{value:.4g}" for value in row[:NAMES_DRAWN])

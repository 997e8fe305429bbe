"""Keeping what a model predicts while its task makes figures of it, so that nothing is predicted twice."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from src.analysis.predictions import Predictions, sample
from src.data import Features
from src.task import Predict, Task


class Recorder:
    """The `batches` of a task's `figures`, and its `predict`: what is predicted for a batch is kept on the way.

    Args:
        task: says what is kept of an example.
        predict: from features to prediction.
        batches: of one split, each example once.
        split: its name.
        examples: of the split.
    """

    def __init__(self, task: Task, predict: Predict, batches: Iterable[tuple], split: str, examples: int):
        self.predict, self.input_signature, self.steps = predict, predict.input_signature, predict.steps
        self._task, self._batches, self._split, self._examples = task, batches, split, examples
        self._begin()

    def _begin(self) -> None:
        self._batch: tuple | None = None  # the one whose prediction is waited for
        self._start, self._kept, self._columns = 0, np.array([], int), list[dict[str, np.ndarray]]()

    def __iter__(self) -> Iterator[tuple]:
        self._begin()
        for batch in self._batches:
            self._batch = batch
            yield batch
            self._start += len(tf.nest.flatten(batch[0])[0])

    def __call__(self, features: Features) -> tf.Tensor:
        prediction = self.predict(features)
        if self._batch and features is self._batch[0]:
            self._keep(features, self._batch[1], prediction)
            self._batch = None
        return prediction

    @property
    def predictions(self) -> Predictions | None:
        """What was kept; None where the task keeps nothing, or didn't ask for the prediction of each batch once."""
        if not self._columns or sum(len(_first(part)) for part in self._columns) < len(self._kept):
            return None
        columns = {name: _joined([part[name] for part in self._columns]) for name in self._columns[0]}
        return Predictions(self._split, self._examples, self._kept, columns)

    def _keep(self, features: Features, target: Any, prediction: tf.Tensor) -> None:
        columns = {name: np.asarray(column) for name, column in self._task.keep(features, target, prediction).items()}
        if not columns:
            return
        size = len(_first(columns))
        if not self._columns:
            self._kept = sample(self._examples, sum(column.nbytes for column in columns.values()) // max(1, size))
        first, end = np.searchsorted(self._kept, [self._start, self._start + size])
        rows = self._kept[first:end] - self._start
        self._columns.append({name: column[rows] for name, column in columns.items()})


def _first(columns: dict[str, np.ndarray]) -> np.ndarray:
    return next(iter(columns.values()))


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """One array of all examples; texts of shorter batches are padded with zeros."""
    shape = np.max([part.shape[1:] for part in parts], axis=0).astype(int)
    return np.concatenate([np.pad(part, [(0, 0), *((0, gap) for gap in shape - part.shape[1:])]) for part in parts])

"""Tables: from one raw input a column to features. What data sets of named columns share."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from src.csvs import request_names
from src.kinds import MISSING
from src.sources import Source, split
from src.specs import Classes, Columns, Data, Values

BATCH = 4096
NUMBER = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
NO_NUMBER = f"(?i)({'|'.join(map(re.escape, MISSING))})"


def from_matrix(names: Sequence[str], matrix: np.ndarray, target: np.ndarray, outputs: Classes | Values) -> Data:
    """A data set of numeric columns, split 60/20/20, by class where there are classes.

    Args:
        names: of the columns; in requests, all but letters and digits becomes underscores.
        matrix: numbers (examples, columns).
        target: one for each example.
        outputs: what the target is.
    """
    names = request_names(names)
    raw = dict(zip(names, matrix.T.astype("float32"), strict=True))
    train, validation, test = split(raw, target, stratify=isinstance(outputs, Classes))
    doors = {"strings": Strings(train)}
    return Data.adapted(columns, train, validation=validation, test=test, outputs=outputs, doors=doors)


def columns(train: Source) -> tuple[Columns, keras.Model]:
    """The features of a table and the model that makes them from one input a column.

    Numbers are scaled by the training split's mean and standard deviation; a missing one (NaN) becomes 0, and a
    column in which some are missing gets an indicator. Texts become indices into the training split's values.

    Args:
        train: the training split, whose request is one number or text a column; it is read in batches.

    Raises:
        ValueError: for an infinite number.
    """
    dtypes = {name: _dtype(column) for name, column in train.examples(1)[0].items()}
    requests = {name: keras.Input((), dtype=dtype, name=name) for name, dtype in dtypes.items()}
    numbers = [name for name in dtypes if dtypes[name] != "string"]
    texts = [name for name in dtypes if name not in numbers]
    moments, known = _Moments(numbers), {name: set() for name in texts}
    for raw, _ in train.in_order(BATCH).as_numpy_iterator():
        if numbers:
            moments.update(np.stack([raw[name].astype("float64") for name in numbers], axis=1))
        for name in texts:
            known[name].update(raw[name])
    features, names, categories = {}, [], []
    if numbers:
        features["numeric"], names = _numeric(moments, requests)
    if texts:
        features["categories"], categories = _categories(known, requests)
    model = keras.Model(requests, features, name="preprocess")
    return Columns(tuple(names), tuple(categories)), model


class Strings:
    """A door from columns that are all texts, an empty one where a value is missing, to the request of `columns`.

    TensorFlow Serving's JSON has no missing number: a `null` is refused.

    Args:
        train: a split, whose request it makes.
        comma: whether numbers are written with a decimal comma.
    """

    def __init__(self, train: Source, comma: bool = False):
        self._dtypes = {name: _dtype(column) for name, column in train.examples(1)[0].items()}
        self._comma = comma
        self.request = {name: tf.TensorSpec((None,), tf.string, name=name) for name in self._dtypes}

    def __call__(self, request: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The columns, (batch,) each, as numbers and texts."""
        return {name: self._column(name, request[name], dtype) for name, dtype in self._dtypes.items()}

    def encode(self, raw: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The columns of a raw request as texts."""
        return {name: np.array([_text(value) for value in column], object) for name, column in raw.items()}

    def _column(self, name: str, column: tf.Tensor, dtype: str) -> tf.Tensor:
        column = tf.strings.strip(column)
        if dtype == "string":
            return column
        if dtype == "int64":
            return tf.strings.to_number(column, tf.int64)
        if self._comma:
            column = tf.strings.regex_replace(column, ",", ".")
        missing = tf.strings.regex_full_match(column, NO_NUMBER)
        numbers = tf.strings.regex_full_match(column, NUMBER)
        with tf.control_dependencies(
            [tf.debugging.Assert(tf.reduce_all(missing | numbers), [f"{name} has to be a number"])]
        ):
            found = tf.strings.to_number(tf.where(numbers, column, "nan"), tf.float32)
        with tf.control_dependencies(
            [tf.debugging.Assert(~tf.reduce_any(tf.math.is_inf(found)), [f"{name} is too large a number"])]
        ):
            return tf.identity(found)


class _Moments:
    """Mean, variance and missing values of columns that come in batches (Chan, Golub and LeVeque, 1983).

    Args:
        names: of the columns.
    """

    def __init__(self, names: Sequence[str]):
        self.names = names
        self.count, self.mean, self._squares = (np.zeros(len(names)) for _ in range(3))
        self.missing = np.zeros(len(names), bool)

    @property
    def variance(self) -> np.ndarray:
        return self._squares / np.maximum(self.count, 1)

    def update(self, values: np.ndarray) -> None:
        """Takes in a batch (examples, columns)."""
        for name, column in zip(self.names, values.T, strict=True):
            if np.isinf(column).any():
                raise ValueError(f"the column {name!r} has an infinite number")
        there = ~np.isnan(values)
        self.missing |= ~there.all(axis=0)
        count = there.sum(axis=0)
        mean = np.where(there, values, 0).sum(axis=0) / np.maximum(count, 1)
        squares = np.where(there, (values - mean) ** 2, 0).sum(axis=0)
        total = np.maximum(self.count + count, 1)
        apart = mean - self.mean
        self._squares += squares + apart**2 * self.count * count / total
        self.mean += apart * count / total
        self.count += count


def _numeric(moments: _Moments, requests: Mapping[str, Any]) -> tuple[keras.KerasTensor, list[str]]:
    raw = ops.stack([ops.cast(requests[name], "float32") for name in moments.names], axis=1)
    scaled = layers.Normalization(mean=moments.mean, variance=moments.variance, dtype="float32", name="scale")(raw)
    missing = ops.isnan(raw)
    parts = [ops.where(missing, 0.0, scaled)]
    incomplete = np.flatnonzero(moments.missing).tolist()
    if incomplete:
        parts.append(ops.cast(ops.take(missing, incomplete, axis=1), "float32"))
    names = [*moments.names, *(f"{moments.names[index]}_missing" for index in incomplete)]
    return ops.concatenate(parts, axis=1), names


def _categories(known: Mapping[str, set], requests: Mapping[str, Any]) -> tuple[keras.KerasTensor, list]:
    indices, sizes = [], []
    for name, values in known.items():
        values = sorted({_text(value) for value in values} - {""})
        lookup = layers.StringLookup(vocabulary=values, num_oov_indices=1, name=f"{name}_index")
        indices.append(ops.cast(lookup(requests[name]), "int32"))
        sizes.append((name, len(values) + 1))
    return ops.stack(indices, axis=1), sizes


def _dtype(column: np.ndarray) -> str:
    return {"f": "float32", "i": "int64", "u": "int64", "b": "int64"}.get(column.dtype.kind, "string")


def _text(value: Any) -> str:
    """As a CSV file has it; a missing number is empty."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return "" if isinstance(value, float | np.floating) and np.isnan(value) else str(value)

"""Tables: from one raw input a column to features. What data sets of named columns share."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from src import numbers
from src.data import Data, Door, Source
from src.numbers import FORMS, MISSING, Comma
from src.preprocess.names import renamed, request_names
from src.sources.memory import split
from src.specs import Classes, Columns, Values

SPACE = r"^[\s\x{1c}-\x{1f}\x{85}\p{Z}]+|[\s\x{1c}-\x{1f}\x{85}\p{Z}]+$"  # all that Python strips off a text
FARTHEST = 1e6  # deviations; of n examples that were learnt, none is farther than sqrt(n) from the mean
NO_NUMBER = f"(?i)({'|'.join(map(re.escape, MISSING))})"


def from_matrix(names: Sequence[str], matrix: np.ndarray, target: np.ndarray, outputs: Classes | Values) -> Data:
    """A data set of numeric columns, split 60/20/20, by class where there are classes.

    Args:
        names: of the columns; see `request_names` for what they are called in requests.
        matrix: numbers (examples, columns).
        target: one for each example.
        outputs: what the target is.

    Raises:
        ValueError: for another number of names than of columns or of targets than of examples, for targets that are no
            labels where there are classes, and for an infinite number.
    """
    if matrix.ndim != 2 or matrix.shape[1] != len(names):
        has = f"{matrix.shape[1]} columns" if matrix.ndim == 2 else f"an array of shape {matrix.shape}"
        raise ValueError(f"{len(names)} names for {has}")
    requests = request_names(names)
    raw = {name: numbers.compact(column) for name, column in zip(requests, matrix.T.astype("float64"), strict=True)}
    train, validation, test = split(raw, target, stratify=isinstance(outputs, Classes))
    return Data.adapted(
        columns,
        train,
        validation=validation,
        test=test,
        outputs=outputs,
        doors={"strings": Strings(train)},
        columns=renamed(dict(zip(names, requests, strict=True))),
    )


def columns(train: Source) -> tuple[Columns, keras.Model]:
    """The features of a table and the model that makes them from one input a column.

    Numbers are scaled by the training split's mean and standard deviation; a missing one (NaN, or an infinite one)
    becomes 0, and a column in which some are missing gets an indicator. Texts become indices into the training split's
    values.

    Args:
        train: the training split, whose request is one number or text a column; it is read in batches.

    Raises:
        ValueError: for an infinite number.
    """
    dtypes = {name: _dtype(column) for name, column in train.examples(1)[0].items()}
    requests = {name: keras.Input((), dtype=dtype, name=name) for name, dtype in dtypes.items()}
    texts = [name for name in dtypes if dtypes[name] == "string"]
    moments = Moments([name for name in dtypes if name not in texts])
    values: dict[str, set] = {name: set() for name in texts}
    for raw, _ in train.read():
        if moments.names:
            moments.update(np.stack([raw[name].astype("float64") for name in moments.names], axis=1))
        for name in texts:
            values[name].update(raw[name])
    features = {}
    names: list[str] = []
    categories: list[tuple[str, int]] = []
    if moments.names:
        features["numeric"], names = _numeric(moments, requests)
    if texts:
        features["categories"], categories = _categories(values, requests)
    model = keras.Model(requests, features, name="preprocess")
    return Columns(tuple(names), tuple(categories)), model


class Strings(Door):
    """A door from columns that are all texts, an empty one where a value is missing, to the request of `columns`.

    TensorFlow Serving's JSON has no missing number: a `null` is refused.

    Args:
        train: a split, whose request it makes.
        commas: what a comma means in the numbers of a column, where there are any; see src/numbers.py.
    """

    def __init__(self, train: Source, commas: Mapping[str, Comma] | None = None):
        self._dtypes = {name: _dtype(column) for name, column in train.examples(1)[0].items()}
        self._commas: dict[str, Comma] = {**dict.fromkeys(self._dtypes, ""), **(commas or {})}
        self.request = {name: tf.TensorSpec((None,), tf.string, name=name) for name in self._dtypes}

    def __call__(self, request: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The columns, (batch,) each, as numbers and texts."""
        return {name: self._column(name, request[name], dtype) for name, dtype in self._dtypes.items()}

    def encode(self, raw: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The columns of a raw request as texts."""
        return {
            name: np.array([self._written(name, _text(value)) for value in column], object)
            for name, column in raw.items()
        }

    def _written(self, name: str, text: str) -> str:
        """A text with the decimal mark of its column."""
        is_comma = self._commas[name] == "decimal" and self._dtypes[name] != "string"
        return text.replace(".", ",") if is_comma else text

    def _column(self, name: str, column: tf.Tensor, dtype: str) -> tf.Tensor:
        column = tf.strings.regex_replace(column, SPACE, "")
        if dtype == "string":
            return column
        if dtype == "int64":
            return tf.strings.to_number(column, tf.int64)
        missing = tf.strings.regex_full_match(column, NO_NUMBER)
        is_number = tf.strings.regex_full_match(column, FORMS[self._commas[name]])
        with tf.control_dependencies(
            [tf.debugging.Assert(tf.reduce_all(missing | is_number), [f"{name} has to be a number"])]
        ):
            values = tf.strings.to_number(tf.where(is_number, self._with_point(name, column), "nan"), dtype)
        with tf.control_dependencies(
            [tf.debugging.Assert(~tf.reduce_any(tf.math.is_inf(values)), [f"{name} is too large a number"])]
        ):
            return tf.identity(values)

    def _with_point(self, name: str, column: tf.Tensor) -> tf.Tensor:
        """Numbers with a point as the decimal mark and nothing between thousands."""
        match self._commas[name]:
            case "decimal":
                return tf.strings.regex_replace(tf.strings.regex_replace(column, r"\.", ""), ",", ".")
            case "thousands":
                return tf.strings.regex_replace(column, ",", "")
        return column


def finite(scaled: keras.KerasTensor) -> keras.KerasTensor:
    """Scaled numbers that no layer makes infinite: 0 for missing and infinite ones, the others within bounds."""
    return ops.clip(ops.where(ops.isfinite(scaled), scaled, 0.0), -FARTHEST, FARTHEST)


class Moments:
    """Mean, variance and missing values of columns that come in batches (Chan, Golub and LeVeque, 1983).

    Args:
        names: of the columns.
    """

    def __init__(self, names: Sequence[str]):
        self.names = names
        self.count, self.mean, self._squares = (np.zeros(len(names)) for _ in range(3))
        self.low, self.high = np.full(len(names), np.inf), np.full(len(names), -np.inf)
        self.missing = np.zeros(len(names), bool)

    @property
    def deviation(self) -> np.ndarray:
        """1 of a column that is the same throughout, which elsewhere need not be."""
        return np.where(self.low < self.high, np.sqrt(self._squares / np.maximum(self.count, 1)), 1.0)

    def update(self, values: np.ndarray) -> None:
        """Takes in a batch (examples, columns)."""
        for name, column in zip(self.names, values.T, strict=True):
            if np.isinf(column).any():
                raise ValueError(f"the column {name!r} has an infinite number")
        there = ~np.isnan(values)
        self.missing |= ~there.all(axis=0)
        self.low = np.minimum(self.low, np.where(there, values, np.inf).min(axis=0))
        self.high = np.maximum(self.high, np.where(there, values, -np.inf).max(axis=0))
        count = there.sum(axis=0)
        mean = np.where(there, values, 0).sum(axis=0) / np.maximum(count, 1)
        squares = np.where(there, (values - mean) ** 2, 0).sum(axis=0)
        total = np.maximum(self.count + count, 1)
        apart = mean - self.mean
        self._squares += squares + apart**2 * self.count * count / total
        self.mean += apart * count / total
        self.count += count


def _numeric(moments: Moments, requests: Mapping[str, Any]) -> tuple[keras.KerasTensor, list[str]]:
    """The scaled numbers (batch, columns), and their names.

    Of large numbers that lie close together the mean is taken off first, while they are still in all their digits.
    """
    columns, means = [], moments.mean.copy()
    largest = np.maximum(np.abs(moments.low), np.abs(moments.high))
    for index, name in enumerate(moments.names):
        column = requests[name]
        if numbers.dtype(largest[index], moments.deviation[index]) == "float64":
            column, means[index] = ops.cast(column, "float64") - float(means[index]), 0.0
        columns.append(column if column.dtype == "float32" else ops.cast(column, "float32"))
    raw = ops.stack(columns, axis=1)
    variance = moments.deviation**2
    scaled = layers.Normalization(mean=means, variance=variance, dtype="float32", name="scale")(raw)
    missing = ops.logical_not(ops.isfinite(scaled))
    parts = [finite(scaled)]
    incomplete = np.flatnonzero(moments.missing).tolist()
    if incomplete:
        parts.append(ops.cast(ops.take(missing, incomplete, axis=1), "float32"))
    names = [*moments.names, *(f"{moments.names[index]}_missing" for index in incomplete)]
    return ops.concatenate(parts, axis=1), names


def _categories(
    values: Mapping[str, set], requests: Mapping[str, Any]
) -> tuple[keras.KerasTensor, list[tuple[str, int]]]:
    """The indices of the columns' values, (batch, columns), and each column's name and size."""
    indices, sizes = [], []
    for name in values:
        vocabulary = sorted({_text(value) for value in values[name]} - {""})
        lookup = layers.StringLookup(vocabulary=vocabulary, num_oov_indices=1, name=f"{name}_index")
        indices.append(ops.cast(lookup(requests[name]), "int32"))
        sizes.append((name, len(vocabulary) + 1))
    return ops.stack(indices, axis=1), sizes


def _dtype(column: np.ndarray) -> str:
    if column.dtype.kind == "f":
        return "float64" if column.dtype.itemsize > 4 else "float32"
    return "int64" if column.dtype.kind in "iub" else "string"


def _text(value: Any) -> str:
    """As a CSV file has it; a missing number is empty."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return "" if isinstance(value, float | np.floating) and np.isnan(value) else str(value)

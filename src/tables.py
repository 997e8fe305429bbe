"""Tables: from one raw input a column to features. What data sets of named columns share."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import count

import keras
import numpy as np
from keras import layers, ops

from src.sources import Source, split
from src.specs import Classes, Columns, Data, Values


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
    return Data.adapted(columns_of, train, validation=validation, test=test, outputs=outputs)


def request_names(names: Iterable[str]) -> tuple[str, ...]:
    """What the inputs of a model are called: ASCII letters, digits and underscores, a letter first; none twice."""
    found = []
    for name in names:
        plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
        plain = plain if plain[:1].isalpha() else f"column_{plain}".rstrip("_")
        same = (f"{plain}_{number}" for number in count(2))
        found.append(plain if plain not in found else next(name for name in same if name not in found))
    return tuple(found)


def columns_of(train: Source) -> tuple[Columns, keras.Model]:
    """See `columns`; of a source that can be held in memory."""
    return columns(train.examples(len(train))[0])


def columns(train: Mapping[str, np.ndarray]) -> tuple[Columns, keras.Model]:
    """The features of a table and the model that makes them from one input a column.

    Numbers are scaled by the training split's mean and standard deviation; a missing one (NaN) becomes 0, and a
    column in which some are missing gets an indicator. Texts become indices into the training split's values.

    Args:
        train: the training split's columns by name, numbers or strings, each (examples,).

    Raises:
        ValueError: for an infinite number.
    """
    requests = {name: keras.Input((), dtype=_dtype(column), name=name) for name, column in train.items()}
    numbers = [name for name in train if _dtype(train[name]) != "string"]
    texts = [name for name in train if name not in numbers]
    features, names, categories = {}, [], []
    if numbers:
        features["numeric"], names = _numeric({name: train[name] for name in numbers}, requests)
    if texts:
        features["categories"], categories = _categories({name: train[name] for name in texts}, requests)
    model = keras.Model(requests, features, name="preprocess")
    return Columns(tuple(names), tuple(categories)), model


def _numeric(train, requests):
    values = np.stack([column.astype("float64") for column in train.values()], axis=1)
    for name, column in zip(train, values.T, strict=True):
        if np.isinf(column).any():
            raise ValueError(f"the column {name!r} has an infinite number")
    incomplete = [index for index, column in enumerate(values.T) if np.isnan(column).any()]
    mean, variance = np.nanmean(values, axis=0), np.nanvar(values, axis=0)
    raw = ops.stack([ops.cast(requests[name], "float32") for name in train], axis=1)
    scaled = layers.Normalization(mean=mean, variance=variance, dtype="float32", name="scale")(raw)
    missing = ops.isnan(raw)
    parts = [ops.where(missing, 0.0, scaled)]
    if incomplete:
        parts.append(ops.cast(ops.take(missing, incomplete, axis=1), "float32"))
    names = list(train) + [f"{list(train)[index]}_missing" for index in incomplete]
    return ops.concatenate(parts, axis=1), names


def _categories(train, requests):
    indices, sizes = [], []
    for name, column in train.items():
        known = sorted({value.decode() if isinstance(value, bytes) else str(value) for value in column} - {""})
        lookup = layers.StringLookup(vocabulary=known, num_oov_indices=1, name=f"{name}_index")
        indices.append(ops.cast(lookup(requests[name]), "int32"))
        sizes.append((name, len(known) + 1))
    return ops.stack(indices, axis=1), sizes


def _dtype(column: np.ndarray) -> str:
    return {"f": "float32", "i": "int64", "u": "int64", "b": "int64"}.get(column.dtype.kind, "string")

"""Every example of a data set held to what `preprocess` asks for, before training."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from src.data import Source
from src.settings.catalogue import DataFile
from src.settings.mistakes import mistakes_in, need
from src.signatures import Request, features_of, request_of

Require = Callable[[bool, str], None]


def check_examples(file: DataFile, preprocess: keras.Model, splits: Mapping[str, Source]) -> list[str]:
    """Holds all examples to what `preprocess` asks, and says what looks wrong and may still be right.

    A split is read only where an input has numbers whose type doesn't say already that they fit.

    Raises:
        UserError: for a number that its input can't hold, or that makes features infinite or not a number.
    """
    require, request, warnings = partial(need, file), request_of(preprocess), []
    for split, source in splits.items():
        with mistakes_in(file):
            types = check_request(require, split, source, request)
            doubtful = {name: spec.dtype for name, spec in request.items() if _may_not_fit(types[name], spec.dtype)}
            missing = _check_numbers(require, split, source, preprocess, doubtful) if doubtful else []
        if split == "train":
            warnings += [f"{name}: all numbers of train are missing: leave the input out" for name in missing]
    return warnings


def check_request(require: Require, split: str, source: Source, request: Request) -> dict[str, tf.DType]:
    """Holds the first example to the request: names, types and shapes; gives the type of each input."""
    require(len(source) > 0, f"the split {split} has no examples")
    raw, _ = source.examples(1)
    require(set(raw) == set(request), f"examples have {', '.join(raw)}, but preprocess takes {', '.join(request)}")
    types = {name: tf.as_dtype(column.dtype) for name, column in raw.items()}
    for name, spec in request.items():
        given, taken = types[name], spec.dtype
        what = f"{name}: the examples of {split} are {given.name}, the request is {taken.name}"
        require(_fits(given, taken), f"{what}: give {taken.name}, or make the Input {given.name}")
        shape, wanted = raw[name].shape[1:], spec.shape[1:]
        alike = wanted.is_compatible_with(shape)
        require(alike, f"{name} has the shape {shape} an example in {split}, but preprocess takes {wanted}")
    return types


def _fits(found: tf.DType, wanted: tf.DType) -> bool:
    """Whether what is of one type may be given where another is asked for; see `_check_numbers` for the values."""
    if tf.string in (found, wanted) or wanted.is_bool:
        return found == wanted
    return found.is_bool or found.is_integer or (found.is_floating and wanted.is_floating)


def _may_not_fit(found: tf.DType, wanted: tf.DType) -> bool:
    """Whether numbers of a type that fits can be infinite, not a number, or out of the range of what is asked for."""
    if found.is_integer and wanted.is_integer:
        return not wanted.min <= found.min <= found.max <= wanted.max
    return found.is_floating


def _check_numbers(
    require: Require, split: str, source: Source, preprocess: keras.Model, doubtful: Mapping[str, tf.DType]
) -> list[str]:
    """Holds the numbers of these inputs to their types in the request; names the inputs that are missing throughout.

    What isn't finite, such as a missing number, is allowed where preprocess makes finite features of it.
    """
    start, missing = 0, list(doubtful)
    for raw, target in source.read():
        strange = {name: _strange(raw[name], dtype) for name, dtype in doubtful.items()}
        missing = [name for name in missing if strange[name].all()]
        strange = {name: places for name, places in strange.items() if places.any()}
        with np.errstate(over="ignore"):
            unmade = ~_finite(features_of(preprocess, raw), len(target)) if strange else None
        for name, places in strange.items():
            wanted = doubtful[name]
            wrong = np.argwhere(places if wanted.is_integer else places & unmade)
            for row, place in wrong[:1]:
                what = f"example {start + row} of {split} has {raw[name].reshape(places.shape)[row, place]}"
                too_large = f"{wanted.name} can't hold: make the Input {raw[name].dtype}"
                why = too_large if wanted.is_integer else "makes features infinite or not a number"
                require(False, f"{name}: {what}, which {why}")
        start += len(target)
    return missing


def _strange(column: np.ndarray, wanted: tf.DType) -> np.ndarray:
    """Which numbers (examples, numbers) aren't finite in the type that is asked for, or another integer there."""
    rows = column.reshape(len(column), -1)
    with np.errstate(over="ignore"):
        held = rows.astype(wanted.as_numpy_dtype, copy=False)
    return held != rows if wanted.is_integer else ~np.isfinite(held)


def _finite(features: Any, examples: int) -> np.ndarray:
    """Whether all features of each example are finite, (examples, 1)."""
    finite = np.ones((examples, 1), bool)
    for tensor in keras.tree.flatten(features):
        if tensor.dtype.is_floating:
            finite &= np.isfinite(tensor).reshape(examples, -1).all(axis=1, keepdims=True)
    return finite

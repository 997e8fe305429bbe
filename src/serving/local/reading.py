"""From a request's JSON to tensors: rows ("instances") or columns ("inputs"), as TensorFlow Serving reads them.

What is regular is read a level at a time. What isn't is gone through value by value, only to say what is wrong.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np
import tensorflow as tf

from src.serving.local.digits import decimals
from src.serving.local.errors import Refused
from src.serving.local.parsing import kind, pretty

ROW, COLUMN = "instances", "inputs"
MOST_DIMENSIONS, NUMPYS_DIMENSIONS = 254, 64
RANGES = {  # of what JSON's integers may be; TensorFlow Serving lets the narrow types wrap, which nobody can want
    tf.int8: (-(2**7), 2**7 - 1),
    tf.int16: (-(2**15), 2**15 - 1),
    tf.int32: (-(2**31), 2**31 - 1),
    tf.int64: (-(2**63), 2**63 - 1),
    tf.uint8: (0, 2**8 - 1),
    tf.uint32: (0, 2**32 - 1),
    tf.uint64: (0, 2**64 - 1),
}
TYPES: dict[tf.DType, set[type]] = {  # Python's, of what JSON has
    tf.float32: {int, float},
    tf.float64: {int, float},
    tf.bool: {bool},
    tf.string: {str, dict},
    **{dtype: {int} for dtype in RANGES},
}


def signature_name(request: Mapping[str, Any]) -> str:
    """Which signature a request is for; "" for the default one."""
    name = request.get("signature_name", "")
    if not isinstance(name, str):
        raise Refused(
            f"JSON Value: {pretty(request)} not formatted correctly. 'signature_name' key must be a string value."
        )
    return name


def tensors(request: Mapping[str, Any], inputs: Mapping[str, tf.DType]) -> tuple[str, dict[str, np.ndarray]]:
    """Whether a request has rows or columns, and the array of each input.

    Args:
        request: the parsed JSON.
        inputs: types of the signature's inputs, by name; one at least.

    Raises:
        Refused: for what doesn't fit.
    """
    if ROW in request and COLUMN in request:
        raise Refused(
            f"JSON Value: {pretty(request)} Not formatted correctly expecting only one of '{COLUMN}' or '{ROW}' keys "
            "to exist "
        )
    if ROW in request:
        if not isinstance(request[ROW], list):
            raise Refused(f"JSON Value: {pretty(request)} Expecting '{ROW}' to be an list/array")
        if not request[ROW]:
            raise Refused(f"JSON Value: {pretty(request)} No values in '{ROW}' array")
        return ROW, _rows(request[ROW], inputs)
    if COLUMN in request:
        return COLUMN, _columns(request[COLUMN], inputs)
    raise Refused(f"Missing '{COLUMN}' or '{ROW}' key")


def _rows(rows: list, inputs: Mapping[str, tf.DType]) -> dict[str, np.ndarray]:
    if not isinstance(rows[0], dict) and len(inputs) > 1:
        raise Refused(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map"
        )
    named = _is_named(rows[0])
    try:
        if named and all(_is_named(row) and row.keys() == inputs.keys() for row in rows):
            return {name: _array([row[name] for row in rows], dtype) for name, dtype in inputs.items()}
        if not named and not any(map(_is_named, rows)):
            ((name, dtype),) = inputs.items()
            return {name: _array(rows, dtype)}
        irregular = Refused("The rows are of different kinds.")
    except Refused as error:
        irregular = error
    _explain_rows(rows, inputs, named)
    raise irregular


def _explain_rows(rows: list, inputs: Mapping[str, tf.DType], named: bool) -> None:
    """Raises a Refused that names the first row that is wrong."""
    shapes: dict[str, tuple[int, ...]] = {}
    for number, row in enumerate(rows):
        if named != _is_named(row):
            kinds = "object but got list" if named else "value/list but got object"
            raise Refused(f"Expecting {kinds} at item {number} of input list")
        members = row if named else {next(iter(inputs)): row}
        for name, value in members.items():
            key = f" key: {name}" if named else ""
            try:
                if name not in inputs:
                    raise Refused(f"JSON object: does not have named input: {name}")
                _explain_same_shape(name, _explained_shape(value, inputs[name]), shapes)
            except Refused as error:
                raise Refused(
                    f"Failed to process element: {number}{key} of 'instances' list. "
                    f"Error: {error.code}: {error.message}"
                ) from None
        if named and row.keys() != inputs.keys():
            raise Refused(
                f"Failed to process element: {number} of 'instances' list. JSON object: {pretty(row)} keys must be "
                f"equal to: {','.join(sorted(inputs))}"
            )


def _explain_same_shape(name: str, shape: tuple[int, ...], shapes: dict[str, tuple[int, ...]]) -> None:
    first = shapes.setdefault(name, shape)
    if np.prod(first) != np.prod(shape):
        raise Refused(f"Expecting tensor size: {int(np.prod(first))} but got: {int(np.prod(shape))}")
    if first != shape:
        raise Refused(f"Expecting shape {_words(first)} but got: {_words(shape)}")


def _columns(given: Any, inputs: Mapping[str, tf.DType]) -> dict[str, np.ndarray]:
    if not _is_named(given):
        if len(inputs) > 1:
            raise Refused(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map"
            )
        given = {next(iter(inputs)): given}
    arrays = {}
    for name, dtype in inputs.items():
        if name not in given:
            raise Refused(f"Missing named input: {name} in 'inputs' object.")
        try:
            arrays[name] = _array(given[name], dtype)
        except Refused:
            _explained_shape(given[name], dtype)
            raise
    return arrays


def _array(value: Any, dtype: tf.DType) -> np.ndarray:
    """A value as an array; Refused, whose words are for `_explained_shape` to find, where it isn't regular."""
    shape: list[int] = []
    values = [value]
    while isinstance(first := values[0] if values else None, list):
        if len(shape) == MOST_DIMENSIONS:
            raise Refused("tensor parsing error: x")
        if not all(type(part) is list and len(part) == len(first) for part in values):
            raise Refused("not regular")
        shape.append(len(first))
        values = list(chain.from_iterable(values))
    if len(shape) > NUMPYS_DIMENSIONS:
        raise Refused(f"a tensor of {len(shape)} dimensions; {NUMPYS_DIMENSIONS} is the most that can be read here")
    types = set(map(type, values))
    if dtype not in TYPES:
        raise Refused("no such type", "UNIMPLEMENTED")
    if not types <= TYPES[dtype]:
        raise Refused("of another type")
    if dtype == tf.string:
        return _texts(values).reshape(shape)
    if dtype in RANGES and values:
        low, high = RANGES[dtype]
        if not low <= min(values) <= max(values) <= high:
            raise Refused("out of range")
    with np.errstate(over="ignore"):  # above float32's range is infinity
        return (
            np.array(values, "float64" if dtype == tf.float32 else dtype.as_numpy_dtype)
            .astype(dtype.as_numpy_dtype)
            .reshape(shape)
        )


def _texts(values: list) -> np.ndarray:
    texts = np.empty(len(values), object)
    for index, value in enumerate(values):
        texts[index] = raw_bytes(value)
    return texts


def raw_bytes(value: str | dict) -> bytes:
    """The bytes of a text, or of {"b64": …}."""
    if isinstance(value, str):
        return value.encode("utf-8", errors="surrogateescape")
    if not is_base64(value):
        raise Refused(f"JSON Value: {pretty(value)} not formatted correctly for base64 data")
    plain = re.sub(r"\s", "", value["b64"])
    body = plain.rstrip("=")
    try:
        return base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Refused("Unable to base64 decode") from None


def _explained_shape(value: Any, dtype: tf.DType) -> tuple[int, ...]:
    """The shape of a value; raises a Refused with TensorFlow Serving's words for the first thing that is wrong."""
    shape, part = [], value
    while isinstance(part, list):
        shape.append(len(part))
        if not part:
            break
        part = part[0]
    if len(shape) > MOST_DIMENSIONS:
        raise Refused("tensor parsing error: x")
    _explain(value, 0, shape, dtype)
    return tuple(shape)


def _explain(value: Any, level: int, shape: list[int], dtype: tf.DType) -> None:
    if not isinstance(value, list):
        if level != len(shape):
            raise Refused(
                f"JSON Value: {pretty(value)} found at incorrect level: {level + 1} in the JSON DOM. Expected at "
                f"level: {len(shape)}"
            )
        return _explain_one(value, dtype)
    if level >= len(shape):
        raise Refused(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise Refused(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
        )
    for part in value:
        _explain(part, level + 1, shape, dtype)


def _explain_one(value: Any, dtype: tf.DType) -> None:
    name = _name(dtype)
    if dtype == tf.string and isinstance(value, dict):
        raw_bytes(value)
        return
    if dtype not in TYPES and not isinstance(value, dict):
        raise Refused(f"Conversion of JSON Value: {_shown(value)} to type: {name}", "UNIMPLEMENTED")
    fits = type(value) in TYPES.get(dtype, ())
    if fits and dtype in RANGES:
        low, high = RANGES[dtype]
        fits = low <= value <= high
    if not fits:
        raise Refused(f"JSON Value: {_shown(value)} Type: {kind(value)} is not of expected type: {name}")


def _shown(value: Any) -> str:
    return decimals(np.array([value]))[0] if isinstance(value, float) else pretty(value)


def _name(dtype: tf.DType) -> str:
    return {"float32": "float", "float64": "double", "float16": "half"}.get(dtype.name, dtype.name)


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and not is_base64(value)


def is_base64(value: Any) -> bool:
    """Whether it is bytes: {"b64": …} and nothing else."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def _words(shape: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, shape))}]"

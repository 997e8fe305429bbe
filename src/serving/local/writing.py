"""From tensors to a response's JSON, with the digits that TensorFlow Serving writes."""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from src.serving.local.digits import decimals
from src.serving.local.errors import Refused
from src.serving.local.reading import ROW

HELD = {"f4", "f8", "i1", "i2", "i4", "i8", "u1", "u4", "u8"}  # numbers that JSON holds


def answer(outputs: Mapping[str, np.ndarray], form: str) -> bytes:
    """The response to a request of rows or of columns.

    Raises:
        Refused: for types that JSON can't hold, and outputs that aren't rows.
    """
    text = _rows(outputs) if form == ROW else _columns(outputs)
    return text.encode("utf-8", errors="surrogateescape")


def _columns(outputs: Mapping[str, np.ndarray]) -> str:
    columns = {name: _nested(_words(name, array), array.shape) for name, array in outputs.items()}
    only = next(iter(columns.values())) if len(columns) == 1 else _object(columns)
    return f'{{"outputs": {only}}}'


def _rows(outputs: Mapping[str, np.ndarray]) -> str:
    count = None
    for name, array in outputs.items():
        if array.ndim == 0:
            raise Refused(f"Tensor name: {name} has no shape information ")
        if count is not None and len(array) != count:
            raise Refused(f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {count}")
        count = len(array)
    rows = []
    columns = {name: (_words(name, array), array.shape[1:]) for name, array in outputs.items()}
    for row in range(count or 0):
        members = {}
        for name, (words, shape) in columns.items():
            size = math.prod(shape)
            members[name] = _nested(words[row * size : (row + 1) * size], shape)
        rows.append(next(iter(members.values())) if len(members) == 1 else _object(members))
    return f'{{"predictions": [{", ".join(rows)}]}}'


def _object(members: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{json.dumps(name, ensure_ascii=False)}: {text}" for name, text in members.items()) + "}"


def _nested(words: Sequence[str], shape: Sequence[int]) -> str:
    """Words, of an array's values in their order, in brackets."""
    for size in reversed(shape):
        parts = len(words) // size if size else math.prod(shape[: shape.index(size)])
        words = [f"[{', '.join(words[part * size : (part + 1) * size])}]" for part in range(parts)]
    return words[0]


def _words(name: str, array: np.ndarray) -> list[str]:
    """Each value of an array as JSON has it."""
    flat = array.ravel()
    if array.dtype == object or array.dtype.kind in "SU":
        binary = name.endswith("_bytes")
        return [_encoded(value) if binary else _quoted(value) for value in flat]
    if array.dtype == bool:
        return ["true" if value else "false" for value in flat]
    if array.dtype.str[1:] not in HELD:
        kind = {"float16": "half"}.get(array.dtype.name, array.dtype.name)
        raise Refused(f"Failed to write JSON value for tensor type: {kind}")
    if array.dtype.kind == "f":
        return decimals(flat)
    return [str(value) for value in flat.tolist()]


def _encoded(value: Any) -> str:
    return f'{{"b64": "{base64.b64encode(_raw(value)).decode()}"}}'


def _quoted(value: Any) -> str:
    return json.dumps(_raw(value).decode("utf-8", errors="surrogateescape"), ensure_ascii=False)


def _raw(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()

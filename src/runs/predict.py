"""Asking a trained model from Python: arrays in the types of a request, and its answers."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from src.errors import UserError, refusal
from src.signatures import Request


class Refused(UserError):
    """Values that a model refuses, such as a text that is no picture.

    Args:
        signature: that was asked.
        reason: without a full stop.
    """

    def __init__(self, signature: str, reason: str):
        super().__init__(f"{signature}: {reason}.")
        self.reason = reason


def predict(ask: Callable, signature: str, request: Request, raw: Any, batch: int) -> dict[str, np.ndarray]:
    """The named answers to raw requests, texts as str.

    Args:
        ask: the signature as a graph.
        signature: its name, for messages.
        request: the spec of each input.
        raw: an array of requests, or {input: array}; the first axis is the batch.
        batch: requests answered at a time.

    Raises:
        UserError: for requests of another name, shape or type; Refused for those that the model refuses.
    """
    given = raw if isinstance(raw, Mapping) else {next(iter(request)): raw}
    if set(given) != set(request):
        raise UserError(f"{signature} takes {', '.join(request)}; it was given {', '.join(given)}.")
    arrays = {name: _array(given[name], spec) for name, spec in request.items()}
    if batch < 1:
        raise UserError(f"batch has to be 1 or more, not {batch}.")
    sizes = {len(array) for array in arrays.values()}
    if len(sizes) != 1 or sizes == {0}:
        raise UserError(f"All inputs need one length above 0, not {', '.join(map(str, sorted(sizes)))}.")
    try:
        parts = [
            ask({name: tf.constant(array[start : start + batch]) for name, array in arrays.items()})
            for start in range(0, max(sizes), batch)
        ]
    except tf.errors.InvalidArgumentError as error:
        raise Refused(signature, _reason(error.message)) from error
    return {name: _readable(name, _joined([part[name].numpy() for part in parts])) for name in parts[0]}


def _array(given: Any, spec: tf.TensorSpec) -> np.ndarray:
    """`given` in the type and shape of `spec`; raises UserError where that would change a value."""
    is_text = spec.dtype == tf.string
    array = np.asarray(given, object if is_text else None)  # an array of bytes would lose zeros at their ends
    if array.ndim == spec.shape.rank - 1 and spec.shape[-1] == 1:
        array = array[..., np.newaxis]  # as images and series may have one channel without saying so
    if array.ndim != spec.shape.rank or not spec.shape.is_compatible_with(array.shape):
        raise UserError(f"{spec.name} has the shape {spec.shape}, batch first; it was given {array.shape}.")
    if is_text:
        texts = ["" if text is None or text != text else text for text in array.ravel().tolist()]  # missing: empty
        if not all(isinstance(text, (str, bytes)) for text in texts):
            raise UserError(f"{spec.name} takes texts; it was given {given!r:.60}.")
        return np.array(texts, object).reshape(array.shape)
    try:
        converted = array.astype(spec.dtype.as_numpy_dtype)
    except (TypeError, ValueError):
        raise UserError(f"{spec.name} takes {spec.dtype.name}; it was given {array.dtype}.") from None
    if not (array.dtype.kind == converted.dtype.kind == "f" or np.array_equal(converted, array, equal_nan=True)):
        raise UserError(f"{spec.name} takes {spec.dtype.name}; some of the given numbers don't fit.")
    return converted


def _reason(message: str) -> str:
    """Why a graph refused, without its nodes: `{{function_node f}} assertion failed: [x is no number] [[{{node…`."""
    if asserted := re.search(r"assertion failed: (.*)", message):
        return re.sub(r"[][]", "", refusal(asserted[1])).strip()
    return refusal(message).splitlines()[0].split("}} ")[-1].removesuffix(".")


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    """The answers of all parts; masks of pictures of several sizes are filled up with 255, as within a part."""
    if len({part.shape[1:] for part in parts}) == 1:
        return np.concatenate(parts)
    shape = np.max([part.shape for part in parts], axis=0)[1:]
    joined = np.full((sum(map(len, parts)), *shape), 255, parts[0].dtype)
    for rows, part in zip(np.split(joined, np.cumsum([*map(len, parts)])[:-1]), parts, strict=True):
        rows[tuple(slice(size) for size in part.shape)] = part
    return joined


def _readable(name: str, column: np.ndarray) -> np.ndarray:
    """Texts as str; a name that ends in "_bytes" holds bytes, as in TensorFlow Serving."""
    if column.dtype != object or name.endswith("_bytes"):
        return column
    return np.array([value.decode() for value in column.ravel()]).reshape(column.shape)

"""`:classify` and `:regress`: examples of named features, for signatures that take serialized `tf.train.Example`s."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from src.serving.local import reading
from src.serving.local.digits import decimals
from src.serving.local.errors import Refused
from src.serving.local.parsing import kind, pretty
from src.serving.local.servable import Servable

INPUT = "inputs"


def serialized(request: Mapping[str, Any]) -> np.ndarray:
    """The examples of a request; raises Refused for what is none."""
    given = request.get("examples")
    if "examples" not in request:
        why = "When method is classify, key 'examples' is expected and was not found"
        raise Refused(f"JSON Value: {pretty(request)} {why}")
    if not isinstance(given, list):
        raise Refused(f"JSON Value: {pretty(request)} Expecting 'examples' value to be an list/array")
    if not given:
        raise Refused(f"JSON Value: {pretty(request)} 'examples' value is an empty array")
    context = _features(request["context"]) if "context" in request else {}
    examples = []
    for example in given:
        features = tf.train.Features(feature={**context, **_features(example)})
        examples.append(tf.train.Example(features=features).SerializeToString())
    return np.array(examples, object)


def answer(servable: Servable, name: str, verb: str, examples: np.ndarray, timeout_s: float) -> bytes:
    """What the model says of them: classes and scores, or numbers."""
    signature = servable.signature(name)
    if set(signature.types) != {INPUT} or signature.types[INPUT] != tf.string:
        what = "classification" if verb == "classify" else "regression"
        raise Refused(f"No {what} inputs found in SignatureDef: {servable.definitions[name]}")
    outputs = servable.ask(name, {INPUT: examples}, timeout_s)
    rows = _classes(outputs, len(examples)) if verb == "classify" else _numbers(outputs, len(examples))
    return f'{{"results": [{", ".join(rows)}]}}'.encode("utf-8", errors="surrogateescape")


def _classes(outputs: Mapping[str, np.ndarray], count: int) -> list[str]:
    classes, scores = outputs.get("classes"), outputs.get("scores")
    given = classes if classes is not None else scores
    if given is None:
        raise Refused("Expected classification signature outputs Tensor to have 'classes' or 'scores'")
    shape = given.shape
    if len(shape) != 2 or shape[0] != count:
        raise Refused(f"Expected 2-dimensional outputs with a row for each of {count} examples; there are {shape}")
    names = [_quoted(value) for value in classes.ravel()] if classes is not None else ['""'] * (shape[0] * shape[1])
    figures = decimals(scores.ravel().astype("float32")) if scores is not None else ["0.0"] * len(names)
    pairs = [f"[{name}, {figure}]" for name, figure in zip(names, figures, strict=True)]
    return [f"[{', '.join(pairs[row * shape[1] : (row + 1) * shape[1]])}]" for row in range(count)]


def _numbers(outputs: Mapping[str, np.ndarray], count: int) -> list[str]:
    if "outputs" not in outputs:
        raise Refused("No regression outputs found in SignatureDef: it has no 'outputs'")
    values = outputs["outputs"]
    if values.size != count:
        raise Refused(f"Expected one number for each of {count} examples; there are {values.size}")
    return decimals(values.ravel().astype("float32"))


def _quoted(value: Any) -> str:
    return pretty(value.decode("utf-8", errors="surrogateescape") if isinstance(value, bytes) else str(value))


def _features(example: Any) -> dict[str, tf.train.Feature]:
    if not isinstance(example, dict):
        raise Refused(f"Example must be JSON object but got JSON {kind(example)}")
    return {name: _feature(name, value if isinstance(value, list) else [value]) for name, value in example.items()}


def _feature(name: str, values: list) -> tf.train.Feature:
    """Texts, integers or decimal numbers, one kind in a feature."""
    kinds = {_kind(name, value) for value in values}
    if len(kinds) > 1:
        raise Refused(f"Unexpected element type in feature: {name} expecting type: {_kind(name, values[0])}")
    if kinds == {"bytes"}:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=map(reading.raw_bytes, values)))
    if kinds == {"float"}:
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    if any(not -(2**63) <= value < 2**63 for value in values):
        raise Refused(f"Feature: {name} has uint64 element. Only int64 is supported.")
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value) for value in values]))


def _kind(name: str, value: Any) -> str:
    match value:
        case str():
            return "bytes"
        case dict() if reading.is_base64(value):
            return "bytes"
        case bool() | int():
            return "int64"
        case float():
            return "float"
    raise Refused(f"Feature: {name} has element with unexpected JSON type: {kind(value)}")

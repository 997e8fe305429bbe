"""Verify an export in a clean process: what TensorFlow Serving will load, asked what it will be asked.

    python -I src/exporting/verify.py

imports TensorFlow, then reads lines of JSON from its input, {"export": folder, "cases": file}, and answers each by a
line of JSON: {"problems": [text, …], "differences": {signature: {output: largest absolute difference}}}.

It imports nothing of this project, so nothing of it can be needed where the export is served. The cases are, by
signature, {"request": {input: column}, "answers": {output: column}} in TensorFlow Serving's JSON.
"""

import base64
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import closing

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef, TensorInfo

Arrays = Mapping[str, np.ndarray]

PNG = b"\x89PNG"  # how such a picture begins
TRIED = 32  # inputs of one type and shape that are sent in wrong shapes
# What TensorFlow Serving can read from JSON and write to it.
JSON_TYPES = {
    tf.float32, tf.float64, tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint32, tf.uint64, tf.bool, tf.string,
}  # fmt: skip


def verify(export: str, cases: dict) -> dict:
    """The problems that a server would have with `export`, and how far its answers are from those expected."""
    loaded = tf.saved_model.load(export)
    with closing(tf.compat.v1.Session(graph=tf.Graph())) as session:
        # The loader that TensorFlow Serving uses: it fails where tf.saved_model.load doesn't.
        meta = tf.compat.v1.saved_model.loader.load(session, [tf.saved_model.SERVING], export)
        problems, differences = structure(meta, cases), {}
        for name, case in cases.items():
            signature = meta.signature_def[name]
            request, expected = columns(signature.inputs, case["request"]), columns(signature.outputs, case["answers"])
            alone = {key: column[:1] for key, column in request.items()}
            tensors = {key: tf.constant(column) for key, column in request.items()}
            ask = served(session, signature)
            ways = {
                "served": (ask(request), expected),
                "served alone": (ask(alone), {k: column[:1] for k, column in expected.items()}),
                "loaded": ({k: v.numpy() for k, v in loaded.signatures[name](**tensors).items()}, expected),
            }
            for way, (given, right) in ways.items():
                problems += mismatches(f"{name}, {way}", right, given)
            differences[name] = {
                key: max(difference(right[key], given[key]) for given, right in ways.values()) for key in expected
            }
            problems += survivors(name, ask, request)
    return {"problems": problems, "differences": differences}


def structure(meta: tf.compat.v1.MetaGraphDef, cases: dict) -> list[str]:
    """What is wrong with the graph itself: ops and shapes that a server refuses."""
    problems = []
    missing = set(cases) - set(meta.signature_def)
    if missing or "serving_default" not in meta.signature_def:
        problems.append(f"signatures are missing: {', '.join(sorted(missing | {'serving_default'}))}")
    for function in meta.graph_def.library.function:
        if function.attr["_XlaMustCompile"].b:
            problems.append(f"the function {function.signature.name} has to be compiled by XLA")
        nodes = {node.op for node in function.node_def}
        problems += [f"{op} runs Python, which a server doesn't have" for op in sorted(nodes) if "PyFunc" in op]
    for name, signature in meta.signature_def.items():
        if name.startswith("__"):
            continue  # the graph's own start, which nobody asks
        for key, info in [*signature.inputs.items(), *signature.outputs.items()]:
            shape, kind = tf.TensorShape(info.tensor_shape), tf.as_dtype(info.dtype)
            if kind not in JSON_TYPES:
                problems.append(f"{name}: {key} is {kind.name}, which JSON can't hold")
            if shape.rank == 0 or (shape.rank and shape[0] is not None):
                problems.append(f"{name}: {key} has the shape {shape}; the first dimension has to be a free batch")
    return problems


def served(session: tf.compat.v1.Session, signature: SignatureDef, timeout_s: float = 0) -> Callable[[Arrays], dict]:
    """From a request to the named answers, computed as a server does.

    `_make_callable_from_options` is a private name: `session.run` and the public `make_callable` check the shapes of
    what they are fed in Python, so that a request which would end a server's process never reaches the graph.
    tests/exporting/test_verify.py watches both. It stands here and not with the others in src/system/private.py, as
    this file is run without the project.

    Args:
        session: with the loaded graph.
        signature: of the graph.
        timeout_s: in which an answer has to be there; 0 for any time.
    """
    inputs = {key: info.name for key, info in signature.inputs.items()}
    outputs = {key: info.name for key, info in signature.outputs.items()}
    options = config_pb2.CallableOptions(feed=inputs.values(), fetch=outputs.values())
    options.run_options.timeout_in_ms = int(1000 * timeout_s)
    run = session._make_callable_from_options(options)  # slow where there are many inputs, so once
    return lambda request: dict(zip(outputs, run(*(request[key] for key in inputs)), strict=True))


def survivors(name: str, ask: Callable[[Arrays], dict], request: Arrays) -> list[str]:
    """Requests of a wrong shape or rank that are answered: a convolution given one would kill the server.

    Every input is tried, but of those of one type and shape only the first few: a table may have a thousand columns,
    and each try sends them all. The export guards all inputs in one loop, so what holds for these holds for the others.
    """
    problems, of_one_kind = [], defaultdict(list)
    for key, column in request.items():
        of_one_kind[column.dtype, column.shape].append(key)
    for key in (key for keys in of_one_kind.values() for key in keys[:TRIED]):
        column = request[key]
        wrong = [np.expand_dims(column, -1)]
        wrong += [np.concatenate([column, column], axis=axis) for axis in range(1, column.ndim)]
        for bad in wrong:
            try:
                ask({**request, key: bad})
            except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
                continue
            problems.append(f"{name} answers {key} of the wrong shape {bad.shape}")
    return problems


def columns(tensors: Mapping[str, TensorInfo], case: Mapping[str, list]) -> dict[str, np.ndarray]:
    """The arrays of a case, in the types of a signature's inputs or outputs."""
    return {
        name: from_json(case[name], tf.as_dtype(info.dtype), name, tf.TensorShape(info.tensor_shape))
        for name, info in tensors.items()
    }


def mismatches(where: str, expected: Arrays, given: Arrays) -> list[str]:
    """Differences that no tolerance excuses: another shape, another text."""
    problems = []
    for name, column in expected.items():
        if column.shape != given[name].shape:
            problems.append(f"{where}: {name} has the shape {given[name].shape} instead of {column.shape}")
        elif column.dtype == object:
            pairs = enumerate(zip(column.flat, given[name].flat, strict=True))
            for number, (right, wrong) in [pair for pair in pairs if not alike(*pair[1])][:1]:
                problems.append(f"{where}: {name} is {wrong} instead of {right}, number {number}")
    return problems


def alike(expected: bytes, given: bytes) -> bool:
    """Whether two texts are the same, or two pictures but for rounding."""
    if expected == given or not (expected.startswith(PNG) and given.startswith(PNG)):
        return expected == given
    pictures = [tf.io.decode_png(content).numpy() for content in (expected, given)]
    return pictures[0].shape == pictures[1].shape and difference(*pictures) == 0


def difference(expected: np.ndarray, given: np.ndarray) -> float:
    """The largest difference, as a share of the number where it is above 1; a pixel, uint8, may be off by one."""
    if expected.dtype == object or expected.shape != given.shape or not expected.size:
        return 0.0
    rounding = 1 if expected.dtype == np.uint8 else 0
    expected, given = expected.astype("float64"), given.astype("float64")
    apart = np.maximum(np.abs(expected - given) - rounding, 0) / np.maximum(1.0, np.abs(expected))
    apart[(np.isnan(expected) & np.isnan(given)) | (expected == given)] = 0.0
    return float(np.nan_to_num(apart, nan=np.inf).max())


def from_json(column: list, kind: tf.DType, name: str = "", shape: tf.TensorShape | None = None) -> np.ndarray:
    """A column of TensorFlow Serving's JSON as an array of the type `kind`, no value changed but for rounding.

    Args:
        name: of the input or output, by which an error calls it.
        shape: that the array has to have; None for any.

    Raises:
        ValueError: for a value that isn't of `kind`, such as 0.43 or 300 for uint8, or for another shape.
    """
    try:
        given = np.array(_nested(_bytes, column), object) if kind == tf.string else np.array(column)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ValueError(f"{name}: {column!r:.60} is no array of {kind.name}") from None
    if not tf.TensorShape(shape).is_compatible_with(given.shape):
        raise ValueError(f"{name} has the shape {given.shape} instead of {shape}")
    return given if kind == tf.string else _as_numbers(given, kind, name)


def to_json(column: np.ndarray) -> list:
    """An array as a column of TensorFlow Serving's JSON; bytes that are no text become {"b64": …}."""
    return _nested(_text, column.tolist()) if column.dtype.kind in "OSU" else column.tolist()


def _nested(change: Callable, values: list) -> list:
    return [_nested(change, value) if isinstance(value, list) else change(value) for value in values]


def _bytes(value: str | bytes | dict[str, str]) -> bytes:
    if isinstance(value, bytes):
        return value
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value.encode()


def _text(value: bytes | str) -> str | dict[str, str]:
    if isinstance(value, str):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode()}


def _as_numbers(given: np.ndarray, kind: tf.DType, name: str) -> np.ndarray:
    """An array in the type `kind`; raises ValueError for a value that it can't hold as it is."""
    kinds = "b" if kind.is_bool else "iu" if kind.is_integer else "iuf"
    if given.dtype.kind not in "biuf":
        raise ValueError(f"{name}: {given.ravel()[:1].tolist()[0]!r:.60} is no {kind.name}")
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = given.astype(kind.as_numpy_dtype)
    changed = np.isinf(numbers) & np.isfinite(given) if kind.is_floating else numbers != given
    if given.size and given.dtype.kind not in kinds and not changed.any():
        changed = np.ones(given.shape, bool)  # such as 2.0, which no server takes for an integer
    if changed.any():
        raise ValueError(f"{name}: {given[changed][:1].tolist()[0]!r} is no {kind.name}")
    return numbers


def main() -> None:
    """Answers each request on the standard input, until that ends."""
    for line in sys.stdin:
        request = json.loads(line)
        with open(request["cases"], encoding="utf-8") as file:
            print(json.dumps(verify(request["export"], json.load(file))), flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)  # the process that asked tells the user

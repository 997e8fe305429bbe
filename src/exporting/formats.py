"""Formats for other runtimes: a run as one file for ONNX Runtime or LiteRT, proved equal before it is published.

The file has the numeric part of the way from a raw request to named answers. It begins at the raw request where that
is all numbers, else, where there are texts in it, at the model's features (docs/contracts.md); it gives the answers
that are numbers. What they mean is inside, as `about.json`: the specs, with the names of classes or tokens.
"""

import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from src.errors import UserError
from src.exporting.requests import requests_of
from src.exporting.verify import difference, from_json, mismatches
from src.runs.run import Run
from src.signatures import DEFAULT, features_of, request_of
from src.system.program import PYTHON
from src.system.quiet import hidden_log

ABOUT = "about.json"
# How converters and runtimes name an op that they haven't.
MISSING_OP = re.compile(r"(?:'tf\.|No Op registered for |Could not find an implementation for )(\w+)")

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Format:
    """A format: what it is called and needs, and how its files are written and asked."""

    title: str
    ending: str
    packages: tuple[str, ...]  # in versions that work with TensorFlow 2.21
    write: Callable[["Numbers", str, Path], None]
    opened: Callable[[Path], Callable[..., Arrays]]

    def require(self) -> None:
        """Raises a UserError where one of its packages isn't installed."""
        names = [package.split("==")[0].replace("-", "_") for package in self.packages]
        if not all(map(find_spec, names)):
            raise UserError(f"{self.title} needs more packages: {PYTHON} -m pip install {' '.join(self.packages)}")


class Numbers(keras.Model):
    """The numeric part of a run's default signature, from a dict to a dict, as converters take it.

    Attributes:
        request: the spec of each input.
        examples: sample inputs.
    """

    def __init__(self, run: Run):
        super().__init__(name="numbers", autocast=False)
        self.parts = [run.model, run.preprocess]
        self.ask, self.request = run.signatures[DEFAULT]
        if run.task.on_picture:  # what is done for the picture that was given needs ops that others lack
            self.ask = lambda raw: run.task.answers(run.model(features_of(run.preprocess, raw), training=False))
        raw = requests_of(run)[DEFAULT]
        self.examples: Arrays = {name: from_json(raw[name], spec.dtype) for name, spec in self.request.items()}
        if tf.string in {spec.dtype for spec in self.request.values()}:
            self.examples = _features(run, self.examples)
            self.ask = lambda features: run.task.answers(features_of(run.model, features))
            self.request = request_of(run.model)
        self.built = True

    def call(self, given: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The answers that are numbers."""
        answers = {name: column for name, column in self.ask(given).items() if column.dtype != tf.string}
        # In ONNX an input and an output can't have one name.
        return {f"{name}_answer" if name in given else name: column for name, column in answers.items()}


class Heard(keras.Model):
    """A functional model that keeps the features that it is asked."""

    features: Any = None

    def call(self, features: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The prediction."""
        self.features = features
        return super().call(features, training=training, mask=mask)


def convert(run: Run, format: str, path: Path) -> dict:
    """Writes `run` to the file `path` and asks it the run's sample requests, one alone and all together.

    Returns:
        "problems" and "differences", as src/exporting/verify.py finds them in a SavedModel.

    Raises:
        UserError: where a package is missing, or the format can't hold the model.
    """
    kind = FORMATS[format]
    with hidden_log():
        numbers = Numbers(run)  # first, as nobody installs packages for a model that they can't hold
        kind.require()
        together = {name: np.concatenate([column, column]) for name, column in numbers.examples.items()}  # two at least
        expected = {name: column.numpy() for name, column in numbers(_tensors(together)).items()}
        if not expected:
            raise UserError(f"{kind.title} can't hold this model: its answers are all texts. The SavedModel can.")
        try:
            kind.write(numbers, _about(run), path)
            ask = kind.opened(path)
            ways = {size: (_first(expected, size), ask(**_first(together, size))) for size in (1, None)}
        except OSError:  # such as a full disk
            raise
        except Exception as error:  # of many kinds, by converters and runtimes
            raise UserError(_refusal(kind, run, str(error))) from error
    return _compared(kind, ways)


def _about(run: Run) -> str:
    """What the numbers mean: the specs, and the texts behind indices that preprocessing makes."""
    lookups = [layer for layer in run.preprocess.layers if hasattr(layer, "get_vocabulary")]
    vocabularies = {layer.name: layer.get_vocabulary() for layer in lookups}
    content = {key: run.config[key] for key in ("model", "data", "task", "inputs", "outputs")}
    return json.dumps({**content, "vocabularies": vocabularies}, ensure_ascii=False)


def _compared(kind: Format, ways: Mapping[int | None, tuple[Arrays, Arrays]]) -> dict:
    problems: list[str] = []
    differences: dict[str, float] = {}
    for size, (expected, given) in ways.items():
        problems += mismatches(f"{kind.title}, batch of {size or 'several'}", expected, given)
        for name, column in expected.items():
            differences[name] = max(differences.get(name, 0.0), difference(column, given[name]))
    return {"problems": problems, "differences": {DEFAULT: differences}}


def _refusal(kind: Format, run: Run, error: str) -> str:
    ops = ", ".join(sorted(set(MISSING_OP.findall(error))))
    reason = f"it has nothing for TensorFlow's {ops}" if ops else error.splitlines()[0].split("failed:")[-1].rstrip(".")
    others = " or ".join(f"--format {name}" for name, other in FORMATS.items() if other is not kind)
    precision = run.config["resolved"]["precision"]
    half = "" if precision == "float32" else f", as may this one trained in float32, not {precision}"
    return f"{kind.title} can't hold this model: {reason}. The SavedModel can; {others} may{half}."


def _features(run: Run, raw: Arrays) -> Arrays:
    """What the model is given when the default signature is asked `raw`, by the model's input."""
    heard = Run(run.path)
    heard.model = Heard(run.model.input, run.model.output)
    ask, _ = heard.signatures[DEFAULT]
    ask(_tensors(raw))
    if heard.model.features is None:
        raise UserError("This model answers step by step, which ONNX and LiteRT can't hold. The SavedModel can.")
    features = keras.tree.flatten(heard.model.features)
    return {tensor.name: column.numpy() for tensor, column in zip(run.model.inputs, features, strict=True)}


def _tensors(arrays: Arrays) -> dict[str, tf.Tensor]:
    return {name: tf.constant(column) for name, column in arrays.items()}


def _first(arrays: Arrays, size: int | None) -> dict[str, np.ndarray]:
    return {name: column[:size] for name, column in arrays.items()}


def _write_onnx(numbers: Numbers, about: str, path: Path) -> None:
    import tf2onnx

    # Not Keras' own export, which makes inputs of constants such as those of Normalization.
    proto, _ = tf2onnx.convert.from_keras(numbers, [dict(numbers.request)], custom_op_handlers={"Erfc": (_erfc, [])})
    proto.metadata_props.add(key=ABOUT, value=about)
    path.write_bytes(proto.SerializeToString())


def _erfc(graph, node, name, args) -> None:
    """1 - erf(x), which tf2onnx lacks; it is in GELU."""
    erf = graph.make_node("Erf", node.input)
    one = graph.make_const(f"{name}/one", np.ones((), "float32"))
    graph.remove_node(name)
    graph.make_node("Sub", [one.output[0], erf.output[0]], name=name, outputs=node.output)


def _open_onnx(path: Path) -> Callable[..., Arrays]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda **given: dict(zip(names, session.run(names, given), strict=True))


def _write_litert(numbers: Numbers, about: str, path: Path) -> None:
    own = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}  # none that LiteRT borrows from TensorFlow
    numbers.export(path, "litert", input_signature=[dict(numbers.request)], target_spec=own, verbose=False)
    with zipfile.ZipFile(path, "a") as file:  # appended, as LiteRT's own metadata is
        file.writestr(ABOUT, about)


def _open_litert(path: Path) -> Callable[..., Arrays]:
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(str(path)).get_signature_runner()


FORMATS = {
    "onnx": Format(
        "ONNX", ".onnx", ("onnx==1.23.2", "tf2onnx==1.17.0", "onnxruntime==1.31.1"), _write_onnx, _open_onnx
    ),
    "litert": Format("LiteRT", ".tflite", ("ai-edge-litert==2.3.0",), _write_litert, _open_litert),
}

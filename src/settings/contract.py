"""What the files that are dropped in have to return, told in one line that names the file (docs/contracts.md).

The contract tests ask for more; this is what would otherwise end deep in Keras, after minutes of training.
"""

import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from src.errors import UserError
from src.settings import catalogue
from src.settings.catalogue import DataFile, ModelFile, TaskFile
from src.settings.knobs import shown
from src.signatures import Request, features_of, request_of
from src.sources.memory import Source
from src.specs import Classes, Data, NextToken, Output

TRIED = 3  # examples that are sent through each door


@contextmanager
def mistakes_in(file: ModelFile | DataFile | TaskFile) -> Iterator[None]:
    """Turns an exception of the file's own code into a UserError that names file and line."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if isinstance(error, ValueError) and getattr(file, "named_by", ""):
            raise UserError(str(error)) from error  # it is about the user's own files, not about the code
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(file.path)]
        where = ":".join([shown(file.path), *map(str, lines[-1:])])
        match error:
            case OSError(filename=str(name), strerror=str(what)):
                said = f"{name}: {what}"
            case ValueError():
                said = str(error)
            case _:
                said = f"{type(error).__name__}: {error}"
        raise UserError(f"{where}: {said}\n--debug shows the traceback.") from error


def load_data(file: DataFile, knobs: Mapping[str, Any], wanted: Iterable[type] = ()) -> Data:
    """The data set, checked.

    Args:
        file: of the data set.
        knobs: of its `load`.
        wanted: outputs, of which it has to have one; any will do where there are several.

    Raises:
        UserError: where it can't be loaded, or isn't what the file says.
    """
    chosen = [kind for kind in file.outputs if kind in wanted]
    hint = [chosen[0] if len(chosen) == 1 else None] if len(file.outputs) > 1 else []
    with mistakes_in(file):
        data = catalogue.load(file).load(*hint, **knobs)
    check_data(file, data)
    return data


def check_data(file: DataFile, data: Data) -> None:
    """Raises a UserError where `data`, which the file's `load` returned, isn't what the file says.

    Only the first examples are looked at; `check_examples` looks at all.
    """
    need = partial(_need, file)
    need(isinstance(data, Data), f"load has to return a Data of src/specs.py, not {data!r:.60}")
    for side, kinds, spec in (("INPUTS", file.inputs, data.inputs), ("OUTPUTS", file.outputs, data.outputs)):
        need(type(spec) in kinds, f"{side} doesn't name {type(spec).__name__}, of which kind load's are")
    need(isinstance(data.preprocess, keras.Model), "preprocess has to be a keras.Model")
    request = request_of(data.preprocess)
    for name in request:
        plain = re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) is not None
        need(plain, f"the input {name!r} needs a name of letters, digits and underscores")
    for split in ("train", "validation"):  # test may not be wanted
        with mistakes_in(file):
            _check_request(need, split, getattr(data, split), request)
    for name, door in data.doors.items():
        if hasattr(door, "encode"):
            _check_door(need, name, door, data.train.examples(TRIED)[0], request)


def check_examples(file: DataFile, preprocess: keras.Model, splits: Mapping[str, Source]) -> list[str]:
    """Holds all examples to what `preprocess` asks, and says what looks wrong and may still be right.

    A split is read only where an input has numbers whose type doesn't say already that they fit.

    Raises:
        UserError: for a number that its input can't hold, or that makes features infinite or not a number.
    """
    need, request, warnings = partial(_need, file), request_of(preprocess), []
    for split, source in splits.items():
        with mistakes_in(file):
            types = _check_request(need, split, source, request)
            doubtful = {name: spec.dtype for name, spec in request.items() if _may_not_fit(types[name], spec.dtype)}
            missing = _check_numbers(need, split, source, preprocess, doubtful) if doubtful else []
        if split == "train":
            warnings += [f"{name}: all numbers of train are missing: leave the input out" for name in missing]
    return warnings


def check_targets(file: DataFile, adapt: Callable, outputs: Output, splits: Mapping[str, Source]) -> Output:
    """The outputs that a task's `adapt` makes of train; the targets of the other splits are held to it, too.

    Raises:
        UserError: for targets that can't be, naming the split.
    """
    found = {}
    for split, source in splits.items():
        with mistakes_in(file):
            try:
                found[split] = adapt(outputs, source)
            except ValueError as error:
                raise ValueError(f"{split}: {error}") from error
    return found["train"]


def check_model(file: ModelFile, model: keras.Model, outputs: Output) -> None:
    """Raises a UserError where `model`, which the file's `build` returned, can't be trained to predict `outputs`."""
    need = partial(_need, file)
    end = "end it with `return keras.Model(tensors, predictions)`"
    need(model is not None, f"build has to return a keras.Model, and returns nothing: {end}")
    need(isinstance(model, keras.Model), f"build has to return a keras.Model, not {model!r:.60}")
    functional = hasattr(model, "operations")
    kind = type(model).__name__
    need(
        functional,
        f"build has to return a functional model, from features to prediction; {kind} has only a `call` of its own: "
        "make its layers in build, and end with `return keras.Model(tensors, predictions)`",
    )
    shapes = [tuple(tensor.shape) for tensor in keras.tree.flatten(model.outputs)]
    wanted = ", ".join(["batch", *("time" if size is None else str(size) for size in outputs.shape)])
    fits = len(shapes) == 1 and tf.TensorShape([None, *outputs.shape]).is_compatible_with(shapes[0])
    need(
        fits,
        f"build has to return a model that predicts ({wanted}) for {type(outputs).__name__}, not "
        f"{' and '.join(map(str, shapes))}. src/layers.py has head(outputs)",
    )
    last = model.operations[-1]
    squashes = getattr(getattr(last, "activation", None), "__name__", type(last).__name__).lower()
    need(
        not (isinstance(outputs, Classes | NextToken) and squashes in ("softmax", "sigmoid", "log_softmax")),
        f"the model ends in a {squashes}, and the task makes probabilities of its predictions once more: give logits, "
        "by head(outputs) of src/layers.py or a Dense without activation",
    )


def unexplained(*files: ModelFile | DataFile | TaskFile) -> list[str]:
    """A line for each knob of the files that has no help."""
    owners = {ModelFile: "build", DataFile: "load", TaskFile: "Task"}
    lacks = "has no line under Args: in {}'s docstring, which is its help"
    return [
        f"{knob.where}: the knob {knob.name!r} {lacks.format(owners[type(file)])}"
        for file in files
        for knob in file.knobs
        if not knob.help
    ]


def _need(file: DataFile | ModelFile, holds: bool, what: str) -> None:
    if not holds:
        raise UserError(f"{shown(file.path)}: {what}.")


def _check_request(need: Callable, split: str, source: Source, request: Request) -> dict[str, tf.DType]:
    """Holds the first example to the request: names, types and shapes; gives the type of each input."""
    need(len(source) > 0, f"the split {split} has no examples")
    raw, _ = source.examples(1)
    need(set(raw) == set(request), f"examples have {', '.join(raw)}, but preprocess takes {', '.join(request)}")
    types = {name: tf.as_dtype(column.dtype) for name, column in raw.items()}
    for name, spec in request.items():
        found, wanted = types[name], spec.dtype
        what = f"{name}: the examples of {split} are {found.name}, the request is {wanted.name}"
        need(_fits(found, wanted), f"{what}: give {wanted.name}, or make the Input {found.name}")
        given, taken = raw[name].shape[1:], spec.shape[1:]
        alike = taken.is_compatible_with(given)
        need(alike, f"{name} has the shape {given} an example in {split}, but preprocess takes {taken}")
    return types


def _check_door(need: Callable, name: str, door: Any, raw: Mapping[str, np.ndarray], request: Request) -> None:
    """Sends some examples through a door."""
    try:
        asked = door.encode(raw)
        given = door({key: tf.constant(asked[key], spec.dtype) for key, spec in door.request.items()})
    except Exception as error:  # whatever the code of a file ends in
        said = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        need(False, f"the door {name} fails on what its encode makes of the first examples: {said}")
    need(
        set(given) == set(request),
        f"the door {name} gives {', '.join(given)}, but preprocess takes {', '.join(request)}",
    )
    for key, spec in request.items():
        fits = given[key].dtype == spec.dtype and spec.shape.is_compatible_with(given[key].shape)
        what = f"the door {name} gives {key} as {given[key].dtype.name} {tuple(given[key].shape)}"
        need(fits, f"{what}, but preprocess takes {spec.dtype.name} {tuple(spec.shape)}")


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
    need: Callable, split: str, source: Source, preprocess: keras.Model, doubtful: Mapping[str, tf.DType]
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
                need(False, f"{name}: {what}, which {why}")
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
    found = np.ones((examples, 1), bool)
    for tensor in keras.tree.flatten(features):
        if tensor.dtype.is_floating:
            found &= np.isfinite(tensor).reshape(examples, -1).all(axis=1, keepdims=True)
    return found

"""What the files that are dropped in have to return, told in one line that names the file (docs/contracts.md).

The contract tests ask for more; this is what would otherwise end deep in Keras, after minutes of training.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from src.data import Data, Door, Source
from src.errors import UserError
from src.settings import catalogue
from src.settings.catalogue import DataFile, ModelFile, TaskFile
from src.settings.examples import Require, check_request
from src.settings.mistakes import mistakes_in, mistakes_while_training, need
from src.signatures import Request, Steps, features_of, request_of
from src.specs import Classes, Input, NextToken, Output
from src.task import Task

TRIED = 3  # examples that are sent through each door


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
        data = file.load(*hint, **knobs)
    check_data(file, data)
    return data


def check_data(file: DataFile, data: Data) -> None:
    """Raises a UserError where `data`, which the file's `load` returned, isn't what the file says.

    Only the first examples are looked at; `check_examples` looks at all.
    """
    require = partial(need, file)
    require(isinstance(data, Data), f"load has to return a Data of src/data.py, not {data!r:.60}")
    for side, kinds, spec in (("INPUTS", file.inputs, data.inputs), ("OUTPUTS", file.outputs, data.outputs)):
        require(type(spec) in kinds, f"load returns {type(spec).__name__}, which {side} doesn't list")
    require(isinstance(data.preprocess, keras.Model), "preprocess has to be a keras.Model")
    request = request_of(data.preprocess)
    for name in request:
        plain = re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) is not None
        require(plain, f"the input {name!r} needs a name of letters, digits and underscores")
    for split in ("train", "validation"):  # test may not be wanted
        with mistakes_in(file):
            check_request(require, split, getattr(data, split), request)
    for name, door in data.doors.items():
        _check_door(require, name, door, data.train.examples(TRIED)[0], request)


def check_targets(data: DataFile, task: TaskFile, outputs: Output, splits: Mapping[str, Source]) -> Output:
    """The outputs that the task's `adapt` makes of train; the targets of the other splits are held to it, too.

    Raises:
        UserError: for targets that can't be, naming the split.
    """
    adapt = catalogue.load(task).adapt
    adapted = {}
    for split, source in splits.items():
        with mistakes_in(data), mistakes_while_training(task):
            try:
                adapted[split] = adapt(outputs, source)
            except ValueError as error:
                raise UserError(f"{data.where}: the targets of {split}: {error}") from error
    return adapted["train"]


def check_task(file: TaskFile, task: Any) -> None:
    """Raises a UserError where what the file's Task makes isn't a task."""
    base = "Task has to derive from the one of src/task.py: `from src import task`, then `class Task(task.Task):`"
    need(file, isinstance(task, Task), base)
    for name in ("monitor", "direction"):
        need(file, hasattr(task, name), f"Task needs a line {name} = …; see docs/contracts.md")
    need(file, task.direction in ("min", "max"), f'direction has to be "min" or "max", not {task.direction!r}')


def check_model(file: ModelFile, model: keras.Model, outputs: Output) -> None:
    """Raises a UserError where `model`, which the file's `build` returned, can't be trained to predict `outputs`."""
    require = partial(need, file)
    end = "end it with `return keras.Model(tensors, predictions)`"
    what = "nothing" if model is None else f"a {type(model).__name__}"
    require(isinstance(model, keras.Model), f"build has to return a keras.Model, and returns {what}: {end}")
    require(
        hasattr(model, "operations"),
        f"build has to return a functional model, from features to prediction; {type(model).__name__} has only a "
        f"`call` of its own: make its layers in build, and {end}",
    )
    shapes = [tuple(tensor.shape) for tensor in keras.tree.flatten(model.outputs)]
    wanted = ", ".join(["batch", *("time" if size is None else str(size) for size in outputs.shape)])
    require(
        len(shapes) == 1 and tf.TensorShape([None, *outputs.shape]).is_compatible_with(shapes[0]),
        f"build has to return a model that predicts ({wanted}) for {type(outputs).__name__}, not "
        f"{' and '.join(map(str, shapes))}. src/layers.py has head(outputs)",
    )
    last = model.operations[-1]
    squashes = getattr(getattr(last, "activation", None), "__name__", type(last).__name__).lower()
    require(
        not (isinstance(outputs, Classes | NextToken) and squashes in ("softmax", "sigmoid", "log_softmax")),
        f"the model ends in a {squashes}, which the task applies to its predictions, too: return logits, "
        "by head(outputs) of src/layers.py or a Dense without activation",
    )
    for kind, name in _foreign(keras.Model(model.input, model.output).get_config()):
        what = f"the layer {name!r} is a {kind}" if name else f"the model has a {kind}"
        own = "use Keras' own layers, and functions of keras.ops on their tensors"
        require(False, f"{what}, which plain Keras can't open again: {own}")


def _foreign(config: Any) -> Iterator[tuple[str, str]]:
    """Class and name of whatever in a model's configuration carries code, or isn't Keras' own: layers, cells, …"""
    match config:
        case {"class_name": str(kind), "module": str(module)} if not module.startswith("keras") or kind == "Lambda":
            yield kind, (config.get("config") or {}).get("name", "")
        case dict():
            for part in config.values():
                yield from _foreign(part)
        case list() | tuple():
            for part in config:
                yield from _foreign(part)


def check_loss(file: TaskFile, task: Task, model: keras.Model, data: Data) -> None:
    """Raises a UserError where the loss isn't one number for each example, of two of them."""
    if task.loss is None:
        return
    raw, target = data.train.examples(2)
    target = keras.tree.map_structure(tf.constant, target)
    features, target, *_ = task.supervise(features_of(data.preprocess, raw), target)
    shape = tuple(task.loss(target, model(features, training=False)).shape)
    shapes = f"of targets {tuple(target.shape)} and predictions {tuple(model.output.shape)}"
    what = f"the loss {shapes} has the shape {shape}: give one number an example, (batch,)"
    need(file, shape == (len(target),), what)


def steps_of(name: str, model: keras.Model, inputs: Input) -> Steps:
    """The single step, and its first states, of a model that the file of that name built."""

    def step() -> keras.Model:
        file = catalogue.model(name)
        need(file, file.has_step, "needs step(model, inputs) to predict step by step; see docs/contracts.md")
        return catalogue.load(file).step(model, inputs)

    def start() -> keras.Model | None:
        file = catalogue.model(name)
        return catalogue.load(file).start(model, inputs) if file.has_start else None

    return Steps(step, inputs, start)


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


def _check_door(require: Require, name: str, door: Door, raw: Mapping[str, np.ndarray], request: Request) -> None:
    """Sends some examples through a door."""
    require(isinstance(door, Door), f"the door {name} has to derive from Door of src/data.py")
    try:
        if (asked := door.encode(raw)) is None:
            return
        given = door({key: tf.constant(asked[key], spec.dtype) for key, spec in door.request.items()})
    except Exception as error:  # whatever the code of a file ends in
        said = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        require(False, f"the door {name} fails on what its encode makes of the first examples: {said}")
    require(
        set(given) == set(request),
        f"the door {name} gives {', '.join(given)}, but preprocess takes {', '.join(request)}",
    )
    for key, spec in request.items():
        fits = given[key].dtype == spec.dtype and spec.shape.is_compatible_with(given[key].shape)
        what = f"the door {name} gives {key} as {given[key].dtype.name} {tuple(given[key].shape)}"
        require(fits, f"{what}, but preprocess takes {spec.dtype.name} {tuple(spec.shape)}")

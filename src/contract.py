"""What the files that are dropped in have to return, told in one line that names the file (docs/contracts.md).

The contract tests ask for more; this is what would otherwise end deep in Keras, after minutes of training.
"""

import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from src import catalogue
from src.catalogue import DataFile, ModelFile, TaskFile
from src.errors import UserError
from src.knobs import shown
from src.signatures import request_of
from src.specs import Data, Output


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
    """Raises a UserError where `data`, which the file's `load` returned, isn't what the file says."""

    def need(holds: bool, what: str) -> None:
        if not holds:
            raise UserError(f"{shown(file.path)}: {what}.")

    need(isinstance(data, Data), f"load has to return a Data of src/specs.py, not {data!r:.60}")
    for side, kinds, spec in (("INPUTS", file.inputs, data.inputs), ("OUTPUTS", file.outputs, data.outputs)):
        need(type(spec) in kinds, f"{side} doesn't name {type(spec).__name__}, of which kind load's are")
    need(isinstance(data.preprocess, keras.Model), "preprocess has to be a keras.Model")
    request = request_of(data.preprocess)
    for name in request:
        plain = re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) is not None
        need(plain, f"the input {name!r} needs a name of letters, digits and underscores")
    for split in ("train", "validation"):  # test may not be wanted
        source = getattr(data, split)
        need(len(source) > 0, f"the split {split} has no examples")
    raw, _ = data.train.examples(1)
    need(set(raw) == set(request), f"examples have {', '.join(raw)}, but preprocess takes {', '.join(request)}")
    for name, spec in request.items():
        fits = raw[name].shape[1:] == tuple(spec.shape[1:]) or not spec.shape[1:].is_fully_defined()
        need(fits, f"{name} has the shape {raw[name].shape[1:]} an example, but preprocess takes {spec.shape[1:]}")


def check_model(file: ModelFile, model: keras.Model, outputs: Output) -> None:
    """Raises a UserError where `model`, which the file's `build` returned, doesn't predict `outputs`."""
    if not isinstance(model, keras.Model):
        raise UserError(f"{shown(file.path)}: build has to return a keras.Model, not {model!r:.60}.")
    shapes = [tuple(tensor.shape) for tensor in keras.tree.flatten(model.outputs)]
    if len(shapes) != 1 or not tf.TensorShape([None, *outputs.shape]).is_compatible_with(shapes[0]):
        wanted = ", ".join(["batch", *("time" if size is None else str(size) for size in outputs.shape)])
        raise UserError(
            f"{shown(file.path)}: build has to return a model that predicts ({wanted}) for {type(outputs).__name__}, "
            f"not {' and '.join(map(str, shapes))}. src/layers.py has head(outputs)."
        )

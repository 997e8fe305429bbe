"""Data sets that are given from Python: a Data, arrays, or a tf.data pipeline."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from src.data import Data
from src.readers import arrays, pipelines
from src.settings.given import GivenData
from src.system.files import check_name


def is_name(data: Any) -> bool:
    """Whether it names a data set, or leaves the choice to the model."""
    return isinstance(data, str | os.PathLike | None)


def given(data: Any, takes: Sequence[type]) -> GivenData:
    """What stands in for the file of a data set where one was given from Python.

    Args:
        data: a Data; (x, y), arrays of inputs and targets, or ((x, y), (x, y)) of train and validation, or with a third
            pair for test; or a tf.data.Dataset of (x, y), batched or not. The inputs are images (examples, height,
            width, channels), vectors (examples, columns), series (examples, time, channels), texts, or columns by
            name, as a dict or a pandas.DataFrame. The targets are classes, whole numbers or texts, or values, floats.
        takes: kinds of features that the model is built for, which decide where the inputs may be several.

    Raises:
        UserError: for anything else.
    """
    match data:
        case Data():
            check_name("data", data.name)
            inputs, outputs = (type(data.inputs),), (type(data.outputs),)
            about = "A data set that was given from Python."
            return GivenData(
                data.name, Path(__file__), about, inputs, outputs, "", "data", (), lambda: data, "a data set"
            )
        case tf.data.Dataset():
            return pipelines.given(data, takes)
    return arrays.given(data, takes)

"""Signatures: what a trained model can be asked, from raw requests to named answers.

`run.predict` and the export use these very functions; there is no second way from a request to an answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import tensorflow as tf

from src.specs import Input

Request: TypeAlias = Mapping[str, tf.TensorSpec]
Signature: TypeAlias = tuple[Callable[[Mapping[str, tf.Tensor]], dict[str, tf.Tensor]], Request]
DEFAULT = "serving_default"


@dataclass(frozen=True)
class Steps:
    """A model that predicts step by step, made when a task asks for it; see docs/contracts.md.

    Args:
        step: makes the model of a single step, from {"token", …states} to {"logits", …states}.
        inputs: spec of the features that the model was built for.
        start: makes the model from features to the states before the first step; None where they are zeros.
    """

    step: Callable[[], keras.Model]
    inputs: Input
    start: Callable[[], keras.Model | None] = lambda: None


def predictor(model: keras.Model, steps: Steps | None = None) -> Any:
    """The model in inference, traced once for batches of any size; its `input_signature` says what it takes.

    Args:
        model: from features to prediction.
        steps: makes its single step; the attribute `steps` of what is returned.
    """
    features = keras.tree.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype, name=x.name), model.input)
    predict = tf.function(lambda x: model(x, training=False), input_signature=[features])
    predict.steps = steps
    return predict


def traced(signatures: Mapping[str, Signature]) -> dict[str, Callable]:
    """By name, each signature as a graph, traced once for batches of any size."""
    return {name: tf.function(ask, input_signature=[dict(request)]) for name, (ask, request) in signatures.items()}


def request_of(preprocess: keras.Model) -> dict[str, tf.TensorSpec]:
    """The spec of each input of a raw request, in the order of the data set's columns, the batch free."""
    nested, tensors = preprocess.input, preprocess.inputs  # which Keras sorts by their names
    if isinstance(nested, dict) and len(nested) == len(tensors):
        tensors = nested.values()
    return {tensor.name: tf.TensorSpec(tensor.shape, tensor.dtype, name=tensor.name) for tensor in tensors}


def features_of(preprocess: keras.Model, raw: Mapping[str, tf.Tensor]) -> tf.Tensor | dict[str, tf.Tensor]:
    """The features of a raw request, given by input's name however the model nests its Inputs."""
    nested = keras.tree.map_structure(lambda tensor: raw[tensor.name], preprocess.input)
    return preprocess(nested, training=False)

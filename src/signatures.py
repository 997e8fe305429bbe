"""Signatures: what a trained model can be asked, from raw requests to named answers.

`run.predict` and the export use these very functions; there is no second way from a request to an answer.
"""

from collections.abc import Callable, Mapping

import keras
import tensorflow as tf

Request = Mapping[str, tf.TensorSpec]
Signature = tuple[Callable[[Mapping[str, tf.Tensor]], dict[str, tf.Tensor]], Request]
DEFAULT = "serving_default"


def plain(
    task,
    model: keras.Model,
    preprocess: keras.Model,
    doors: Mapping[str, Callable],
    step: Callable[[], keras.Model],
) -> dict[str, Signature]:
    """`serving_default` from the raw request, and one signature for each door: what most tasks can be asked.

    Args:
        task: its `answers` make named answers of a prediction.
        model: from features to prediction.
        preprocess: from the raw request, its named Inputs, to features.
        doors: by name, a function from another request to the raw one, whose `request` has the spec of each input.
        step: makes the model's step, for tasks that predict step by step.

    Returns:
        By name, a function from a dict of tensors to a dict of tensors, and the spec of each input.
    """

    def serve(raw):
        return task.answers(model(features_of(preprocess, raw), training=False))

    def through(door):
        return lambda request: serve(door(request))

    others = {name: (through(door), door.request) for name, door in doors.items()}
    return {DEFAULT: (serve, request_of(preprocess)), **others}


def predictor(model: keras.Model) -> Callable:
    """The model in inference, traced once for batches of any size; its `input_signature` says what it takes."""
    features = keras.tree.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype, name=x.name), model.input)
    return tf.function(lambda x: model(x, training=False), input_signature=[features])


def traced(signatures: Mapping[str, Signature]) -> dict[str, Callable]:
    """By name, each signature as a graph, traced once for batches of any size."""
    return {name: tf.function(ask, input_signature=[dict(request)]) for name, (ask, request) in signatures.items()}


def request_of(preprocess: keras.Model) -> dict[str, tf.TensorSpec]:
    """The spec of each input of a raw request, the batch free."""
    return {tensor.name: tf.TensorSpec(tensor.shape, tensor.dtype, name=tensor.name) for tensor in preprocess.inputs}


def features_of(preprocess: keras.Model, raw: Mapping[str, tf.Tensor]) -> tf.Tensor | dict[str, tf.Tensor]:
    """The features of a raw request, given by input's name however the model nests its Inputs."""
    nested = keras.tree.map_structure(lambda tensor: raw[tensor.name], preprocess.input)
    return preprocess(nested, training=False)

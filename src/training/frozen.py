"""Training the new layers alone: what the frozen ones make of an example is computed once, where it stays the same."""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from src.data import Source
from src.errors import UserError
from src.signatures import features_of, predictor
from src.sources.memory import InMemory
from src.specs import Vector
from src.system import private
from src.training.learning import Learning
from src.training.optimizers import slow_down
from src.training.plan import measured_at_once

MOST_BYTES = 2**30  # of features that are kept


def transferring(
    learning: Learning,
    taken: Sequence[keras.Layer],
    epochs: int,
    shares: Sequence[float],
    optimizer: keras.Optimizer,
    schedule: Sequence[keras.callbacks.Callback],
) -> Learning:
    """A training that first trains the new layers alone, and then all, those that were taken over more slowly.

    Their normalisation keeps its averages throughout: those of a few small batches are worse.

    Args:
        learning: without such a beginning.
        taken: layers that were taken over.
        epochs: in which they are frozen.
        shares: of the others' learning rate, each one's afterwards.
        optimizer, schedule: of the frozen epochs.

    Raises:
        UserError: where there would be nothing to train, or the model trains in a way of its own.
    """
    if learning.task.loss is None:
        raise UserError(
            f"{learning.model.name} can't begin with other weights: it trains networks that no file of a model holds."
        )
    by_layer = zip(taken, shares, strict=True)
    slow_down(learning.optimizer, [(weight, share) for layer, share in by_layer for weight in layer.trainable_weights])
    normalising = [layer for layer in taken if isinstance(layer, layers.BatchNormalization)]
    learning = dataclasses.replace(learning, fixed=normalising, part=range(epochs, learning.plan.epochs))
    if not epochs:
        return learning
    alone = dataclasses.replace(learning, optimizer=optimizer, schedule=schedule, fixed=taken, part=range(epochs))
    mine = {id(weight) for layer in taken for weight in layer.weights}
    if all(id(weight) in mine for weight in learning.model.trainable_weights):
        raise UserError("freeze: no layer is new, so nothing would be trained. --freeze 0 trains all.")
    return dataclasses.replace(learning, frozen=on_features(alone))


def on_features(learning: Learning) -> Learning:
    """The same training with the output of its fixed layers as features, in memory.

    It stays as it is where augmentation changes the examples, where fixed and new layers don't meet in one vector, or
    where that many vectors would need too much memory.
    """
    model, data = learning.model, learning.data
    vector = None if learning.augment or not learning.is_exact else _cut(model, learning.fixed)
    if vector is None or 4 * vector.shape[1] * (len(data.train) + len(data.validation)) > MOST_BYTES:
        return learning
    body, given = keras.Model(model.input, vector), keras.Input(vector.shape[1:], name="features")
    return dataclasses.replace(
        learning,
        model=keras.Model(vector, model.output, name=model.name),
        data=dataclasses.replace(
            data,
            train=_computed(learning, body, data.train),
            validation=_computed(learning, body, data.validation),
            inputs=Vector(vector.shape[1]),
            preprocess=keras.Model({"features": given}, layers.Identity()(given)),
            doors={},
        ),
        fixed=(),
    )


def _computed(learning: Learning, body: keras.Model, source: Source) -> InMemory:
    """A split whose request is the body's output."""
    predict, made = predictor(body), []
    batches = source.in_order(measured_at_once(body, learning.data.inputs))
    for raw, target in batches.map(lambda raw, target: (features_of(learning.data.preprocess, raw), target)):
        made.append((predict(raw), target))
    features, targets = tf.nest.map_structure(lambda *parts: np.concatenate(parts), *made)
    return InMemory.of({"features": features}, targets)


def _cut(model: keras.Model, fixed: Sequence[keras.Layer]) -> keras.KerasTensor | None:
    """The vector at which what is fixed ends and what is new begins; None where there isn't one.

    Random layers, such as Dropout, belong to the new ones unless a fixed one follows: frozen layers drop nothing.
    """
    weights = {id(weight) for layer in fixed for weight in layer.weights}
    nodes = [(operation, node) for operation in model.operations for node in private.nodes_of(operation)]
    leads: set[int] = set()  # tensors from which a fixed layer follows
    for operation, node in reversed(nodes):
        if _weights(operation) & weights or leads & _ids(node.output_tensors):
            leads |= _ids(node.input_tensors)
    constant = _ids(model.inputs)
    meet: dict[int, keras.KerasTensor] = {}
    for operation, node in nodes:
        if not node.input_tensors:
            continue
        is_random = len(getattr(operation, "variables", ())) > len(_weights(operation))
        stays = _weights(operation) <= weights and (not is_random or leads & _ids(node.output_tensors))
        if stays and _ids(node.input_tensors) <= constant:
            constant |= _ids(node.output_tensors)
        else:
            meet |= {id(tensor): tensor for tensor in node.input_tensors if id(tensor) in constant}
    (vector,) = meet.values() if len(meet) == 1 else (None,)
    return vector if vector is not None and len(vector.shape) == 2 and vector.shape[1] else None


def _weights(operation: keras.Operation) -> set[int]:
    return {id(weight) for weight in operation.weights} if isinstance(operation, keras.Layer) else set()


def _ids(tensors: Sequence[keras.KerasTensor]) -> set[int]:
    return {id(tensor) for tensor in tensors}

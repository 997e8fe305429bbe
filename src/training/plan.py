"""How training is cut into batches, steps and executions: chosen by size and device, in this one place.

docs/performance.md has the measurements behind the numbers.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import keras
from keras import layers

from src.errors import UserError
from src.specs import Input
from src.system import device, private

EXECUTION = 32  # steps run without returning to Python: almost all of the gain, and the progress bar still moves
# Multiplications per execution: a tenth of a second on two cores, as Ctrl-C takes effect only between executions.
STRETCH, GPU_STRETCH = 1e10, 1e12
MEASURED_BYTES = 64 * 2**20  # of all layers' outputs, for the examples that are measured at a time
LEAST_STEPS = 500  # of a training whose epochs nobody chose: below it hardly any network has learnt what it can
MOST_LOST = 0.02  # share of an epoch's steps that may go so that executions divide it
XLA_STEPS = 2000  # compiling takes as long as XLA wins in about so many steps of a dense network on a CPU
DENSE = (  # without Dropout: a step whose random numbers XLA draws on a CPU takes five times as long
    layers.InputLayer,
    layers.Dense,
    layers.Activation,
    layers.BatchNormalization,
    layers.Flatten,
    layers.LayerNormalization,
)


@dataclass(frozen=True)
class Plan:
    """Training as it will really run.

    Args:
        batch: examples a step.
        steps: optimiser steps an epoch; the rest of the examples waits for another epoch's order.
        steps_per_execution: steps between returns to Python; divides `steps`.
        jit: whether XLA compiles the step; "auto" leaves it to Keras.
        epochs: most epochs.
    """

    batch: int
    steps: int
    steps_per_execution: int
    jit: bool | str
    epochs: int


def plan(
    model: keras.Model,
    inputs: Input,
    examples: int,
    deterministic: bool,
    chosen: bool = True,
    *,
    epochs: int = 20,
    batch: int | None = None,
    steps_per_execution: int | None = None,
    jit: bool | None = None,
) -> Plan:
    """The plan for `examples` training examples.

    Args:
        model: the model that will be trained.
        inputs: spec of its features.
        examples: size of the training split.
        deterministic: whether ops are deterministic, which excludes XLA.
        chosen: whether somebody chose `epochs`; else a small split is passed over more often.
        epochs: maximum number of passes over the training split. If it isn't set, a small split gets more, to make 500
            steps.
        batch: batch size, at most the training split. The default is 16 to 128, so that a small split has several steps
            per epoch.
        steps_per_execution: maximum number of steps per call of TensorFlow; the largest divisor of an epoch's steps up
            to it is used. The default is 32, and less for a large model, so that Ctrl-C takes effect soon.
        jit: whether XLA compiles the training step. The default is yes on GPUs, and on CPUs for dense networks without
            dropout that train for more than 2,000 steps; convolutions and dropout get slower there.

    Raises:
        UserError: for a number below 1, or XLA together with determinism.
    """
    for name, value in (("epochs", epochs), ("batch", batch), ("steps_per_execution", steps_per_execution)):
        if value is not None and value < 1:
            raise UserError(f"{name} has to be 1 or more, not {value}.")
    if jit and deterministic:
        raise UserError("XLA isn't deterministic: use either --jit or --deterministic.")
    batch = min(batch or _batch(examples), examples)
    steps = examples // batch
    if not chosen:
        epochs = max(epochs, math.ceil(LEAST_STEPS / steps))
    steps, execution = _divided(steps, most=min(steps_per_execution or _execution(model, inputs, batch), steps))
    compiled = _compiled(model, deterministic, steps * epochs) if jit is None else jit
    return Plan(batch, steps, execution, compiled, epochs)


def measured_at_once(model: keras.Model, inputs: Input) -> int:
    """Examples that are measured at a time: many of a small model, and few enough for memory of a large one."""
    numbers = sum(_size(tensor.shape[1:], inputs) for _, node in _uses(model) for tensor in node.output_tensors)
    return max(16, MEASURED_BYTES // (4 * numbers or 1))


def _batch(examples: int) -> int:
    """A power of two from 16 to 128 with 16 steps an epoch or more, where the split is large enough for that."""
    return max(size for size in (16, 32, 64, 128) if size == 16 or size * 16 <= examples)


def _execution(model: keras.Model, inputs: Input, batch: int) -> int:
    """Steps per execution, from a rough count of multiplications: a weight is used once at each position.

    The positions are the pixels of an image or the steps of a sequence; both passes together cost three times the
    first one. Embeddings only look up.
    """
    work = 0
    for layer, node in _uses(model):
        if not isinstance(layer, layers.Embedding):
            tensors = [*node.input_tensors, *node.output_tensors]
            work += layer.count_params() * max(_size(tensor.shape[1:-1], inputs) for tensor in tensors)
    stretch = GPU_STRETCH if device.on_gpu() else STRETCH
    return int(min(EXECUTION, max(1, stretch // (3 * batch * work or 1))))


def _uses(model: keras.Model) -> Iterator[tuple]:
    """Each layer with each node of the graph in which it is used, also in models within the model."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _uses(layer)
        else:
            yield from ((layer, node) for node in private.nodes_of(layer))


def _size(shape: tuple[int | None, ...], inputs: Input) -> int:
    """Numbers in a tensor of that shape; an axis of any length is as long as a sequence can be."""
    return math.prod(getattr(inputs, "length", 1) if length is None else length for length in shape)


def _divided(steps: int, most: int) -> tuple[int, int]:
    """The largest execution, and the steps that it divides, for the loss of at most MOST_LOST of the steps."""
    fewest = steps - int(steps * MOST_LOST)
    for execution in range(most, 0, -1):
        kept = steps - steps % execution
        if kept >= fewest:
            return kept, execution
    return steps, 1


def _compiled(model: keras.Model, deterministic: bool, steps: int) -> bool | str:
    """Whether XLA compiles the step, where nobody says."""
    if device.on_gpu():  # a free axis would be compiled anew for each length
        return "auto" if all(None not in tensor.shape[1:] for tensor in model.inputs) else False
    return not deterministic and _pays_on_cpu(model, steps)


def _pays_on_cpu(model: keras.Model, steps: int) -> bool:
    return steps > XLA_STEPS and all(isinstance(layer, DENSE) for layer in model.layers)

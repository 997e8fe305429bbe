"""What a training step touches: the variables that make up its state, and random ops that have a state elsewhere."""

import keras
import tensorflow as tf

from src.errors import UserError
from src.system import private

DRAWING = ("ShuffleDataset", "RandomDataset", "GeneratorDataset")  # pipelines with a state of their own
CHANGING = ("AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp")


def step_of(model: keras.Model, batches: tf.data.Dataset) -> tf.Graph:
    """The graph of one training step, which is also the one that the model's `fit` runs: it is traced only once."""
    step = tf.function(model.train_step, autograph=False)  # as Keras runs it
    graph = step.get_concrete_function(batches.element_spec).graph
    model.train_step = step
    try:
        model.make_train_function(force=True)
    finally:
        del model.train_step  # the instance's: its class has its own
    return graph


def variables(model: keras.Model, step: tf.Graph) -> list[keras.Variable | tf.Variable]:
    """Every variable of a training, once: weights, seeds, optimiser, metrics, Keras' global seed.

    A model that trains in its own way may have more optimisers, metrics or counters, wherever it keeps them: its step
    uses them.
    """
    kept = [v for owner in [model, model.optimizer, *model.metrics] for v in owner.variables]
    kept.append(private.global_seed())
    by_handle = {id(variable.handle): variable for variable in kept}
    others = [variable for variable in step.variables if id(variable.handle) not in by_handle]
    return [*by_handle.values(), *sorted(others, key=private.creation_number)]


def check_step(step: tf.Graph) -> None:
    """Raises a UserError for a random op in the training step whose state can't be saved.

    Such are tf.random.normal and its like, which keep a state of their own beside a seed. keras.random with a
    SeedGenerator, tf.random.Generator and Keras' layers keep theirs in a variable, and stateless ops have none.
    """
    for op in _ops(step):
        if "seed" in op.attr and not op.op.startswith("CudnnRNN"):  # whose dropout Keras doesn't use
            raise UserError(
                f"The training step has the random op {op.op} ({op.name}), whose state can't be saved: training "
                "couldn't be resumed exactly. Use keras.random with a keras.random.SeedGenerator."
            )


def check_pipeline(batches: tf.data.Dataset) -> None:
    """Raises a UserError for what has a state in the pipeline of batches, where it can't be saved."""
    for dataset in private.parts_of(batches):
        ops = [op for graph in private.graphs_of(dataset) for op in _ops(graph)]
        names = [type(dataset).__name__.strip("_"), *(op.op for op in ops if "seed" in op.attr or op.op in CHANGING)]
        names += [op.op for op in ops if op.op.startswith(DRAWING)]
        for name in names:
            if not name.endswith("Dataset") or name.startswith(DRAWING):
                raise UserError(
                    f"The data pipeline has {name}, whose state can't be saved: training couldn't be resumed exactly. "
                    "Make a batch from its step alone, with stateless ops (src/sources/memory.py)."
                )


def _ops(graph: tf.Graph) -> list:
    definition = graph.as_graph_def()
    return [*definition.node, *(node for body in definition.library.function for node in body.node_def)]

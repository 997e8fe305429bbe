"""What is borrowed from private names of Keras, TensorFlow and Python, each for want of a public one.

tests/system/test_private.py fails when a name is gone, or no longer needed. src/exporting/verify.py has one more, as it
imports nothing of this project.
"""

import pickle
from collections.abc import Iterator

import keras
import tensorflow as tf
from keras.src.random.seed_generator import global_seed_generator

# The unpickler in Python: that in C reserves whatever memory a file asks for, before it reads any.
BoundedUnpickler = pickle._Unpickler


def global_seed() -> keras.Variable:
    """The state of the generator that Keras' layers and initialisers draw from when they were given no seed.

    It is part of a training's state. `keras.random` has SeedGenerator, but no way to the global one.
    """
    return global_seed_generator().state


def creation_number(variable: tf.Variable) -> int:
    """Which of the process' variables it was, counted as they were made.

    A graph has its variables in any order; they were made in the same one in each process. `name` isn't unique.
    """
    return int(variable._unique_id.rpartition("_")[2])


def nodes_of(layer: keras.Layer) -> list:
    """Each use of a layer in graphs, with its tensors. `layer.input` and `output` are those of the first use alone."""
    return layer._inbound_nodes


def parts_of(batches: tf.data.Dataset) -> Iterator[tf.data.Dataset]:
    """A pipeline's last part, and those before it. tf.data shows a pipeline to nobody."""
    yield batches
    for earlier in batches._inputs():
        yield from parts_of(earlier)


def graphs_of(part: tf.data.Dataset) -> list[tf.Graph]:
    """The graphs of the functions in one part of a pipeline, such as that of `map`."""
    return [function.function.graph for function in part._functions()]

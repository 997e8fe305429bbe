"""Private names of Keras, TensorFlow and Python: they are still there, still needed, and used in one place."""

import ast
import inspect
import io
import pickle
import re

import keras
import pytest
import tensorflow as tf

from src.system import private
from tests.tree import ROOT

THEIRS = re.compile(r"^_(?!_)|^keras\.src|^tensorflow\.python")


def test_the_global_seed_changes_when_keras_draws_without_a_seed():
    before = private.global_seed().numpy().copy()
    keras.layers.Dense(2).build((None, 2))
    keras.random.normal((1,))
    assert (private.global_seed().numpy() != before).any()
    assert not hasattr(keras.random, "global_seed_generator"), "there is a public name now"


def test_variables_are_counted_as_they_are_made():
    first, second = tf.Variable(1.0, name="same"), tf.Variable(1.0, name="same")
    assert private.creation_number(first) < private.creation_number(second)
    assert first.name == second.name, "names are unique now: use them"


def test_each_use_of_a_layer_is_a_node():
    layer, number = keras.layers.Dense(2), keras.Input((2,))
    layer(layer(number))
    assert len(private.nodes_of(layer)) == 2
    assert isinstance(layer.output, keras.KerasTensor), "it tells of every use now: use it"


def test_a_pipeline_is_seen_to_its_beginning():
    batches = tf.data.Dataset.range(4).map(lambda number: number + tf.random.uniform((), dtype=tf.int64, maxval=9))
    parts = list(private.parts_of(batches.batch(2)))
    assert [type(part).__name__.strip("_") for part in parts] == ["BatchDataset", "MapDataset", "RangeDataset"]
    (graph,) = private.graphs_of(parts[1])
    assert "RandomUniformInt" in {operation.type for operation in graph.get_operations()}
    assert not hasattr(tf.data.Dataset, "inputs"), "there is a public name now"


def test_an_unpickler_reads_no_further_than_its_file_and_reserves_nothing():
    claims = b"\x80\x04\x8e" + (2**40).to_bytes(8, "little")  # a terabyte of bytes follow, it says
    with pytest.raises((EOFError, pickle.UnpicklingError)):
        private.BoundedUnpickler(io.BytesIO(claims)).load()
    assert inspect.isfunction(private.BoundedUnpickler.load), "it is the one in C"


def private_names(path):
    """Private names of other modules, and of objects that aren't the file's own."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = {name for node in ast.walk(tree) for name in defined(node)}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module)) if THEIRS.match(module):
                yield module
            case ast.Attribute(value=ast.Name(id="self" | "cls" | "os"), attr=_) | ast.Attribute(attr="_replace"):
                continue  # the last one is a named tuple's
            case ast.Attribute(attr=name) if THEIRS.match(name) and name not in own:
                yield name


def defined(node):
    match node:
        case ast.FunctionDef(name=name):
            yield name
        case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
            yield name


def test_they_are_used_in_one_place():
    allowed = {"src/system/private.py", "src/exporting/verify.py"}  # the second one imports nothing of the project
    files = [path for folder in ("src", "tuning", "models") for path in (ROOT / folder).rglob("*.py")]
    found = {path.relative_to(ROOT).as_posix(): sorted(private_names(path)) for path in files}
    assert not {name: names for name, names in found.items() if names and name not in allowed}

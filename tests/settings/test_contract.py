"""What a file that was dropped in did wrong, told in one line that names it."""

import dataclasses
import re
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from src import data as data_sets
from src.data import Data
from src.errors import UserError
from src.preprocess.images import Pictures
from src.preprocess.tables import from_matrix
from src.settings import catalogue, knobs
from src.settings.catalogue import DataFile, ModelFile, TaskFile
from src.settings.contract import (
    check_data,
    check_loss,
    check_model,
    check_targets,
    load_data,
    unexplained,
)
from src.settings.examples import check_examples
from src.settings.mistakes import mistakes_in
from src.sources.folds import splits_of
from src.sources.memory import InMemory
from src.specs import Classes, Columns, Image, Values, Vector
from src.tasks import classification, regression
from tests.samples import SPECS, works
from tests.tree import toys

CLASSES = Classes(("low", "middle", "high"))
DATA = DataFile("things", Path("src/datasets/things.py"), "", (Columns,), (Classes,), "", "", ())
TASK = TaskFile("classification", Path("src/tasks/classification.py"), "", Classes, ())
MODEL = ModelFile("thing", Path("models/thing.py"), "", (Columns,), (Classes,), "", {}, {}, {}, ())


def things(**changes) -> Data:
    """A data set of two columns and three classes, but for the changes."""
    good = from_matrix(["a", "b"], np.zeros((30, 2)), np.arange(30, dtype="int32") % 3, CLASSES)
    return dataclasses.replace(good, **changes)


def named(name):
    number = keras.Input((), name=name)
    return keras.Model({name: number}, keras.ops.expand_dims(number, 1))


def test_a_data_set_that_keeps_the_contract_passes():
    check_data(DATA, things())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "return a Data"),
        (things(inputs=Vector(2)), "load returns Vector, which INPUTS doesn't list"),
        (things(outputs=Values(("x",))), "load returns Values, which OUTPUTS doesn't list"),
        (things(preprocess=print), "preprocess"),
        (things(preprocess=named("c")), "examples have a, b"),
        (things(preprocess=named("1st (cm)")), "'1st (cm)'"),
        (things(validation=InMemory.of({"a": np.zeros(0)}, np.zeros(0))), "validation has no examples"),
    ],
)
def test_what_a_data_set_does_wrong_is_said(data, said):
    with pytest.raises(UserError) as error:
        check_data(DATA, data)
    assert str(error.value).startswith("src/datasets/things.py: ")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (np.array([1, 2, 3], "int32"), "label 3"),
        (np.array([-1, 2, 0], "int32"), "label -1"),
        (np.array([0.0, 1.0], "float32"), 'int32 (examples,), not float32 (2,): use label.astype("int32")'),
        (np.array([0.5, 1.0], "float32"), "use Values"),
        (np.array([0, 1], "int64"), 'int32 (examples,), not int64 (2,): use label.astype("int32")'),
        (np.array([[0], [1]], "int32"), '(2, 1): use label[:, 0].astype("int32")'),
        (np.eye(3), 'float64 (3, 3): use label.argmax(axis=1).astype("int32")'),
        (np.array(["a", "b"]), "not texts (2,): use names, label = np.unique(label, return_inverse=True)"),
    ],
    ids=str,
)
def test_labels_that_are_none_are_said(target, said):
    with pytest.raises(ValueError) as error:
        classification.adapt(CLASSES, InMemory.of({"a": np.zeros(len(target))}, target))
    assert said in str(error.value)


def test_a_class_alone_can_not_be_told_from_another():
    with pytest.raises(ValueError, match="two classes or more; there is only cat"):
        classification.adapt(Classes(("cat",)), InMemory.of({"a": np.zeros(3)}, np.zeros(3, "int32")))


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (np.zeros(4, "float32"), "(4,)"),
        (np.zeros((4, 1), int), "int64"),
        (np.array([[0], [np.nan]], "float32"), "example 1 is infinite or not a number"),
    ],
    ids=str,
)
def test_values_that_are_none_are_said(target, said):
    with pytest.raises(ValueError) as error:
        regression.adapt(Values(("x",)), InMemory.of({"a": np.zeros(len(target))}, target))
    assert said in str(error.value)


NUMBERS, LABELS = np.linspace(0, 1, 30, dtype="float32"), np.arange(30, dtype="int32") % 3


def pictures(dtype: str = "uint8", doors=None, pixels=None) -> Data:
    """A data set of images of one pixel, whose request is of that type, but for the changes; each split is the same."""
    image = keras.Input((1, 1, 1), dtype=dtype, name="image")
    preprocess = keras.Model({"image": image}, keras.ops.cast(image, "float32"))
    pixels = np.arange(30, dtype=dtype) if pixels is None else pixels
    source = InMemory.of({"image": pixels.reshape(-1, 1, 1, 1)}, LABELS)
    return Data(source, source, source, Image(1, 1, 1), CLASSES, preprocess, doors or {})


def one(dtype: str, values, test=None) -> Data:
    """A data set of the input "x", of that type in the request, which all splits share but for that of test."""
    x = keras.Input(np.shape(values)[1:], dtype=dtype, name="x")
    vector = keras.layers.Reshape((-1,))(keras.layers.Hashing(9)(x) if dtype == "string" else x)
    source, other = (InMemory.of({"x": np.array(part)}, LABELS) for part in (values, values if test is None else test))
    return Data(source, source, other, Columns(("x",)), CLASSES, keras.Model({"x": x}, vector))


def changed(values, place, value):
    values = values.copy()
    values[place] = value
    return values


def read(data: Data, monkeypatch) -> list[str]:
    """What a training does with a data set's file before it builds a model; gives its warnings."""
    file = dataclasses.replace(DATA, inputs=(Columns, Image))
    monkeypatch.setattr(catalogue, "load", lambda file: SimpleNamespace(load=lambda: data, adapt=classification.adapt))
    parts = splits_of(load_data(file, {}))[1]
    warnings = check_examples(file, data.preprocess, parts)
    check_targets(file, TASK, data.outputs, parts)
    return warnings


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            lambda: pictures(pixels=NUMBERS),
            "image: the examples of train are float32, the request is uint8: give uint8, or make the Input float32.",
        ),
        (lambda: one("string", NUMBERS), "x: the examples of train are float32, the request is string"),
        (lambda: one("float32", ["a", "b", "c"] * 10), "x: the examples of train are string, the request is float32"),
        (lambda: one("float32", np.zeros((30, 2)), np.zeros((30, 3))), "x has the shape (3,) an example in test"),
        (lambda: one("float32", NUMBERS, LABELS * 1j), "x: the examples of test are complex128"),
        (
            lambda: dataclasses.replace(one("float32", NUMBERS), test=InMemory.of({"x": NUMBERS[:0]}, LABELS[:0])),
            "the split test has no examples",
        ),
        (
            lambda: one("uint8", np.arange(30), changed(np.arange(30), 17, 300)),
            "x: example 17 of test has 300, which uint8 can't hold: make the Input int64.",
        ),
        (
            lambda: pictures("float32", pixels=changed(NUMBERS, 4, np.nan)),
            "image: example 4 of train has nan, which makes features infinite or not a number.",
        ),
        (lambda: one("float32", NUMBERS, changed(NUMBERS, 29, -np.inf)), "x: example 29 of test has -inf"),
        (lambda: one("float32", NUMBERS, changed(NUMBERS.astype(float), 2, 1e39)), "x: example 2 of test has 1e+39"),
        (
            lambda: pictures("float32", {"image_bytes": Pictures(Image(1, 1, 1))}),
            "the door image_bytes ",
        ),
        (
            lambda: pictures("uint8", {"other": Door({})}),
            "the door other fails on what its encode makes of the first examples: ValueError: zip()",
        ),
        (
            lambda: pictures("int32", {"other": Door({"image": tf.TensorSpec((None, 1, 1, 1), tf.uint8)})}),
            "the door other gives image as uint8 (3, 1, 1, 1), but preprocess takes int32 (None, 1, 1, 1).",
        ),
        (
            lambda: pictures("uint8", {"other": Door({"picture": tf.TensorSpec((None, 1, 1, 1), tf.uint8)})}),
            "the door other gives picture, but preprocess takes image.",
        ),
    ],
)
def test_examples_that_are_not_what_preprocess_asks_are_said(data, said, monkeypatch):
    with pytest.raises(UserError) as error:
        read(data(), monkeypatch)
    assert str(error.value).startswith("src/datasets/things.py: ")
    assert said in str(error.value)


class Door(data_sets.Door):
    """Gives what it is given."""

    def __init__(self, request):
        self.request = request

    def __call__(self, request):
        return request

    def encode(self, raw):
        return dict(zip(self.request, raw.values(), strict=True))


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (NUMBERS.astype("float64"), "float32"),
        (NUMBERS > 0.5, "int64"),
        (NUMBERS > 0.5, "float32"),
        (np.arange(30), "uint8"),
        (np.arange(30, dtype="uint8"), "int64"),
        (np.arange(30), "float32"),
        ([["a", "b"]] * 30, "string"),
    ],
    ids=lambda value: str(getattr(value, "dtype", value))[:12],
)
def test_examples_that_can_be_given_as_what_is_asked_pass(values, dtype, monkeypatch):
    assert read(one(dtype, values), monkeypatch) == []


def test_missing_numbers_are_allowed_where_features_are_finite(monkeypatch):
    matrix = changed(np.stack([NUMBERS, NUMBERS], axis=1), (slice(9), 0), np.nan)
    assert read(from_matrix(["a", "b"], matrix, LABELS, CLASSES), monkeypatch) == []
    matrix[:, 1] = np.nan
    (warning,) = read(from_matrix(["a", "b"], matrix, LABELS, CLASSES), monkeypatch)
    assert warning == "b: all numbers of train are missing: leave the input out"


def test_images_of_bytes_are_not_read_to_be_checked(monkeypatch):
    class Unread(InMemory):
        def read(self):
            raise AssertionError("it was read")

    good = pictures()
    source = Unread.of(*good.train.examples(30))
    assert read(dataclasses.replace(good, train=source, validation=source, test=source), monkeypatch) == []


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_wrong_targets_are_said_with_their_split(split, monkeypatch):
    for label, said in ((np.int32(3), "there is a label 3"), (1.0, "not float64")):
        wrong = InMemory.of({"x": NUMBERS}, np.where(LABELS == 2, label, LABELS))
        with pytest.raises(UserError, match=rf"things.py: the targets of {split}: .*{said}"):
            read(dataclasses.replace(one("float32", NUMBERS), **{split: wrong}), monkeypatch)


def test_there_is_a_target_for_each_example():
    with pytest.raises(ValueError, match="x has 30 examples, but there are 29 targets"):
        InMemory.of({"x": NUMBERS}, LABELS[1:])


def test_what_no_tensor_can_hold_is_said(monkeypatch):
    data = one("string", np.array([None, "a", 1.5] * 10, object))
    with pytest.raises(UserError, match=r"things.py: x can't be .*: it holds NoneType, float, str"):
        read(data, monkeypatch)


@pytest.mark.parametrize("model", [None, 3, keras.Sequential([keras.Input((2,)), keras.layers.Dense(7)])], ids=str)
def test_a_model_of_another_shape_is_refused(model):
    with pytest.raises(UserError, match=r"models/thing.py: build has to return"):
        check_model(MODEL, model, CLASSES)


class Cell(keras.layers.SimpleRNNCell):
    """A cell of a model file's own."""


class Subclassed(keras.Model):
    def call(self, x):
        return x


def chain(*ends):
    x = tensor = keras.Input((2,))
    for layer in ends:
        x = layer(x)
    return keras.Model(tensor, x)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (None, r"returns nothing: end it with `return keras.Model\("),
        (Subclassed(), "functional model, from features to prediction; Subclassed has only a `call` of its own"),
        (chain(keras.layers.Dense(2, "softmax")), "ends in a softmax, .*: return logits, by head"),
        (chain(keras.layers.Dense(2), keras.layers.Softmax()), "ends in a softmax"),
        (chain(keras.layers.Dense(2), keras.ops.softmax), "ends in a softmax"),
        (chain(keras.layers.Dense(2), keras.layers.Activation("sigmoid")), "ends in a sigmoid"),
        (chain(keras.layers.Dense(2), keras.layers.Lambda(lambda x: x, name="odd")), "'odd' is a Lambda, which plain"),
        (chain(chain(keras.layers.Lambda(lambda x: x), keras.layers.Dense(2))), "is a Lambda, which plain Keras can't"),
        (
            chain(
                keras.layers.Reshape((2, 1)),
                keras.layers.TimeDistributed(keras.layers.Lambda(lambda x: x)),
                keras.layers.Flatten(),
            ),
            "is a Lambda, which plain Keras can't",
        ),
        (
            chain(keras.layers.Reshape((2, 1)), keras.layers.RNN(Cell(2))),
            "has a Cell, which plain Keras can't|is a Cell, which plain Keras can't",
        ),
        (chain(keras.layers.Dense(1)), r"a model that predicts \(batch, 2\) for Classes, not \(None, 1\)"),
    ],
    ids=[
        "nothing",
        "subclass",
        "softmax",
        "Softmax",
        "ops.softmax",
        "sigmoid",
        "Lambda",
        "Lambda in a model",
        "wrapped Lambda",
        "own cell",
        "one logit",
    ],
)
def test_what_build_returns_is_told_with_what_to_write_instead(model, said):
    with pytest.raises(UserError, match=f"models/thing.py: .*{said}"):
        check_model(MODEL, model, Classes(("a", "b")))


def test_a_loss_that_is_no_number_an_example_is_refused_before_training():
    class Wrong(classification.Task):
        def loss(self, target, logits):
            return tf.reduce_mean(super().loss(target, logits))

    outputs = dataclasses.replace(CLASSES, counts=(10, 10, 10))
    numbers = keras.Input((2,), name="numeric")
    model = keras.Model({"numeric": numbers}, keras.layers.Dense(3)(numbers))
    check_loss(TASK, classification.Task(outputs), model, things())
    with pytest.raises(
        UserError, match=r"classification.py: the loss of targets \(2,\) and predictions \(None, 3\) has"
    ):
        check_loss(TASK, Wrong(outputs), model, things())


@pytest.mark.parametrize("build", [lambda *_: 1 / 0, lambda *_: None], ids=["raises", "returns nothing"])
def test_a_model_that_can_not_be_trained_takes_no_part_in_the_tests_of_others(build, monkeypatch):
    monkeypatch.setattr(catalogue, "load", lambda file: SimpleNamespace(build=build))
    assert not works(MODEL)


def test_what_the_tests_know_nothing_about_is_said_with_the_place_to_add_it():
    with pytest.raises(pytest.fail.Exception, match=r"no file of src/tasks/ has SPEC = Novel, as docs/contracts"):
        SPECS[type("Novel", (), {})]


def test_a_knob_without_help_is_placed_and_told_what_it_lacks(tmp_path):
    root = toys(tmp_path)
    path = root / "models/clerk.py"
    path.write_text(path.read_text().replace("        pencils: how many.", ""))
    said = "models/clerk.py:8: the knob 'pencils' has no line under Args: in build's docstring, which is its help"
    assert unexplained(dataclasses.replace(MODEL, knobs=knobs.read(path, "build"))) == [said]


def test_a_mistake_is_placed_by_file_and_line(tmp_path):
    path = tmp_path / "models/wrong.py"
    path.parent.mkdir()
    path.write_text("def build():\n    return [].width\n")
    file = dataclasses.replace(MODEL, path=path)
    space = {}
    exec(compile(path.read_text(), path, "exec"), space)
    place = r"models/wrong.py:2: AttributeError: 'list' object has no attribute 'width'"
    with pytest.raises(UserError, match=place), mistakes_in(file):
        space["build"]()


def test_columns_have_names_that_a_server_takes():
    data = from_matrix(["petal length (cm)", "2nd/third"], np.zeros((30, 2)), np.arange(30, dtype="int32") % 3, CLASSES)
    assert set(data.train.examples(1)[0]) == {"petal_length_cm", "column_2nd_third"}


def test_columns_that_would_have_one_name_are_asked_for_by_different_ones():
    data = from_matrix(["a b", "a_b"], np.zeros((30, 2)), np.arange(30, dtype="int32") % 3, CLASSES)
    assert len(set(data.inputs.numeric)) == 2
    assert all(re.fullmatch("a_b_[0-9a-f]{6}", name) for name in data.inputs.numeric)


def test_targets_and_names_that_do_not_fit_a_matrix_are_told():
    for names, target, told in (
        (["a", "b"], np.eye(3)[np.arange(30) % 3], "labels have to be int32 (examples,), not float64 (30, 3): use"),
        (["a", "b", "c"], np.arange(30, dtype="int32") % 3, "3 names for 2 columns"),
    ):
        with pytest.raises(ValueError) as error:
            from_matrix(names, np.zeros((30, 2)), target, CLASSES)
        assert str(error.value).startswith(told)


def test_an_infinite_number_in_a_column_is_refused():
    with pytest.raises(ValueError, match="'a'"):
        from_matrix(["a"], np.full((30, 1), np.inf), np.arange(30, dtype="int32") % 3, CLASSES)

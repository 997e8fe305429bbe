"""What a file that was dropped in did wrong, told in one line that names it."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest

from src.catalogue import DataFile, ModelFile
from src.contract import check_data, check_model, mistakes_in
from src.errors import UserError
from src.sources import InMemory
from src.specs import Classes, Columns, Data, Values, Vector
from src.tables import from_matrix
from src.tasks import classification, regression

CLASSES = Classes(("low", "middle", "high"))
DATA = DataFile("things", Path("src/datasets/things.py"), "", (Columns,), (Classes,), "", "", ())
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
        (things(inputs=Vector(2)), "INPUTS doesn't name Vector"),
        (things(outputs=Values(("x",))), "OUTPUTS doesn't name Values"),
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
        (np.array([0.0, 1.0], "float32"), "int32"),
        (np.array([[0], [1]], "int32"), "(2, 1)"),
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
        (np.zeros((4, 1)), "float64"),
        (np.full((4, 1), np.nan, "float32"), "not a number"),
    ],
    ids=str,
)
def test_values_that_are_none_are_said(target, said):
    with pytest.raises(ValueError) as error:
        regression.adapt(Values(("x",)), InMemory.of({"a": np.zeros(4)}, target))
    assert said in str(error.value)


@pytest.mark.parametrize("model", [None, 3, keras.Sequential([keras.Input((2,)), keras.layers.Dense(7)])], ids=str)
def test_a_model_of_another_shape_is_refused(model):
    with pytest.raises(UserError, match=r"models/thing.py: build has to return"):
        check_model(MODEL, model, CLASSES)


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
    assert data.inputs.numeric == ("a_b", "a_b_2")


def test_an_infinite_number_in_a_column_is_refused():
    with pytest.raises(ValueError, match="'a'"):
        from_matrix(["a"], np.full((30, 1), np.inf), np.arange(30, dtype="int32") % 3, CLASSES)

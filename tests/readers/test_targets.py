"""What targets that are given from Python are taken for."""

import numpy as np
import pytest

from src.readers.targets import learnt
from src.specs import Classes, Values


@pytest.mark.parametrize(
    ("y", "names", "labels"),
    [
        (np.array([7, 3, 7, 10, 3, 10]), ("3", "7", "10"), [1, 0, 1, 2, 0, 2]),
        (np.array([True, False, True, False]), ("0", "1"), [1, 0, 1, 0]),
        (np.array(["b", "a", "b", "a"]), ("a", "b"), [1, 0, 1, 0]),
        (np.array([b"10", b"9", b"9", b"10"], object), ("9", "10"), [1, 0, 0, 1]),
        (np.array([[1], [0], [1], [0]]), ("0", "1"), [1, 0, 1, 0]),
        (np.eye(2)[[1, 0, 1, 0]], ("0", "1"), [1, 0, 1, 0]),
    ],
    ids=["ints", "booleans", "texts", "bytes", "a column", "one-hot"],
)
def test_classes(y, names, labels):
    outputs, encode = learnt(np.concatenate([y] * 3), None)
    assert outputs == Classes(names)
    assert encode(y).dtype == "int32"
    assert encode(y).tolist() == labels
    assert len(encode(y[:0])) == 0, "a batch may have none"


def test_classes_may_have_names():
    outputs, encode = learnt(np.array([2, 1, 1, 2] * 3), None, classes=["cat", "dog", "owl"])
    assert outputs.names == ("cat", "dog", "owl")
    assert encode(np.array([2, 1])).tolist() == [2, 1]


@pytest.mark.parametrize(
    ("y", "names", "dtype"),
    [
        (np.array([0.5, 1.0]), ("price",), "float32"),
        (np.array([1e9, 1e9 + 1]), ("price",), "float64"),
        (np.array([[0.5, 1.0], [2.0, 3.0]]), ("price_1", "price_2"), "float32"),
    ],
)
def test_values(y, names, dtype):
    outputs, encode = learnt(y, None, "price")
    assert outputs == Values(names)
    assert encode(y).dtype == dtype
    np.testing.assert_array_equal(encode(y), y.reshape(len(y), -1))


def test_a_task_decides_where_targets_may_be_both():
    assert isinstance(learnt(np.array([1, 2, 3]), Values)[0], Values)
    outputs, encode = learnt(np.array([0.0, 1.0] * 4), Classes)
    assert outputs == Classes(("0", "1"))
    assert encode(np.array([1.0])).tolist() == [1]


@pytest.mark.parametrize(
    ("y", "wanted", "said"),
    [
        (np.arange(30), None, 'y has 30 classes in 30 examples: where they are numbers, give floats, or say task="reg'),
        (np.array([0.5, 1.0]), Classes, "y has 0.5: classes are whole numbers or texts"),
        (np.array(["a", "a"]), None, "y has one class only: a"),
        (np.array(["a", None, "b"] * 5, object), None, "y has no class for example 1"),
        (np.array([[1, 2], [3, 4]] * 9), None, r"y has the shape \(18, 2\): give one class"),
        (np.zeros((2, 3, 4)), None, r"y has the shape \(2, 3, 4\): give one target"),
    ],
)
def test_what_can_not_be_learnt_is_said(y, wanted, said):
    with pytest.raises(ValueError, match=said):
        learnt(y, wanted)

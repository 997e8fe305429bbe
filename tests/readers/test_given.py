"""Data that is given from Python: what it is taken for, and how it is split."""

import numpy as np
import pytest
import tensorflow as tf

from src.data import Data
from src.errors import UserError
from src.preprocess.tables import from_matrix
from src.readers.given import given
from src.runs.loading import load_model
from src.settings.contract import check_data, load_data
from src.signatures import features_of
from src.specs import Classes, Columns, Image, Series, Tokens, Values, Vector

EVERY = (Vector, Columns, Image, Series, Tokens)
RANDOM = np.random.default_rng(0)
LABELS = np.arange(60) % 3
TEXTS = [f"word{number} and {'good' if number % 3 else 'bad'}" for number in range(60)]


class Frame:
    """As a pandas.DataFrame has columns."""

    def __init__(self, **columns):
        self._columns = columns

    @property
    def columns(self):
        return list(self._columns)

    def keys(self):  # as a pandas.Series has, too
        return self.columns

    def __getitem__(self, name):
        return self._columns[name]


def loaded(data, takes=EVERY, wanted=(), **knobs) -> Data:
    file = given(data, takes)
    return load_data(file, knobs, wanted)


def features(data, source=None):
    return features_of(data.preprocess, (source or data.train).examples(60)[0])


@pytest.mark.parametrize(
    ("x", "takes", "inputs"),
    [
        (RANDOM.integers(0, 256, (60, 4, 5)).astype("uint8"), EVERY, Image(4, 5, 1)),
        (RANDOM.integers(0, 256, (60, 4, 5, 3)).astype("uint8"), EVERY, Image(4, 5, 3)),
        (RANDOM.random((60, 4, 5, 2)), EVERY, Image(4, 5, 2)),
        (RANDOM.random((60, 4, 5)), EVERY, Series(4, 5)),
        (RANDOM.random((60, 4, 5)), (Image,), Image(4, 5, 1)),
        (RANDOM.random((60, 4)), EVERY, Vector(4)),
        (RANDOM.random((60, 4)), (Series,), Series(4, 1)),
        (RANDOM.random((60, 4)).tolist(), EVERY, Vector(4)),
        (RANDOM.integers(0, 9, 60), EVERY, Vector(1)),
        ({"a": RANDOM.random(60), "b (cm)": LABELS}, EVERY, Columns(("a", "b_cm"))),
        (Frame(a=RANDOM.random(60), b=["x", "y", None] * 20), EVERY, Columns(("a",), (("b", 3),))),
    ],
    ids=[
        "grey images",
        "images",
        "float images",
        "series",
        "images for want of series",
        "matrix",
        "series of one channel",
        "lists",
        "numbers",
        "columns",
        "frame",
    ],
)
def test_inputs(x, takes, inputs):
    data = loaded((x, LABELS), takes)
    assert data.inputs == inputs
    assert data.outputs == Classes(("0", "1", "2"))
    assert [len(source) for source in (data.train, data.validation, data.test)] == [36, 12, 12]
    made = features(data)
    for part in tf.nest.flatten(made):
        assert part.dtype in ("float32", "int32")
    assert "60 " in data.notes


def test_texts():
    data = loaded((TEXTS, LABELS), length=8, vocabulary=10)
    assert isinstance(data.inputs, Tokens)
    assert (data.inputs.length, data.inputs.vocabulary) == (8, 10)


def test_columns_keep_their_names():
    assert loaded(({"a": LABELS, "b (cm)": LABELS}, LABELS)).columns == {"b_cm": "b (cm)"}


def test_a_missing_number_of_a_column_is_none():
    data = loaded((Frame(a=[1.5, None, 3.0] * 20), LABELS))
    assert data.inputs.numeric == ("a", "a_missing")


@pytest.mark.parametrize(
    "numbers", [RANDOM.random((60, 3)) * [1, 10, 100], 1e9 + RANDOM.random((60, 3)), np.full((60, 3), 7.0)]
)
def test_numbers_are_standardised_by_train(numbers, tmp_path):
    data = loaded((numbers, LABELS))
    train = np.asarray(features(data))
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(train.std(axis=0), 0 if np.ptp(numbers) == 0 else 1, atol=1e-3)
    data.preprocess.save(tmp_path / "preprocess.keras")
    raw, _ = data.train.examples(60)
    np.testing.assert_array_equal(features_of(load_model(tmp_path / "preprocess.keras"), raw), train)


@pytest.mark.parametrize(
    ("pixels", "low", "high"),
    [
        (RANDOM.random((60, 4, 4, 1)), 0, 1),
        (RANDOM.random((60, 4, 4, 1)) * 255, 0, 1),
        (RANDOM.random((60, 4, 4, 1)) * 4000 - 1000, -0.1, 1.1),
        (np.full((60, 4, 4, 1), -3.0), 0, 0),
    ],
)
def test_pixels_come_between_0_and_1(pixels, low, high):
    data = loaded((pixels, LABELS))
    made = np.asarray(features(data))
    assert low <= made.min() <= made.max() <= high
    if np.ptp(pixels):
        assert made.max() > 0.9
    shown = data.show(data.train.examples(2)[0])
    assert (shown.dtype, shown.shape) == ("uint8", (2, 4, 4, 1))
    assert data.doors == {}


def test_pixels_that_are_bytes_can_be_asked_as_pictures():
    data = loaded((RANDOM.integers(0, 256, (60, 4, 4)).astype("uint8"), LABELS))
    assert list(data.doors) == ["image_bytes"]


def test_a_data_set_is_taken_as_it_is():
    data = from_matrix(["a"], RANDOM.random((60, 1)), LABELS.astype("int32"), Classes(("a", "b", "c")))
    file = given(data, EVERY)
    assert (file.called({}), file.inputs, file.outputs, file.knobs) == ("data", (Columns,), (Classes,), ())
    assert load_data(file, {}) is data


def test_splits_may_be_given():
    x = RANDOM.random((60, 2)).astype("float32")
    pairs = tuple((x[rows], LABELS[rows]) for rows in (slice(30), slice(30, 45), slice(45, 60)))
    data = loaded(pairs)
    for source, (_, y) in zip((data.train, data.validation, data.test), pairs, strict=True):
        assert sorted(source.targets()) == sorted(y)
    cut = loaded(pairs[:2])
    assert [len(source) for source in (cut.train, cut.validation, cut.test)] == [24, 15, 6]


def test_a_float_is_a_value_unless_a_task_says_otherwise():
    y = LABELS.astype("float64")
    assert loaded((RANDOM.random((60, 2)), y)).outputs == Values(("y",))
    assert loaded((RANDOM.random((60, 2)), y), wanted=[Classes]).outputs == Classes(("0", "1", "2"))
    assert loaded((RANDOM.random((60, 2)), LABELS), wanted=[Values]).outputs == Values(("y",))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (RANDOM.random((60, 2)), r"data takes .* arrays \(x, y\), or .*; not ndarray"),
        ((RANDOM.random((60, 2)),), "data takes .*; not tuple"),
        ((RANDOM.random((60, 2)), LABELS[1:]), "train: vector has 60 examples, but y has 59"),
        ((RANDOM.random((60, 2, 2, 2, 2)), LABELS), r"x can't be features: it is an array of float64 and of the shape"),
        (([[1, 2], [3]], [0, 1]), "x can't be an array: .*inhomogeneous"),
        (({"a": np.zeros((60, 2))}, LABELS), r"the column 'a' has the shape \(60, 2\)"),
        (({"a": np.zeros(60, "datetime64[D]")}, LABELS), r"the column 'a' has datetime64\[D\]: give numbers or texts"),
        ((np.full((60, 2), np.inf), LABELS), "the column 'vector 1' has an infinite number"),
        ((RANDOM.random((60, 2)), np.repeat([0, 1], [59, 1])), "the class '1' has 1 example"),
        ((tf.data.Dataset.range(3), tf.data.Dataset.range(3)), "data takes one tf.data.Dataset, which is split: train"),
    ],
    ids=str,
)
def test_what_can_not_be_data_is_said(data, said):
    with pytest.raises(UserError, match=said):
        loaded(data)


def test_what_is_wrong_in_a_data_set_of_one_s_own_is_said():
    data = from_matrix(["a"], RANDOM.random((60, 1)), LABELS.astype("int32"), Classes(("a", "b", "c")))
    object.__setattr__(data, "preprocess", None)
    with pytest.raises(UserError, match=r"^data: preprocess has to be a keras.Model"):
        check_data(given(data, EVERY), data)
    object.__setattr__(data, "name", "../outside")
    with pytest.raises(UserError, match=r"data '../outside' can't name a folder"):
        given(data, EVERY)

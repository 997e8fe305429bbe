"""Columns of a table as features."""

import numpy as np
import pytest
import tensorflow as tf

from src.preprocess.tables import columns
from src.signatures import features_of
from src.sources.memory import InMemory

TABLE = {
    "age": np.array([1.0, 3.0, np.nan], "float32"),
    "rooms": np.array([2, 4, 6]),
    "city": np.array(["Rome", "Oslo", ""]),
}


def table(raw):
    return InMemory.of(raw, np.zeros(len(next(iter(raw.values()))), "int32"))


def test_columns_are_scaled_indexed_and_marked_where_missing():
    spec, preprocess = columns(table(TABLE))
    assert spec.numeric == ("age", "rooms", "age_missing")
    assert spec.categories == (("city", 3),)
    features = features_of(preprocess, {name: tf.constant(column) for name, column in TABLE.items()})
    scale = np.std([2, 4, 6])
    np.testing.assert_allclose(
        features["numeric"], [[-1, -2 / scale, 0], [1, 0, 0], [0, 2 / scale, 1]], rtol=1e-5, atol=1e-6
    )
    np.testing.assert_array_equal(features["categories"], [[2], [1], [0]])


def test_an_unknown_category_is_zero():
    _, preprocess = columns(table(TABLE))
    raw = {"age": tf.constant([2.0]), "rooms": tf.constant([3], tf.int64), "city": tf.constant(["Paris"])}
    np.testing.assert_array_equal(features_of(preprocess, raw)["categories"], [[0]])


def test_a_constant_column_stays_finite():
    _, preprocess = columns(table({"same": np.array([5.0, 5.0], "float32")}))
    assert np.isfinite(features_of(preprocess, {"same": tf.constant([5.0, 6.0])})["numeric"]).all()


@pytest.mark.parametrize("number", [np.inf, -np.inf, 1e300, -1e300, 3e38, np.nan])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_number_makes_a_feature_infinite(number, dtype):
    values = np.array([1.0, 3.0, np.nan]) + (1e9 if dtype == "float64" else 0)
    _, preprocess = columns(table({"age": values.astype(dtype)}))
    (name,) = preprocess.input
    with np.errstate(over="ignore"):
        raw = {name: tf.constant(np.array([number]).astype(preprocess.input[name].dtype))}
    scaled, missing = features_of(preprocess, raw)["numeric"].numpy()[0]
    is_missing = not np.isfinite(raw[name].numpy() - values[0]).all() or abs(number) > 1e200
    assert abs(scaled) <= 1e6
    assert missing == is_missing
    assert scaled == 0 or not is_missing

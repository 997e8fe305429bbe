"""The parts between a source and a trained model: plan, schedule, tables, manifest, measurement."""

from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from src.errors import UserError
from src.exporting.requests import check_requests
from src.preprocess.tables import columns
from src.readers import tfds
from src.runs.manifest import manifest, remarks
from src.signatures import features_of
from src.sources.fetched import Fetched
from src.sources.memory import InMemory
from src.specs import Classes, Tokens, Vector
from src.system import digests
from src.tasks.classification import Task
from src.training import optimizers, plan
from src.training.callbacks import Measurement

DENSE = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
DROPOUT = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2), keras.layers.Dropout(0.1)])
CONVOLUTION = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3)])


@pytest.mark.parametrize("examples", [1, 2, 31, 106, 1077, 5000, 54_000, 59_999, 1_000_003])
@pytest.mark.parametrize("batch", [None, 1, 32, 128, 100_000])
def test_executions_divide_an_epoch_and_few_steps_are_lost(examples, batch):
    chosen = plan.plan(DENSE, Vector(4), examples, False, batch=batch)
    assert chosen.batch * chosen.steps <= examples
    assert chosen.steps % chosen.steps_per_execution == 0
    assert chosen.steps >= (1 - plan.MOST_LOST) * (examples // chosen.batch)
    assert chosen.steps_per_execution <= 32


def test_a_small_split_is_passed_over_more_often_where_nobody_chose_how_often():
    for examples, chosen, epochs in ((320, False, 25), (320, True, 3), (100_000, False, 3)):
        found = plan.plan(DENSE, Vector(4), examples, False, chosen, epochs=3)
        assert found.epochs == epochs and (chosen or found.steps * found.epochs >= plan.LEAST_STEPS)


def test_xla_only_where_it_pays_on_a_cpu():
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("Keras decides on a GPU")
    assert plan.plan(DENSE, Vector(4), 60_000, False, epochs=10, batch=128).jit is True
    assert plan.plan(DENSE, Vector(4), 60_000, False, epochs=1, batch=128).jit is False
    assert plan.plan(DENSE, Vector(4), 60_000, True, epochs=10, batch=128).jit is False
    assert plan.plan(DROPOUT, Vector(4), 60_000, False, epochs=10, batch=128).jit is False
    assert plan.plan(CONVOLUTION, Vector(4), 60_000, False, epochs=10, batch=128).jit is False


def test_an_execution_of_long_sequences_is_short():
    tokens = keras.Input((None,), dtype="int32")
    model = keras.Model(tokens, keras.layers.LSTM(64)(keras.layers.Embedding(100, 64)(tokens)))
    few, many = (plan.plan(model, Tokens(length, 100), 6400, False, batch=64) for length in (10, 1000))
    assert few.steps_per_execution > 10 * many.steps_per_execution


def test_cosine_rises_to_the_rate_and_falls_to_zero():
    made, callbacks = optimizers.optimizer(100, None, learning_rate=0.5, warmup=0.2)
    rates = []
    for step in range(101):
        made.iterations.assign(step)
        rates.append(float(made.learning_rate))
    assert callbacks == []
    assert max(rates) == pytest.approx(0.5)
    assert rates.index(max(rates)) == 20
    assert rates[0] == 0
    assert rates[-1] == pytest.approx(0, abs=1e-6)


def test_plateau_lowers_the_rate_of_a_figure_that_stands_still():
    task = Task(Classes(("a", "b"), (1, 1)))
    made, (plateau,) = optimizers.optimizer(100, task, schedule="plateau", learning_rate=0.1)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(made)
    plateau.set_model(model)
    plateau.on_train_begin()
    for epoch in range(optimizers.PLATEAU_EPOCHS + 1):
        assert float(made.learning_rate) == pytest.approx(0.1)
        plateau.on_epoch_end(epoch, {task.monitor: 0.5})
    assert float(made.learning_rate) == pytest.approx(0.1 * optimizers.PLATEAU_FACTOR)


def test_measurement_is_what_keras_evaluates():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(50, 4)).astype("float32"), random.integers(0, 2, 50)
    keras.utils.set_random_seed(0)
    numbers = keras.Input((4,))
    model = keras.Model(numbers, keras.layers.Dense(2)(numbers))
    task = Task(Classes(("a", "b"), (1, 1)))
    model.compile(loss=task.loss, metrics=task.metrics())
    expected = model.evaluate(x, y, verbose=0, return_dict=True)
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(7)
    measure = Measurement(model, task)
    assert measure(batches) == pytest.approx(expected, rel=1e-5)
    assert measure(batches) == pytest.approx(expected, rel=1e-5)


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


def test_manifest_finds_examples_that_stand_in_two_splits():
    task = Task(Classes(("a", "b"), (1, 1)))
    one = InMemory.of({"x": np.array([1, 2, 3]), "y": np.array([1, 1, 1])}, np.array([0, 1, 1]))
    other = InMemory.of({"x": np.array([3, 9]), "y": np.array([1, 1])}, np.array([0, 0]))
    found = manifest({"train": one, "test": other}, task)
    assert found["splits"]["train"]["examples"] == 3
    assert found["splits"]["train"]["classes"] == {"a": 1, "b": 2}
    pair = {"splits": ["train", "test"], "examples": 1, "first": "train 2", "share": 0.5}
    assert found["in_two_splits"] == [pair]


def test_what_stands_in_two_splits_is_a_warning_where_it_is_much_and_a_remark_else():
    task = Task(Classes(("a", "b"), (1, 1)))
    train, validation, test = np.arange(100), np.arange(100, 140), np.arange(110, 160)
    train[:3] = test[:3]

    def source(x):
        return InMemory.of({"x": x}, np.arange(len(x), dtype="int32") % 2)

    found = manifest({"train": source(train), "validation": source(validation), "test": source(test)}, task)
    assert [text.partition(":")[0] for text in found["warnings"]] == ["30 of 40 validation examples are also in test"]
    assert remarks(found) == ["3 examples of train are also in validation", "3 examples of train are also in test"]


def test_a_class_without_training_examples_is_a_warning_that_names_it():
    source = InMemory.of({"x": np.arange(4)}, np.array([0, 0, 2, 2], "int32"))
    other = InMemory.of({"x": np.arange(4, 6)}, np.array([0, 1], "int32"))
    found = manifest({"train": source, "test": other}, Task(Classes(("cat", "dog", "owl"))), warnings=["grey"])
    assert found["warnings"] == [
        "grey",
        "train has no example of dog: what is never seen isn't predicted; add some, or leave the class out",
        "test has no example of owl: its figures say nothing about it; add some, or leave the class out",
    ]
    few = manifest({"train": source}, Task(Classes(("cat", "dog", "owl", *"abcdefgh"))))
    assert "of dog, a, b, c, d and 4 more classes: " in few["warnings"][0]


def test_the_hash_of_an_example_is_of_its_contents_alone():
    """Written down: it has to be the same in any process and version."""
    texts = np.array([[b"ab", b"c"], [b"a", b"bc"], [b"ab", b"c"]], object)
    numbers = np.array([[1, 2], [3, 4], [1, 2]], "int16")
    found = digests.of_batch({"text": texts, "number": numbers})
    assert found.tolist() == [17606912443716758734, 14724180480364315425, 17606912443716758734]
    ordered = {"number": numbers.astype(">i2"), "text": texts.astype("S2").astype(object)}
    np.testing.assert_array_equal(digests.of_batch(ordered), found)
    columns = np.asfortranarray(np.arange(12, dtype="float32").reshape(3, 4))
    np.testing.assert_array_equal(digests.of_batch({"x": columns}), digests.of_batch({"x": columns.copy(order="C")}))


def test_texts_of_any_rank_are_found_in_two_splits():
    texts = np.array([["a", "b"], ["ab", ""], ["c", "d"]])
    source = InMemory.of({"text": texts}, np.array([0, 1, 0], "int32"))
    other = InMemory.of({"text": texts[::-1]}, np.array([0, 1, 0], "int32"))
    found = manifest({"train": source, "test": other}, Task(Classes(("a", "b"))))
    assert found["in_two_splits"][0]["examples"] == 3
    assert len(set(source.digests().tolist())) == 3


def test_fetched_examples_are_hashed_by_what_they_are_made_of_without_being_fetched():
    contents = {3: b"one", 5: b"other", 8: b"one"}

    def fetch(number):
        raise AssertionError("it was fetched")

    hashes = partial(digests.of_contents, contents.get)
    source = Fetched(fetch, np.arange(9, dtype="int32"), np.array([3, 5, 8]), hashes=hashes)
    one, other, same = source.digests().tolist()
    assert one == same != other
    assert source.chosen(np.array([1, 0])).digests().tolist() == [other, one]
    assert source.targets().tolist() == [3, 5, 8]


def test_a_request_that_a_server_would_take_for_another_is_refused():
    image = tf.TensorSpec((None, 2), tf.uint8, name="image")
    signatures = {"serving_default": (None, {"image": image})}
    check_requests({"serving_default": {"image": [[0, 255]]}}, signatures)
    for column, said in (
        ([[0.5, 1]], "0.5"),
        ([[0, 256]], "256"),
        ([[1, 2, 3]], r"\(1, 3\)"),
        ([[1], [2, 3]], "no array"),
    ):
        with pytest.raises(UserError, match=rf"serving_default .*: image.* {said}"):
            check_requests({"serving_default": {"image": column}}, signatures)


def test_manifest_hashes_change_with_examples_targets_and_order():
    task = Task(Classes(("a", "b"), (1, 1)))

    def digest(x, y):
        source = InMemory.of({"x": np.array(x), "text": np.array(["a", "b"])}, np.array(y))
        return manifest({"train": source}, task)["splits"]["train"]["sha256"]

    first = digest([1, 2], [0, 1])
    assert digest([1, 2], [0, 1]) == first
    assert len({first, digest([1, 3], [0, 1]), digest([1, 2], [1, 1]), digest([2, 1], [1, 0])}) == 4


def test_a_set_that_can_not_be_fetched_says_so_quickly(tmp_path, monkeypatch):
    library = pytest.importorskip("tensorflow_datasets")
    monkeypatch.setattr(library.core.constants, "DATA_DIR", str(tmp_path))
    monkeypatch.setattr(tfds, "_unreachable", lambda address: "no network")
    with pytest.raises(UserError, match=r"(?s)mnist.*no network.*TFDS_DATA_DIR"):
        tfds.prepared("mnist")


def test_an_address_that_nobody_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(tfds, "PROBE_S", 0.2)
    assert "refused" in tfds._unreachable("http://127.0.0.1:9/")
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert tfds._unreachable(address) is not None

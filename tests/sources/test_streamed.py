"""A tf.data pipeline as a source: each example once, in one split, however the pipeline shuffles."""

import numpy as np
import pytest
import tensorflow as tf

from src.errors import UserError
from src.readers.given import given
from src.settings.contract import load_data
from src.sources.splits import SPLITS
from src.specs import Classes, Columns, Image, Tokens, Values, Vector

X = np.arange(400, dtype="float32").reshape(200, 2)
Y = np.arange(200) % 3
WHOLE = tf.data.Dataset.from_tensor_slices((X, Y))
SHUFFLED = WHOLE.shuffle(200, reshuffle_each_iteration=True)
TAKES = (Vector, Columns, Image, Tokens)


def loaded(pipeline, wanted=()):
    return load_data(given(pipeline, TAKES), {}, wanted)


def sources(pipeline):
    data = loaded(pipeline)
    return {split: getattr(data, split) for split in SPLITS}


def read(source, batch=7):
    """Inputs and targets, in the order in which they come."""
    batches = list(source.in_order(batch).as_numpy_iterator())
    assert {len(target) for _, target in batches[:-1]} <= {batch}
    return np.concatenate([raw["vector"] for raw, _ in batches]), np.concatenate([target for _, target in batches])


@pytest.mark.parametrize(
    "pipeline",
    [SHUFFLED, SHUFFLED.batch(16), SHUFFLED.batch(8, drop_remainder=True), SHUFFLED.batch(1), SHUFFLED.batch(500)],
    ids=["one by one", "batches", "batches of one size", "batches of one", "one batch"],
)
def test_each_example_is_in_one_split_once(pipeline):
    splits = sources(pipeline)
    sizes = {split: len(source) for split, source in splits.items()}
    assert sum(sizes.values()) == 200
    assert sizes["train"] > 90 and sizes["validation"] > 20 and sizes["test"] > 20
    for _ in range(2):
        seen = {split: read(source) for split, source in splits.items()}
        assert {split: len(x) for split, (x, _) in seen.items()} == sizes
        rows = np.concatenate([x for x, _ in seen.values()])[:, 0] // 2
        assert sorted(rows) == list(range(200))
        for x, y in seen.values():
            np.testing.assert_array_equal(y, x[:, 0] // 2 % 3)


def test_the_same_pipeline_has_the_same_splits_and_digests():
    for one, other in zip(sources(SHUFFLED).values(), sources(SHUFFLED.batch(10)).values(), strict=True):
        np.testing.assert_array_equal(one.digests(), other.digests())
        np.testing.assert_array_equal(one.targets(), other.targets())


def test_equal_examples_are_in_one_split():
    twice = tf.data.Dataset.from_tensor_slices((np.repeat(X, 2, axis=0), np.repeat(Y, 2))).shuffle(400)
    rows = [set(read(source)[0][:, 0]) for source in sources(twice).values()]
    assert sum(map(len, rows)) == len(set.union(*rows)) == 200


def test_training_batches_are_full_and_never_end():
    train = sources(SHUFFLED.batch(16))["train"]
    batches = list(train.shuffled(0, 32, len(train) // 32).take(20).as_numpy_iterator())
    assert {raw["vector"].shape for raw, _ in batches} == {(32, 2)}
    own = set(read(train)[0][:, 0])
    assert {value for raw, _ in batches for value in raw["vector"][:, 0]} == own
    with pytest.raises(ValueError, match="need more than the"):
        train.shuffled(0, 32, 100)


def test_some_of_the_examples_are_the_same_in_each_pass():
    train = sources(SHUFFLED)["train"]
    few = train.take(10)
    assert len(few) == 10
    assert set(read(few)[0][:, 0]) == set(read(few)[0][:, 0]) <= set(read(train)[0][:, 0])
    assert len(train.take(1000)) == len(train)


def test_examples_are_as_many_as_asked_for():
    train = sources(SHUFFLED)["train"]
    for n in (1, 5, 100):
        raw, target = train.examples(n)
        assert len(raw["vector"]) == len(target) == n


@pytest.mark.parametrize(
    ("x", "y", "inputs", "outputs"),
    [
        (np.random.default_rng(0).integers(0, 256, (200, 4, 4)).astype("uint8"), Y, Image, Classes),
        (np.array([f"text {number}" for number in range(200)]), Y, Tokens, Classes),
        ({"a": X[:, 0], "b": np.array(["x", "y"] * 100)}, Y.astype(str), Columns, Classes),
        (X, Y / 2, Vector, Values),
        (X, np.eye(3, dtype="float32")[Y], Vector, Classes),
        (X.astype("int64"), Y[:, np.newaxis], Vector, Classes),
    ],
    ids=["images", "texts", "columns", "values", "one-hot", "whole numbers"],
)
def test_every_kind_of_data(x, y, inputs, outputs):
    pipeline = tf.data.Dataset.from_tensor_slices((x, y))
    for data in map(loaded, (pipeline, pipeline.batch(9))):
        assert isinstance(data.inputs, inputs)
        assert isinstance(data.outputs, outputs)
        assert len(data.train.examples(3)[1]) == 3


def test_names_of_classes_are_kept():
    pipeline = SHUFFLED.batch(8)
    pipeline.class_names = ["cat", "dog", "owl"]  # as keras.utils.image_dataset_from_directory gives them
    assert loaded(pipeline).outputs == Classes(("cat", "dog", "owl"))


@pytest.mark.parametrize(
    ("pipeline", "said"),
    [
        (SHUFFLED.map(lambda x, y: (x + tf.random.uniform(()), y)), "gives other examples in each pass"),
        (SHUFFLED.take(60), "gives other examples in each pass, as random augmentation or shuffle before take do"),
        (SHUFFLED.repeat(), r"never ends: leave out repeat\(\)"),
        (SHUFFLED.take(0), "has no examples"),
        (WHOLE.take(2), "2 examples are too few to be split"),
        (SHUFFLED.map(lambda x, y: x), r"has to give \(x, y\), tensors"),
        (SHUFFLED.map(lambda x, y: (x, y, y)), r"has to give \(x, y\), tensors"),
        (WHOLE.padded_batch(4, padded_shapes=([None], [])), r"x can't be features: it is float32, of the shape \("),
        (tf.data.Dataset.from_generator(lambda: iter([]), output_types=("float32", "int64")), "shapes .* aren't known"),
    ],
    ids=["augmented", "cut off", "endless", "empty", "small", "inputs alone", "weights", "of any size", "unknown"],
)  # fmt: skip
def test_what_can_not_be_streamed_is_said(pipeline, said):
    with pytest.raises(UserError, match=said):
        loaded(pipeline)

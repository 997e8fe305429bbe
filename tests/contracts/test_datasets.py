"""What every data set's file has to do. Those that need a download are tested on a tiny set in their own format."""

import re
from collections import Counter

import keras
import numpy as np
import pytest
import tensorflow as tf

from src import catalogue, tfds
from src.contract import check_data, check_examples, check_targets, load_data
from src.evaluate import splits
from src.signatures import features_of, request_of
from src.specs import Classes, Columns, Horizon, NextToken, Tokens
from tests.samples import SPECS, own_files
from tests.samples import features as sample_features

DATASETS = list(catalogue.datasets().values())
TRAIN, TEST = 60, 12  # examples of the tiny sets


@pytest.fixture(scope="module", params=DATASETS, ids=lambda file: file.name)
def file(request):
    return request.param


@pytest.fixture(scope="module")
def data(file, tmp_path_factory):
    if file.named_by == "path":
        knobs = own_files(file.inputs[0], tmp_path_factory.mktemp("own"))
        if knobs is None:
            pytest.skip(f"tests/samples.py has no files of {file.inputs[0].__name__}")
        return load_data(file, knobs)
    if not (file.download or file.named_by):
        return load_data(file, {})
    if not re.search(r"src\.tfds|import tfds", file.path.read_text(encoding="utf-8")):
        pytest.skip(f"its first use fetches {file.download}, and it isn't of TensorFlow Datasets")
    folder = tmp_path_factory.mktemp("tfds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tfds, "prepared", lambda name: prepare_tiny(name, folder, patch))
        loaded = load_data(file, {file.named_by: "mnist"} if file.named_by else {})
        for source in (loaded.train, loaded.validation, loaded.test):
            source.examples(1)  # read while the folder is the one in use
        return loaded


def prepare_tiny(name, folder, patch):
    """Writes random examples as TensorFlow Datasets would, and opens them."""
    library = pytest.importorskip("tensorflow_datasets")
    patch.setattr(library.core.constants, "DATA_DIR", str(folder))
    builder = library.builder(name)
    features = builder.info.features
    random = np.random.default_rng(0)

    def example():
        return {key: value(feature) for key, feature in features.items()}

    def value(feature):
        match type(feature).__name__:
            case "Image":
                return random.integers(0, 256, feature.shape, "uint8")
            case "ClassLabel":
                return int(random.integers(feature.num_classes))
            case "Text":
                words = random.integers(3, 9) if "label" in features else 500
                return " ".join(random.choice(["good", "bad", "long", "film", "day"], words))
        return 7

    sizes = {"train": TRAIN, "validation": TEST, "test": TEST}
    library.dataset_builders.store_as_tfds_dataset(
        builder.name,
        version=str(builder.version),
        config=builder.builder_config.name if builder.builder_config else None,
        features=features,
        data_dir=str(folder),
        split_datasets={split: [(i, example()) for i in range(size)] for split, size in sizes.items()},
    )
    return library.builder(name)


def test_is_what_the_harness_needs(file, data):
    check_data(file, data)
    parts = splits(data, None, test=True)
    assert check_examples(file, data.preprocess, parts) == []
    adapt = next(catalogue.load(task) for task in catalogue.tasks().values() if task.spec is type(data.outputs)).adapt
    check_targets(file, adapt, data.outputs, parts)


def test_has_three_splits(data):
    assert min(len(data.train), len(data.validation), len(data.test)) > 0
    assert len(data.train) > len(data.validation)


def test_preprocess_takes_a_request_and_gives_the_features_of_its_spec(data):
    raw, _ = data.train.examples(4)
    request = request_of(data.preprocess)
    assert set(raw) == set(request)
    for name, spec in request.items():
        assert spec.shape[0] is None
        assert raw[name].shape[1:] == tuple(spec.shape[1:])
    features = features_of(data.preprocess, raw)
    expected = expected_features(data.inputs)
    found = features if isinstance(features, dict) else {"": features}
    if isinstance(data.inputs, Tokens):  # padded to the longest of the batch
        (tokens,) = found.values()
        assert tokens.shape[1] <= data.inputs.length
        assert 0 <= np.min(tokens) <= np.max(tokens) < data.inputs.vocabulary
        found = {"": np.zeros((4, data.inputs.length), tokens.dtype.name)}
    assert {name: (tuple(t.shape[1:]), t.dtype.name) for name, t in found.items()} == expected
    assert all(np.isfinite(tensor).all() for tensor in found.values())


def expected_features(spec):
    if isinstance(spec, Columns):
        parts = {"numeric": ((len(spec.numeric),), "float32"), "categories": ((len(spec.categories),), "int32")}
        return {name: part for name, part in parts.items() if getattr(spec, name)}
    if type(spec) in SPECS:
        sample = sample_features(type(spec)(**vars(spec)), 1)
        return {"": (sample.shape[1:], str(sample.dtype))}
    raise AssertionError(f"unknown spec {spec}")


def test_targets_fit_the_output(data):
    for source in (data.train, data.validation, data.test):
        _, target = source.examples(len(source))
        if isinstance(data.outputs, Classes):
            assert target.dtype == "int32"
            assert target.min() >= 0
            assert target.max() < len(data.outputs.names)
        elif isinstance(data.outputs, NextToken):
            assert target.dtype == "int32"
            assert target.min() > 0
            assert target.max() <= data.inputs.length
        elif isinstance(data.outputs, Horizon):
            assert target.dtype in ("float32", "float64")
            assert target.shape[1:] == (2, data.outputs.length, len(data.outputs.names))
        else:
            assert target.dtype in ("float32", "float64")
            assert target.shape[1:] == (len(data.outputs.names),)


def test_every_example_comes_once_in_order(data):
    raw, target = data.validation.examples(len(data.validation))
    np.testing.assert_array_equal(data.validation.targets(), target)
    for batches in (list(data.validation.in_order(7).as_numpy_iterator()), list(data.validation.read())):
        np.testing.assert_array_equal(np.concatenate([batch for _, batch in batches]), target)
        for name, column in raw.items():
            np.testing.assert_array_equal(np.concatenate([batch[name] for batch, _ in batches]), column)


def test_examples_have_one_hash_only_where_they_are_the_same(data):
    digests = data.validation.digests()
    raw, target = data.validation.examples(len(data.validation))
    everything = rows(raw, np.zeros(len(target)))
    assert len(digests) == len(everything)
    assert len(set(digests.tolist())) == len(set(everything))
    np.testing.assert_array_equal(data.validation.take(3).digests(), digests[:3])


def test_an_epoch_holds_each_example_at_most_once_and_epochs_differ(data):
    steps = len(data.train) // 8
    orders = []
    for epoch in range(2):
        batches = data.train.shuffled(3, 8, steps, base=epoch * steps).take(steps).as_numpy_iterator()
        orders.append([row for raw, target in batches for row in rows(raw, target)])
    everything = Counter(rows(*data.train.examples(len(data.train))))
    for order in orders:
        assert len(order) == steps * 8
        if isinstance(data.outputs, NextToken):  # whose windows begin elsewhere in each epoch
            assert len(set(order)) > 0.9 * len(order)
        else:  # equal examples may stand twice in a set, but not more often than in it
            assert Counter(order) <= everything
    assert orders[0] != orders[1]


def test_order_is_a_function_of_seed_and_step(data):
    def batches(seed, base, count):
        found = data.train.shuffled(seed, 4, 5, base=base).take(count).as_numpy_iterator()
        return [rows(raw, target) for raw, target in found]

    straight = batches(1, 0, 12)
    assert batches(1, 7, 5) == straight[7:]
    assert batches(2, 0, 12) != straight
    moving = tf.Variable(9, dtype=tf.int64)
    assert batches(1, moving, 3) == straight[9:]


def rows(raw, target):
    columns = [raw[name] for name in sorted(raw)] + [target]
    return [b"".join(np.asarray(column[i]).tobytes() for column in columns) for i in range(len(target))]


def test_the_first_examples_have_several_classes(data):
    """Else a trial with --limit would learn nothing."""
    if isinstance(data.outputs, Classes):
        for source in (data.train, data.validation, data.test):
            _, target = source.examples(64)
            assert len(set(target.tolist())) > 1


def test_taking_fewer_examples_takes_the_first(data):
    few = data.train.take(3)
    assert len(few) == 3
    np.testing.assert_array_equal(few.examples(3)[1], data.train.examples(3)[1])


def test_preprocess_survives_saving(data, tmp_path):
    data.preprocess.save(tmp_path / "preprocess.keras")
    loaded = keras.models.load_model(tmp_path / "preprocess.keras")
    raw, _ = data.train.examples(4)
    for one, other in zip(
        tf.nest.flatten(features_of(data.preprocess, raw)), tf.nest.flatten(features_of(loaded, raw)), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_doors_lead_to_the_same_request(data):
    for door in data.doors.values():
        if not hasattr(door, "encode"):
            continue
        raw, _ = data.train.examples(3)
        request = door.encode(raw)
        assert set(request) == set(door.request)
        opened = tf.function(door, input_signature=[dict(door.request)])(request)
        for key, column in raw.items():
            np.testing.assert_array_equal(opened[key], column)


def test_validation_does_not_depend_on_test(file, data):
    """A set that is split by its own authors keeps its test split whole."""
    if not file.download:
        pytest.skip("it is split here")
    if isinstance(data.outputs, NextToken):
        pytest.skip("its windows are made of one text a split")
    assert len(data.test) == TEST
    assert len(data.train) + len(data.validation) == TRAIN

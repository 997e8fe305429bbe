"""What every data set's file has to do. Those that need a download are tested on a tiny set in their own format."""

from collections import Counter

import keras
import numpy as np
import pytest
import tensorflow as tf

from src.readers import tfds
from src.runs.manifest import manifest
from src.settings import catalogue
from src.settings.contract import check_data, check_targets, load_data, unexplained
from src.settings.examples import check_examples
from src.settings.knobs import shown
from src.signatures import features_of, request_of
from src.sources.folds import splits_of
from src.specs import Classes, Columns, NextToken, Tokens
from tests.samples import features as sample_features
from tests.samples import of_tfds, own_files, targets

DATASETS = list(catalogue.datasets().values())
TRAIN, TEST = 60, 12  # examples of the tiny sets
SOURCES = "src/sources/memory.py says what a source has to do, and InMemory there does it"


@pytest.fixture(scope="module", params=DATASETS, ids=lambda file: file.name)
def file(request):
    return request.param


@pytest.fixture(scope="module")
def data(file, tmp_path_factory):
    knobs = own_files(file, tmp_path_factory.mktemp("own")) if file.named_by else {}
    if not of_tfds(file):
        if file.download:
            pytest.skip(f"its first use fetches {file.download}, and it isn't of TensorFlow Datasets")
        return load_data(file, knobs)
    folder = tmp_path_factory.mktemp("tfds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tfds, "prepared", lambda name: prepare_tiny(name, folder, patch))
        loaded = load_data(file, knobs)
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

    def example(number):
        return {key: value(feature, number) for key, feature in features.items()}

    def value(feature, number):
        match type(feature).__name__:
            case "Image":
                return random.integers(0, 256, feature.shape, "uint8")
            case "ClassLabel":
                return number % feature.num_classes
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
        split_datasets={split: [(i, example(i)) for i in range(size)] for split, size in sizes.items()},
    )
    return library.builder(name)


@pytest.fixture(scope="module")
def task_file(file, data):
    """The file of the task that serves the data set's own output."""
    found = next((task for task in catalogue.tasks().values() if task.spec is type(data.outputs)), None)
    kind = type(data.outputs).__name__
    assert found, f"{shown(file.path)}: no file of src/tasks/ has SPEC = {kind}, so nothing can learn this target"
    return found


@pytest.fixture(scope="module")
def task(task_file):
    """The module of that task."""
    return catalogue.load(task_file)


def test_is_what_the_harness_needs(file, data, task_file, task):
    check_data(file, data)
    parts = splits_of(data)[1]
    warnings = check_examples(file, data.preprocess, parts)
    outputs = check_targets(file, task_file, data.outputs, parts)
    if not of_tfds(file):  # of which there are too few here to have all classes
        warnings += manifest(parts, task.Task(outputs))["warnings"]
    assert not warnings, f"{shown(file.path)}: training would begin with these warnings: {warnings}"


def test_explains_every_knob(file):
    assert not unexplained(file), "\n".join(unexplained(file))


def test_has_more_examples_to_train_on_than_to_validate(file, data):
    train, validation = len(data.train), len(data.validation)
    assert train > validation, (
        f"{shown(file.path)}: train has {train} examples, validation {validation}: give train more"
    )


def test_preprocess_takes_a_request_and_gives_the_features_of_its_spec(file, data):
    raw, _ = data.train.examples(4)
    for name, spec in request_of(data.preprocess).items():
        free = spec.shape[0] is None
        assert free, f"{shown(file.path)}: the Input {name!r} has a fixed batch; leave batch_size out of it"
    features = features_of(data.preprocess, raw)
    expected = expected_features(data.inputs)
    found = features if isinstance(features, dict) else {"": features}
    if isinstance(data.inputs, Tokens):  # padded to the longest of the batch
        (tokens,) = found.values()
        length, least, most = tokens.shape[1], np.min(tokens), np.max(tokens)
        fits = length <= data.inputs.length and 0 <= least <= most < data.inputs.vocabulary
        what = f"preprocess gives {length} tokens from {least} to {most}, which {data.inputs} doesn't allow"
        assert fits, f"{shown(file.path)}: {what}"
        found = {"": np.zeros((4, data.inputs.length), tokens.dtype.name)}
    found = {name: (tuple(tensor.shape[1:]), tensor.dtype.name) for name, tensor in found.items()}
    what = f"preprocess gives {found}, but the features of {data.inputs} are {expected}"
    assert found == expected, f"{shown(file.path)}: {what}: change the spec, or what preprocess makes"


def expected_features(spec):
    """Shape and type of each tensor, without the batch."""
    if isinstance(spec, Columns):
        parts = {"numeric": ((len(spec.numeric),), "float32"), "categories": ((len(spec.categories),), "int32")}
        return {name: part for name, part in parts.items() if getattr(spec, name)}
    sample = sample_features(spec, 1)
    return {"": (sample.shape[1:], str(sample.dtype))}


def test_targets_fit_the_output(file, data, task_file):
    outputs = check_targets(file, task_file, data.outputs, {"train": data.train})
    wanted = {name: (array.shape[1:], array.dtype.kind) for name, array in arrays(targets(outputs, 2)).items()}
    for split in ("train", "validation", "test"):
        source = getattr(data, split)
        _, target = source.examples(len(source))
        found = {name: (array.shape[1:], array.dtype.kind) for name, array in arrays(target).items()}
        what = f"the targets of {split} are, an example, {found}, but {type(outputs).__name__} takes {wanted}"
        assert found == wanted, f"{shown(file.path)}: {what}"


def test_every_example_comes_once_in_order(file, data):
    raw, target = data.validation.examples(len(data.validation))
    what = f"{shown(file.path)}: %s gives other examples, or another order, than `examples`; {SOURCES}"
    check_equal(data.validation.targets(), target, what % "`targets`")
    ways = {"`in_order`": data.validation.in_order(7).as_numpy_iterator(), "`read`": data.validation.read()}
    for way, batches in ways.items():
        batches = list(batches)
        joined = tf.nest.map_structure(lambda *parts: np.concatenate(parts), *(batch for _, batch in batches))
        check_equal(joined, target, what % way)
        for name, column in raw.items():
            np.testing.assert_array_equal(np.concatenate([batch[name] for batch, _ in batches]), column, what % way)


def test_examples_have_one_hash_only_where_they_are_the_same(file, data):
    digests = data.validation.digests()
    raw, _ = data.validation.examples(len(data.validation))
    everything = rows(raw, np.zeros(len(data.validation)))
    one_each = len(digests) == len(everything) and len(set(digests.tolist())) == len(set(everything))
    what = "`digests` has to give one number an example, the same for equal requests and else another"
    assert one_each, f"{shown(file.path)}: {what}; {SOURCES}"
    first = data.validation.take(3).digests()
    np.testing.assert_array_equal(first, digests[:3], f"{shown(file.path)}: {what}, also after `take`; {SOURCES}")


def test_an_epoch_holds_each_example_at_most_once_and_epochs_differ(file, data):
    steps = len(data.train) // 8
    orders = []
    for epoch in range(2):
        batches = data.train.shuffled(3, 8, steps, base=epoch * steps).take(steps).as_numpy_iterator()
        orders.append([row for raw, target in batches for row in rows(raw, target)])
    everything = Counter(rows(*data.train.examples(len(data.train))))
    where = f"{shown(file.path)}: `shuffled` of train"
    for order in orders:
        assert len(order) == steps * 8, f"{where} gives {len(order)} examples in {steps} batches of 8; {SOURCES}"
        if isinstance(data.outputs, NextToken):  # whose windows begin elsewhere in each epoch
            once = len(set(order)) > 0.9 * len(order)
        else:  # equal examples may stand twice in a set, but not more often than in it
            once = Counter(order) <= everything
        assert once, f"{where} gives examples more often than once an epoch; {SOURCES}"
    assert orders[0] != orders[1], f"{where} gives each epoch the same order; {SOURCES}"


def test_order_is_a_function_of_seed_and_step(file, data):
    def batches(seed, base, count):
        found = data.train.shuffled(seed, 4, 5, base=base).take(count).as_numpy_iterator()
        return [rows(raw, target) for raw, target in found]

    where = f"{shown(file.path)}: `shuffled` of train"
    straight = batches(1, 0, 12)
    assert batches(1, 7, 5) == straight[7:], f"{where} from step 7 isn't what comes after 7 steps; {SOURCES}"
    assert batches(2, 0, 12) != straight, f"{where} has one order for two seeds; {SOURCES}"
    moving = tf.Variable(9, dtype=tf.int64)
    assert batches(1, moving, 3) == straight[9:], f"{where} has to take its base from a variable, too; {SOURCES}"


def rows(raw, target):
    columns = [raw[name] for name in sorted(raw)] + [*arrays(target).values()]
    return [b"".join(np.asarray(column[i]).tobytes() for column in columns) for i in range(len(columns[0]))]


def arrays(target):
    """The arrays of targets by name; one alone has none."""
    return target if isinstance(target, dict) else {"": target}


def check_equal(target, expected, what):
    assert arrays(target).keys() == arrays(expected).keys(), what
    for name, array in arrays(expected).items():
        np.testing.assert_array_equal(arrays(target)[name], array, what)


def test_the_first_examples_have_several_classes(file, data):
    if isinstance(data.outputs, Classes):
        for split in ("train", "validation", "test"):
            _, target = getattr(data, split).examples(64)
            what = f"the first 64 examples of {split} are all of one class, so a trial with --limit learns nothing"
            assert len(set(target.tolist())) > 1, f"{shown(file.path)}: {what}: shuffle them"


def test_taking_fewer_examples_takes_the_first(file, data):
    few = data.train.take(3)
    what = f"{shown(file.path)}: `take(3)` of train has to give its first 3 examples; {SOURCES}"
    assert len(few) == 3, what
    check_equal(few.examples(3)[1], data.train.examples(3)[1], what)


def test_preprocess_survives_saving(file, data, tmp_path):
    data.preprocess.save(tmp_path / "preprocess.keras")
    loaded = keras.models.load_model(tmp_path / "preprocess.keras")
    raw, _ = data.train.examples(4)
    what = f"{shown(file.path)}: preprocess answers otherwise once it was saved and opened: use Keras' own layers"
    before, after = features_of(data.preprocess, raw), features_of(loaded, raw)
    for one, other in zip(tf.nest.flatten(before), tf.nest.flatten(after), strict=True):
        np.testing.assert_array_equal(one, other, what)


def test_doors_lead_to_the_same_request(file, data):
    for name, door in data.doors.items():
        raw, _ = data.train.examples(3)
        request = door.encode(raw)
        if request is None:
            continue
        opened = tf.function(door, input_signature=[dict(door.request)])(request)
        for key, column in raw.items():
            what = f"{shown(file.path)}: the door {name!r} doesn't lead back to the {key!r} that its encode was given"
            np.testing.assert_array_equal(opened[key], column, what)


def test_validation_does_not_depend_on_test(file, data):
    if not file.download:
        pytest.skip("it is split here")
    if isinstance(data.outputs, NextToken):
        pytest.skip("its windows are made of one text a split")
    sizes = len(data.train) + len(data.validation), len(data.test)
    what = f"of {TRAIN} examples to train on and {TEST} to test, it makes {sizes[0]} and {sizes[1]}"
    assert sizes == (TRAIN, TEST), f"{shown(file.path)}: {what}: cut validation from train, and keep test whole"

"""Exports: what is refused, and how versions are published. Each fault of an export is planted once."""

import json
import shutil
from contextlib import closing, contextmanager
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from src.data import Data
from src.errors import UserError
from src.export import export
from src.exporting import verify
from src.exporting.compatibility import check_signatures
from src.exporting.publish import Destination, publish, remove_old
from src.exporting.requests import sample_requests
from src.exporting.verifier import Verifier
from src.preprocess.images import Pictures, pixels
from src.runs.run import Run, find, load_run
from src.runs.save import save
from src.signatures import DEFAULT
from src.sources.memory import InMemory
from src.specs import Classes, Image, to_json
from src.system.files import write_json
from src.tasks.classification import Task

SPEC = Image(6, 5, 1)
CLASSES = Classes(("cat", "dog", "über"), (1, 1, 1))
FIGURES = {"log_loss": 0.5, "accuracy": 0.5}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """A run made by hand: an untrained convolution on random images."""
    path = tmp_path_factory.mktemp("run")
    keras.utils.set_random_seed(0)
    image = keras.Input((SPEC.height, SPEC.width, SPEC.channels), name="image")
    x = keras.layers.GlobalMaxPooling2D()(keras.layers.Conv2D(4, 3, activation="relu")(image))
    model = keras.Model(image, keras.layers.Dense(3)(x))
    images = np.random.default_rng(0).integers(0, 256, (20, SPEC.height, SPEC.width, 1), "uint8")
    source = InMemory.of({"image": images}, np.zeros(20, "int32"))
    data = Data(source, source, source, SPEC, CLASSES, pixels(SPEC), {"image_bytes": Pictures(SPEC)})
    task = Task(CLASSES)
    signatures = task.signatures(model, data.preprocess, data.doors, None)
    save(path, model, data, signatures, sample_requests(data, task, signatures))
    knobs = {"class_weights": False, "label_smoothing": 0.0}
    write_json(
        path / "config.json",
        {
            "format": 1, "model": "toy", "data": "noise", "task": "classification", "knobs": knobs,
            "inputs": to_json(SPEC), "outputs": to_json(CLASSES), "resolved": {"precision": "float32"},
            "started": "2026-01-01", "device": "CPU", "commit": "", "versions": {},
            "origins": dict.fromkeys(knobs, "default"),
        },
    )  # fmt: skip
    splits = {name: {"examples": 20, "sha256": "0"} for name in ("train", "validation")}
    write_json(path / "manifest.json", {"splits": splits, "in_two_splits": []})
    write_json(path / "metrics.json", {"train": FIGURES, "validation": FIGURES, "baseline": {"predictor": "none"}})
    (path / "history.csv").write_text("epoch,val_log_loss,learning_rate\n0,0.5,0.1\n")
    return load_run(path)


def published(run: Run, folder: Path, name: str = "toy") -> Path:
    with Verifier() as verifier:
        return publish(run, folder / name, verifier)


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    """The first version under a name."""
    return published(run, tmp_path_factory.mktemp("exported"))


class Faulty(Run):
    """A run whose exported answers are made by another function than its own."""

    def __init__(self, run: Run, ask):
        super().__init__(run.path)
        self.true = run
        _, request = run.signatures[DEFAULT]
        self.__dict__["signatures"] = {DEFAULT: (lambda raw: ask(run, raw), request)}
        self.__dict__["requests"] = {DEFAULT: run.requests[DEFAULT]}

    def predict(self, raw, signature=DEFAULT, batch=256):
        return self.true.predict(raw, signature, batch)


def own(run, raw):
    return run.signatures[DEFAULT][0](raw)


def wrong_number(run, raw):
    answers = own(run, raw)
    return answers | {"probability": answers["probability"] + 0.001}


def wrong_label(run, raw):
    answers = own(run, raw)
    return answers | {"label": tf.strings.lower(tf.strings.join([answers["label"], "s"]))}


def python_op(run, raw):
    answers = own(run, raw)
    probability = tf.py_function(lambda x: x, [answers["probability"]], tf.float32)
    return answers | {"probability": tf.ensure_shape(probability, (None,))}


def forced_xla(run, raw):
    answers = own(run, raw)
    return answers | {"probability": tf.function(lambda x: x * 1.0, jit_compile=True)(answers["probability"])}


def half_precision(run, raw):
    answers = own(run, raw)
    return answers | {"probability": tf.cast(answers["probability"], tf.float16)}


def one_number_for_the_batch(run, raw):
    answers = own(run, raw)
    return answers | {"probability": tf.reduce_sum(answers["probability"])}


def random_numbers(run, raw):
    answers = own(run, raw)
    noise = tf.random.uniform(tf.shape(answers["probability"]))
    return answers | {"probability": answers["probability"] + 0.1 * noise}


def batch_statistics(run, raw):
    answers = own(run, raw)
    return answers | {"probability": answers["probability"] / tf.reduce_max(answers["probability"])}


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (wrong_number, "probability differs"),
        (python_op, "Py"),
        (one_number_for_the_batch, "batch|shape"),
        (batch_statistics, "probability differs"),
        pytest.param(wrong_label, "label is", marks=pytest.mark.long),
        pytest.param(forced_xla, "XLA", marks=pytest.mark.long),
        pytest.param(half_precision, "float16|half", marks=pytest.mark.long),
        pytest.param(random_numbers, "probability differs", marks=pytest.mark.long),
    ],
)
def test_a_faulty_export_is_not_published(run, tmp_path, fault, named):
    with pytest.raises(UserError, match=named):
        published(Faulty(run, fault), tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == [".toy.lock"]


def test_without_a_guard_a_wrong_shape_is_noticed(run, tmp_path, monkeypatch):
    monkeypatch.setattr("src.exporting.publish._guarded", lambda ask, request: ask)
    with pytest.raises(UserError, match=r"wrong shape|clean process"):
        published(run, tmp_path)


def test_what_is_published_is_what_was_verified(run, tmp_path):
    path = published(run, tmp_path)
    assert path == tmp_path / "toy" / "1"
    assert {file.name for file in path.iterdir()} >= {"saved_model.pb", "variables"}
    record = json.loads((run.path / "export.json").read_text())
    assert record["version"] == 1
    assert record["signatures"][DEFAULT] == {"image": "uint8 (batch, 6, 5, 1)"}
    assert set(record["differences"]) == {DEFAULT, "image_bytes"}


def test_versions_count_on_and_nothing_else_is_left(run, exported, tmp_path):
    shutil.copytree(exported.parent, tmp_path / "toy")
    (tmp_path / "toy" / "notes.txt").write_text("mine")
    assert published(run, tmp_path).name == "2"
    shutil.rmtree(tmp_path / "toy" / "1")
    assert published(run, tmp_path).name == "3"
    assert {path.name for path in (tmp_path / "toy").iterdir()} == {"2", "3", "notes.txt"}


def test_a_version_says_whose_it_is_so_that_nothing_is_published_twice(run, exported, tmp_path, monkeypatch):
    toy = shutil.copytree(exported.parent, tmp_path / "toy")
    origin = toy / "1" / "assets.extra" / "origin.json"
    (run.path / "export.json").unlink()  # the process died after the version appeared
    with Verifier(wanted=False) as verifier:
        assert publish(run, toy, verifier, once=True) == toy / "1"
    record = json.loads((run.path / "export.json").read_text())
    assert (record["path"], record["version"]) == (str(toy / "1"), 1)
    assert record.items() > json.loads(origin.read_text()).items()
    assert set(record["differences"]) == {DEFAULT, "image_bytes"}
    write_json(origin, json.loads(origin.read_text()) | {"sha256": "of another training"})
    monkeypatch.setattr("src.exporting.publish._publish_next", lambda *_: exported)
    assert publish(run, toy, verifier, once=True) == exported


def test_another_publisher_is_waited_for(run, exported, tmp_path, monkeypatch):
    toy, order = shutil.copytree(exported.parent, tmp_path / "toy"), []

    @contextmanager
    def owned_after_another(path, what, patience_s):
        order.append(what)
        shutil.rmtree(toy)  # the other one removed what it didn't publish
        yield

    def publish_next(run, folder, verifier):
        (folder / "1" / "assets.extra").mkdir(parents=folder.is_dir())
        return shutil.copytree(exported, folder / "1", dirs_exist_ok=True)

    monkeypatch.setattr("src.exporting.publish.owned", owned_after_another)
    monkeypatch.setattr("src.exporting.publish._publish_next", publish_next)
    assert published(run, tmp_path) == toy / "1"
    assert remove_old(toy, 2) == []
    assert order == [f"the export {toy}"] * 2, "old versions go under the lock, too"


PICTURE = tf.TensorSpec((None,), tf.string)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({DEFAULT: {"image": tf.TensorSpec((None, 6, 5, 3), tf.uint8)}},
         "serving_default: image was uint8 (batch, 6, 5, 1) and is uint8 (batch, 6, 5, 3)"),
        ({DEFAULT: {"image": tf.TensorSpec((None, 6, 5, 1), tf.float32)}}, "and is float32 (batch, 6, 5, 1)"),
        ({"image_bytes": {"picture": PICTURE}}, "image_bytes: image_bytes is missing, which was string (batch)"),
        ({"image_bytes": {"picture": PICTURE}}, "image_bytes: picture is new, string (batch)"),
        ({"image_bytes": None}, "the signature image_bytes is missing"),
        ({"image_bytes": {f"picture_{number}": PICTURE for number in range(900)}}, "… 893 more"),
    ],
    ids=["shape", "type", "input gone", "new input", "signature gone", "many"],
)  # fmt: skip
def test_what_any_signature_of_the_last_version_takes_is_kept(run, exported, changes, named):
    requests = {name: request for name, (_, request) in run.signatures.items()} | changes
    signatures = {name: (None, request) for name, request in requests.items() if request}
    with pytest.raises(UserError) as error:
        check_signatures(exported.parent, signatures)
    assert named in str(error.value)
    assert "--export-name NAME" in str(error.value)


def test_a_new_signature_may_come(run, exported):
    check_signatures(exported.parent, {**run.signatures, "text": (None, {"text": PICTURE})})


def test_what_any_signature_of_the_last_version_answers_is_kept(run, exported, tmp_path):
    def renamed(raw):
        answers = run.signatures["image_bytes"][0](raw)
        return {"certainty": answers.pop("probability"), **answers}

    faulty = Faulty(run, own)
    faulty.signatures.update(image_bytes=(renamed, run.signatures["image_bytes"][1]))
    shutil.copytree(exported.parent, tmp_path / "toy")
    with pytest.raises(UserError, match="image_bytes: probability is missing, which was float32"):
        published(faulty, tmp_path)
    assert [path.name for path in (tmp_path / "toy").iterdir()] == ["1"]


@pytest.mark.parametrize(
    ("config", "flags", "name"),
    [
        ({}, {}, "toy-noise"),
        ({"data_name": "houses"}, {}, "toy-houses"),
        ({"data_name": "houses"}, {"export_name": "flag"}, "flag"),
        ({"data_name": "houses", "knobs": {"export_name": "own"}}, {}, "own"),
        ({"data_name": "houses", "knobs": {"export_name": "own"}}, {"export_name": "flag"}, "flag"),
    ],
)
def test_a_run_is_exported_under_the_name_that_training_gave_it(run, tmp_path, monkeypatch, config, flags, name):
    shutil.copytree(run.path, tmp_path / "run")
    write_json(tmp_path / "run" / "config.json", {**run.config, **config})
    monkeypatch.setattr("src.export.publish", lambda run, folder, verifier: folder / "1")
    assert export(run=str(tmp_path / "run"), exports_dir=str(tmp_path), **flags).parent.name == name


@pytest.mark.parametrize(("data", "hint"), [("digits", "mlp DATA=digits"), ("houses", "mlp"), ("", "mlp")])
def test_where_there_is_no_run_the_command_is_told_that_makes_one(tmp_path, data, hint):
    with pytest.raises(UserError) as error:
        find("", "mlp", data, str(tmp_path))
    assert str(error.value).endswith(f"Start one: make train MODEL={hint}")


@pytest.mark.parametrize("name", ["..", "a/b", "a b", ".hidden"])
def test_a_name_that_is_no_folder_is_refused(tmp_path, name):
    with pytest.raises(UserError, match="export_name"):
        Destination(export_name=name, exports_dir=str(tmp_path)).folder("toy", "numbers")


@pytest.fixture(scope="module")
def served(exported):
    """The export in the session that TensorFlow Serving would have."""
    with closing(tf.compat.v1.Session(graph=tf.Graph())) as session:
        meta = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(exported))
        yield session, meta.signature_def


def ask(served, name, **request):
    session, signatures = served
    return verify.served(session, signatures[name])(request)


@pytest.mark.parametrize("batch", [1, 2, 17])
def test_any_batch_is_answered(served, batch):
    answers = ask(served, DEFAULT, image=np.zeros((batch, 6, 5, 1), "uint8"))
    assert {name: column.shape for name, column in answers.items()} == {
        "label": (batch,), "probability": (batch,), "probabilities": (batch, 3),
    }  # fmt: skip


def test_labels_are_the_names_of_the_classes(served):
    answers = ask(served, DEFAULT, image=np.random.default_rng(1).integers(0, 256, (8, 6, 5, 1), "uint8"))
    names = [CLASSES.names[k].encode() for k in answers["probabilities"].argmax(axis=1)]
    assert list(answers["label"]) == names
    np.testing.assert_allclose(answers["probabilities"].sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(answers["probabilities"].max(axis=1), answers["probability"])


def test_a_signature_is_prepared_once_however_many_inputs_it_has(tmp_path, monkeypatch):
    names = [f"column_{number}" for number in range(60)]
    module = tf.Module()
    module.ask = tf.function(lambda **raw: {"sum": tf.add_n([tf.ensure_shape(one, (None,)) for one in raw.values()])})
    asked = module.ask.get_concrete_function(**{name: tf.TensorSpec((None,), tf.float32, name) for name in names})
    tf.saved_model.save(module, tmp_path, {DEFAULT: asked})
    prepared, prepare = [], tf.compat.v1.Session._make_callable_from_options
    monkeypatch.setattr(
        tf.compat.v1.Session,
        "_make_callable_from_options",
        lambda *session_and_options: prepared.append(1) or prepare(*session_and_options),
    )
    case = {"request": {name: [1.0, 2.0] for name in names}, "answers": {"sum": [60.0, 120.0]}}
    found = verify.verify(str(tmp_path), {DEFAULT: case})
    assert found == {"problems": [], "differences": {DEFAULT: {"sum": 0.0}}}
    assert len(prepared) == 1


def test_inputs_of_every_kind_are_sent_in_wrong_shapes_and_of_a_kind_only_some():
    numbers, asked = {f"number_{number}": np.zeros(3, "float32") for number in range(500)}, []
    request = {**numbers, "text": np.array([b"a"] * 3, object), "image": np.zeros((3, 4, 5, 1), "uint8")}

    def ask(given):
        asked.append(next(name for name in given if given[name] is not request[name]))
        if asked[-1] not in ("text", "image"):
            raise tf.errors.InvalidArgumentError(None, None, "guarded")

    assert verify.survivors("some", ask, request) == [
        "some answers text of the wrong shape (3, 1)",
        "some answers image of the wrong shape (3, 4, 5, 1, 1)",
        "some answers image of the wrong shape (3, 8, 5, 1)",
        "some answers image of the wrong shape (3, 4, 10, 1)",
        "some answers image of the wrong shape (3, 4, 5, 2)",
    ]
    assert 1 < len(set(asked) & set(numbers)) < 100


@pytest.mark.parametrize("shape", [(2, 6, 5), (2, 6, 5, 1, 1), (2, 5, 6, 1), (2, 6, 5, 3), (0,), (2,)])
def test_a_request_of_another_shape_is_an_error_and_not_the_end(served, shape):
    with pytest.raises(tf.errors.InvalidArgumentError):
        ask(served, DEFAULT, image=np.zeros(shape, "uint8"))
    assert ask(served, DEFAULT, image=np.zeros((1, 6, 5, 1), "uint8"))


def test_pictures_of_any_size_and_format_are_decoded(served):
    large = np.full((31, 44, 3), 200, "uint8")
    pictures = [tf.io.encode_png(large).numpy(), tf.io.encode_jpeg(large).numpy()]
    answers = ask(served, "image_bytes", image_bytes=np.array(pictures, object))
    plain = ask(served, DEFAULT, image=np.full((1, 6, 5, 1), 200, "uint8"))
    for row in answers["probabilities"]:
        np.testing.assert_allclose(row, plain["probabilities"][0], atol=0.02)


@pytest.mark.parametrize("picture", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n"])
def test_a_broken_picture_is_an_error_and_not_the_end(served, picture):
    with pytest.raises(tf.errors.InvalidArgumentError):
        ask(served, "image_bytes", image_bytes=np.array([picture], object))
    assert ask(served, DEFAULT, image=np.zeros((1, 6, 5, 1), "uint8"))


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (np.zeros((2, 6)), "shape"),
        ({"other": np.zeros((2, 6, 5, 1))}, "takes image"),
        (np.zeros((0, 6, 5, 1)), "above 0"),
        (np.full((2, 6, 5, 1), 256), "don't fit"),
        (np.full((2, 6, 5, 1), 0.5), "don't fit"),
        (np.full((2, 6, 5, 1), "a"), "uint8"),
    ],
    ids=["rank", "name", "empty", "too large", "not whole", "text"],
)
def test_predict_refuses_what_is_no_request(run, raw, named):
    with pytest.raises(UserError, match=named):
        run.predict(raw)


def test_predict_names_the_signatures(run):
    with pytest.raises(UserError, match="image_bytes"):
        run.predict(np.zeros((1, 6, 5, 1), "uint8"), signature="picture")


def test_predict_answers_large_batches_in_parts(run):
    images = np.random.default_rng(2).integers(0, 256, (25, 6, 5, 1), "uint8")
    whole, parts = run.predict(images), run.predict(images, batch=4)
    np.testing.assert_allclose(whole["probabilities"], parts["probabilities"], rtol=1e-5)
    assert whole["label"].dtype.kind == "U"


@pytest.mark.parametrize("column", [
    np.array([1.5, np.nan, -np.inf], "float32"), np.array([[1, 2]], "int64"), np.array(["a", "ü"]),
    np.array([b"\xff\xfe", b"text"], object), np.array([[b"a", b"\xff"], [b"b", b""]], object),
], ids=["floats", "integers", "texts", "bytes", "rows of bytes"])  # fmt: skip
def test_json_brings_back_every_column(column):
    kind = tf.string if column.dtype.kind in "OU" else tf.as_dtype(column.dtype)
    again = verify.from_json(json.loads(json.dumps(verify.to_json(column))), kind)
    wanted = np.char.encode(column, "utf-8").astype(object) if column.dtype.kind == "U" else column
    np.testing.assert_array_equal(again, wanted)
    assert again.dtype == wanted.dtype


@pytest.mark.parametrize(("column", "kind"), [
    ([0.43], "uint8"), ([256], "uint8"), ([-1], "uint8"), ([2.0], "int64"), ([True], "int64"), ([1], "bool"),
    ([1e39], "float32"), ([None], "float32"), (["1"], "float32"), ([1], "string"), ([[1], [1, 2]], "float32"),
], ids=str)  # fmt: skip
def test_json_that_is_not_of_a_type_is_refused_rather_than_changed(column, kind):
    with pytest.raises(ValueError, match=f"^x: .* {kind}$"):
        verify.from_json(column, tf.as_dtype(kind), "x")


@pytest.mark.parametrize(("levels", "alike"), [(0, True), (1, True), (2, False)])
def test_a_pixel_may_be_rounded_the_other_way(levels, alike):
    image = np.full((1, 4, 4, 1), 7, "uint8")
    other = image.copy()
    other[0, 2, 2] += levels
    assert (verify.difference(image, other) == 0) == alike
    one, two = (np.array([tf.io.encode_png(picture[0]).numpy()], object) for picture in (image, other))
    assert (verify.mismatches("here", {"png_bytes": one}, {"png_bytes": two}) == []) == alike
    classes = np.array([1], "int32")
    assert verify.difference(classes, classes + 1) > 0, "a class is no pixel"

"""Other formats: every model is converted and equal, or refused by the name of what the format lacks."""

import dataclasses
import json
import re
import zipfile

import keras
import numpy as np
import pytest
from keras import layers, ops

from src import cli
from src.data import Data
from src.errors import UserError
from src.exporting import formats
from src.exporting.formats import ABOUT, FORMATS, Numbers
from src.exporting.publish import TOLERANCE, publish_file
from src.exporting.requests import sample_requests
from src.exporting.verify import difference
from src.layers import embedded, features, flat, head, over_time
from src.preprocess.images import pixels
from src.preprocess.tables import columns
from src.preprocess.texts import words
from src.runs.run import load_run
from src.runs.save import save
from src.settings import catalogue
from src.signatures import DEFAULT
from src.sources.memory import InMemory
from src.specs import Classes, Image, Text, Tokens, to_json
from src.system.files import write_json
from src.tasks.classification import Task
from tests.samples import PAIRS, is_large, short

IMAGE = Image(6, 5, 1)
CLASSES = Classes(("cat", "dog", "über"), (1, 1, 1))
CASES = [pytest.param(*pair, format, id="-".join((*pair, format))) for pair in PAIRS for format in FORMATS]
each_format = pytest.mark.parametrize("format", FORMATS)
RAW = {
    "image": {"image": np.random.default_rng(0).integers(0, 256, (20, 6, 5, 1), "uint8")},
    "table": {
        "height": np.array([1.5, np.nan, 3.0, 4.5] * 5, "float32"),
        "color": np.array([b"red", b"blue", b"", b"red"] * 5, object),
    },
    "text": {"text": np.array([b"A good film.", b"bad", b"Not good, not bad", b""] * 5, object)},
}


@pytest.fixture(autouse=True)
def installed(request):
    """Skips the test of a format whose packages aren't there."""
    if format := request.node.callspec.params.get("format"):
        try:
            FORMATS[format].require()
        except UserError as error:
            pytest.skip(str(error))


def way_in(kind):
    """The spec of a kind of features, and the model that makes them."""
    raw = RAW[kind]
    match kind:
        case "image":
            return IMAGE, pixels(IMAGE)
        case "table":
            return columns(InMemory.of(raw, np.zeros(20, "int32")))
        case "text":
            return words(InMemory.of(raw, np.zeros(20, "int32")), vocabulary=50, length=8)


def dense(spec, tensors):
    """A vector of all features, through GELU, which every other model has."""
    tokens = isinstance(spec, Tokens)
    x = over_time(embedded(spec, tensors, 4), None, "mean") if tokens else flat(spec, tensors)
    return layers.Dense(8, activation="gelu")(x)


def made(path, kind="image", middle=dense):
    """A run made by hand: an untrained classifier."""
    keras.utils.set_random_seed(0)
    raw = RAW[kind]
    source = InMemory.of(raw, np.zeros(20, "int32"))
    spec, preprocess = way_in(kind)
    tensors = features(spec)
    model = keras.Model(tensors, head(CLASSES)(middle(spec, tensors)))
    task = Task(CLASSES)
    path.mkdir()
    data = Data(source, source, source, spec, CLASSES, preprocess)
    signatures = task.signatures(model, preprocess, {}, None)
    save(path, model, data, signatures, sample_requests(data, task, signatures))
    knobs = {"class_weights": False, "label_smoothing": 0.0}
    write_json(
        path / "config.json",
        {
            "format": 1, "model": "toy", "data": "noise", "task": "classification", "knobs": knobs,
            "inputs": to_json(spec), "outputs": to_json(CLASSES), "resolved": {"precision": "float32"},
            "started": "2026-01-01",
        },
    )  # fmt: skip
    splits = {name: {"examples": 20, "sha256": "0"} for name in ("train", "validation")}
    write_json(path / "manifest.json", {"splits": splits, "in_two_splits": []})
    write_json(path / "metrics.json", {"train": {}, "validation": {}, "baseline": {"predictor": "none"}})
    return load_run(path)


def about(path, format) -> dict:
    """What a file says of itself."""
    if format == "litert":
        with zipfile.ZipFile(path) as file:
            return json.loads(file.read(ABOUT))
    import onnxruntime

    return json.loads(onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map[ABOUT])


@pytest.mark.parametrize(
    ("model", "data", "format"),
    short(CASES, lambda model, data, format: set() if is_large(model) else {(model, format)}),
)
def test_every_model_is_converted_and_equal_or_refused(short_run, model, data, format):
    run = short_run(model, data)
    try:
        path = publish_file(run, "toy", format)
    except UserError as refused:
        lacks = r".+ can't hold this model: it has nothing for TensorFlow's \w.+ may\."
        steps = r"This model answers step by step, which .+ can't hold\. The SavedModel can\."
        assert re.fullmatch(f"{lacks}|{steps}", str(refused))
        assert not list((run.path / "export").glob(f"*{FORMATS[format].ending}"))
        return
    ask, examples = FORMATS[format].opened(path), Numbers(run).examples
    request = {name: np.array(column) for name, column in run.requests[DEFAULT].items()}
    if run.task.on_picture:  # which a file leaves to the one who asks it
        answers = run.task.answers(run.model(run.preprocess(request)))
        wanted = {name: column.numpy() for name, column in answers.items()}
    else:
        wanted = run.predict(request)
    for size in (1, 3):
        for name, column in ask(**{key: given[:size] for key, given in examples.items()}).items():
            true = wanted[name.removesuffix("_answer")][:size]
            if column.ndim == true.ndim:
                assert difference(true, column) <= TOLERANCE["float32"], name
            else:
                assert column.shape[1] == examples["tokens"].shape[1], "the next token is predicted at each place"


@each_format
@pytest.mark.parametrize(("kind", "begins"), [
    ("image", {"image"}), ("table", {"numeric", "categories"}), ("text", {"tokens"}),
])  # fmt: skip
def test_a_file_begins_where_the_numbers_begin_and_says_what_they_mean(tmp_path, kind, begins, format):
    run = made(tmp_path / "run", kind)
    path = publish_file(run, "toy", format)
    assert path == run.path / "export" / f"toy{FORMATS[format].ending}"
    assert set(Numbers(run).request) == begins
    assert set(FORMATS[format].opened(path)(**Numbers(run).examples)) == {"probability", "probabilities"}
    found = about(path, format)
    assert found["outputs"]["names"] == list(CLASSES.names)
    assert found["inputs"]["kind"] == {"image": "Image", "table": "Columns", "text": "Tokens"}[kind]
    known = {word for words in found["vocabularies"].values() for word in words}
    assert known >= {"table": {"red", "blue"}, "text": {"good", "bad", "."}}.get(kind, set())


def recurrent(spec, tensors):
    return layers.LSTM(4)(layers.Reshape((6, 5))(tensors))


def inverse(spec, tensors):
    return ops.erfinv(dense(spec, tensors))


@pytest.mark.parametrize(("middle", "format", "op"), [
    (recurrent, "litert", "TensorListReserve"), (inverse, "litert", "Erfinv"), (inverse, "onnx", "Erfinv"),
])  # fmt: skip
def test_an_op_that_a_format_lacks_is_named(tmp_path, middle, format, op):
    run = made(tmp_path / "run", middle=middle)
    with pytest.raises(UserError, match=f"nothing for TensorFlow's {op}. The SavedModel can"):
        publish_file(run, "toy", format)
    assert not any((run.path / "export").iterdir())


@each_format
def test_an_answer_has_another_name_than_an_input(tmp_path, format):
    run = made(tmp_path / "run")
    ask, request = run.signatures[DEFAULT]
    run.signatures = {DEFAULT: (lambda raw: {"image": ask(raw)["probability"]}, request)}
    path = publish_file(run, "toy", format)
    assert set(FORMATS[format].opened(path)(**Numbers(run).examples)) == {"image_answer"}


@each_format
def test_what_is_all_texts_is_refused(tmp_path, format):
    run = made(tmp_path / "run")
    ask, request = run.signatures[DEFAULT]
    run.signatures = {DEFAULT: (lambda raw: {"label": ask(raw)["label"]}, request)}
    with pytest.raises(UserError, match="its answers are all texts"):
        publish_file(run, "toy", format)


@pytest.mark.parametrize("refusing", FORMATS)  # without its packages, too
def test_what_answers_step_by_step_is_refused(short_run, refusing):
    writers = [pair for pair in PAIRS if Text in catalogue.model(pair[0]).gives]
    if not writers:
        pytest.skip("no model writes a text for a text")
    run = short_run(*writers[0])
    with pytest.raises(UserError, match=r"answers step by step, which ONNX and LiteRT can't hold. The SavedModel can"):
        publish_file(run, "toy", refusing)
    assert not list((run.path / "export").glob("*"))


@each_format
def test_a_file_that_answers_otherwise_is_not_published(tmp_path, format, monkeypatch):
    run = made(tmp_path / "run")
    path = publish_file(run, "toy", format)
    before = path.read_bytes()
    other = Numbers(made(tmp_path / "other"))
    other.parts[0].layers[-1].bias.assign([0, 1, 2])
    kind = FORMATS[format]
    wrong = dataclasses.replace(kind, write=lambda numbers, about, path: kind.write(other, about, path))
    monkeypatch.setitem(FORMATS, format, wrong)
    with pytest.raises(UserError, match=r"(?s)not published.*probabilities differs"):
        publish_file(run, "toy", format)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == before


@pytest.mark.parametrize("missing", FORMATS)
def test_missing_packages_are_named(tmp_path, missing, monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=f"pip install {FORMATS[missing].packages[0]}"):
        publish_file(made(tmp_path / "run"), "toy", missing)


@pytest.mark.parametrize("format", ["onnx"])
def test_the_command_line_writes_a_file(tmp_path, format, capfd):
    run = made(tmp_path / "run")
    assert cli.main(["export", "--run", str(run.path), "--format", format]) == 0
    out, err = capfd.readouterr()
    assert str(run.path / "export" / "toy-noise.onnx") in out
    assert err == ""

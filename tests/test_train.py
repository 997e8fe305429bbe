"""The main job end to end, for every model on every data set that needs no download."""

import csv
import datetime
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from src.analysis import predictions
from src.errors import UserError
from src.evaluate import evaluate
from src.reports import report
from src.runs import save as saving
from src.runs.run import load_run
from src.settings import catalogue, config
from src.signatures import DEFAULT
from src.system.files import write_json
from src.system.locks import owned
from src.train import train
from tests.conftest import BARE, FEW
from tests.samples import PAIRS, is_large, short

if not PAIRS:
    pytest.skip("no model goes with a data set that needs no download", allow_module_level=True)


ALL = [pytest.param(pair, id="-".join(pair)) for pair in PAIRS]


def parts(pair):
    """The model, the kinds of features and the task: what is special to one data set is tested with it."""
    model, data = catalogue.model(pair[0]), catalogue.dataset(pair[1])
    return set() if is_large(model.name) else {model.name, data.inputs, catalogue.tasks_of(model, data)[0].name}


@pytest.fixture(scope="module", params=short(ALL, parts))
def run(request, short_run):
    return short_run(*request.param)


@pytest.fixture
def folders(tmp_path):
    return {"runs_dir": str(tmp_path / "runs"), "exports_dir": str(tmp_path / "saved_models")}


def test_the_run_is_complete(run):
    names = {path.name for path in run.path.iterdir()}
    assert names >= {
        "config.json", "manifest.json", "history.csv", "metrics.json", "model.keras", "preprocess.keras",
        "best.weights.h5", "requests", "figures", "logs", "report.html", "export.json",
    }  # fmt: skip
    assert [name for name in names if name.startswith(".")] == [".lock"]


def test_what_looks_wrong_in_the_data_stays_in_the_run_and_is_reported_once(run, tmp_path):
    assert run.manifest["warnings"] == []
    path = shutil.copytree(run.path, tmp_path / "run")
    write_json(path / "manifest.json", {**run.manifest, "warnings": ["train has no example of 7: add some"]})
    assert load_run(path).warnings == ["train has no example of 7: add some", *run.warnings]
    report.write(path)
    assert (path / "report.html").read_text(encoding="utf-8").count("no example of 7") == 1


def test_history_has_both_splits_and_the_learning_rate(run):
    with open(run.path / "history.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == FEW["epochs"]
    losses = {"loss", "val_loss"} if run.task.loss else set()
    assert {"learning_rate", run.task.monitor, *losses} <= set(rows[0])


def test_metrics_have_every_split_and_a_baseline(run):
    assert list(run.metrics) == ["train", "validation", "test", "baseline"]
    for split in ("train", "validation", "test"):
        assert all(np.isfinite(value) for value in run.metrics[split].values())


def test_metrics_are_those_of_the_best_epoch(run):
    with open(run.path / "history.csv", encoding="utf-8") as file:
        history = [float(row[run.task.monitor]) for row in csv.DictReader(file)]
    best = max(history) if run.task.direction == "max" else min(history)
    assert run.metrics["validation"][run.task.monitor.removeprefix("val_")] == pytest.approx(best, rel=1e-5)


def test_detailed_figures_agree_with_the_metrics(run):
    detailed = json.loads((run.path / "figures" / "test.json").read_text())
    name = run.task.monitor.removeprefix("val_")
    assert detailed[name] == pytest.approx(run.metrics["test"][name], rel=1e-4)


def test_the_limit_holds_for_every_split(run):
    assert max(split["examples"] for split in run.manifest["splits"].values()) <= FEW["limit"]


def test_predicts_from_raw_requests_without_the_data_set(run):
    loaded = load_run(run.path)
    assert [part for part in vars(loaded) if part in ("data", "train")] == []
    raw = request(run, 5)
    answers = loaded.predict(raw)
    assert answers
    assert {len(column) for column in answers.values()} == {5}
    one = loaded.predict({name: column[2:3] for name, column in raw.items()})
    for name, column in answers.items():
        if column.dtype.kind == "f":
            np.testing.assert_allclose(one[name], column[2:3], rtol=1e-4, atol=1e-5)
        elif column.dtype == "uint8":  # pixels, which are rounded
            np.testing.assert_allclose(one[name].astype(int), column[2:3].astype(int), atol=1)
        else:
            np.testing.assert_array_equal(one[name], column[2:3])


def request(run, examples):
    """Of the test split."""
    raw, _ = catalogue.load(catalogue.dataset(run.config["data"])).load().test.examples(examples)
    specs = {name: request for name, (_, request) in run.signatures.items()}
    return run.task.requests(raw, specs)[DEFAULT]


def test_every_signature_is_exported_and_answers_as_the_run(run):
    export = json.loads((run.path / "export.json").read_text())
    loaded = tf.saved_model.load(export["path"])
    assert set(export["signatures"]) == set(loaded.signatures) == set(run.signatures)
    assert set(export["differences"]) == set(run.signatures), "a signature was published without being asked"
    for differences in export["differences"].values():
        assert max(differences.values()) <= export["tolerance"]
    raw = request(run, 5)
    served = loaded.signatures[DEFAULT](**{name: tf.constant(column) for name, column in raw.items()})
    for name, column in run.predict(raw).items():
        assert served[name].shape == column.shape
        if column.dtype.kind == "f":
            np.testing.assert_allclose(served[name], column, rtol=1e-4, atol=1e-5)


def test_an_export_needs_no_op_but_tensorflows_own(run):
    export = Path(json.loads((run.path / "export.json").read_text())["path"])
    (meta,) = SavedModel.FromString((export / "saved_model.pb").read_bytes()).meta_graphs
    functions = meta.graph_def.library.function
    nodes = [*meta.graph_def.node, *(node for function in functions for node in function.node_def)]
    foreign = {node.op for node in nodes} - {function.signature.name for function in functions} - {*dir(tf.raw_ops)}
    assert not foreign, "a server that has TensorFlow alone can't load it"


def test_best_weights_are_those_of_the_model(run):
    model = keras.models.clone_model(run.model)
    model.load_weights(run.path / "best.weights.h5")
    for one, other in zip(model.get_weights(), run.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_tensorboard_has_curves_of_both_splits(run):
    with open(run.path / "history.csv", encoding="utf-8") as file:
        columns = set(next(csv.reader(file))) - {"epoch", "seconds"}
    validation = {name for name in columns if name.startswith("val_")}
    for split, curves in {"train": columns - validation, "validation": validation}.items():
        events = list((run.path / "logs" / split).glob("events*"))
        tags = {
            value.tag
            for file in events
            for event in tf.compat.v1.train.summary_iterator(str(file))
            for value in event.summary.value
        }
        assert {f"epoch_{name.removeprefix('val_')}" for name in curves} <= tags
        if split == "train":
            assert {"config", "training examples"} <= {tag.split("/")[0] for tag in tags}


def test_the_report_shows_figures_and_knobs(run):
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page), "the page is one file"
    assert all(knob in page for knob in run.config["knobs"])


@pytest.fixture(scope="module")
def without_test(tmp_path_factory):
    """A training whose test split nobody may touch, and an evaluation of it."""
    model, data = PAIRS[0]
    module = catalogue.load(catalogue.dataset(data))
    load = module.load

    def without(**knobs):
        loaded = load(**knobs)
        object.__setattr__(loaded, "test", None)  # whoever touches it fails
        return loaded

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "load", without)
        run = train(model, data=data, **{**FEW, **BARE}, runs_dir=tmp_path_factory.mktemp("runs"), test=False)
        return run, evaluate(run.path)


def test_without_test_the_split_is_not_read(without_test):
    run, evaluated = without_test
    assert list(run.metrics) == list(evaluated) == ["train", "validation", "baseline"]
    assert "test" not in run.manifest["splits"]
    assert "test" not in load_run(run.path).metrics


def test_a_test_split_that_was_left_unread_is_measured_when_asked_for(without_test, tmp_path):
    path = shutil.copytree(without_test[0].path, tmp_path / "run")
    evaluate(path, test=True)
    measured = load_run(path)
    assert list(measured.metrics) == ["train", "validation", "test", "baseline"]
    assert "test" in measured.manifest["splits"]
    assert not measured.task.loss or predictions.load(path).split == "test"
    assert "test" in (path / "report.html").read_text(encoding="utf-8")
    evaluate(path)
    assert load_run(path).metrics == measured.metrics
    with owned(path / ".lock", "another"), pytest.raises(UserError, match=f"works on the run {path}"):
        evaluate(path)


def test_a_loss_that_is_not_finite_ends_training(folders, tmp_path):
    model, data = PAIRS[0]
    with pytest.raises(UserError, match="diverged"):
        train(
            model, data=data, **FEW, **folders, export=False,
            optimizer="sgd", learning_rate=1e30, schedule="constant", momentum=0.0,
        )  # fmt: skip
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize(
    ("knobs", "named"),
    [
        ({"momentum": 1.0}, "momentum"),
        ({"schedule": "constant", "warmup": 0.2}, "warmup"),
        ({"histograms": True, "tensorboard": False}, "histograms"),
        ({"export_name": "other", "export": False}, "export_name"),
        ({"jit": True, "deterministic": True}, "deterministic"),
        ({"tag": "../outside"}, "tag"),
        ({"dropout": 1.5}, "rate"),  # in Keras' words
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"epochs": 0}, "epochs"),
        ({"batch": 0}, "batch"),
        ({"steps_per_execution": 0}, "steps_per_execution"),
        ({"limit": 0}, "limit"),
        ({"patience": -1}, "patience"),
        ({"clip_norm": -1.0}, "clip_norm"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**32}, "seed"),
    ],
    ids=str,
)
def test_knobs_without_effect_or_out_of_range_are_refused(knobs, named, folders, tmp_path, monkeypatch):
    # It would hold for the rest of the process, and isn't what is tested here.
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: None)
    model, data = PAIRS[0]
    if not set(knobs) <= set(config.choose(model, data=data).knobs):
        pytest.skip(f"{model} has no such knob")
    with pytest.raises(UserError, match=named):
        train(model, data=data, **{"epochs": 1, "limit": 80, "export": False, "verbose": False, **folders, **knobs})
    assert not list((tmp_path / "runs").glob("*/config.json"))


@pytest.mark.parametrize("knobs", [
    {"optimizer": "adamw", "clip_norm": 1.0, "weight_decay": 0.01, "jit": True},
    {"optimizer": "sgd", "momentum": 0.5, "schedule": "plateau", "steps_per_execution": 2, "batch": 16},
    {"optimizer": "rmsprop", "schedule": "constant", "mixed_precision": True},
], ids=str)  # fmt: skip
def test_every_way_to_train_runs(knobs, folders):
    model, data = PAIRS[0]
    run = train(model, data=data, **{**FEW, **folders, "export": False, **knobs})
    assert np.isfinite(run.metrics["test"]["loss"])


def test_early_stopping_ends_before_the_last_epoch(folders):
    model, data = PAIRS[0]
    # A rate of practically 0: nothing improves after the first epoch.
    knobs = {"patience": 2, "epochs": 30, "learning_rate": 1e-12, "schedule": "constant"}
    run = train(model, data=data, **{**FEW, **BARE, **folders, **knobs})
    assert np.isfinite(run.metrics["test"]["loss"])
    assert len((run.path / "history.csv").read_text().splitlines()) - 1 < 30


def test_two_runs_in_one_second_have_folders_of_their_own(folders, monkeypatch):
    stopped = SimpleNamespace(datetime=SimpleNamespace(now=lambda: datetime.datetime(2026, 1, 1)))
    monkeypatch.setattr(saving, "datetime", stopped)
    model, data = PAIRS[0]
    one, two = (train(model, data=data, **{**FEW, **BARE}, **folders, tag="same") for _ in range(2))
    assert one.path.name.endswith("-same")
    assert two.path.name.endswith("-same-2")


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    model, data = PAIRS[0]
    (tmp_path / "runs").write_text("a file stands here")
    with pytest.raises(UserError, match=re.escape(str(tmp_path / "runs"))):
        train(model, data=data, **FEW, runs_dir=str(tmp_path / "runs"))


@pytest.mark.long
def test_deterministic_training_repeats_to_the_bit(tmp_path):
    """Twice by flags, then once more from the first run's config.json; a process each, as determinism stays on."""
    model, data = PAIRS[0]
    command = [sys.executable, "-m", "src", "train", model, "--no-export", "--runs-dir", str(tmp_path)]
    flags = ["--data", data, "--deterministic", "--epochs", "3", "--seed", "5"]
    subprocess.run([*command, *flags, "--tag", "one"], check=True, cwd=catalogue.ROOT)
    subprocess.run([*command, *flags, "--tag", "two"], check=True, cwd=catalogue.ROOT)
    config = next(tmp_path.glob("*one")) / "config.json"
    subprocess.run([*command, "--config", str(config), "--tag", "three"], check=True, cwd=catalogue.ROOT)
    one, two, three = (load_run(next(tmp_path.glob(f"*{tag}"))) for tag in ("one", "two", "three"))
    assert one.metrics == two.metrics == three.metrics
    for other in (two, three):
        for first, second in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
            np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(("epochs", "told"), [(2, "The weights of epoch 1 are kept."), (3, "Stopped after epoch 2: ")])
def test_a_training_that_ends_with_its_last_epoch_was_not_stopped(tmp_path, capsys, epochs, told):
    model, data = PAIRS[0]
    unlearnt = {"learning_rate": 1e-12, "patience": 1, "limit": 40, **BARE, "verbose": True}
    train(model, data=data, epochs=epochs, **unlearnt, runs_dir=str(tmp_path))
    said = capsys.readouterr().out
    assert told in said and ("Stopped" in said) == ("Stopped" in told)

"""What Python takes that the command line doesn't: a model file by path, data in memory, and what comes back."""

import json
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from src import cli
from src.crossvalidation import cross_validate
from src.errors import UserError
from src.evaluate import evaluate
from src.export import export
from src.preprocess.tables import from_matrix
from src.runs.run import load_run
from src.settings import catalogue
from src.specs import Classes, NextToken
from src.system.signals import Stop, Stopped
from src.train import show_knobs, train
from tests.conftest import BARE
from tests.nets import written
from tests.samples import PAIRS

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.random((120, 3)).astype("float32"), np.arange(120) % 3
PIPELINE = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(120).batch(16)


@pytest.fixture
def net(tmp_path):
    return written(tmp_path)


@pytest.fixture
def short(tmp_path):
    """Knobs that keep a training short, and its files together; folders as `Path`."""
    return {"epochs": 2, **BARE, "runs_dir": tmp_path / "runs"}


@pytest.fixture
def run(net, short):
    return train(net, data=(X, Y), **short)


def cut_off(net, short, **given):
    """The folder of a training that pauses after its first epoch."""
    with pytest.raises(Stopped):
        train(net, **short, **given, pause=1)
    return next(short["runs_dir"].iterdir())


def test_a_run_of_a_model_file_and_arrays_is_complete(run, net):
    assert run.path.name.startswith("small_net-arrays-")
    assert (run.config["model"], run.config["model_path"]) == ("small_net", str(net))
    assert (run.config["data"], run.config["by_hand"]) == ("arrays", {"data": "arrays"})
    assert {name.rpartition("/")[2] for name in run.config["files"]} >= {"small_net.py", "arrays.py"}
    assert len(run.history["loss"]) == 2
    assert list(run.metrics) == ["train", "validation", "test", "baseline"]
    assert run.predict(X[:5])["label"].shape == (5,)
    assert load_run(str(run.path)).metrics == run.metrics


def test_a_run_is_asked_with_what_it_learnt(net, short):
    images = RANDOM.integers(0, 256, (120, 4, 4)).astype("uint8")
    asked = train(net, data=(images, Y), **short).predict(images[:5])["label"]
    assert asked.shape == (5,)
    table = {"length (cm)": X[:, 0], "kind": np.array(["a", "b"])[Y % 2]}
    run = train(net, data=(table, X[:, 1]), **short)
    answers = run.predict({name: column[:5] for name, column in table.items()})
    renamed = run.predict({"length_cm": X[:5, 0], "kind": table["kind"][:5]})
    for name, answer in answers.items():
        np.testing.assert_array_equal(answer, renamed[name])


def test_figures_come_back_by_split(run):
    before = json.loads((run.path / "metrics.json").read_text())
    for again in (run.evaluate((X, Y)), evaluate(str(run.path), data=(X, Y))):
        for split in ("train", "validation", "test"):
            assert again[split] == pytest.approx(before[split], rel=1e-4)


def test_data_that_was_given_is_asked_for_again_and_other_data_refused(run):
    with pytest.raises(UserError, match=r"was trained on data that was given from Python: .* evaluate\(run, data=…\)"):
        run.evaluate()
    with pytest.raises(UserError, match=r"was trained on other data: its .* split had other examples"):
        run.evaluate((X + 1, Y))
    with pytest.raises(UserError, match="was trained on other data"):
        evaluate(run, data=(X, (Y + 1) % 3))


def test_a_training_on_arrays_goes_on_with_the_same_ones(net, short):
    path = cut_off(net, short, data=(X, Y))
    with pytest.raises(UserError, match=r"was cut off. Go on with it: train\('.*', resume='.*', data=…\)"):
        load_run(path)
    with pytest.raises(UserError, match=r"data that was given from Python: give it again, train\(…, data=…\)"):
        train(net, resume=path)
    with pytest.raises(UserError, match=r"This isn't the training that was cut off: .*manifest.json, splits"):
        train(net, resume=path, data=(X + 1, Y))
    run = train(net, resume=path, data=(X, Y))
    assert run.history["loss"] == pytest.approx(train(net, data=(X, Y), **short).history["loss"], rel=1e-5)


def test_a_model_file_is_found_again_by_a_resume(net, short, tmp_path, capsys):
    path = cut_off(net, short, data=(X, Y))
    assert cli.main(["train", "small_net", "--resume", str(path)]) == 1
    assert "data that was given from Python: give it again" in capsys.readouterr().err
    (tmp_path / "moved").mkdir()
    moved = net.rename(tmp_path / "moved" / net.name)
    with pytest.raises(UserError, match=r"There is no model file .*small_net.py. If it was moved, give the path"):
        train(net, resume=path, data=(X, Y))
    assert len(train(moved, resume=path, data=(X, Y)).history["loss"]) == 2


def test_a_configuration_of_a_run_on_arrays_is_repeated_on_data_that_is_given(run, net, short):
    with pytest.raises(UserError, match=r"config.json is of a training on data that was given from Python"):
        train(net, config=run.path / "config.json")
    repeated = train(net, config=run.path / "config.json", data=(X, Y), runs_dir=short["runs_dir"])
    assert repeated.config["knobs"]["epochs"] == 2


@pytest.mark.long
def test_a_data_set_of_one_s_own_is_learnt_and_exported(net, short, tmp_path):
    data = from_matrix(["a", "b", "c"], X, Y.astype("int32"), Classes(("low", "middle", "high")))
    object.__setattr__(data, "name", "thirds")
    short |= {"export": True, "exports_dir": tmp_path / "saved_models"}
    run = train(net, data=data, **short)
    assert run.path.name.startswith("small_net-thirds-")
    assert (tmp_path / "saved_models/small_net-thirds/1").is_dir()
    assert export(run=run.path, exports_dir=tmp_path / "saved_models").name == "2"
    assert evaluate(run, data=data)["test"] == pytest.approx(run.metrics["test"], rel=1e-4)


def test_a_pipeline_is_streamed_and_says_that_it_can_not_be_resumed(net, short, capsys):
    run = train(net, data=PIPELINE, **{**short, "verbose": True})
    said = capsys.readouterr().out
    assert said.count("can't be resumed exactly: its examples come in the order of the tf.data pipeline") == 1
    assert run.path.name.startswith("small_net-pipeline-")
    assert run.config["by_hand"] == {"data": "a tf.data pipeline"}
    assert run.manifest["in_two_splits"] == []
    again = evaluate(run, data=PIPELINE.unbatch().shuffle(50))
    assert again["test"] == pytest.approx(run.metrics["test"], rel=1e-4)
    with pytest.raises(UserError, match="was trained on other data"):
        evaluate(run, data=PIPELINE.map(lambda x, y: (x + 1, y)))


def test_a_training_on_a_pipeline_that_is_stopped_leaves_nothing(net, short, monkeypatch):
    calls, obey = [], Stop.obey

    def stopping(self):
        calls.append(None)
        self.wanted = signal.SIGINT if len(calls) == 3 else self.wanted
        obey(self)

    monkeypatch.setattr(Stop, "obey", stopping)
    with pytest.raises(Stopped, match="stopped; this training can't be resumed exactly"):
        train(net, data=PIPELINE, **short)
    assert list(short["runs_dir"].iterdir()) == []
    with pytest.raises(UserError, match="pause has no effect: this training can't be resumed exactly"):
        train(net, data=PIPELINE, **short, pause=1)


def test_a_training_on_a_pipeline_is_not_resumed(net, short):
    run = train(net, data=PIPELINE, **short)
    (run.path / "metrics.json").unlink()  # as if it had been killed
    with pytest.raises(UserError, match="this training can't be resumed exactly: its examples come in the order"):
        train(net, resume=run.path, data=PIPELINE)


def test_arrays_are_dealt_out_to_folds_and_pipelines_are_not(net, short):
    runs = cross_validate(net, data=(X, Y), folds=2, **short)
    assert [run.manifest["splits"]["validation"]["examples"] for run in runs] == [48, 48]
    with pytest.raises(UserError, match=r"can't be dealt out to folds: .* or come from a tf.data pipeline"):
        cross_validate(net, data=PIPELINE, folds=2, **short)


def test_a_model_file_is_named_on_the_command_line(net, capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", str(net), "--data", PAIRS[0][1], "--help"])
    assert "--units" in capsys.readouterr().out
    assert cli.main(["train", "nets/gone.py"]) == 2
    assert "There is no model file nets/gone.py" in capsys.readouterr().err


def test_knobs_are_told(net, capsys):
    show_knobs(net, data=PAIRS[0][1])
    said = " ".join(capsys.readouterr().out.split())
    for part in ("units", "of its hidden layer.", "learning_rate", "0.03", "epochs", "integer"):
        assert part in said


@pytest.mark.parametrize(
    ("data", "knob"),
    [
        ((X, Y), "learning_rate"),
        ((RANDOM.integers(0, 256, (60, 4, 4)).astype("uint8"), Y[:60]), "augment"),
        (PIPELINE, "learning_rate"),
        (from_matrix(["a", "b", "c"], X, Y.astype("int32"), Classes(("low", "middle", "high"))), "learning_rate"),
    ],
    ids=["arrays", "images", "pipeline", "Data"],
)
def test_knobs_are_told_for_what_is_given(net, data, knob, capsys):
    show_knobs(net, data)
    assert knob in capsys.readouterr().out


def test_a_run_is_taken_where_one_is_resumed(run, net):
    assert train(net, data=(X, Y), resume=run).metrics == run.metrics


def test_a_model_file_is_listed(net, capsys):
    assert cli.main(["list", str(net)]) == 0
    assert "--units" in capsys.readouterr().out


@pytest.mark.long
def test_a_generator_is_judged_by_a_model_that_is_trained_on_the_same_arrays(short):
    judged = [file.name for file in catalogue.models().values() if file.judge]
    if not judged:
        pytest.skip("no model has a judge")
    images = RANDOM.integers(0, 256, (120, 8, 8)).astype("uint8")
    run = train(judged[0], data=(images, Y), **short)
    assert run.config["by_hand"] == {"data": "arrays"}
    assert (run.path / "judge.keras").is_file()
    with pytest.raises(UserError, match="metrics has no effect here: the model is trained in a way of its own"):
        train(judged[0], data=(images, Y), metrics=[keras.metrics.Mean("mean")], **short)


@pytest.mark.long
def test_a_step_of_a_model_file_is_found_again(tmp_path, short):
    texts = [(name, data) for name, data in PAIRS if NextToken in catalogue.dataset(data).outputs]
    if not texts:
        pytest.skip("no model writes texts")
    name, data = texts[0]
    path = tmp_path / "my_writer.py"
    path.write_text(catalogue.model(name).path.read_text(encoding="utf-8"), encoding="utf-8")
    run = train(path, data=data, limit=40, **short)
    assert "generate" in load_run(run.path).signatures

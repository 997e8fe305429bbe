"""What a resume says of the conditions under which a training began."""

import hashlib
import json

import pytest

from src.runs.conditions import changed
from src.runs.run import load_run
from src.settings import catalogue
from src.system import device
from src.system.signals import Stopped
from src.train import train
from tests.nets import written
from tests.samples import PAIRS
from tests.training.kills import SHORT

FILE = "src/task.py"
NOW = {
    "versions": {"tensorflow": "2.21.0", "keras": "3.15.0"},
    "conditions": {"device": "CPU", "threads": {"intra_op": 2, "inter_op": 2}, "environment": {"XLA_FLAGS": ""}},
    "files": {FILE: hashlib.sha256((catalogue.ROOT / FILE).read_bytes()).hexdigest(), "models/mine.py": "1"},
}
COMPARABLE = "changed since the training began: the figures stay comparable"


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ({}, ""),
        ({"files": {}, "versions": {"keras": "3.15.0"}, "conditions": {}}, ""),
        ({"versions": {"tensorflow": "2.20.0", "jax": "1"}}, "tensorflow (2.20.0, now 2.21.0), jax (1, now unset) "),
        ({"conditions": NOW["conditions"] | {"threads": {"intra_op": 8, "inter_op": 2}}}, "threads (8, now 2) "),
        ({"conditions": NOW["conditions"] | {"threads": {"intra_op": 2, "inter_op": 8}}}, ""),
        ({"conditions": NOW["conditions"] | {"environment": {"XLA_FLAGS": "x"}}}, "XLA_FLAGS (x, now unset) "),
        ({"files": {FILE: NOW["files"][FILE]}}, ""),
        ({"files": {"src/gone.py": "1", "models/mine.py": "2"}}, "src/gone.py, models/mine.py "),
    ],
)
def test_what_has_changed_is_named(before, said):
    for deterministic in (False, True):
        text = changed(before, NOW | {"knobs": {"deterministic": deterministic}})
        assert text.startswith(said) and bool(text) == bool(said)
        if text and "files" in before and before["files"]:
            assert text.endswith(" changed since the training began: repeat it for comparable figures")
        elif text:
            assert text.endswith(COMPARABLE + ", the bits don't stay the same" * deterministic)


def test_a_resume_says_what_has_changed_and_the_report_keeps_it(tmp_path, capsys):
    model = written(tmp_path)
    with pytest.raises(Stopped):
        train(model, data=PAIRS[0][1], **SHORT, pause=1, runs_dir=tmp_path / "runs")
    (path,) = (tmp_path / "runs").iterdir()
    file = path / "config.json"
    config = json.loads(file.read_text())
    assert config["files"].keys() > {f"{tmp_path.name}/small_net.py", "src/train.py", "src/system/device.py"}
    assert config["conditions"]["threads"]["intra_op"] >= 1
    config["versions"]["tensorflow"] = "2.1"
    config["conditions"]["processor"] = "a slow one"
    file.write_text(json.dumps(config))
    with model.open("a") as more:
        more.write("# edited\n")
    run = train(model, resume=path, verbose=True)
    (warning,) = [text for text in run.warnings if "began" in text]
    assert warning.startswith(f"epoch 2: {tmp_path.name}/small_net.py, tensorflow (2.1, now ")
    assert "processor (a slow one, now " in warning
    assert warning.endswith("changed since the training began: repeat it for comparable figures")
    assert f"warning: {warning}" in " ".join(capsys.readouterr().out.split())
    for name in ("conditions", "versions", "files", "device"):  # of a run that an older version of the project began
        del config[name]
    file.write_text(json.dumps(config))
    assert load_run(path).metrics == run.metrics


def test_threads_are_those_that_tensorflow_takes(monkeypatch):
    monkeypatch.setattr("tensorflow.config.threading.get_intra_op_parallelism_threads", lambda: 0)
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "3")
    assert device.threads()["intra_op"] == 3
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "many")
    assert device.threads()["intra_op"] == device.cores()
    monkeypatch.setattr("tensorflow.config.threading.get_intra_op_parallelism_threads", lambda: 5)
    assert device.threads()["intra_op"] == 5


def test_a_training_says_that_its_threads_are_not_those_of_deterministic_ones(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(device, "start", lambda **knobs: "float32")  # else this process stays deterministic
    monkeypatch.setattr(device, "threads", lambda: {"intra_op": 64, "inter_op": 1})
    few = {**SHORT, "verbose": True, "tensorboard": False, "runs_dir": tmp_path / "runs"}
    train(written(tmp_path), data=PAIRS[0][1], **few, deterministic=True)
    assert "TensorFlow had started before with 64 threads" in capsys.readouterr().out

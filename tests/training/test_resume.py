"""A training that died goes on, and ends as if it had not."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from src import cli
from src.errors import UsageError, UserError
from src.runs.resume import knobs_of_run
from src.settings import catalogue
from src.system.locks import owned
from src.system.signals import Stopped
from src.train import train
from tests.samples import PAIRS, is_large, of_tfds, own_files
from tests.training.kills import SHORT, assert_same, chaos, flags, in_the_middle, start
from tests.tree import run

WAYS = [
    "",
    "--schedule plateau --optimizer sgd",
    "--mixed-precision --optimizer adamw --clip-norm 1",
    "--steps-per-execution 2 --batch 16 --optimizer rmsprop",
    "--schedule constant --patience 3 --learning-rate 0.02",
]
# Ends the process at the nth call of a function, as kill -9 would; then what the command line is given.
DIE = """
import importlib, os, sys
from src.system.quiet import import_tensorflow
import_tensorflow()
place, calls = sys.argv[1], [None] * int(sys.argv[2])
module, name = place.rsplit(".", 1)
owner = importlib.import_module(module)
function = getattr(owner, name)
def dying(*arguments, **options):
    calls.pop()
    return function(*arguments, **options) if calls else os._exit(9)
setattr(owner, name, dying)
from src import cli
sys.exit(cli.main(sys.argv[3:]))
"""
PLACES = [
    ("src.train.figures", 1, "Resuming "),  # trained
    ("src.reports.report.write", 1, "published"),  # measured
    ("src.train.publish", 1, "published"),
    ("src.exporting.publish._rename", 1, "published"),  # verified
    ("src.exporting.publish.write_json", 2, "published"),  # published
    ("hashlib.file_digest", 3, "Resuming "),  # in the middle of a state
    ("src.train.fit", 1, "starts over"),
]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The flags and the run of a training that early stopping ends."""
    model, data = PAIRS[0]
    flags = ["--data", data, "--deterministic", "--limit", "100", "--save-every", "0", "--patience", "2"]
    flags += ["--learning-rate", "1e-12", "--schedule", "constant", "--epochs", "20", "--batch", "16"]
    folder = tmp_path_factory.mktemp("whole") / "runs"
    folder.mkdir()
    assert start(folder, model, *flags, "--exports-dir", str(folder.parent / "exports")).wait() == 0
    return [model, *flags], next(folder.glob("*-*"))


@pytest.mark.long
@pytest.mark.parametrize(("place", "calls", "said"), PLACES)
def test_a_run_that_died_is_finished(tmp_path, undisturbed, place, calls, said):
    words, whole = undisturbed
    folder, exports = tmp_path / "runs", tmp_path / "exports"
    folders = ["--runs-dir", str(folder), "--exports-dir", str(exports)]
    died = subprocess.run(
        [sys.executable, "-c", DIE, place, str(calls), "train", *words, *folders], cwd=catalogue.ROOT, timeout=120
    )
    assert died.returncode == 9
    assert len(list(exports.glob("*/1"))) == (place == "src.exporting.publish.write_json")
    (path,) = folder.glob("*-*")
    done = run(catalogue.ROOT, "train", words[0], "--resume", "1", "--runs-dir", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert said in done.stdout
    assert_same(whole, path)
    assert [file.parent.name for file in exports.glob("*/[0-9]*/saved_model.pb")] == ["1"]
    assert (path / "report.html").is_file()
    assert not list(exports.glob("*/.unfinished*"))
    again = run(catalogue.ROOT, "train", words[0], "--resume", str(path))
    assert again.returncode == 0
    assert "is finished" in again.stdout


def test_what_was_published_before_its_process_died_is_not_published_again(short_run, tmp_path):
    run = short_run(*PAIRS[0])
    record = json.loads((run.path / "export.json").read_text())
    path = shutil.copytree(run.path, tmp_path / "runs" / run.path.name)
    folder = shutil.copytree(Path(record["path"]).parent, tmp_path / "exports" / record["name"])
    (path / "export.json").unlink()
    train(PAIRS[0][0], resume=path, exports_dir=tmp_path / "exports", verbose=False)
    assert [version.name for version in folder.glob("[0-9]*")] == [str(record["version"])]
    again = {**record, "path": str(folder / str(record["version"]))}
    assert json.loads((path / "export.json").read_text()) == again


def test_a_run_that_another_process_finishes_meanwhile_is_not_trained_again(tmp_path, monkeypatch, capsys):
    model, data = PAIRS[0]
    with pytest.raises(Stopped):
        train(model, data=data, **SHORT, pause=1, runs_dir=tmp_path)
    (path,) = tmp_path.glob("*-*")
    others, finished = [model], []

    @contextmanager
    def owned_after_another(*lock):
        if others:
            finished.append(train(others.pop(), resume=path, report=False))
        with owned(*lock):
            yield

    monkeypatch.setattr("src.train.owned", owned_after_another)
    late = train(model, resume=path, verbose=True)
    assert "is finished: there is nothing to resume" in capsys.readouterr().out
    assert late.config["started"] == finished[0].config["started"]
    assert late.metrics == finished[0].metrics
    assert cli.main(["train", "--resume", str(path)]) == 0, "a run knows its model"


@pytest.mark.long
def test_three_that_go_on_at_once_are_one_after_the_other(tmp_path, undisturbed):
    words, whole = undisturbed
    chance, folder = random.Random(0), tmp_path / "runs"
    folder.mkdir()
    process = start(folder, *words, "--no-export")
    while not list(folder.glob("*/state/*.state")):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    (path,) = folder.glob("*-*")
    codes: set[int] = set()
    for stopped in (True, True, True, False):
        three = [start(folder, words[0], "--resume", str(path)) for _ in range(3)]
        if stopped:
            time.sleep(chance.uniform(4, 8))
            chance.choice(three).kill()
            chance.choice(three).send_signal(signal.SIGINT)
        codes |= {process.wait(120) for process in three}
    assert codes <= {0, 1, 130, -signal.SIGKILL, -signal.SIGINT}
    log = folder.with_suffix(".log").read_text()
    assert "Traceback" not in log
    assert "starts over" not in log
    assert_same(whole, path)


OWN = [file for file in catalogue.datasets().values() if file.named_by and not of_tfds(file)]


@pytest.mark.long
@pytest.mark.parametrize("file", OWN, ids=lambda file: file.name)
def test_a_training_on_own_files_goes_on(file, tmp_path):
    models = [m for m in catalogue.models().values() if catalogue.tasks_of(m, file) and not m.judge]
    (tmp_path / "own").mkdir()
    own = own_files(file, tmp_path / "own")
    if not models:
        pytest.skip("no model goes with it")
    knobs = {"data": file.name, **own, "epochs": 3, "export": False, "verbose": False}
    if any(knob.name == "cache" for knob in file.knobs):
        knobs["cache"] = "none"
    whole = train(models[0].name, **knobs, runs_dir=str(tmp_path / "whole"))
    with pytest.raises(Stopped):
        train(models[0].name, **knobs, pause=1, runs_dir=str(tmp_path / "paused"))
    resumed = train(models[0].name, resume="1", runs_dir=str(tmp_path / "paused"))
    for one, other in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert resumed.metrics["test"] == pytest.approx(whole.metrics["test"], rel=1e-4)


QUICK = [pair for pair in PAIRS if not is_large(pair[0])]


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS, ids=["plain", "plateau", "mixed", "executions", "stopped early"])
@pytest.mark.parametrize("pair", [QUICK[0], QUICK[-1]], ids="-".join)
def test_chaos(tmp_path, pair, way):
    chaos(tmp_path, pair, f"{way} --limit 100", kills=3, seed=f"{pair} {way}")


def test_a_run_goes_on_only_as_it_was(tmp_path):
    folder, process = in_the_middle(tmp_path)
    model = PAIRS[0][0]
    (path,) = folder.glob("*-*")
    # While its owner lives, nobody else may go on with it.
    with pytest.raises(UserError, match=f"process {process.pid} "):
        train(model, resume=path)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    for words, named in [
        (["--batch", "17"], "batch"),
        (["--steps-per-execution", "3"], "steps_per_execution"),
        (["--jit"], "jit"),
        (["--epochs", "3"], "epochs"),
        (["--optimizer", "sgd"], "optimizer"),
    ]:
        with pytest.raises(UsageError, match=named):
            knobs_of_run(model, {"resume": str(path), **flags(words)})
    for file, old, new, named in [
        ("config.json", '"scale"', '"scales"', "outputs"),
        ("config.json", '"names"', '"titles"', "outputs"),
        ("manifest.json", '"sha256": "', '"sha256": "0', "sha256"),
    ]:
        before = (path / file).read_text()
        if old not in before:
            continue
        (path / file).write_text(before.replace(old, new))
        with pytest.raises(UserError, match=named):
            train(model, resume=str(path), verbose=False)
        (path / file).write_text(before)

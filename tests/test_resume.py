"""Exact resume: a training that is killed, again and again, ends as one that never was."""

import os
import random
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from src import cli
from src.errors import UsageError, UserError
from src.runs.resume import knobs_of_run
from src.runs.run import load_run, read_history
from src.settings import catalogue
from src.system.signals import Stop, Stopped
from src.train import train
from src.training import state
from src.training.state import State
from src.training.variables import check_randomness, step_of
from tests.samples import PAIRS, of_tfds, own_files
from tests.tree import copied, run

if not PAIRS:
    pytest.skip("no model goes with a data set that needs no download", allow_module_level=True)
WAYS = [
    "",
    "--schedule plateau --optimizer sgd",
    "--mixed-precision --optimizer adamw --clip-norm 1",
    "--steps-per-execution 2 --batch 16 --optimizer rmsprop",
    "--schedule constant --patience 3 --learning-rate 0.02",
]


def start(folder, *words):
    command = [sys.executable, "-m", "src", "train", *words, "--runs-dir", str(folder)]
    with open(folder.with_suffix(".log"), "a") as log:
        return subprocess.Popen(command, cwd=catalogue.ROOT, stdout=log, stderr=log)


def states(run):
    return sorted((run / "state").glob("*.state"))


def kill_at_random(process, folder, chance, wait_for=1):
    """kill -9, at a random moment after it wrote `wait_for` states (or when it ends)."""
    while process.poll() is None:
        runs = list(folder.glob("*-*"))
        if runs and states(runs[0]) and int(states(runs[0])[-1].stem) >= wait_for:
            time.sleep(chance.random())
            break
        time.sleep(0.02)
    process.kill()
    return process.wait() == -signal.SIGKILL


def assert_same(one, other):
    one, other = load_run(one), load_run(other)
    assert one.metrics == other.metrics
    assert (one.path / "history.csv").read_text() == (other.path / "history.csv").read_text()
    for first, second in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


def chaos(tmp_path, pair, way, kills, seed, epochs=80):
    chance = random.Random(seed)
    model, data = pair
    words = [model, "--data", data, *way.split(), "--deterministic", "--epochs", str(epochs), "--save-every", "0"]
    words += ["--no-export", "--no-tensorboard"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    assert start(whole, *words).wait() == 0, whole.with_suffix(".log").read_text()
    dead = kill_at_random(start(killed, *words), killed, chance)
    (run,) = killed.glob("*-*")
    for _ in range(kills - 1):
        if (run / "metrics.json").exists():
            break
        last = int(states(run)[-1].stem) if states(run) else 0
        dead += kill_at_random(start(killed, model, "--resume", str(run)), killed, chance, wait_for=last + 1)
    assert dead, "it ended before it could be killed"
    if not (run / "metrics.json").exists():
        assert start(killed, model, "--resume", str(run)).wait() == 0, killed.with_suffix(".log").read_text()
    assert_same(next(whole.glob("*-*")), run)


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
    ("src.train.figures", 1, "going on with"),  # trained
    ("src.reports.report.write", 1, "published"),  # measured
    ("src.train.publish", 1, "published"),
    ("src.export._rename", 1, "published"),  # verified
    ("hashlib.file_digest", 3, "going on with"),  # in the middle of a state
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


@pytest.mark.parametrize(
    ("place", "calls", "said"),
    [PLACES[0], *(pytest.param(*place, marks=pytest.mark.long) for place in PLACES[1:])],
)
def test_a_run_that_died_is_finished(tmp_path, undisturbed, place, calls, said):
    words, whole = undisturbed
    folder, exports = tmp_path / "runs", tmp_path / "exports"
    folders = ["--runs-dir", str(folder), "--exports-dir", str(exports)]
    died = subprocess.run(
        [sys.executable, "-c", DIE, place, str(calls), "train", *words, *folders], cwd=catalogue.ROOT, timeout=120
    )
    assert died.returncode == 9
    assert not list(exports.glob("*/1"))
    (path,) = folder.glob("*-*")
    done = run(catalogue.ROOT, "train", words[0], "--resume", "1", "--runs-dir", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert said in done.stdout
    assert_same(whole, path)
    assert len(list(exports.glob("*/1/saved_model.pb"))) == 1
    assert (path / "report.html").is_file()
    assert not list(exports.glob("*/.unfinished*"))
    again = run(catalogue.ROOT, "train", words[0], "--resume", str(path))
    assert again.returncode == 0
    assert "is finished" in again.stdout


SHORT = {"epochs": 2, "limit": 80, "batch": 16, "steps_per_execution": 1, "export": False, "verbose": False}


@pytest.fixture(scope="module")
def unstopped(tmp_path_factory):
    model, data = PAIRS[0]
    return train(model, data=data, **SHORT, runs_dir=str(tmp_path_factory.mktemp("unstopped")))


# Every place at which a signal can be obeyed, in an epoch of 5 steps: after each step, in validation, at the end.
@pytest.mark.parametrize("moment", [1, 5, 8, 15, *(pytest.param(n, marks=pytest.mark.long) for n in (6, 7, 14))])
def test_a_training_that_was_stopped_goes_on_as_if_it_was_not(tmp_path, monkeypatch, unstopped, moment):
    model, data = PAIRS[0]
    calls, obey = [], Stop.obey

    def stopping(self):
        calls.append(None)
        self.wanted = signal.SIGINT if len(calls) == moment else self.wanted
        obey(self)

    monkeypatch.setattr(Stop, "obey", stopping)
    with pytest.raises(Stopped, match="RESUME="):
        train(model, data=data, **SHORT, runs_dir=str(tmp_path / "runs"))
    (path,) = (tmp_path / "runs").iterdir()
    assert len(states(path)) == 1
    resumed = train(model, resume=str(path), runs_dir=str(tmp_path / "runs"))
    history, expected = read_history(path), read_history(unstopped.path)
    for name in expected:
        np.testing.assert_allclose(history[name], expected[name], rtol=1e-5, err_msg=name)
    for one, other in zip(resumed.model.get_weights(), unstopped.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_a_training_that_pauses_goes_on_as_if_it_did_not(tmp_path, unstopped):
    model, data = PAIRS[0]
    with pytest.raises(Stopped, match="RESUME="):
        train(model, data=data, **SHORT, pause=1, runs_dir=str(tmp_path))
    (path,) = tmp_path.iterdir()
    assert len(read_history(path)["epoch"]) == 1
    resumed = train(model, resume=str(path), runs_dir=str(tmp_path))
    for one, other in zip(resumed.model.get_weights(), unstopped.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


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


def test_a_second_signal_leaves_at_once(tmp_path):
    stop = Stop("go on")
    stop.waits = True
    with stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wanted == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS, ids=["plain", "plateau", "mixed", "executions", "stopped early"])
@pytest.mark.parametrize("pair", [PAIRS[0], PAIRS[-1]], ids="-".join)
def test_chaos(tmp_path, pair, way):
    chaos(tmp_path, pair, way, kills=3, seed=f"{pair} {way}")


def in_the_middle(tmp_path):
    """A folder of runs, and the process of a training in it that has some epochs behind it and many before it."""
    model, data = PAIRS[0]
    folder = tmp_path / "runs"
    folder.mkdir()
    process = start(folder, model, "--data", data, "--epochs", "5000", "--patience", "0", "--no-export")
    while not list(folder.glob("*/history.csv")):
        time.sleep(0.05)
    return folder, process


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.long)]
)
def test_a_signal_saves_and_says_how_to_go_on(tmp_path, number, code):
    folder, process = in_the_middle(tmp_path)
    process.send_signal(number)
    assert process.wait(30) == code
    (run,) = folder.glob("*-*")
    assert states(run)
    log = folder.with_suffix(".log").read_text()
    assert f"RESUME={run}" in log
    assert "Traceback" not in log


def test_a_damaged_state_falls_back_to_the_one_before(tmp_path):
    for number in range(4):
        state.write(tmp_path / "state", State({"x": np.full(100, number)}, {"number": number}))
    old, new = states(tmp_path)
    whole = new.read_bytes()
    chance = random.Random(0)
    for length in [0, 1, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(50))]:
        new.write_bytes(whole[:length])
        told = []
        assert state.newest(tmp_path / "state", told.append).facts == {"number": 2}
        assert str(new) in told[0]
    for _ in range(50):
        position = chance.randrange(len(whole))
        new.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        assert state.newest(tmp_path / "state", told.append).facts == {"number": 2}
    new.write_bytes(whole)
    assert state.newest(tmp_path / "state", told.append).facts == {"number": 3}
    old.write_bytes(b"")
    new.write_bytes(b"")
    with pytest.raises(UserError, match=r"Every state in .* is damaged"):
        state.newest(tmp_path / "state", told.append)
    (tmp_path / "state/copy of 8.state").write_bytes(b"")
    state.write(tmp_path / "state", State({}, {"number": 4}))
    assert state.newest(tmp_path / "state", told.append).facts == {"number": 4}


def test_a_state_that_can_not_be_written_leaves_the_others(tmp_path, monkeypatch):
    state.write(tmp_path / "state", State({"x": np.zeros(3)}, {"number": 0}))

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        state.write(tmp_path / "state", State({"x": np.ones(3)}, {"number": 1}))
    assert state.newest(tmp_path / "state", print).facts == {"number": 0}
    assert len(list((tmp_path / "state").iterdir())) == 1


TWO_OPTIMIZERS = '''
"""An autoencoder beside a classifier, each with an optimiser of its own, and more state in other places."""
import types
import keras
import tensorflow as tf
from src.layers import features, flat, head
from src.specs import Classes, Columns, Image, Vector

TAKES, GIVES = (Columns, Image, Vector), (Classes,)

class Twofold(keras.Model):
    """A classifier whose features are noisy, and a decoder that is trained against it."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.seeds = keras.random.SeedGenerator(1)
        self.decoder_loss = keras.metrics.Mean("decoder_loss")

    def compile(self, optimizer, **options):
        super().compile(optimizer, **options)
        self.second = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
        self.decoder = keras.Sequential([keras.Input((self.output_shape[-1],)), keras.layers.Dense(4)])
        self.second.build(self.decoder.trainable_variables)
        self.hidden = types.SimpleNamespace(third=keras.optimizers.Adam(use_ema=True))
        self.hidden.third.build(self.decoder.trainable_variables)
        self.count = tf.Variable(1.0)

    def train_step(self, data):
        x, y = data[:2]
        figures = super().train_step(data)
        with tf.GradientTape() as tape:
            logits = self(x, training=True)
            logits = logits + DRAW
            loss = keras.ops.mean(keras.ops.square(self.decoder(logits))) / self.count.assign_add(1.0)
        gradients = tape.gradient(loss, self.decoder.trainable_variables)
        self.second.apply(gradients, self.decoder.trainable_variables)
        self.hidden.third.apply(gradients, self.decoder.trainable_variables)
        self.decoder_loss.update_state(loss)
        return {**figures, "decoder_loss": self.decoder_loss.result()}


def build(inputs, outputs, *, units: int = 8) -> keras.Model:
    """Args:
        units: width.
    """
    tensors = features(inputs)
    x = keras.layers.Dropout(0.3)(keras.layers.Dense(units, "relu")(flat(inputs, tensors)))
    return Twofold(tensors, head(outputs)(x))
'''
KERAS_DRAW = "keras.random.normal(keras.ops.shape(logits), seed=self.seeds)"
TF_DRAW = "tf.random.normal(tf.shape(logits), seed=1)"


def twofold(tmp_path, draw):
    """A copy of the project with the model above."""
    root = copied(tmp_path)
    (root / "models/twofold.py").write_text(TWO_OPTIMIZERS.replace("DRAW", draw))
    data = next(
        (file for file in catalogue.datasets().values() if not file.download and "Classes" in str(file.outputs)), None
    )
    if data is None:
        pytest.skip("no data set of classes")
    return root, data.name


@pytest.mark.long
def test_a_model_with_its_own_step_and_two_optimizers_resumes(tmp_path, monkeypatch):
    root, data = twofold(tmp_path, KERAS_DRAW)
    monkeypatch.setattr(catalogue, "ROOT", root)
    words = ["--steps-per-execution", "2", "--batch", "16"]
    chaos(tmp_path, ("twofold", data), " ".join(words), kills=2, seed=1, epochs=30)


def test_a_random_op_that_can_not_be_saved_is_named(tmp_path):
    root, data = twofold(tmp_path, TF_DRAW)
    done = run(root, "train", "twofold", "--data", data, "--no-export")
    assert done.returncode == 1
    assert "RandomStandardNormal" in done.stderr
    assert not list((root / "runs").glob("*-*"))


def test_a_random_op_in_the_pipeline_is_named():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dropout(0.5), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    batches = tf.data.Dataset.from_tensor_slices((np.zeros((8, 2), "float32"), np.zeros((8, 1), "float32"))).batch(4)
    check_randomness(step_of(model, batches), batches.prefetch(1))
    noisy = batches.map(lambda x, y: (x + tf.random.uniform(tf.shape(x)), y)).prefetch(1)
    with pytest.raises(UserError, match="data pipeline has RandomUniform"):
        check_randomness(step_of(model, batches), noisy)


def test_a_run_goes_on_only_as_it_was(tmp_path):
    folder, process = in_the_middle(tmp_path)
    model = PAIRS[0][0]
    (path,) = folder.glob("*-*")
    # While its owner lives, nobody else may go on with it.
    rival = start(folder, model, "--resume", str(path))
    assert rival.wait() == 1
    assert f"process {process.pid}" in folder.with_suffix(".log").read_text()
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


def flags(words):
    """The knobs that these flags set, of the first model."""
    from src.settings.config import choose

    model, data = PAIRS[0]
    return cli.parse("test", "", choose(model, data=data).groups, words)

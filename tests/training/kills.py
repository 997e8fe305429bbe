"""Trainings that are started, killed and compared, for the tests of resuming."""

import random
import signal
import subprocess
import sys
import time

import numpy as np

from src.runs.run import load_run
from src.settings import catalogue
from src.settings.flags import read_flags
from tests.conftest import BARE
from tests.samples import PAIRS


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


SHORT = {"epochs": 2, "limit": 80, "batch": 16, "steps_per_execution": 1, **BARE}


def in_the_middle(tmp_path):
    """A folder of runs, and the process of a training in it that has some epochs behind it and many before it."""
    model, data = PAIRS[0]
    folder = tmp_path / "runs"
    folder.mkdir()
    process = start(folder, model, "--data", data, "--epochs", "5000", "--patience", "0", "--no-export")
    while not list(folder.glob("*/history.csv")):
        time.sleep(0.05)
    return folder, process


def flags(words):
    """The knobs that these flags set, of the first model."""
    from src.settings.config import choose

    model, data = PAIRS[0]
    return read_flags("test", "", choose(model, data=data).groups, words)

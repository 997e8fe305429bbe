"""Deterministic trainings: the same bits, however many cores there are and however many trainings share them."""

import json
import os
import subprocess
import sys

import pytest

from src.runs.conditions import changed
from src.runs.run import load_run
from src.settings import catalogue
from src.system import device
from tests.samples import PAIRS
from tests.training.kills import assert_same

MODEL, DATA = PAIRS[0]
KNOBS = {"data": DATA, "epochs": 2, "batch": 128, "deterministic": True, "export": False, "test": False}
FLAGS = ["--data", DATA, "--epochs", "2", "--batch", "128", "--deterministic"]
FROM_PYTHON = "import json, sys; from src.train import train; train(sys.argv[1], **json.loads(sys.argv[2]))"
needs_cores = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or device.cores() < 2, reason="there is one core, or no way to use only one"
)


def started(*words, cores=None):
    """A process that has ended well, on so many cores or on all."""
    mine = sorted(os.sched_getaffinity(0))[:cores]
    return subprocess.run(
        [sys.executable, *words],
        cwd=catalogue.ROOT,
        preexec_fn=lambda: os.sched_setaffinity(0, mine),
        check=True,
        timeout=600,
    )


@needs_cores
@pytest.mark.long
def test_the_number_of_cores_changes_no_bit(tmp_path):
    words = ["-m", "src", "train", MODEL, *FLAGS, "--no-export", "--no-test", "--runs-dir", str(tmp_path)]
    started(*words, "--tag", "all")
    started(*words, "--tag", "one", cores=1)
    by_hand = json.dumps({**KNOBS, "runs_dir": str(tmp_path), "tag": "python"})
    started("-c", FROM_PYTHON, MODEL, by_hand, cores=1)
    whole = next(tmp_path.glob("*-all"))
    for tag in ("one", "python"):
        other = next(tmp_path.glob(f"*-{tag}"))
        assert_same(whole, other)
        assert not changed(load_run(whole).config, load_run(other).config)


@needs_cores
@pytest.mark.long
def test_trials_have_the_same_bits_with_one_worker_and_with_two(tmp_path):
    for workers in ("1", "2"):
        words = ["--trials", "2", "--space", "seed=1,2", "--tuner", "grid", "--seeds", "0", "--keep", "9"]
        runs_dir = ["--runs-dir", str(tmp_path / workers)]
        started("-m", "src", "tune", MODEL, *FLAGS, *words, "--workers", workers, *runs_dir)
    one, two = (
        {path.name.rpartition("-")[2]: path for path in (tmp_path / workers).glob("tune-*/runs/*")}
        for workers in ("1", "2")
    )
    assert one.keys() == two.keys() and len(one) == 4, "the check, the default configuration and two trials"
    for trial in one.keys() - {"check"}:
        assert_same(one[trial], two[trial])

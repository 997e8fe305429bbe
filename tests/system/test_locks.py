"""One process at a time, however the one before it ended."""

import subprocess
import sys

import pytest

from src.errors import UserError
from src.settings import catalogue
from src.system.locks import owned

HOLD = """
import sys, time
from pathlib import Path
from src.system.locks import owned
with owned(Path(sys.argv[1]), "the run"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def holder(path, seconds=60):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), str(seconds)], cwd=catalogue.ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_an_owner_is_named_and_its_death_frees_the_lock(tmp_path):
    path = tmp_path / ".lock"
    with holder(path) as process:
        with pytest.raises(UserError, match=f"works on the run x: process {process.pid} on "), owned(path, "the run x"):
            pass
        process.kill()  # it leaves the file with its name behind
        process.wait()
    assert path.with_suffix(".owner").exists()
    with owned(path, "the run x"):
        assert str(process.pid) not in path.with_suffix(".owner").read_text()
    assert not path.with_suffix(".owner").exists()


def test_an_owner_is_waited_for(tmp_path):
    with holder(tmp_path / ".lock", 0.5), owned(tmp_path / ".lock", "the run", patience_s=30):
        pass

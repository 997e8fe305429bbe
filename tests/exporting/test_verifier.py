"""The process in which exports are verified: what it takes, and when it starts."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from src.exporting import verifier
from src.exporting.verifier import ENVIRONMENT, Verifier


def test_it_starts_early_only_where_there_is_memory_for_it(monkeypatch):
    started = []
    monkeypatch.setattr(verifier, "_start", lambda: started.append(1))
    for free, times in ((10**9, 0), (10**10, 1)):
        monkeypatch.setattr(verifier.psutil, "virtual_memory", lambda free=free: SimpleNamespace(available=free))
        Verifier(wanted=False).start()
        Verifier().start()
        assert len(started) == times


@pytest.mark.long
def test_it_takes_no_memory_for_keras():
    command = "import sys, tensorflow as tf; tf.saved_model.load; sys.exit('keras' in sys.modules)"
    subprocess.run([sys.executable, "-I", "-c", command], env={**os.environ, **ENVIRONMENT}, check=True)

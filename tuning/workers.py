"""Where trials run: processes on this machine, each with its share of the cores and its own log.

`start` is all that a search knows of them. An engine that runs them elsewhere (Ray, jobs of Kubernetes) takes its
place: from a folder with trial.json to something that can be polled and stopped, and leaves result.json there.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from src import catalogue


def start(folder: Path, slot: int, slots: int) -> subprocess.Popen:
    """Runs the trial of a folder, with what it says in log.txt there; it ends when this process does.

    Args:
        folder: has trial.json.
        slot: which of the workers runs it, from 0.
        slots: how many there are.
    """
    cores = _share(slot, slots)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), str(len(cores)))
    with open(folder / "log.txt", "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tuning.trial", str(folder.resolve())],
            cwd=catalogue.ROOT,
            env={**os.environ, **(threads if slots > 1 else {})},
            stdin=subprocess.PIPE,  # closed by the system when this process dies, and the trial ends
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the search alone, which then stops its trials
        )


def stop(process: subprocess.Popen) -> None:
    """Asks a trial to end with the steps under way; it can go on from there."""
    process.send_signal(signal.SIGTERM)


def _share(slot: int, slots: int) -> list[int]:
    """The cores of one of the workers."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    return cores[slot::slots] or [cores[slot % len(cores)]]

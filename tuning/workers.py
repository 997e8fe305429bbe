"""Where trials run: processes on this machine, each with its share of the cores and its own log.

`Workers.start` is all that a search knows of them. An engine that runs them elsewhere (Ray, jobs of Kubernetes) takes
its place: from a folder with trial.json to something that can be polled and stopped, and that leaves result.json there.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from src.settings import catalogue

THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


class Workers:
    """Starts trials, with a process always ready for the next one, as importing TensorFlow takes seconds.

    Args:
        count: of trials at a time, which share the cores.
        log: for what a process says that has no trial yet.
    """

    def __init__(self, count: int, log: Path):
        self.count, self.log = count, log
        self.ready: subprocess.Popen | None = None

    def start(self, folder: Path) -> subprocess.Popen:
        """Runs the trial of a folder, which has trial.json; what it says goes into log.txt there."""
        process = self.ready if self.ready and self.ready.poll() is None else self._process()
        process.stdin.write(f"{folder.resolve()}\n".encode())
        process.stdin.flush()
        self.ready = self._process()
        return process

    def close(self) -> None:
        """Ends the process that waits."""
        if self.ready:
            self.ready.kill()
            self.ready.wait()
            self.ready = None

    def _process(self) -> subprocess.Popen:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        threads = dict.fromkeys(THREADS, str(max(1, cores // self.count))) if self.count > 1 else {}
        with open(self.log, "ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tuning.trial"],
                cwd=catalogue.ROOT,
                env={**os.environ, **threads},
                stdin=subprocess.PIPE,  # closed by the system when this process dies, and the trial ends
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the search alone, which then stops its trials
            )


def stop(process: subprocess.Popen) -> None:
    """Asks a trial to end with the steps under way; it can go on from there."""
    process.send_signal(signal.SIGTERM)

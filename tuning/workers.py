"""Where trials run: processes on this machine, each with its share of the cores and its own log.

`Workers.start` and the `Job` that it gives back are all that a search knows of them. An engine that runs trials
elsewhere (Ray, jobs of Kubernetes) has a `count` and a `start` of the same kind: from a folder with trial.json to
something that can be polled, waited for, stopped and killed, and that leaves result.json there.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from src.settings import catalogue
from src.system import device
from tuning.folder import Folder

THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


class Job:
    """A trial that was started, in a `process` of its own."""

    def __init__(self, process: subprocess.Popen):
        self._process = process

    def poll(self) -> int | None:
        """Its exit code, the negative number of the signal that killed it, or None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float | None = None) -> int:
        """Its exit code, as soon as it has ended; raises TimeoutError where that takes more than so many seconds."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError from error

    def stop(self) -> None:
        """Asks it to end with the steps under way; another job can go on from there."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it at once."""
        self._process.kill()


class Workers:
    """Starts trials, with a process always ready for the next one, as importing TensorFlow takes seconds.

    Args:
        count: of trials at a time, which share the cores, but where they are to be deterministic.
        folder: of the search; what a process says that has no trial yet goes into workers.log there.
    """

    def __init__(self, count: int, folder: Folder):
        self.count, self.log = count, folder.path / "workers.log"
        share = max(1, device.cores() // count) if count > 1 else 0
        self._threads = device.THREADS if folder.settings.values["deterministic"] else share
        self._ready: subprocess.Popen | None = None

    def start(self, folder: Path) -> Job:
        """Runs the trial of a folder, which has trial.json; what it says goes into log.txt there."""
        process = self._ready if self._ready and self._ready.poll() is None else self._process()
        assert process.stdin  # a pipe
        process.stdin.write(f"{folder.resolve()}\n".encode())
        process.stdin.flush()
        self._ready = self._process()
        return Job(process)

    def close(self) -> None:
        """Ends the process that waits."""
        if self._ready:
            self._ready.kill()
            self._ready.wait()
            self._ready = None

    def _process(self) -> subprocess.Popen:
        threads = dict.fromkeys(THREADS, str(self._threads)) if self._threads else {}
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

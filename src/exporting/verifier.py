"""The clean process in which exports are verified: it runs src/exporting/verify.py, and nothing else of the project."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psutil

from src.errors import UserError
from src.system.files import unpatterned

ROOM = 2 * 10**9  # bytes, of which the process takes 0.3
ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_USE_LEGACY_KERAS": "1",  # else TensorFlow imports Keras: a third of the memory and time, for nothing
}


class Verifier:
    """The process, which needs a few seconds to import TensorFlow.

    Args:
        wanted: whether there will be anything to verify.
    """

    def __init__(self, wanted: bool = True):
        self._wanted = wanted
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> "Verifier":
        return self

    def __exit__(self, *_) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()

    def start(self) -> None:
        """Starts the process, if it is wanted and hasn't started: it imports while others work.

        Where memory is short, it waits until it is needed: a training that goes on may still need what is free.
        """
        if self._wanted and not self._process and psutil.virtual_memory().available > ROOM:
            self._process = _start()

    def verify(self, export: Path, cases: Mapping[str, Mapping]) -> dict:
        """The problems and differences that src/exporting/verify.py finds.

        Raises:
            UserError: where the export kills the process or can't be loaded at all.
        """
        self._process = self._process or _start()
        with tempfile.TemporaryDirectory() as folder, unpatterned(export) as place:
            file = Path(folder) / "cases.json"
            file.write_text(json.dumps(cases), encoding="utf-8")
            line = json.dumps({"export": str(place.absolute()), "cases": str(file)}) + "\n"
            return json.loads(self._answer(self._process, line))

    def _answer(self, process: subprocess.Popen, line: str) -> str:
        """The process' answer to its only request."""
        output, errors = process.communicate(line)
        if process.returncode:
            reason = "\n".join(errors.strip().splitlines()[-5:])
            raise UserError(f"The export failed in a clean process, so it was not published:\n{reason}")
        return output


def _start() -> subprocess.Popen:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-I", Path(__file__).with_name("verify.py")],
        env={**os.environ, **ENVIRONMENT},
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
        encoding="utf-8",
    )

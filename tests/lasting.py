"""A clean process that verifies the exports of many trainings: most of the time it takes for one is its start."""

import subprocess

from src.exporting.verifier import Verifier


class LastingVerifier(Verifier):
    """A verifier whose process goes over to the next one: it stays clean, as all that it loads are exports."""

    left: subprocess.Popen | None = None

    def __init__(self, wanted: bool = True):
        super().__init__(wanted)
        self._process, LastingVerifier.left = LastingVerifier.left, None

    def __exit__(self, *_) -> None:
        if LastingVerifier.left:  # two were at work at once
            super().__exit__()
        else:
            LastingVerifier.left = self._process

    def _answer(self, process: subprocess.Popen, line: str) -> str:
        assert process.stdin and process.stdout
        process.stdin.write(line)
        process.stdin.flush()
        if answer := process.stdout.readline():
            return answer
        self._process = None
        return super()._answer(process, "")  # which says how it ended

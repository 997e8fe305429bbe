"""The trials that run at the moment, each a job of the workers in a folder of its own."""

import time
from dataclasses import dataclass
from typing import Any

from tuning.folder import Folder
from tuning.results import Failure, Result, Trial
from tuning.workers import Job, Workers

ATTEMPTS = 3  # at a trial whose job is killed
PATIENCE_S = 60  # with trials that are to end with the steps under way


@dataclass
class Attempt:
    """A trial under way.

    Args:
        trial: what is trained.
        parent: the result of the trial that it continues.
        job: where it runs.
        began: by `time.monotonic`.
        kills: how many of its jobs were killed.
    """

    trial: Trial
    parent: Result | None
    job: Job
    began: float
    kills: int = 0

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.began


class Running:
    """The trials under way.

    Args:
        folder: the search's.
        workers: start the jobs.
    """

    def __init__(self, folder: Folder, workers: Workers):
        self.folder, self.workers = folder, workers
        self.attempts: list[Attempt] = []

    @property
    def full(self) -> bool:
        """Whether every worker has a trial."""
        return len(self.attempts) >= self.workers.count

    @property
    def continued(self) -> set[str]:
        """The runs of earlier trials with which those under way go on."""
        return {run for attempt in self.attempts if attempt.parent for run in attempt.parent.runs}

    def start(
        self, trial: Trial, parent: Result | None = None, shown: dict[str, Any] | None = None, **knobs: Any
    ) -> None:
        """Starts a trial; see `Folder.give` for the arguments."""
        job = self.workers.start(self.folder.give(trial, parent, shown, knobs))
        self.attempts.append(Attempt(trial, parent, job, time.monotonic()))

    def take_ended(self) -> list[Result | Failure]:
        """What came of the trials that have ended since the last call; one whose job was killed is started again."""
        ended: list[Result | Failure] = []
        for attempt in self.attempts[:]:
            if (code := attempt.job.poll()) is None:
                continue
            result = self.folder.result(attempt.trial)
            if result is None and code < 0:
                attempt.kills += 1
                if attempt.kills < ATTEMPTS:  # it goes on where it was
                    attempt.job = self.workers.start(self.folder.folder_of(attempt.trial))
                    continue
            self.attempts.remove(attempt)
            ended.append(result or self.folder.fail(attempt.trial, code, attempt.seconds))
        return ended

    def train(self, trial: Trial, **knobs: Any) -> Result | Failure:
        """Trains a single trial, unless there is a result from before; one that failed before is tried again."""
        self.folder.forget_failure(trial)
        if result := self.folder.result(trial):
            return result
        self.start(trial, **knobs)
        while not (ended := self.take_ended()):
            self.attempts[0].job.wait()
        return ended[0]

    def stop(self) -> list[Result | Failure]:
        """Ends the trials, which can go on from where they are; returns what came of those that were just ready."""
        for attempt in self.attempts:
            attempt.job.stop()
        deadline = time.monotonic() + PATIENCE_S
        for attempt in self.attempts:
            try:
                attempt.job.wait(max(0, deadline - time.monotonic()))
            except TimeoutError:
                attempt.job.kill()
        ready = [result for attempt in self.attempts if (result := self.folder.result(attempt.trial))]
        self.attempts.clear()
        return ready

"""The folder of a search: what it is for, its trials, and of their trained models only the best.

search.json     what is searched
trials/ID/      of each trial: trial.json, which it is given, result.json, which it leaves, and log.txt
runs/           the runs of the trials; a trial that goes on with another one's goes on in that one's
logs/           the figures of the trials, for TensorBoard's page of hyperparameters
best.json       the configuration that won
report.html     the page of all this
comparison.json what it and the default configuration reach on the test split, with several seeds
"""

import json
import math
import re
import shutil
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, TypedDict

from src.errors import UserError
from src.runs import record
from src.settings import catalogue, config, config_files
from src.settings.config import Config
from src.system import records
from src.system.files import read_record, write_json
from tuning.oracle import FACTOR
from tuning.results import Failure, Objective, Result, Trial
from tuning.space import Space, as_written

FOR_SEARCH = ("limit", "folds")  # knobs that a training of the winner hasn't
SILENT = {"test": False, "export": False, "tensorboard": False}  # what a trial leaves out
NO_EFFECT = ("resume", "fold", "pause", "test", "export", "export_name", "tag", "tensorboard", "histograms")
ERROR = re.compile(r"[A-Za-z_][\w.]*(Error|Exception): ")  # as a traceback says at its end what it was
HEAVY = (
    *("best.weights.h5", "model.keras", "preprocess.keras", "judge.keras", "state"),
    *("doors", "requests", "figures", "predictions.npz"),
)


class Values(TypedDict, total=False):
    """A Choice or a Range of search.json."""

    values: list[Any]
    when: dict[str, list[Any]]
    where: str


class Search(TypedDict):
    """The content of search.json: what makes it the same search, and its objective."""

    model: str
    data: str
    tuner: str
    space: dict[str, Values]
    knobs: dict[str, Any]
    monitor: str
    direction: Literal["min", "max"]


class Timed(TypedDict):
    """The content of a result.json, as far as all have it."""

    seconds: records.Finite


class Tested(TypedDict):
    """The metrics.json of a run that was tested, as far as it is read here."""

    test: dict[str, records.Finite]


class Failed(Timed):
    """The result.json of a trial that failed."""

    reason: str


class Trained(Timed):
    """The result.json of a trial that was trained: see Result of tuning/results.py."""

    score: records.Finite
    epochs: int
    paused: bool
    runs: list[str]


class Folder:
    """The folder at `path`, of a search that starts from `settings`."""

    def __init__(self, path: Path, settings: Config):
        self.path, self.settings = path, settings

    def objective(self, tuner: str, space: Space) -> Objective | None:
        """The objective of the search that is there; None where there is none.

        Raises:
            UserError: where it is another one, naming the first difference.
        """
        if not (self.path / "search.json").exists():
            return None
        saved = records.read(self.path / "search.json", Search)
        for key, value in self._identity(tuner, space).items():
            before, now = (each if isinstance(each, dict) else {"": each} for each in (saved.get(key), value))
            for name in {**before, **now}:
                if before.get(name) != now.get(name):
                    raise UserError(
                        f"{self.path} is another search: {', '.join(filter(None, (key, name)))} was "
                        f"{as_written(before.get(name))} and is {as_written(now.get(name))} now. Give this one a "
                        "--name, or delete that folder."
                    )
        return Objective(saved["monitor"], saved["direction"])

    def clear(self) -> None:
        """Deletes what a search that never began has left."""
        for name in ("trials", "runs"):
            shutil.rmtree(self.path / name, ignore_errors=True)

    def begin(self, tuner: str, space: Space, task: str) -> Objective:
        """Makes it the folder of a new search, for the objective of the task of that name."""
        learnt = catalogue.load(catalogue.task(task)).Task
        objective = Objective(learnt.monitor, learnt.direction)
        write_json(self.path / "search.json", {**self._identity(tuner, space), **asdict(objective)})
        return objective

    def give(
        self,
        trial: Trial,
        parent: Result | None = None,
        shown: Mapping[str, Any] | None = None,
        knobs: Mapping[str, Any] = {},
    ) -> Path:
        """Writes what a trial is to do, and returns its folder.

        Args:
            trial: its values.
            parent: the trial that it continues.
            shown: the knobs by which TensorBoard shows it; None where it doesn't.
            knobs: further ones.
        """
        folder = self.folder_of(trial)
        folder.mkdir(parents=True, exist_ok=True)
        runs_dir = str((self.path / "runs").resolve())
        report = self.settings.values["report"]  # which isn't kept in a run
        values = {"runs_dir": runs_dir, "report": report, **self._chosen(), **SILENT, **trial.values, **knobs}
        content = {
            "model": self.settings.choices.model.reference,
            "knobs": values,
            "folds": [values["fold"]] if values.get("fold") else list(range(1, 1 + values.get("folds", 0))),
            "shown": shown,
            "pause": trial.epochs or 0,
            "parents": parent and parent.runs,
        }
        write_json(folder / "trial.json", content)
        return folder

    def folder_of(self, trial: Trial) -> Path:
        """Where a trial is."""
        return self.path / "trials" / trial.id

    def result(self, trial: Trial) -> Result | Failure | None:
        """What came of a trial; None where nothing has yet."""
        if not (file := self.folder_of(trial) / "result.json").exists():
            return None
        content = read_record(file, "seconds")
        if "reason" in content:
            records.check(content, Failed, file)
            return Failure(trial, content["seconds"], content["reason"])
        records.check(content, Trained, file)
        if strange := [run for run in content["runs"] if Path(run).name != run]:
            raise UserError(f"{file} is damaged: {strange[0]!r} is no run of this search.")
        figures = content["score"], content["epochs"], content["paused"], tuple(content["runs"])
        return Result(trial, content["seconds"], *figures)

    def fail(self, trial: Trial, code: int, seconds: float) -> Failure:
        """Writes and returns the result of a trial whose job died with that exit code, after so many seconds."""
        reason = f"{self.last_words(trial, code)}; see {self.folder_of(trial) / 'log.txt'}"
        failure = Failure(trial, round(seconds, 1), reason)
        write_json(self.folder_of(trial) / "result.json", {"reason": failure.reason, "seconds": failure.seconds})
        return failure

    def forget_failure(self, trial: Trial) -> None:
        """Lets a trial that failed be tried again."""
        if isinstance(self.result(trial), Failure):
            (self.folder_of(trial) / "result.json").unlink()

    def last_words(self, trial: Trial, code: int) -> str:
        """Why the job of a trial died with that exit code."""
        if code < 0:
            return f"killed by signal {-code}, perhaps for lack of memory"
        log = self.folder_of(trial) / "log.txt"
        lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        errors = [line for line in lines if ERROR.match(line)]
        return (errors or lines or ["it said nothing"])[-1]

    def tested(self, result: Result, objective: Objective) -> float:
        """The objective on the test split, of a trial that was to read it."""
        (run,) = result.runs
        file = self.path / "runs" / run / "metrics.json"
        figures = records.read(file, Tested)["test"]
        if objective.figure not in figures:
            raise UserError(f"{file} is damaged: test lacks {objective.figure}.")
        return figures[objective.figure]

    def seconds(self, pattern: str) -> float:
        """What the trials took whose ids match a pattern."""
        files = (self.path / "trials").glob(f"{pattern}/result.json")
        return sum(records.read(file, Timed)["seconds"] for file in files)

    def task_of(self, result: Result) -> str:
        """The name of the task that was learnt."""
        return record.of_run(self.path / "runs" / result.runs[0])["task"]

    def tidy(self, ranking: Iterable[Result], keep: int, busy: Container[str]) -> None:
        """Deletes the weights and states of all runs but the best ones, and of those that Hyperband may well continue.

        Of the trials that pause after the same epoch these are the best third. Another one would start over.

        Args:
            ranking: the results, the best first, one of each training.
            keep: how many trainings stay.
            busy: runs that a trial continues now.
        """
        rungs: dict[int | None, list[Result]] = defaultdict(list)  # by the epoch of the pause; None: ended
        for result in ranking:
            rungs[result.epochs if result.paused else None].append(result)
        for epoch, results in rungs.items():
            kept = keep if epoch is None else max(keep, math.ceil(len(results) / FACTOR))
            for result in results[kept:]:
                self.lighten(run for run in result.runs if run not in busy)

    def lighten(self, runs: Iterable[str]) -> None:
        """Deletes the weights, states and pictures of these runs; their metrics and reports stay."""
        for run in runs:
            for name in HEAVY:
                shutil.rmtree(self.path / "runs" / run / name, ignore_errors=True)
                (self.path / "runs" / run / name).unlink(missing_ok=True)

    def keep_best(self, trial: Trial) -> dict[str, Any]:
        """Writes best.json for the trial that won, and gives back its knobs, for a training on all examples."""
        values = {**self._chosen(), **trial.values}
        for name in FOR_SEARCH:
            values.pop(name, None)
        names = {name: values[name] for name in ("data", "task") if name in values}
        knobs = {name: value for name, value in values.items() if name not in names}
        write_json(self.path / "best.json", {"model": self.settings.choices.model.reference, **names, "knobs": knobs})
        return values

    def _chosen(self) -> dict[str, Any]:
        """The knobs that have another value than their default, and the data set."""
        origins, values = self.settings.origins, self.settings.values
        left_out = (*config.UNSAVED, *config_files.PLACES, "verbose")
        names = {name: values[name] for name in ("data", "task") if values[name]}
        knobs = {name: values[name] for name, origin in origins.items() if origin != "default"}
        return {**names, **{name: value for name, value in knobs.items() if name not in left_out}}

    def _identity(self, tuner: str, space: Space) -> dict[str, Any]:
        """What makes it the same search."""
        left_out = (*config.UNSAVED, *config_files.PLACES, *NO_EFFECT, "verbose")
        content = {
            "model": self.settings.choices.model.reference,
            "data": self.settings.choices.data.name,
            "tuner": tuner,
            "space": {name: asdict(values) for name, values in space.items()},
            "knobs": {name: value for name, value in self.settings.values.items() if name not in left_out},
        }
        return json.loads(json.dumps(content))

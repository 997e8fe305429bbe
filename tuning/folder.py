"""The folder of a search: what it is for, its trials, and of their trained models only the best.

search.json     what is searched
trials/ID/      of each trial: trial.json, which it is given, result.json, which it leaves, and log.txt
runs/           the runs of the trials; a trial that goes on with another one's goes on in that one's
logs/           the figures of the trials, for TensorBoard's page of hyperparameters
best.json       the configuration that won
report.html     the page of all this
comparison.json what it and the configuration without any search reach on the test split, with several seeds
"""

import json
import math
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

from src.errors import UserError
from src.settings import catalogue, config
from src.settings.config import Config
from src.system.files import read_json, write_json
from tuning.oracle import FACTOR, Trial
from tuning.space import Space, as_said

FOR_SEARCH = ("limit", "folds")  # knobs that a training of the winner hasn't
SILENT = {"test": False, "export": False, "tensorboard": False}  # what a trial leaves out
NO_EFFECT = ("resume", "fold", "pause", "test", "export", "export_name", "tag", "tensorboard", "histograms")
ERROR = re.compile(r"[A-Za-z_][\w.]*(Error|Exception): ")  # as a traceback says at its end what it was
HEAVY = ("best.weights.h5", "model.keras", "preprocess.keras", "judge.keras", "state", "doors", "requests", "figures")


class Folder:
    """The folder at `path`, of a search that starts from `settings`."""

    def __init__(self, path: Path, settings: Config):
        self.path, self.settings = path, settings

    def begin(self, tuner: str, space: Space, check: Callable[[], str]) -> tuple[str, str]:
        """Makes a new search of it, after a `check` that tells the task; returns objective and direction."""
        for left in ("trials", "runs"):
            shutil.rmtree(self.path / left, ignore_errors=True)
        task = catalogue.load(catalogue.task(check())).Task
        write_json(
            self.path / "search.json",
            {**self._what(tuner, space), "monitor": task.monitor, "direction": task.direction},
        )
        return task.monitor, task.direction

    def same_as_before(self, tuner: str, space: Space) -> tuple[str, str] | None:
        """The objective and its direction, where there is a search; None where there is none.

        Raises:
            UserError: where it is another one, naming the first difference.
        """
        if not (self.path / "search.json").exists():
            return None
        before = read_json(self.path / "search.json")
        for key, now in self._what(tuner, space).items():
            known, now = (value if isinstance(value, dict) else {"": value} for value in (before.get(key), now))
            for name in {**known, **now}:
                if known.get(name) != now.get(name):
                    raise UserError(
                        f"{self.path} is another search: {', '.join(filter(None, (key, name)))} was "
                        f"{as_said(known.get(name))} and is {as_said(now.get(name))} now. Give this one a --name, or "
                        "delete that folder."
                    )
        return before["monitor"], before["direction"]

    def give(
        self,
        trial: Trial,
        parent: Mapping[str, Any] | None = None,
        shown: Mapping[str, Any] | None = None,
        **knobs: Any,
    ) -> Path:
        """Writes what a trial is to do, and returns its folder.

        Args:
            trial: its values.
            parent: result of the trial with whose run it goes on.
            shown: the knobs by which TensorBoard shows it; None where it doesn't.
            knobs: further ones.
        """
        place = self.place(trial.id)
        place.mkdir(parents=True, exist_ok=True)
        asked = {"runs_dir": str((self.path / "runs").resolve()), **self._given(), **SILENT, **trial.values, **knobs}
        what = {
            "model": self.settings.choices.model.name,
            "knobs": asked,
            "folds": [asked["fold"]] if asked.get("fold") else list(range(1, 1 + asked.get("folds", 0))),
            "shown": shown,
            "pause": trial.epochs or 0,
            "parents": parent and parent["runs"],
        }
        write_json(place / "trial.json", what)
        return place

    def place(self, name: str) -> Path:
        """The folder of the trial of that name."""
        return self.path / "trials" / name

    def result(self, name: str) -> dict[str, Any] | None:
        """What came of a trial: score, epochs, runs, seconds and whether it only pauses; or why it failed."""
        file = self.place(name) / "result.json"
        return read_json(file) if file.exists() else None

    def failed(self, trial: Trial, code: int, seconds: float) -> dict[str, Any]:
        """The result of a trial whose process died after so many seconds."""
        reason = f"{self.last_words(trial, code)}; see {self.place(trial.id) / 'log.txt'}"
        result = {"reason": reason, "seconds": round(seconds, 1)}
        write_json(self.place(trial.id) / "result.json", result)
        return result

    def forget_failure(self, name: str) -> None:
        """Lets a trial that failed be tried again."""
        if "reason" in (self.result(name) or {}):
            (self.place(name) / "result.json").unlink()

    def last_words(self, trial: Trial, code: int) -> str:
        """Why its process died with that exit code."""
        if code < 0:
            return f"killed by signal {-code}, perhaps for lack of memory"
        log = self.place(trial.id) / "log.txt"
        said = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        errors = [line for line in said if ERROR.match(line)]
        return (errors or said or ["it said nothing"])[-1]

    def tested(self, result: Mapping[str, Any], monitor: str) -> float:
        """The objective on the test split, of a trial that was to read it."""
        (run,) = result["runs"]
        return read_json(self.path / "runs" / run / "metrics.json")["test"][monitor.removeprefix("val_")]

    def seconds(self, names: str) -> float:
        """What the trials took whose names match a pattern."""
        return sum(read_json(file)["seconds"] for file in (self.path / "trials").glob(f"{names}/result.json"))

    def task_of(self, result: Mapping[str, Any]) -> str:
        """The name of the task that was learnt."""
        return config.of_run(self.path / "runs" / result["runs"][0])["task"]

    def tidy(self, ranking: Sequence[Mapping[str, Any]], keep: int, busy: Iterable[str]) -> None:
        """Deletes what weighs much of all runs but the best ones, and of those that Hyperband may well go on with.

        Of the trials that pause after the same epoch these are the best third. Another one would start over.

        Args:
            ranking: the results, the best first.
            keep: how many stay.
            busy: runs with which a trial goes on now.
        """
        trained = {}  # each as it is by now: several trials may have gone on with it
        for result in ranking:
            if "runs" in result and result["epochs"] > trained.get(tuple(result["runs"]), {"epochs": 0})["epochs"]:
                trained[tuple(result["runs"])] = result
        rungs = defaultdict(list)
        for runs, result in trained.items():
            rungs[result["paused"] and result["epochs"]].append(runs)
        kept = set(rungs.pop(False, [])[:keep])  # of those that have ended
        kept |= {runs for rung in rungs.values() for runs in rung[: max(keep, math.ceil(len(rung) / FACTOR))]}
        self.lighten(set(chain(*(trained.keys() - kept))) - set(busy))

    def lighten(self, runs: Iterable[str]) -> None:
        """Deletes what weighs much of these runs; their figures stay."""
        for run in runs:
            for name in HEAVY:
                shutil.rmtree(self.path / "runs" / run / name, ignore_errors=True)
                (self.path / "runs" / run / name).unlink(missing_ok=True)

    def keep_best(self, best: Trial) -> dict[str, Any]:
        """Writes best.json for the trial that won, and gives back its knobs, for a training on all examples."""
        values = {**self._given(), **best.values}
        for name in FOR_SEARCH:
            values.pop(name, None)
        chosen = {name: values[name] for name in ("data", "task") if name in values}
        knobs = {name: value for name, value in values.items() if name not in chosen}
        write_json(self.path / "best.json", {"model": self.settings.choices.model.name, **chosen, "knobs": knobs})
        return values

    def _given(self) -> dict[str, Any]:
        """The knobs that have another value than their default, and the data set."""
        origins, values = self.settings.origins, self.settings.values
        left_out = (*config.UNSAVED, *config.PLACES, "verbose")
        chosen = {name: values[name] for name in ("data", "task") if values[name]}
        knobs = {name: values[name] for name, origin in origins.items() if origin != "default"}
        return {**chosen, **{name: value for name, value in knobs.items() if name not in left_out}}

    def _what(self, tuner: str, space: Space) -> dict[str, Any]:
        """What makes it the same search."""
        left_out = (*config.UNSAVED, *config.PLACES, *NO_EFFECT, "verbose")
        what = {
            "model": self.settings.choices.model.name,
            "data": self.settings.choices.data.name,
            "tuner": tuner,
            "space": {name: asdict(values) for name, values in space.items()},
            "knobs": {name: value for name, value in self.settings.values.items() if name not in left_out},
        }
        return json.loads(json.dumps(what))

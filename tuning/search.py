"""The search: asks an oracle what to try, lets workers train it, and tells the oracle what came of it.

from tuning.search import tune

best = tune("mlp", data="digits", trials=20)     # knobs, for train("mlp", **best)

runs/tune-MODEL-DATA-TUNER/
    search.json     what is searched: a search under the same name goes on, or is refused
    journal.jsonl   every question and answer
    trials/, runs/  see tuning/folder.py
    best.json       the configuration that won, for make train ARGS="--config …/best.json"
"""

import math
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import Any, Literal

from src import crossvalidation
from src.errors import UsageError, UserError
from src.settings import config
from src.system.files import check_name, check_writable
from src.system.locks import owned
from src.system.signals import Stopped, Terminated
from src.train import train
from tuning import page
from tuning.comparison import compare
from tuning.folder import NO_EFFECT, Folder
from tuning.oracle import Oracle, Trial
from tuning.space import Space, points, size, space_of
from tuning.table import Table
from tuning.workers import Workers, stop

DEFAULT = Trial("default", {})  # the configuration without any search, which competes
USUAL_TRIALS = {"random": 20, "bayesian": 20}  # a grid and Hyperband have as many as they need
CHECKED = 32  # examples, of the configuration without any search
ATTEMPTS = 3  # of a trial whose process dies
POLL_S = 0.1
LEAVE_S = 60  # for trials to end with the steps under way


def tune(
    model: str,
    *,
    tuner: Literal["random", "grid", "bayesian", "hyperband"] = "random",
    trials: int | None = None,
    space: tuple[str, ...] = (),
    grid_points: int = 3,
    workers: int = 1,
    minutes: float | None = None,
    goal: float | None = None,
    keep: int = 3,
    seeds: int = 3,
    retrain: bool = False,
    name: str = "",
    **given: Any,
) -> dict[str, Any]:
    """Searches for knobs with which a model is best on validation, and gives back those that won.

    Args:
        model: a file of models/.
        tuner: random search, grid search, bayesian optimisation, or hyperband, which trains many configurations for a
            few epochs and continues the best.
        trials: maximum number of trials, besides the default configuration. The default is 20 for random and bayesian,
            all combinations for grid, and one round for hyperband.
        space: search space besides the model's SPACE: KNOB, KNOB=VALUE,VALUE, KNOB=LOW:HIGH[:log], or a TOML file.
        grid_points: points per range in a grid.
        workers: number of parallel trials.
        minutes: start no trial after this many minutes. The default is no limit.
        goal: end the search once a trial reaches this value. The default is none.
        keep: number of best trials whose trained models are kept.
        seeds: number of seeds with which the best and the default configuration are compared on the test split at the
            end; 0 for no comparison.
        retrain: whether to train the best configuration once more at the end, as train does, and export it.
        name: suffix of the folder's name, to start another search of the same kind.
        given: knobs that keep a value, as in `train`.

    Raises:
        UserError: for what a user can fix.
    """
    given = config.as_names(model, given)
    for knob, value, least in (
        ("trials", trials, 1),
        ("grid_points", grid_points, 2),
        ("workers", workers, 1),
        ("keep", keep, 1),
        ("seeds", seeds, 0),
    ):
        if value is not None and value < least:
            raise UsageError(f"{knob} has to be {least} or more, not {value}.")
    if minutes is not None and minutes <= 0:
        raise UsageError(f"minutes has to be above 0, not {minutes}.")
    if name:
        check_name("name", name)
    if without := ", ".join(knob for knob in given if knob in NO_EFFECT):
        raise UsageError(f"{without} has no effect in a search.")
    settings = config.resolve(model, given)
    crossvalidation.check(settings.values["folds"], 0)
    searched = space_of(settings.choices, settings.values, given, space)
    say = print if settings.values["verbose"] else lambda *_: None
    if tuner == "grid":
        whole = {knob.name for knob in settings.choices.knobs.values() if knob.type is int}
        searched = {knob: points(values, grid_points, knob in whole) for knob, values in searched.items()}
        if not (count := size(searched, settings.values)):
            raise UsageError("The grid has no configuration: none keeps the rules of the space.")
        say(f"The grid has {count:,} configurations.")
        trials = min(trials or count, count)
    runs_dir = Path(settings.values["runs_dir"])
    check_writable(runs_dir)
    path = runs_dir / "-".join(["tune", model, settings.data_name, tuner, *([name] if name else [])])
    path.mkdir(exist_ok=True)
    with owned(path / ".lock", f"the search {path}"):
        folder = Folder(path, settings)
        processes = Workers(workers, path / "workers.log")
        try:
            search = Search(folder, searched, tuner, trials or USUAL_TRIALS.get(tuner), processes, say)
            best = search.run(minutes, goal, keep, seeds)
        except KeyboardInterrupt as error:
            number = SIGTERM if isinstance(error, Terminated) else SIGINT
            raise Stopped(f"stopped; the same command resumes {path}", number) from None
        finally:
            processes.close()
            if not (path / "search.json").exists():  # it never began
                shutil.rmtree(path, ignore_errors=True)
    if retrain:
        train(model, **best, **{knob: settings.values[knob] for knob in ("runs_dir", "exports_dir", "verbose")})
    return best


@dataclass
class Running:
    """A trial on its way: its slot in the oracle, None for the default configuration, and its process."""

    slot: int | None
    trial: Trial
    process: subprocess.Popen
    begun: float
    deaths: int = 0


class Search:
    """One search, in its folder.

    Args:
        folder: where it is, or goes on.
        space: what is searched.
        tuner, trials: see `tune`.
        workers: start its trials.
        say: takes a line for the user.
    """

    def __init__(
        self,
        folder: Folder,
        space: Space,
        tuner: str,
        trials: int | None,
        workers: Workers,
        say: Callable[[str], None],
    ):
        self.folder, self.space, self.workers, self.say = folder, space, workers, say
        self.trials = trials
        self.running: list[Running] = []
        values = folder.settings.values
        self.monitor, self.direction = folder.same_as_before(tuner, space) or folder.begin(
            tuner, space, self._check_one_step
        )
        self.oracle = Oracle(
            tuner,
            space,
            values,
            trials,
            values["epochs"],
            self.direction,
            values["seed"],
            folder.path / "journal.jsonl",
        )
        done = [DEFAULT, *(trial for trial, *_ in self.oracle.told.values())]
        self.results = {trial.id: (trial, result) for trial in done if (result := folder.result(trial.id))}

    def run(self, minutes: float | None, goal: float | None, keep: int, seeds: int) -> dict[str, Any]:
        """Searches, or goes on searching, and gives back the knobs that won."""
        ends = time.monotonic() + 60 * minutes if minutes else math.inf
        searched = f"over {', '.join(self.space)}, by {self.monitor}, in {self.folder.path}"
        self.say(f"{'going on: ' if self.results else ''}{self.progress} {searched}")
        try:
            with Table(self) as table:
                self._try_all(table, ends, goal, keep)
            best = next((trial for trial, result in self.ranking if "score" in result), None)
            if best is None:
                raise UserError(f"Every trial failed; the first one: {self.ranking[0][1]['reason']}")
            found = self.folder.keep_best(best)
            page.write(self)
            if seeds:
                compare(self, best, DEFAULT, seeds)
                page.write(self)
        except KeyboardInterrupt:
            self._stop()
            page.write(self)
            raise
        self.say(f"best    {self.folder.path / 'best.json'}")
        self.say(f"report  {self.folder.path / 'report.html'}")
        return found

    def _try_all(self, table: Table, ends: float, goal: float | None, keep: int) -> None:
        """Begins trials as long as there are workers and any to begin, and takes what comes of them."""
        try:
            while True:
                while len(self.running) < self.workers.count and self._goes_on(ends, goal) and self._start_next():
                    pass
                if not self.running:
                    return self._say_why(ends, goal)
                for trial in self._collect(table):
                    self._tidy(keep)
                    table.ended(trial)
        except KeyboardInterrupt:
            self._stop()
            for running in self.running:
                if result := self.folder.result(running.trial.id):  # it was just ready
                    self.results[running.trial.id] = running.trial, result
            self.running.clear()
            raise

    @property
    def ranking(self) -> list[tuple[Trial, dict[str, Any]]]:
        """Trials with their results, the best first, and those that failed last; of a training the last one."""
        latest = {tuple(result.get("runs", (trial.id,))): (trial, result) for trial, result in self.results.values()}
        sign = 1 if self.direction == "min" else -1
        return sorted(latest.values(), key=lambda found: sign * found[1].get("score", sign * math.inf))

    @property
    def progress(self) -> str:
        """How many trials are done, beside the configuration without any search."""
        done = len(self.results.keys() - {DEFAULT.id})
        return f"{done}{f' of {self.trials}' if self.trials else ''} trial{'s' * ((self.trials or done) != 1)}"

    def _tidy(self, keep: int) -> None:
        parents = [running.trial.parent for running in self.running if running.trial.parent]
        busy = [run for name in parents for run in self.results[name][1]["runs"]]
        self.folder.tidy([result for _, result in self.ranking], keep, busy)

    def shown(self, trial: Trial) -> dict[str, Any]:
        """The values of the knobs that are searched, without those that have no effect beside its others."""
        values = {**self.folder.settings.values, **trial.values}
        return {
            name: values[name]
            for name, one in self.space.items()
            if all(values.get(parent) in among for parent, among in one.when.items())
        }

    def _check_one_step(self) -> str:
        """Trains the default configuration for a moment, so that a mistake in it shows as itself; names its task."""
        check = Trial("check", {})
        self.say("trying one step of the configuration without any search …")
        one_fold = {"fold": 1} if self.folder.settings.values["folds"] else {}
        process = self.workers.start(self.folder.give(check, limit=CHECKED, epochs=1, **one_fold))
        try:
            process.wait()
        finally:
            process.kill()
        result = self.folder.result(check.id) or {"reason": self.folder.last_words(check, process.returncode)}
        if "reason" in result:
            raise UserError(f"One step of the configuration without any search failed: {result['reason']}")
        self.folder.lighten(result["runs"])
        return self.folder.task_of(result)

    def _start_next(self) -> bool:
        """Begins what waits: trials that were cut off, the default configuration, or what the oracle says."""
        on_their_way = {running.trial.id for running in self.running}
        cut_off = [(slot, trial) for slot, trial in self.oracle.open.items() if trial.id not in on_their_way]
        if cut_off:
            slot, trial = cut_off[0]
        elif DEFAULT.id not in on_their_way | self.results.keys():
            slot, trial = None, DEFAULT
        else:
            slot = next(number for number in range(self.workers.count) if number not in self.oracle.open)
            trial = self.oracle.ask(slot)
        if trial:
            _, parent = self.results.get(trial.parent, (None, None))
            process = self.workers.start(self.folder.give(trial, parent, self.shown(trial)))
            self.running.append(Running(slot, trial, process, time.monotonic()))
        return trial is not None

    def _collect(self, table: Table) -> list[Trial]:
        """Waits until trials end, and tells the oracle what came of them."""
        while not (ended := [running for running in self.running if running.process.poll() is not None]):
            table.refresh()
            time.sleep(POLL_S)
        for running in ended:
            trial, code = running.trial, running.process.returncode
            result = self.folder.result(trial.id)
            if not result:
                running.deaths += 1
                if code < 0 and running.deaths < ATTEMPTS:  # killed: it may go on where it was
                    running.process = self.workers.start(self.folder.place(trial.id))
                    continue
                result = self.folder.failed(trial, code, time.monotonic() - running.begun)
            self.running.remove(running)
            self.results[trial.id] = trial, result
            if running.slot is not None:
                self.oracle.tell(running.slot, result.get("score"), result.get("reason", ""))
        return [running.trial for running in ended if running not in self.running]

    def train(self, trial: Trial, **knobs: Any) -> dict[str, Any]:
        """The result of one training after the search, which may be there from before.

        Raises:
            UserError: where it fails, or its process is killed as often as a trial's may be.
        """
        self.folder.forget_failure(trial.id)
        begun = time.monotonic()
        for _ in range(ATTEMPTS):
            if self.folder.result(trial.id):
                break
            process = self.workers.start(self.folder.give(trial, **knobs))
            self.running.append(Running(None, trial, process, begun))
            process.wait()
            self.running.pop()
            if process.returncode >= 0:
                break
        result = self.folder.result(trial.id) or self.folder.failed(trial, process.returncode, time.monotonic() - begun)
        if "reason" in result:
            raise UserError(
                f"{trial.id} failed: {result['reason']}\n"
                f"The search is done; its winner is in {self.folder.path / 'best.json'}. The same command tries the "
                "comparison again; with --seeds 0 it leaves it out."
            )
        return result

    def _stop(self) -> None:
        """Ends the trials on their way, which can go on from where they are."""
        if self.running:
            self.say("\nending what is under way …")
        for running in self.running:
            stop(running.process)
        ends = time.monotonic() + LEAVE_S
        for running in self.running:
            try:
                running.process.wait(max(0, ends - time.monotonic()))
            except subprocess.TimeoutExpired:
                running.process.kill()

    def _goes_on(self, ends: float, goal: float | None) -> bool:
        """Whether another trial may begin; the first one may always."""
        return not self._reached(goal) and (time.monotonic() < ends or not self.results)

    def _reached(self, goal: float | None) -> bool:
        scores = [result["score"] for _, result in self.results.values() if "score" in result]
        return goal is not None and any(s >= goal if self.direction == "max" else s <= goal for s in scores)

    def _say_why(self, ends: float, goal: float | None) -> None:
        """Says why no trial begins any more, where it isn't that there are no others."""
        if self._reached(goal):
            self.say(f"The goal {goal:g} is reached.")
        elif time.monotonic() >= ends:
            self.say("Time is up; the same command resumes the search.")

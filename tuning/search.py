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
import shlex
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import Any, Literal

from src.errors import UsageError, UserError
from src.settings import config, knobs
from src.settings.config import Config
from src.sources.folds import check_folds
from src.system.files import check_name, check_writable
from src.system.locks import owned
from src.system.screen import tell
from src.system.signals import Stopped, Terminated
from src.train import train
from tuning import page
from tuning.comparison import compare
from tuning.folder import NO_EFFECT, Folder
from tuning.oracle import Kind, Oracle
from tuning.results import DEFAULT, Failure, Objective, Result, Results, Trial
from tuning.running import Running
from tuning.space import Space, points, size, space_of
from tuning.table import Table
from tuning.workers import Workers

USUAL_TRIALS = {"random": 20, "bayesian": 20}  # a grid and Hyperband have as many as they need
LEAST = {"trials": 1, "grid_points": 2, "workers": 1, "keep": 1, "seeds": 0}
CHECKED = 32  # examples, of the default configuration
POLL_S = 0.1


def tune(
    model: str | Path,
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
        model: a file of models/, by name, or by path where it is elsewhere.
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
    model, given = config.as_names(model, {**given, "space": space})
    space = given.pop("space")
    _check(locals())
    settings = _settings(model, given)
    say = tell if settings.values["verbose"] else _nothing
    searched = space_of(settings.choices, settings.values, given, space)
    if tuner == "grid":
        searched, count = _grid(searched, settings, grid_points)
        say(f"The grid has {count:,} configurations.")
        trials = min(trials or count, count)
    with _folder(settings, tuner, name) as folder, closing(Workers(workers, folder)) as pool:
        search = Search(folder, searched, tuner, trials or USUAL_TRIALS.get(tuner), pool, say)
        best = search.run(minutes, goal, keep, seeds)
    if retrain:
        train(model, **best, **{knob: settings.values[knob] for knob in ("runs_dir", "exports_dir", "verbose")})
    else:
        arguments = shlex.join(["--config", str(folder.path / "best.json")])
        say(f'\nNext:\n  make train MODEL={settings.choices.model.reference} ARGS="{arguments}"')
    return best


class Search:
    """One search, which begins or goes on.

    Args:
        folder: where it is.
        space: what is searched.
        tuner, trials: see `tune`.
        workers: start its trials.
        say: takes a line for the user.
    """

    def __init__(
        self,
        folder: Folder,
        space: Space,
        tuner: Kind,
        trials: int | None,
        workers: Workers,
        say: Callable[[str], None],
    ):
        self.folder, self.workers, self.say = folder, workers, say
        self.running = Running(folder, workers)
        objective = folder.objective(tuner, space) or self._begin(tuner, space)
        defaults = folder.settings.values
        self.results = Results(objective, space, defaults, trials)
        self.oracle = Oracle(tuner, space, defaults, trials, objective.direction, folder.path / "journal.jsonl")
        for trial in (DEFAULT, *self.oracle.told.values()):
            if result := folder.result(trial):
                self.results.add(result)

    def run(self, minutes: float | None, goal: float | None, keep: int, seeds: int) -> dict[str, Any]:
        """Searches, and gives back the knobs that won; see `tune` for the arguments."""
        results, path = self.results, self.folder.path
        deadline = time.monotonic() + 60 * minutes if minutes else math.inf
        about = f"over {', '.join(results.space)}, by {results.objective.monitor}, in {path}"
        self.say(f"{'Resuming: ' if results.ended else ''}{results.progress} {about}")
        try:
            with Table(results, self.running.attempts, self.folder.settings.values["verbose"]) as table:
                self._try_all(table, deadline, goal, keep)
            if not results.ranking:
                raise UserError(f"Every trial failed; the first one: {results.failures[0].reason}")
            winner = results.ranking[0].trial
            best = self.folder.keep_best(winner)
            page.write(self.folder, results)
            if seeds:
                compare(winner, results.objective, seeds, self.running, self.say)
                page.write(self.folder, results)
        except KeyboardInterrupt:
            self._stop()
            page.write(self.folder, results)
            raise
        self.say(f"best    {path / 'best.json'}")
        self.say(f"report  {path / 'report.html'}")
        return best

    def _begin(self, tuner: str, space: Space) -> Objective:
        """Begins a new search, after one step of the default configuration, so that a mistake in it shows as itself."""
        self.folder.clear()
        check = Trial("check", {})
        self.say("Trying one step of the default configuration …")
        first_fold = {"fold": 1} if self.folder.settings.values["folds"] else {}
        job = self.workers.start(self.folder.give(check, knobs={"limit": CHECKED, "epochs": 1, **first_fold}))
        try:
            code = job.wait()
        finally:
            job.kill()
        result = self.folder.result(check)
        if not isinstance(result, Result):
            reason = result.reason if result else self.folder.last_words(check, code)
            raise UserError(f"One step of the default configuration failed: {reason}")
        self.folder.lighten(result.runs)
        return self.folder.begin(tuner, space, self.folder.task_of(result))

    def _try_all(self, table: Table, deadline: float, goal: float | None, keep: int) -> None:
        """Starts trials as long as there are workers and any to start, and takes what comes of them."""
        try:
            while True:
                while not (self.running.full or self._limit(deadline, goal)) and (trial := self._next()):
                    self._start(trial)
                if not self.running.attempts:
                    break
                ended = self._wait(table)
                self.folder.tidy(self.results.ranking, keep, self.running.continued)
                for result in ended:
                    table.show(result)
        except KeyboardInterrupt:
            for result in self._stop():
                self.results.add(result)
            raise
        if limit := self._limit(deadline, goal):
            self.say(limit)

    def _limit(self, deadline: float, goal: float | None) -> str:
        """Why no other trial may begin; "" where one may, as the first one always."""
        if self.results.reach(goal):
            return f"The goal {goal:g} is reached."
        if self.results.ended and time.monotonic() >= deadline:
            return "Time is up; the same command resumes the search."
        return ""

    def _next(self) -> Trial | None:
        """The trial to start: one that was cut off, the default configuration, or what the oracle says."""
        under_way = {attempt.trial.id for attempt in self.running.attempts}
        for trial in self.oracle.open.values():
            if trial.id not in under_way:
                return trial
        if DEFAULT.id not in under_way | self.results.ended.keys():
            return DEFAULT
        return self.oracle.ask(next(slot for slot in range(self.workers.count) if slot not in self.oracle.open))

    def _start(self, trial: Trial) -> None:
        parent = self.results.ended.get(trial.parent or "")
        # What continues a trial that failed starts over.
        self.running.start(trial, parent if isinstance(parent, Result) else None, self.results.searched(trial))

    def _wait(self, table: Table) -> list[Result | Failure]:
        """Waits until trials end, and tells the oracle what came of them."""
        while not (ended := self.running.take_ended()):
            table.refresh()
            time.sleep(POLL_S)
        for result in ended:
            self.results.add(result)
            slots = {trial.id: slot for slot, trial in self.oracle.open.items()}
            if result.trial.id not in slots:
                continue  # the default configuration
            if isinstance(result, Result):
                self.oracle.tell(slots[result.trial.id], result.score)
            else:
                self.oracle.tell(slots[result.trial.id], None, result.reason)
        return ended

    def _stop(self) -> list[Result | Failure]:
        """Ends the trials under way; returns what came of those that were just ready."""
        if self.running.attempts:
            self.say("\nStopping the running trials …")
        return self.running.stop()


def _check(parameters: Mapping[str, Any]) -> None:
    """Raises a UsageError for a value of `tune`'s own parameters that can't be."""
    own = knobs.read(Path(__file__), "tune")
    knobs.check(own, {knob.name: parameters[knob.name] for knob in own}, "tune")
    for name, least in LEAST.items():
        if parameters[name] is not None and parameters[name] < least:
            raise UsageError(f"{name} has to be {least} or more, not {parameters[name]}.")
    if parameters["minutes"] is not None and parameters["minutes"] <= 0:
        raise UsageError(f"minutes has to be above 0, not {parameters['minutes']}.")
    if parameters["name"]:
        check_name("name", parameters["name"])


def _settings(model: str, given: Mapping[str, Any]) -> Config:
    """The default configuration."""
    if without := ", ".join(knob for knob in given if knob in NO_EFFECT):
        raise UsageError(f"{without} has no effect in a search.")
    settings = config.resolve(model, given)
    if settings.values["folds"]:
        check_folds(settings.values["folds"])
    return settings


def _grid(space: Space, settings: Config, grid_points: int) -> tuple[Space, int]:
    """The grid of the space, with so many points a range, and how many configurations it has."""
    grid = {name: points(values, grid_points) for name, values in space.items()}
    count = size(grid, settings.values)
    if not count:
        raise UsageError("The grid has no configuration: none keeps the rules of the space.")
    return grid, count


@contextmanager
def _folder(settings: Config, tuner: str, name: str) -> Iterator[Folder]:
    """The folder of the search, which is this process' alone meanwhile; it vanishes where the search never begins."""
    runs_dir = Path(settings.values["runs_dir"])
    check_writable(runs_dir)
    model = settings.choices.model.name
    path = runs_dir / "-".join(filter(None, ("tune", model, settings.data_name, tuner, name)))
    path.mkdir(exist_ok=True)
    with owned(path / ".lock", f"the search {path}"):
        try:
            yield Folder(path, settings)
        except KeyboardInterrupt as error:
            number = SIGTERM if isinstance(error, Terminated) else SIGINT
            raise Stopped(f"stopped; the same command resumes {path}", number) from None
        finally:
            if not (path / "search.json").exists():
                shutil.rmtree(path, ignore_errors=True)


def _nothing(_: str) -> None:
    """Says nothing."""

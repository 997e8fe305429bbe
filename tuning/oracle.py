"""KerasTuner's oracles, asked and told one trial at a time, with a journal by which a search goes on after any end.

Every question and every answer is a line of the journal, on the disk before anything follows from it. A search that
goes on asks a new oracle the same questions, and gets the same answers, as all of them follow from the seed and what
it was told. KerasTuner's own reload isn't used: its grid search fails on it, its files can be half written, and a
changed space goes unnoticed. Nor are its chief and workers, where a worker's death loses a trial.

Random search: Bergstra and Bengio (2012); Bayesian: Snoek et al. (2012); Hyperband: Li et al. (2018).
"""

import json
import math
import os
import random
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from src.errors import UserError
from src.specs import Choice, Range
from src.system import records
from src.system.files import parsed
from tuning.results import Direction, Trial
from tuning.space import Space, broken_rule

Kind = Literal["random", "grid", "bayesian", "hyperband"]
FACTOR = 3  # of Hyperband: one in so many goes on, for so many times as many epochs
UNBOUNDED = 10**9  # more failed trials in a row than there will be
BARREN = 100  # configurations in a row that break a rule: there are hardly others
DRAWN = 1_000  # at random, of which one has to keep the rules before anything is trained


class Asked(TypedDict):
    """A line of the journal: the slot for which a trial was asked, and that trial."""

    ask: int
    id: str | None
    values: NotRequired[dict[str, Any]]
    epochs: NotRequired[int | None]
    parent: NotRequired[str | None]


class Told(TypedDict):
    """A line of the journal: what became of the trial in a slot."""

    tell: int
    id: str
    score: records.Finite | None
    reason: str


class Oracle:
    """Says what to try next.

    Args:
        kind: of search.
        space: choices and ranges by knob; only choices for a grid.
        defaults: the values of all knobs without a search: `epochs` of a whole training, the `seed` of all that the
            oracle says, and others for the rules of the space.
        trials: maximum number; None for as many as there are: a whole grid, Hyperband once.
        direction: of the scores.
        journal: the file; one that is there is gone through first.

    Raises:
        UserError: where the journal is of another search, or nothing can be tried.
    """

    def __init__(
        self,
        kind: Kind,
        space: Space,
        defaults: Mapping[str, Any],
        trials: int | None,
        direction: Direction,
        journal: Path,
    ):
        self._space, self._defaults, self._trials, self._direction = space, defaults, trials, direction
        self._check_rules()
        self._oracle = _oracle(kind, space, defaults["epochs"], direction, defaults["seed"], once=trials is None)
        self._scratch = tempfile.TemporaryDirectory()  # KerasTuner's files, which nothing reads
        BaseTuner(self._oracle, directory=self._scratch.name, project_name="search", overwrite=True)
        self._oracle.verbose = 0
        self._asked: dict[str, Any] = {}  # by id: KerasTuner's trials
        self._worst: float | None = None
        self.finished = False
        self.open: dict[int, Trial] = {}  # by slot: asked for, and not told yet
        self.told: dict[str, Trial] = {}  # by id
        self._journal = journal
        self._replay()

    def ask(self, slot: int) -> Trial | None:
        """The next trial for a slot; None where there is none, or none before another one ends (see `finished`)."""
        trial = self._ask(slot)
        if not self.finished:  # the same search may go on with more trials another day
            self._write({"ask": slot, **_as_json(trial)})
        return trial

    def tell(self, slot: int, score: float | None, reason: str = "") -> None:
        """Takes what became of a slot's trial.

        Args:
            slot: where it ran.
            score: its objective; None where it failed.
            reason: why it failed.
        """
        self._write({"tell": slot, "id": self.open[slot].id, "score": score, "reason": reason})
        self._tell(slot, score)

    def _ask(self, slot: int) -> Trial | None:
        if self._trials is not None and len(self.told) + len(self.open) >= self._trials:
            self.finished = True
            return None
        for _ in range(BARREN):
            with threadpool_limits(1), warnings.catch_warnings():  # more threads sum in another order, and are slower
                warnings.simplefilter("ignore", ConvergenceWarning)  # of a model of few points
                proposal = self._oracle.create_trial(str(slot))
            if proposal.status == "IDLE":
                return None
            if proposal.status == "STOPPED":
                break
            self._asked[proposal.trial_id] = proposal
            values = proposal.hyperparameters.values
            epochs, parent = values.get("tuner/epochs"), values.get("tuner/trial_id")
            trial = Trial(proposal.trial_id, self._decoded(values), epochs, parent)
            if broken_rule(self._space, {**self._defaults, **trial.values}) is None:
                self.open[slot] = trial
                return trial
            self._end(trial.id, None)
        self.finished = True
        return None

    def _tell(self, slot: int, score: float | None) -> None:
        trial = self.open.pop(slot)
        self.told[trial.id] = trial
        if score is not None:
            worse = max if self._direction == "min" else min
            self._worst = score if self._worst is None else worse(self._worst, score)
        self._end(trial.id, score)

    def _end(self, trial_id: str, score: float | None) -> None:
        """Ends a trial; one that failed counts as the worst so far, so that its like is avoided, and no rung waits."""
        if score is None:
            score = self._worst if self._worst is not None else math.inf if self._direction == "min" else -math.inf
        trial = self._asked.pop(trial_id)
        self._oracle.update_trial(trial_id, {"score": score})
        trial.status = "COMPLETED"
        self._oracle.end_trial(trial)

    def _check_rules(self) -> None:
        """Raises a UserError where no configuration keeps the rules of the space, as far as random ones tell."""
        if not (rules := [values.where for values in self._space.values() if values.where]):
            return
        parameters = _hyperparameters(self._space).space
        for draw in range(DRAWN):
            seeds = range(draw * len(parameters), (draw + 1) * len(parameters))
            values = {p.name: p.random_sample(seed) for p, seed in zip(parameters, seeds, strict=True)}
            if broken_rule(self._space, {**self._defaults, **self._decoded(values)}) is None:
                return
        raise UserError(f"Of {DRAWN:,} configurations none keeps the rules of the space: {', '.join(rules)}.")

    def _decoded(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the knobs, of those that KerasTuner has: of a choice the position."""
        decoded = {}
        for name, choice in self._space.items():
            if name in values:
                decoded[name] = choice.values[values[name]] if isinstance(choice, Choice) else values[name]
        return decoded

    def _replay(self) -> None:
        trials, self._trials = self._trials, None  # there may be more of them than are wanted now
        for number, event in enumerate(_events(self._journal), 1):
            if "ask" in event:
                before = {name: value for name, value in event.items() if name != "ask"}
                now = json.loads(json.dumps(_as_json(self._ask(event["ask"]))))
                if now != before:
                    raise UserError(
                        f"{self._journal}:{number}: the search can't go on: it asked for {before} here, and would ask "
                        f"for {now} now. The packages have changed; begin a new one, with --name."
                    )
            elif event["tell"] in self.open and self.open[event["tell"]].id == event["id"]:
                self._tell(event["tell"], event["score"])
            else:
                raise UserError(f"{self._journal}:{number} is damaged: trial {event['id']!r} wasn't under way.")
        self._trials = trials

    def _write(self, event: dict[str, Any]) -> None:
        with open(self._journal, "a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _oracle(kind: Kind, space: Space, epochs: int, direction: Direction, seed: int, once: bool) -> keras_tuner.Oracle:
    """KerasTuner's, without a bound on the trials; Hyperband only once."""
    common = {
        "objective": keras_tuner.Objective("score", direction),
        "hyperparameters": _hyperparameters(space),
        "tune_new_entries": False,
        # KerasTuner draws with one number after the other, so neighbouring seeds would try much the same.
        "seed": random.Random(seed).randrange(1, 2**31),
        "max_consecutive_failed_trials": UNBOUNDED,
    }
    match kind:
        case "random":
            return keras_tuner.oracles.RandomSearchOracle(max_trials=None, **common)
        case "grid":
            return keras_tuner.oracles.GridSearchOracle(max_trials=None, **common)
        case "bayesian":
            first = max(5, 2 * len(space))  # drawn at random, before there is a model
            return keras_tuner.oracles.BayesianOptimizationOracle(max_trials=None, num_initial_points=first, **common)
        case "hyperband":
            return keras_tuner.oracles.HyperbandOracle(
                max_epochs=epochs, factor=FACTOR, hyperband_iterations=1 if once else None, **common
            )


def _hyperparameters(space: Space) -> keras_tuner.HyperParameters:
    """The space as KerasTuner has it; of a choice only the position, as its values may be lists."""
    parameters = keras_tuner.HyperParameters()
    for name in _parents_first(space):
        values = space[name]
        with ExitStack() as scopes:
            for parent, among in values.when.items():
                if parent in space:
                    scopes.enter_context(parameters.conditional_scope(parent, _encoded(space[parent], among)))
            if isinstance(values, Choice):
                parameters.Choice(name, list(range(len(values.values))))
            elif isinstance(values.low, int):
                parameters.Int(name, values.low, values.high, values.step or 1, "log" if values.log else "linear")
            else:
                parameters.Float(name, values.low, values.high, values.step, "log" if values.log else "linear")
    return parameters


def _encoded(parent: Choice | Range, among: Sequence[Any]) -> list[Any]:
    """Some values of a knob as KerasTuner has them; NaN, which it never has, where there are none."""
    if isinstance(parent, Choice):
        encoded = [position for position, value in enumerate(parent.values) if value in among]
    else:
        encoded = [value for value in among if value is not None]
    return encoded or [math.nan]


def _parents_first(space: Space) -> Iterator[str]:
    """The names, each after those on which it depends."""
    done: set[str] = set()
    while left := [name for name in space if name not in done]:
        ready = [name for name in left if not (space[name].when.keys() & space.keys()) - done]
        if not ready:
            raise UserError(f"The space goes in a circle: {', '.join(left)} depend on each other.")
        done.update(ready)
        yield from ready


def _as_json(trial: Trial | None) -> dict[str, Any]:
    if trial is None:
        return {"id": None}
    return {"id": trial.id, "values": trial.values, "epochs": trial.epochs, "parent": trial.parent}


def _events(journal: Path) -> list[dict[str, Any]]:
    """The lines that were written whole; what a kill left of another one is cut off."""
    if not journal.exists():
        return []
    content = journal.read_bytes()
    length = content.rfind(b"\n") + 1
    if length < len(content):
        os.truncate(journal, length)
    return [_event(line, f"{journal}:{number}") for number, line in enumerate(content[:length].splitlines(), 1)]


def _event(line: bytes, where: str) -> dict[str, Any]:
    """A question or an answer; raises a UserError for what is neither."""
    try:
        event = parsed(json.loads, line.decode())
    except ValueError as error:
        raise UserError(f"{where} is damaged: {error}.") from None
    records.check(event, Told if isinstance(event, dict) and "tell" in event else Asked, where)
    return event

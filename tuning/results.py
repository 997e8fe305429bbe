"""What a search tries, what it compares, and what has come of it so far.

The search adds to the results; its table, its page and the comparison read them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tuning.space import Space, active

Direction = Literal["min", "max"]


@dataclass(frozen=True)
class Trial:
    """One configuration to train.

    Args:
        id: its name.
        values: of the knobs that are searched.
        epochs: after which it pauses; None trains all.
        parent: the id of the trial whose training it continues.
    """

    id: str
    values: dict[str, Any]
    epochs: int | None = None
    parent: str | None = None


DEFAULT = Trial("default", {})  # the default configuration, which competes


@dataclass(frozen=True)
class Result:
    """What came of a trial that was trained.

    Args:
        trial: what was trained.
        seconds: it took.
        score: the objective at the best epoch, the mean of the folds.
        epochs: trained so far.
        paused: whether another trial may continue it.
        runs: the names of its runs, one a fold.
    """

    trial: Trial
    seconds: float
    score: float
    epochs: int
    paused: bool
    runs: tuple[str, ...]


@dataclass(frozen=True)
class Failure:
    """A trial that failed, after so many seconds, and why."""

    trial: Trial
    seconds: float
    reason: str


@dataclass(frozen=True)
class Objective:
    """The validation metric that is optimised, such as "val_accuracy", and in which direction."""

    monitor: str
    direction: Direction

    @property
    def figure(self) -> str:
        """The metric's name without its split, such as "accuracy"."""
        return self.monitor.removeprefix("val_")

    def as_loss(self, score: float) -> float:
        """The score, or its negative: the less, the better."""
        return -score if self.direction == "max" else score


@dataclass(frozen=True)
class Results:
    """The trials of a search that have ended.

    Args:
        objective: by which they are ranked.
        space: what is searched.
        defaults: the values of all knobs without a search.
        planned: maximum number of trials besides the default configuration; None where it isn't known.
        ended: the trials by their ids, in the order in which they ended.
    """

    objective: Objective
    space: Space
    defaults: Mapping[str, Any]
    planned: int | None
    ended: dict[str, Result | Failure] = field(default_factory=dict)

    def add(self, result: Result | Failure) -> None:
        """Takes what came of another trial."""
        self.ended[result.trial.id] = result

    @property
    def ranking(self) -> list[Result]:
        """The best first, without what failed; of a training that several trials continued only the last result."""
        latest = {result.runs: result for result in self.ended.values() if isinstance(result, Result)}
        return sorted(latest.values(), key=lambda result: self.objective.as_loss(result.score))

    @property
    def failures(self) -> list[Failure]:
        """What failed, in the order in which it did."""
        return [result for result in self.ended.values() if isinstance(result, Failure)]

    @property
    def progress(self) -> str:
        """How many trials have ended, in words."""
        count = len(self.ended.keys() - {DEFAULT.id})
        return f"{count}{f' of {self.planned}' if self.planned else ''} trial{'s' * ((self.planned or count) != 1)}"

    def searched(self, trial: Trial) -> dict[str, Any]:
        """A trial's values of the knobs that are searched, without those that have no effect beside its others."""
        return active(self.space, {**self.defaults, **trial.values})

    def reach(self, goal: float | None) -> bool:
        """Whether a trial is as good as the goal."""
        if goal is None:
            return False
        worst = self.objective.as_loss(goal)
        return any(self.objective.as_loss(result.score) <= worst for result in self.ranking)

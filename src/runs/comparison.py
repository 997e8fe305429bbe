"""Runs side by side: whether their figures can be compared, in what the runs differ, and whether by more than chance.

Nothing is predicted: the figures are those of the runs, and tests are made of the predictions that they have kept.
"""

import dataclasses
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np

from src.analysis import predictions
from src.analysis.intervals import Scores
from src.analysis.pairs import PairedTest, holm, paired_test
from src.analysis.predictions import Predictions
from src.errors import UserError
from src.runs import judges, record, resume
from src.runs.loading import WEIGHTS
from src.runs.run import Run
from src.settings import catalogue
from src.settings.config import harness_knobs
from src.settings.given import PIPELINE

# Knobs that change nothing that is learnt.
ASIDE = (*resume.FREE, "tag", "export", "export_name", "save_every", "tensorboard", "histograms", "test")


class Measured:
    """A run, and what it has kept of the split that it was measured on."""

    def __init__(self, run: Run):
        self.run = run

    @property
    def split(self) -> Mapping[str, Any]:
        """What the manifest says of the split."""
        return self.run.manifest["splits"][self.run.measured]

    @property
    def figures(self) -> Mapping[str, float]:
        """Those of the split, by name."""
        return self.run.metrics[self.run.measured]

    @cached_property
    def predictions(self) -> Predictions | None:
        """Those of the split; None where there are none."""
        kept = predictions.load(self.run.path)
        return kept if kept and (kept.split, kept.examples) == (self.run.measured, self.split["examples"]) else None

    @cached_property
    def scores(self) -> Scores | None:
        """Of what was kept; None without it, or where the task scores no single examples."""
        return self.run.task.scores(self.predictions) if self.predictions else None

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """In which the figure lies; None without scores."""
        return self.scores.interval if self.scores else None

    @property
    def figure(self) -> str:
        """The one that sums it up: that of its scores, else that by which its epoch was chosen."""
        return self.scores.name if self.scores else self.run.task.monitor.removeprefix("val_")

    @cached_property
    def why_unpaired(self) -> str:
        """Why its examples can't be paired with another run's, and what to do; "" where they can."""
        by_hand = self.run.config.get("by_hand", {})
        if by_hand.get("data") == PIPELINE:
            return f"the examples of {self.run.path} come in another order each time"
        if not self.predictions and self.run.task.loss:
            if not (self.run.path / "model.keras").is_file():
                return f"the search has kept no model of {self.run.path}, and no predictions"
            again = "evaluate(run, data=…)" if "data" in by_hand else f"make evaluate RUN={self.run.path}"
            return f"{self.run.path} has kept no predictions; {again} adds them"
        if not self.scores:
            return f"{self.run.config['task']} isn't scored example by example"
        return "" if np.isfinite(self.scores.values).all() else f"{self.run.path} has scores that aren't finite"

    @cached_property
    def knobs(self) -> dict[str, Any]:
        """What was chosen for its training, by name: model, data set, knobs, and what was given from Python."""
        config = self.run.config
        by_hand = config.get("by_hand", {})
        optimizer = by_hand.get("optimizer", {"class_name": None, "config": {}})
        given = {"optimizer": optimizer["class_name"], "callbacks": by_hand.get("callbacks")}
        given |= {f"optimizer.{name}": value for name, value in optimizer["config"].items()}
        return {
            "model": record.model_of(config),
            "data": config["data_name"],
            **{name: value for name, value in config["knobs"].items() if name not in ASIDE},
            **{name: value for name, value in given.items() if value is not None},
        }

    def scores_of(self, numbers: np.ndarray) -> Scores:
        """The scores of the examples of these numbers, all of which are kept."""
        scores = self.run.task.scores(self._chosen(numbers))
        assert scores
        return scores

    def captions_of(self, numbers: np.ndarray) -> list[str]:
        """What was answered to the examples of these numbers, all of which are kept."""
        return self.run.task.captions(self._chosen(numbers), np.arange(len(numbers)))

    def _chosen(self, numbers: np.ndarray) -> Predictions:
        assert self.predictions
        return self.predictions.chosen(numbers)


@dataclass(frozen=True)
class Line:
    """A run in a comparison.

    Args:
        number: from 1.
        name: that of its folder, where this tells the runs apart, else its path.
        measured: the run.
        value: of the figure.
        difference: by how much the figure is above that of the first run.
        gain: by how much it is better.
        knobs: those that differ between the runs, by name; None where it has none.
        test: of it beside the first run, its p value corrected for all such tests; None where there is none.
    """

    number: int
    name: str
    measured: Measured
    value: float
    difference: float
    gain: float
    knobs: Mapping[str, Any]
    test: PairedTest | None

    @property
    def run(self) -> Run:
        """The run itself."""
        return self.measured.run


class Comparison:
    """Runs of one task that were measured on the same examples, each beside the first.

    Args:
        runs: two or more.

    Raises:
        UserError: for one that can't be compared with the first, with the reason.
    """

    def __init__(self, runs: Sequence[Measured]):
        self.runs, self.first = list(runs), runs[0]
        for measured in self.runs[1:]:
            if why := why_not(measured, self.first):
                raise UserError(f"{measured.run.path} can't be compared with {self.first.run.path}: {why}.")
        scored = next((measured for measured in self.runs if measured.scores), self.first)
        self.split, self.figure = self.first.run.measured, scored.figure
        self.is_more_better = scored.scores.is_more_better if scored.scores else scored.run.task.direction == "max"

    @cached_property
    def lines(self) -> list[Line]:
        """The runs, in the order in which they were named."""
        names = [measured.run.path.name for measured in self.runs]
        if len({*names}) < len(names):
            names = [str(measured.run.path) for measured in self.runs]
        values = [measured.figures[self.figure] for measured in self.runs]
        sign = 1 if self.is_more_better else -1
        tests = self._tests()
        return [
            Line(
                place + 1,
                names[place],
                measured,
                values[place],
                values[place] - values[0],
                sign * (values[place] - values[0]),
                {name: measured.knobs.get(name) for name in self._differing},
                tests[place],
            )
            for place, measured in enumerate(self.runs)
        ]

    @property
    def paired(self) -> list[Line]:
        """The runs whose examples can be compared one by one."""
        return [line for line in self.lines if not line.measured.why_unpaired]

    @cached_property
    def numbers(self) -> np.ndarray:
        """The examples that all these have kept, rising."""
        kept = [each.predictions.numbers for each in self.runs if each.predictions and not each.why_unpaired]
        return reduce(np.intersect1d, kept) if kept else np.array([], int)

    @property
    def untested(self) -> list[str]:
        """Why runs have no test beside the first, and what to do."""
        whys = [measured.why_unpaired for measured in self.runs]
        return whys[:1] if whys[0] else list(dict.fromkeys(filter(None, whys)))

    @property
    def common_knobs(self) -> dict[str, Any]:
        """Those that don't differ."""
        every = [measured.knobs for measured in self.runs]
        return {name: value for knobs in every for name, value in knobs.items() if name not in self._differing}

    @property
    def changed_files(self) -> list[str]:
        """The project's files that changed between the trainings, as far as the runs say what they were made with."""
        digests = [measured.run.config.get("files", {}) for measured in self.runs]
        names = dict.fromkeys(name for files in digests for name in files)
        return [name for name in names if len({files[name] for files in digests if name in files}) > 1]

    def _tests(self) -> list[PairedTest | None]:
        tests = [self._test(measured) for measured in self.runs]
        corrected = iter(holm([test.p for test in tests if test]))
        return [dataclasses.replace(test, p=next(corrected)) if test else None for test in tests]

    def _test(self, measured: Measured) -> PairedTest | None:
        if measured is self.first or self.first.why_unpaired or measured.why_unpaired:
            return None
        return paired_test(*(each.scores_of(self.numbers) for each in (self.first, measured)))

    @cached_property
    def _differing(self) -> list[str]:
        """Names of the knobs that differ, in the order of the configuration.

        One that not all have, as their models or their versions differ, counts where somebody chose it.
        """
        names = dict.fromkeys(name for measured in self.runs for name in measured.knobs)
        return [name for name in names if self._differs(name)]

    def _differs(self, name: str) -> bool:
        having = [measured for measured in self.runs if name in measured.knobs]
        if any(measured.knobs[name] != having[0].knobs[name] for measured in having):
            return True
        origins = [measured.run.config["origins"].get(name, "default") for measured in having]
        return len(having) < len(self.runs) and origins != ["default"] * len(origins)


def why_not(member: Measured, first: Measured) -> str:
    """Why the figures of a run can't be compared with those of another, and what to do; "" where they can."""
    one, other = member.run, first.run
    if one.config["task"] != other.config["task"]:
        return f"it is for {one.config['task']}, the other for {other.config['task']}; compare runs of one task"
    if one.measured != other.measured:
        untested = next(run for run in (one, other) if run.measured != "test")
        measure = f'make evaluate RUN={untested.path} ARGS="--test"'
        return f"it was measured on {one.measured}, the other on {other.measured}; {measure} measures it on test"
    if member.split["sha256"] != first.split["sha256"]:
        return f"it was measured on other {one.measured} examples; {_other_examples(one, other)}"
    if member.scores and first.scores and member.figure != first.figure:
        return f"it is scored by {member.figure}, the other by {first.figure}; evaluate both again"
    for measured in (member, first):
        if {member.figure, first.figure} - measured.figures.keys():
            return f"{measured.run.path} has no {first.figure}; make evaluate RUN={measured.run.path} measures it again"
    if member.scores and first.scores and member.scores.scale != first.scores.scale:
        return f"{member.figure} has another scale, that of other training examples; train both on the same"
    if _judge(one) != _judge(other):
        return "another classifier judged it; train both in one folder of runs, where it is trained once"
    return ""


def _other_examples(run: Run, first: Run) -> str:
    """Where other examples come from, and what to do."""
    names = run.config["data_name"], first.config["data_name"]
    if names[0] != names[1]:
        return f"it is on {names[0]}, the other on {names[1]}"
    file = catalogue.datasets().get(run.config["data"])
    of_data = [knob.name for knob in (*harness_knobs("splits"), *(file.knobs if file else ()))]
    one, other = run.config["knobs"], first.config["knobs"]
    if differing := ", ".join(name for name in of_data if one.get(name) != other.get(name)):
        return f"train both with the same {differing}"
    return "the data has changed in between: train both on the same"


def _judge(run: Run) -> int | None:
    """What tells the weights of a run's judge from another's; None where nobody judges it."""
    file = run.path / judges.FILE
    if not file.is_file():
        return None
    with zipfile.ZipFile(file) as archive:
        return archive.getinfo(WEIGHTS).CRC

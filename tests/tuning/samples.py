"""What the tests of the search share: the pair that they tune, and an engine that runs trials without training."""

import json
import subprocess
import sys

from src import specs
from src.runs import record
from src.settings import catalogue, config
from src.specs import Choice, Range
from tests.samples import PAIRS, SPECS
from tuning.results import Failure, Objective, Result, Results, Trial
from tuning.workers import Job

TUNERS = ("random", "grid", "bayesian", "hyperband")
MODEL, DATA = next((pair for pair in PAIRS if pair[0] == "mlp"), PAIRS[0])
CHOICES = config.resolve(MODEL, {"data": DATA}).choices
TASK = catalogue.load(CHOICES.task).Task
DROPOUT = {"dropout": Choice(0.1, 0.5)}  # a space
SIGN = 1 if TASK.direction == "max" else -1  # the larger the dropout, the better, of what the engine runs

SCRIPT = """
import json, os, sys
from pathlib import Path
folder, config = Path(sys.argv[1]), sys.argv[2]
doomed, figure, sign = json.loads(sys.argv[3]), sys.argv[4], int(sys.argv[5])
trial = json.loads((folder / "trial.json").read_text())
with open(folder / "starts", "a") as file:
    file.write("x")
end = doomed.get(folder.name) or {0.2: "killed", 0.3: "dies", 0.4: "fails"}.get(trial["knobs"].get("dropout"))
if end == "killed":
    os.kill(os.getpid(), 9)
if end == "dies":
    (folder / "log.txt").write_text("Traceback …\\nRuntimeError: broken\\n\\nArguments received:\\n  • x=1\\n")
    sys.exit(1)
run = folder.parents[1] / "runs" / (trial["parents"] or [folder.name])[0]
run.mkdir(parents=True, exist_ok=True)
(run / "config.json").write_text(config)
score = sign * (0.5 + trial["knobs"].get("dropout", 0) / 10 + trial["pause"] / 1000)
(run / "metrics.json").write_text(json.dumps({"test": {figure: score}}))
trained = {"score": score, "epochs": trial["pause"] or 9, "paused": bool(trial["pause"]), "runs": [run.name]}
result = {"reason": "it doesn't fit"} if end == "fails" else trained
(folder / "half").write_text(json.dumps({**result, "seconds": 0.1}))
os.replace(folder / "half", folder / "result.json")
"""
RUN = {  # the config.json of its runs
    "format": record.FORMAT,
    "model": MODEL,
    "data": DATA,
    "task": CHOICES.task.name,
    "started": "2026-01-01T00:00:00+00:00",
    "knobs": {},
    "resolved": {"precision": "float32"},
    "inputs": specs.to_json(SPECS[specs.Vector]),
    "outputs": specs.to_json(SPECS[specs.Classes]),
}


class Engine:
    """Something else that runs trials, as Workers does: here without any training.

    Args:
        count: of trials at a time.
        doomed: by the trial's id, how it ends: killed, dies or fails; others by their dropout.
    """

    def __init__(self, count: int = 1, doomed: dict[str, str] | None = None):
        self.count, self.doomed = count, doomed or {}
        self.most = 0  # at a time
        self.running: list[Job] = []

    def start(self, folder) -> Job:
        figure = TASK.monitor.removeprefix("val_")
        arguments = folder, json.dumps(RUN), json.dumps(self.doomed), figure, str(SIGN)
        job = Job(subprocess.Popen([sys.executable, "-c", SCRIPT, *arguments]))
        self.running = [other for other in self.running if other.poll() is None] + [job]
        self.most = max(self.most, len(self.running))
        return job


def results_of(*outcomes: Result | Failure, direction="max", space=None) -> Results:
    """The results of a search in which these came of its trials, one after the other."""
    results = Results(Objective("val_figure", direction), space or {"dropout": Range(0.0, 0.9)}, {"dropout": 0.0}, None)
    for outcome in outcomes:
        results.add(outcome)
    return results


def result(number: int, score: float, epochs: int = 9, paused: bool = False, run: int | None = None) -> Result:
    """The result of the trial of that number, in a run of its own, or in that of another one."""
    trial = Trial(f"{number:04}", {"dropout": number / 10}, epochs if paused else None)
    return Result(trial, 1.0, score, epochs, paused, (f"run-{number if run is None else run}",))


def saved(search) -> dict:
    """What the trials of the search in that folder left, by their names."""
    return {path.parent.name: json.loads(path.read_text()) for path in search.glob("trials/*/result.json")}


def best(search) -> dict:
    """The knobs that won the search in that folder."""
    return json.loads((search / "best.json").read_text())["knobs"]


def starts(search) -> dict[str, int]:
    """How often the engine started each trial."""
    return {path.parent.name: len(path.read_text()) for path in search.glob("trials/*/starts")}

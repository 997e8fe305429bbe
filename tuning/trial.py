"""One trial, in a process of its own, which is told its folder: it reads trial.json there, and writes result.json.

The process bounds memory, takes nothing along when it is killed, and ends when the search does. It trains as
`make train` does; one that was cut off goes on where it was.
"""

import importlib
import math
import os
import signal
import statistics
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from src.errors import UserError
from src.runs import record
from src.settings import catalogue
from src.system import records
from src.system.files import write_json
from src.system.locks import owned
from src.system.quiet import import_tensorflow
from src.system.signals import CODES
from tuning.space import AUTO

PATIENCE_S = 60  # for one that a search which was killed has left, and that is about to end


class Knobs(TypedDict):
    """What a trial is trained with, beside others."""

    runs_dir: str


class Task(TypedDict):
    """The content of trial.json: what is trained; see Folder.give of tuning/folder.py."""

    model: str
    knobs: Knobs
    folds: list[int]
    shown: dict[str, Any] | None
    pause: int
    parents: list[str] | None


def main() -> int:
    """Runs the trial of the folder that the first line of standard input names.

    Returns:
        The exit code: 0 where there is a result, which may be a failure.
    """
    import_tensorflow()
    importlib.import_module("src.train")  # while there is nothing to do yet
    folder = Path(os.fsdecode(sys.stdin.buffer.readline().rstrip(b"\n")))
    if not folder.name:
        return 1  # the search has ended
    threading.Thread(target=_end_with_the_search, daemon=True).start()
    with open(folder / "log.txt", "ab") as log:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(log.fileno(), stream.fileno())
    with owned(folder / ".lock", f"the trial {folder}", PATIENCE_S):
        if not (folder / "result.json").exists():
            begun = time.monotonic()
            write_json(folder / "result.json", {**_result(folder), "seconds": round(time.monotonic() - begun, 1)})
    return 0


def _result(folder: Path) -> dict[str, Any]:
    """The best figure so far, the epochs it took and the runs, one a fold; or the reason why there is none."""
    import keras
    import tensorflow as tf

    trained = []
    try:
        trial = records.read(folder / "trial.json", Task)
        for number, fold in enumerate(trial["folds"] or [0]):
            parent = trial["parents"][number] if trial["parents"] else None
            trained.append(_train(folder.name, trial, fold, parent))
            keras.backend.clear_session()  # else each fold's graph stays in memory
    except UserError as error:
        return {"reason": str(error).splitlines()[0]}
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        return {"reason": f"out of memory {error}".splitlines()[0]}
    score = statistics.mean(each.score for each in trained)
    if not math.isfinite(score):
        return {"reason": f"{trained[0].monitor} came to no finite number"}
    result = {
        "score": score,
        "epochs": max(each.epochs for each in trained),
        "paused": any(each.paused for each in trained),
        "runs": [each.run.name for each in trained],
    }
    if trial["shown"] is not None:
        show_in_tensorboard(folder, trial["shown"], trained[0].monitor, result)
    return result


@dataclass
class Trained:
    """One training: its run, its best figure, and whether it only pauses."""

    run: Path
    monitor: str
    score: float
    epochs: int
    paused: bool


def _train(name: str, trial: Mapping[str, Any], fold: int, parent: str | None) -> Trained:
    """Trains one fold, or goes on with the run of another trial or of an earlier process.

    Args:
        name: the trial's.
        trial: the content of trial.json.
        fold: from 1; 0 for the data set's own split.
        parent: the run of another trial, which is continued.
    """
    from src.runs.run import read_history
    from src.system.signals import Stopped
    from src.train import train

    runs_dir, paused = Path(trial["knobs"]["runs_dir"]), False
    tag = f"{name}-fold{fold}" if fold else name
    knobs = {**trial["knobs"], "tag": tag, "fold": fold, "pause": trial["pause"]}
    if begun := [runs_dir / parent] if parent else _runs_of(runs_dir, tag):
        knobs = {"resume": str(begun[0]), "runs_dir": str(runs_dir), "pause": trial["pause"]}
    try:
        train(trial["model"], **knobs)
    except Stopped:
        paused = True
    run = (begun or _runs_of(runs_dir, tag))[0]
    task = catalogue.load(catalogue.task(record.of_run(run)["task"])).Task
    figures = read_history(run)[task.monitor]
    if paused and len(figures) != trial["pause"]:
        sys.exit(CODES[signal.SIGTERM])  # it wasn't the pause: it can go on
    score = (max if task.direction == "max" else min)(figures)
    return Trained(run, task.monitor, score, len(figures), paused)


def _runs_of(runs_dir: Path, tag: str) -> list[Path]:
    """The run of that tag, if it has begun."""
    return [path.parent for path in runs_dir.glob(f"*-{tag}/config.json")]


def show_in_tensorboard(folder: Path, knobs: Mapping[str, Any], monitor: str, result: Mapping[str, Any]) -> None:
    """Writes a trial for TensorBoard's page of hyperparameters.

    Args:
        folder: the trial's.
        knobs: the values by which it is shown.
        monitor: the objective's name.
        result: its score and epochs.
    """
    import tensorflow as tf
    from tensorboard.plugins.hparams.api import hparams

    from src.training.tensorboard import LOGS

    search = folder.parents[1]
    with tf.summary.create_file_writer(str(search / LOGS / folder.name)).as_default():
        # Trials of one id are one to TensorBoard, which may show several searches.
        name = f"{folder.name} {search.name.removeprefix('tune-')}"
        hparams({knob: _plain(value) for knob, value in knobs.items()}, trial_id=name)
        tf.summary.scalar(monitor, result["score"], step=result["epochs"])


def _plain(value: Any) -> Any:
    """As TensorBoard shows it."""
    return " ".join(map(str, value)) if isinstance(value, list) else AUTO if value is None else value


def _end_with_the_search() -> None:
    """Waits for the end of standard input, which the search holds as long as it lives."""
    while os.read(sys.stdin.fileno(), 1):  # not by a buffered reader, whose lock the end of Python would wait for
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())

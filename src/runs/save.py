"""What a training writes into its run's folder; src/runs/run.py lists the files."""

import datetime
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from src import specs
from src.data import Data
from src.runs import conditions, record
from src.settings import catalogue, config
from src.settings.config import Config
from src.settings.config_files import PLACES
from src.signatures import Signature
from src.system import device
from src.system.files import check_name, check_writable, whole, write_json

Requests = Mapping[str, Mapping[str, list]]  # columns of TensorFlow Serving's JSON, by signature and input


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """Where a run is written.

    Args:
        resume: folder of an interrupted run, or of the runs of --folds, to continue; 1 for the newest of this model and
            data set.
        tag: suffix of the run's name.
        runs_dir: folder of the runs.
    """

    resume: str | None = None
    tag: str = ""
    runs_dir: str = "runs"

    def check(self) -> None:
        """Raises a UserError for a tag that can't name a folder, or where nothing can be written."""
        if self.tag:
            check_name("tag", self.tag)
        check_writable(Path(self.runs_dir))

    def path(self, model: str, data_name: str) -> Path:
        """The folder of the run that is continued, or a new one: two that start in one second get different ones."""
        if self.resume:
            return Path(self.resume)
        names = [model, data_name, f"{datetime.datetime.now():%Y%m%d-%H%M%S}", *([self.tag] if self.tag else [])]
        name, number = "-".join(names), 1
        while True:
            path = Path(self.runs_dir) / (name if number == 1 else f"{name}-{number}")
            try:
                path.mkdir()
                return path
            except FileExistsError:
                number += 1


def describe(settings: Config, data: Data, resolved: Mapping) -> dict:
    """The content of config.json.

    Args:
        settings: every knob.
        data: its specs.
        resolved: what was chosen by size and device.
    """
    values = {name: value for name, value in settings.values.items() if name not in config.UNSAVED}
    return {
        **_begun(settings),
        "task": settings.choices.task.name,
        "knobs": values,
        "origins": {name: settings.origins[name] for name in values},
        "resolved": dict(resolved),
        "inputs": specs.to_json(data.inputs),
        "outputs": specs.to_json(data.outputs),
        "columns": dict(data.columns),
        "versions": conditions.versions(),
        "commit": _commit(),
        "device": device.name(),
        "conditions": device.conditions(),
        "files": conditions.files(settings.choices),
    }


def describe_folds(settings: Config, by_hand: Mapping) -> dict:
    """The content of folds.json, with which each fold begins, before there are results.

    Args:
        settings: every knob; those that are each fold's own are left out.
        by_hand: what was given from Python.
    """
    left_out = (*config.UNSAVED, *PLACES, "fold", "test", "export")
    chosen = [name for name in settings.values if name not in left_out and settings.chosen(name)]
    return {
        **_begun(settings),
        **({"task": task} if (task := settings.values["task"]) else {}),
        **({"by_hand": by_hand} if by_hand else {}),
        "knobs": {name: value for name, value in settings.values.items() if name in chosen},
    }


def _begun(settings: Config) -> dict:
    """What is trained on what, and when it began."""
    model = settings.choices.model
    return {
        "format": record.FORMAT,
        "model": model.name,
        **({"model_path": path} if (path := model.reference) != model.name else {}),
        "data": settings.choices.data.name,
        "data_name": settings.data_name,
        "started": datetime.datetime.now().astimezone().isoformat(),
    }


def answering(model: keras.Model) -> keras.Model:
    """The part of a model that answers, uncompiled: plain Keras opens it."""
    return keras.Model(model.input, model.output, name=model.name)


def save(
    path: Path,
    model: keras.Model,
    data: Data,
    signatures: Mapping[str, Signature],
    requests: Requests,
) -> None:
    """Writes the trained model, the ways in that it has, and a sample request to each signature."""
    with whole(path / "best.weights.h5") as partial:
        model.save_weights(partial)
    for name, part in (("model.keras", answering(model)), ("preprocess.keras", data.preprocess)):
        with whole(path / name) as partial:
            part.save(partial)
    for name, door in data.doors_among(signatures).items():
        module = tf.Module()
        module.door = tf.function(door, input_signature=[dict(door.request)])
        if door.picture:
            number = tf.TensorSpec((), tf.int32, name="number")
            module.picture = tf.function(door.picture, input_signature=[dict(door.request), number])
        tf.saved_model.save(module, path / "doors" / name)
    (path / "requests").mkdir(exist_ok=True)
    for name, inputs in requests.items():
        write_json(path / "requests" / f"{name}.json", {"signature_name": name, "inputs": inputs}, indent=None)


def _commit() -> str:
    """The project's commit, with "+" when files differ from it; "" outside git."""
    if not (catalogue.ROOT / ".git").exists() or not shutil.which("git"):
        return ""
    git = ["git", "-C", str(catalogue.ROOT)]
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True).stdout.strip()
    return commit + "+" * bool(changed)

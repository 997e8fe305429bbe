"""The judge: a trained model in whose features made examples are compared with a data set's own.

The file of a model that makes things names it, as JUDGE. It is trained once for a data set, kept in RUNS/judges, and
copied into each run that it measures, so that a run is complete in itself.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras

from src.errors import UsageError, UserError
from src.runs import record
from src.runs.loading import load_model
from src.settings import catalogue
from src.settings.catalogue import ModelFile
from src.settings.config import Config
from src.settings.modules import source
from src.system.files import whole
from src.system.locks import owned

FILE = "judge.keras"  # in a run's folder
PATIENCE_S = 3600  # for another process that trains the same one


def of(run: Path) -> keras.Model | None:
    """The judge of a run that has one."""
    return load_model(run / FILE) if (run / FILE).is_file() else None


def trained(
    settings: Config, manifest: Mapping[str, Any], folder: Path, teach: Callable, say: Callable[[str], None]
) -> keras.Model:
    """The judge of what `settings` train, trained now where there is none yet.

    Args:
        settings: of the model that will be judged; its file names the judge, which gets its data set's knobs.
        manifest: of the data set: another content needs another judge.
        folder: of the runs.
        teach: trains a model of that name and those knobs, and gives back its run.
        say: is told that a judge is trained.

    Raises:
        UserError: where the model's file names no judge, or one that isn't there.
    """
    choices, wanted = settings.choices, dict(settings.choices.model.judge)
    if not wanted:
        file, task = choices.model.where, choices.task.name
        raise UserError(f'{file}: for {task} it needs a JUDGE, such as JUDGE = {{"model": "cnn"}}.')
    name = wanted.pop("model")
    digests = {split: part["sha256"] for split, part in manifest["splits"].items() if split != "test"}
    shared = {**settings.of("data"), **{knob: settings.values[knob] for knob in ("deterministic", "limit")}}
    of_what = [wanted, shared, source(_file(choices.model, name).path).decode(), digests]
    digest = hashlib.sha256(json.dumps(of_what).encode()).hexdigest()
    place = folder / "judges" / f"{name}-{settings.data_name}-{digest[:12]}"
    place.mkdir(parents=True, exist_ok=True)
    with owned(place / ".lock", f"the judge {place}", PATIENCE_S):
        path = record.newest_run(place, name, None, "metrics.json")
        if path is None:
            for unfinished in place.glob("*/"):  # by a process that was killed
                shutil.rmtree(unfinished)
            say(f"{choices.model.name} is judged by {name}, which is trained once on {settings.data_name}:")
            knobs = {**shared, **wanted, "data": choices.data.name, "runs_dir": str(place)}
            knobs |= dict.fromkeys(("test", "export", "tensorboard", "report"), False)
            knobs["verbose"] = settings.values["verbose"]
            path = teach(name, **knobs).path
            say("")
    return load_model(path / "model.keras")


def _file(model: ModelFile, name: str) -> ModelFile:
    """The judge's file; raises a UserError that says whose JUDGE it is where there is none."""
    try:
        return catalogue.model(name)
    except UsageError as error:
        raise UserError(f"{model.where}: JUDGE names a model that isn't there. {error}") from None


def keep(judge: keras.Model, run: Path) -> None:
    """Puts the judge into the folder of a run."""
    with whole(run / FILE) as partial:
        judge.save(partial)

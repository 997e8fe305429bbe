"""What a run's folder says of itself in config.json, read without Keras: which model, data and knobs it had."""

import shlex
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from src import specs
from src.errors import UserError
from src.settings import knobs
from src.settings.knobs import Knob
from src.system.files import read_record

FORMAT = 1  # of a run's config.json
CONFIG, FOLDS = "config.json", "folds.json"  # of a run, and of a folder that has a run for each fold
Keys = Mapping[str, Callable[[Any], Any]]  # which a file has at least, and what reads each
SHARED_KEYS: Keys = {
    "model": str,
    "data": str,
    "started": datetime.fromisoformat,
    "knobs": lambda knobs: {**knobs},
}
KEYS: Keys = {
    **SHARED_KEYS,
    "task": str,
    "resolved": lambda resolved: {**resolved}["precision"],
    "inputs": specs.from_json,
    "outputs": specs.from_json,
}


def of_run(path: Path) -> dict[str, Any]:
    """The content of the config.json of the run in the folder `path`.

    Raises:
        UserError: where there is none, or it isn't one that this code wrote.
    """
    try:
        return _read(path / CONFIG, KEYS)
    except (FileNotFoundError, NotADirectoryError):
        if is_folds(path):
            raise UserError(f"{path} has a run for each fold: name one of them.") from None
        raise UserError(f"{path} isn't a run: it has no {CONFIG}.") from None


def of_folds(path: Path) -> dict[str, Any]:
    """The content of the folds.json of the folder `path`, which has a run for each fold.

    Raises:
        UserError: where there is none, or it isn't one that this code wrote.
    """
    try:
        return _read(path / FOLDS, SHARED_KEYS)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path} isn't a folder of folds: it has no {FOLDS}.") from None


def of_either(path: Path) -> dict[str, Any]:
    """As `of_folds` for a folder of folds, else as `of_run`."""
    return of_folds(path) if is_folds(path) else of_run(path)


def is_folds(path: Path) -> bool:
    """Whether the folder `path` has a run for each fold."""
    return (path / FOLDS).is_file()


def _read(file: Path, keys: Keys) -> dict[str, Any]:
    config = read_record(file, "format")
    if config["format"] != FORMAT:
        raise UserError(f"{file.parent} has the format {config['format']}, this code reads {FORMAT}.")
    if missing := ", ".join(key for key in keys if key not in config):
        raise UserError(f"{file} lacks {missing}.")
    for name, read in keys.items():
        try:
            read(config[name])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{file}: {name} can't be read: {error}.") from None
    return {"data_name": config["data"], **config}


def model_of(config: Mapping[str, Any]) -> str:
    """What the model of a run's config.json is asked for by: its name, or the path of its file."""
    return config.get("model_path", config["model"])


def how_to_resume(model: str, path: Path, given: Iterable[str]) -> str:
    """The command by which the run in the folder `path` goes on, or the Python, where something was given from there.

    Args:
        model: what the model is asked for by.
        path: of the run, or of folds; a run among folds goes on with the others.
        given: names of what was given from Python.
    """
    path = path.parent if is_folds(path.parent) else path
    verb = "cross_validate" if is_folds(path) else "train"
    if again := "".join(f", {name}=…" for name in given):
        return f"{verb}({model!r}, resume={str(path)!r}{again})"
    return "make train " + shlex.join([f"MODEL={model}", f"RESUME={path}"])


def knobs_of_run(path: Path, known: Iterable[Knob]) -> dict[str, Any]:
    """The values of the `known` knobs in the run in the folder `path`.

    Raises:
        UserError: for one that is missing, or has a value of another type.
    """
    saved, known = of_run(path)["knobs"], list(known)
    if missing := ", ".join(knob.name for knob in known if knob.name not in saved):
        raise UserError(f"{path / 'config.json'} lacks the knobs {missing}, which this code has: train again.")
    return knobs.check(known, {knob.name: saved[knob.name] for knob in known}, str(path / "config.json"))


def newest_run(folder: Path, model: str, data: str | None, *files: str) -> Path | None:
    """The run of a model (on `data`) in `folder` that was started last, of those that have a file; None without one.

    Args:
        folder: of the runs.
        model: what the model is asked for by.
        data: data set, or what runs on it are called; None for any.
        files: in the folder of a run, of which one is enough; FOLDS for a folder of folds.
    """
    started = {}
    for path in (path for file in files for path in folder.glob(f"*/{file}")):
        try:
            config = of_either(path.parent)
        except UserError:
            continue  # whoever names it is told what is wrong with it
        if model_of(config) == model and data in (None, "", config["data"], config["data_name"]):
            started[path.parent] = datetime.fromisoformat(config["started"]).timestamp()
    return max(started, key=lambda path: started[path], default=None)

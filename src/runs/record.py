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
KEYS: Mapping[str, Callable[[Any], Any]] = {  # which it has at least, and what reads each
    "model": str,
    "data": str,
    "task": str,
    "started": datetime.fromisoformat,
    "knobs": lambda knobs: {**knobs},
    "resolved": lambda resolved: {**resolved}["precision"],
    "inputs": specs.from_json,
    "outputs": specs.from_json,
}


def of_run(path: Path) -> dict[str, Any]:
    """The content of the config.json of the run in the folder `path`.

    Raises:
        UserError: where there is none, or it isn't one that this code wrote.
    """
    file = path / "config.json"
    try:
        config = read_record(file, "format")
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path} isn't a run: it has no config.json.") from None
    if config["format"] != FORMAT:
        raise UserError(f"{path} has the format {config['format']}, this code reads {FORMAT}.")
    if missing := ", ".join(key for key in KEYS if key not in config):
        raise UserError(f"{file} lacks {missing}.")
    for name, read in KEYS.items():
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
        path: of the run.
        given: names of what was given from Python.
    """
    if again := "".join(f", {name}=…" for name in given):
        return f"train({model!r}, resume={str(path)!r}{again})"
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


def newest_run(folder: Path, model: str, data: str | None, file: str) -> Path | None:
    """The run of a model (on `data`) in `folder` that was started last, of those that have `file`; None without one.

    Args:
        folder: of the runs.
        model: what the model is asked for by.
        data: data set, or what runs on it are called; None for any.
        file: in the folder of a run.
    """
    started = {}
    for path in folder.glob(f"*/{file}"):
        try:
            config = of_run(path.parent)
        except UserError:
            continue  # whoever names it is told what is wrong with it
        if model_of(config) == model and data in (None, "", config["data"], config["data_name"]):
            started[path.parent] = datetime.fromisoformat(config["started"]).timestamp()
    return max(started, key=lambda path: started[path], default=None)

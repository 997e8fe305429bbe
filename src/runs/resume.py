"""Going on with a run that was cut off: which one is meant, and whether it is still the same training."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from src import specs
from src.errors import UsageError, UserError
from src.runs import conditions, record
from src.settings import catalogue, config, config_files
from src.settings.catalogue import DataFile, plain_name
from src.settings.given import NOT_RESUMED, PIPELINE
from src.system import records
from src.system.files import read_record

NEWEST = "1"  # `make train MODEL=… RESUME=1`
# Knobs that may differ, as they change no figure.
FREE = ("resume", "config", "verbose", "pause", "report", "runs_dir", "exports_dir")


def knobs_of_run(model: str, given: Mapping[str, Any], data: DataFile | None = None) -> dict[str, Any]:
    """The knobs with which the run `given["resume"]` goes on: its own.

    Args:
        model: a file of models/, or the path of one.
        given: knobs that were given with it.
        data: a data set that was given from Python.

    Raises:
        UsageError: where another knob is given than the run has.
        UserError: where there is no such run, or the configuration of that one can't be used.
    """
    path = find(model, given)
    saved = record.of_run(path)
    _check_keeps(path, {**saved["knobs"], **{name: saved[name] for name in ("model", "data", "task")}}, model, given)
    if saved.get("by_hand", {}).get("data") == PIPELINE:
        raise UserError(f"{path}: {NOT_RESUMED}.")
    choices = config.choose(model, data, config=str(path / "config.json"))
    choices = dataclasses.replace(choices, inputs=(specs.kinds()[saved["inputs"]["kind"]],))  # others have other knobs
    record.knobs_of_run(path, [knob for knob in choices.knobs.values() if knob.name not in config.UNSAVED])
    places = {name: saved["knobs"][name] for name in config_files.PLACES}
    return {**places, **given, "resume": str(path), "config": str(path / "config.json")}


def knobs_of_folds(model: str, given: Mapping[str, Any], data: DataFile | None = None) -> dict[str, Any]:
    """The knobs with which the folds in the folder `given["resume"]` go on: their own; see `knobs_of_run`."""
    path = find(model, given, record.FOLDS)
    saved, file = record.of_folds(path), str(path / record.FOLDS)
    values = config.resolve(model, {"config": file}, data).values
    _check_keeps(path, {**values, "model": saved["model"], "data": saved["data"]}, model, given)
    free = {name: given[name] for name in ("verbose", "pause", "report") if name in given}
    return {**free, "resume": str(path), "config": file}


def _check_keeps(path: Path, before: Mapping[str, Any], model: str, given: Mapping[str, Any]) -> None:
    """Raises a UsageError for a knob that is given with --resume, and was another one `before`."""
    if given.get("config") or given.get("recipe"):
        raise UsageError("--resume takes the configuration of the run; leave --config and --recipe out.")
    for name, value in {"model": plain_name(model), **given}.items():
        was = specs.as_tuples(before.get(name, value))
        if name not in FREE and value is not None and value != was:
            raise UsageError(f"{path} was started with {name} {was!r}, not {value!r}; it keeps its settings.")


def check_same(path: Path, facts: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """What has changed since the run in the folder `path` began, and doesn't keep it from going on; "" for nothing.

    Raises:
        UserError: naming the first thing else in which the run differs from what would be trained now.
    """
    config, before_manifest = record.of_run(path), record.manifest_of(path)
    for file, before, now in (("config.json", config, facts), ("manifest.json", before_manifest, manifest)):
        for name in ("model", "data", "task", "inputs", "outputs", "resolved", "splits", "by_hand", "init"):
            if name in now or name in before:
                _compare(f"{path / file}, {name}", before.get(name), now.get(name))
    return conditions.changed(config, facts)


def by_hand_of(file: Path) -> dict[str, Any]:
    """What a run's config.json says was given from Python beside knobs; nothing for another file."""
    try:
        given = read_record(file).get("by_hand", {}) if file.suffix == ".json" else {}
        records.check(given, record.ByHand, file)
        return given
    except (OSError, UserError):
        return {}  # whoever reads it next says what is wrong


def _compare(where: str, before: Any, now: Any) -> None:
    before, now = specs.as_tuples(before), specs.as_tuples(now)
    if isinstance(before, dict) and isinstance(now, dict):
        for name in {**before, **now}:
            _compare(f"{where}, {name}", before.get(name), now.get(name))
    elif before != now:
        raise UserError(f"This isn't the training that was cut off: {where} was {before!r} and is {now!r} now.")


def find(model: str, given: Mapping[str, Any], *files: str) -> Path:
    """The folder that `given["resume"]` means: itself, or for NEWEST the newest run of the model (and data set).

    Args:
        model: a file of models/, or the path of one.
        given: knobs that were given with it.
        files: what the newest one has: that of a run, record.FOLDS, or either. The default is a run's.
    """
    if given["resume"] != NEWEST:
        path = Path(given["resume"])
        data = record.of_either(path)["data"]
        if given.get("data") not in (None, data):
            raise UsageError(f"{path} is a run on {data}, not on {given['data']}.")
        return path
    folder = Path(given.get("runs_dir") or "runs")
    reference = catalogue.model(model).reference
    newest = record.newest_run(folder, reference, given.get("data"), *(files or (record.CONFIG,)))
    if not newest:
        raise UserError(f"{folder} has no run of {model} to resume. Start one: make train MODEL={model}")
    return newest

"""Cross-validation: train and validation are cut into folds, each of which validates once what the others trained.

Hastie, Tibshirani and Friedman, The elements of statistical learning (2009), section 7.10. Where there are few
examples, the mean over folds says more than one validation split. The test split isn't read.
"""

import shutil
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import Any

import keras
from rich.table import Table

from src.errors import UserError
from src.evaluate import load_again
from src.reports.numbers import number
from src.runs import record
from src.runs.manifest import check_same
from src.runs.resume import knobs_of_folds
from src.runs.run import Run, load_run
from src.runs.save import RunFolder, describe_folds
from src.settings.config import Config, as_names, resolve
from src.settings.modules import held
from src.sources.folds import check_folds
from src.system import screen
from src.system.files import write_json
from src.system.locks import owned
from src.system.signals import Stopped, Terminated
from src.train import train
from src.training.by_hand import told_apart

OBJECTS = ("data", "callbacks", "optimizer", "metrics")  # that may be given beside knobs


def train_command(model: str, **knobs: Any) -> None:
    """The command `train`: one training, or with --folds one for each fold; either goes on with --resume."""
    if knobs.get("resume"):
        in_folds = record.is_folds(Path(knobs["resume"]))
    else:
        values = resolve(*as_names(model, knobs)).values
        in_folds = bool(values["folds"] and not values["fold"])
    (cross_validate if in_folds else train)(model, **knobs)


@held()
def cross_validate(
    model: str | Path,
    *,
    data: Any = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    optimizer: str | keras.Optimizer | None = None,
    metrics: Sequence[keras.metrics.Metric] = (),
    **knobs: Any,
) -> list[Run]:
    """Trains one model for each fold, in a folder of their own, and says and writes how good they are: folds.json.

    Args:
        model: a file of models/, by name, or by path where it is elsewhere.
        data: as of `train`; no tf.data.Dataset, which can't be dealt out to folds.
        callbacks: as of `train`; the same ones are called in each fold's training.
        optimizer: as of `train`; each fold starts with a fresh one.
        metrics: as of `train`.
        knobs: as of `train`, with folds=…. `resume` is the folder of the folds: those that are finished are kept.

    Raises:
        UserError: for what a user can fix.
    """
    model, knobs, objects = told_apart(model, data, callbacks, optimizer, metrics, knobs)
    by_hand = objects.described()
    if knobs.get("resume"):
        knobs = knobs_of_folds(model, knobs, objects.data)
    settings = resolve(model, knobs, objects.data)
    folder = _folder(settings)
    given_objects = {"data": data, "callbacks": callbacks, "optimizer": optimizer, "metrics": metrics}
    with owned(folder / ".lock", f"the folds {folder}"), _kept_if_begun(folder, by_hand):
        if knobs.pop("resume", None):
            _check_data(folder, settings, data)
        else:
            write_json(folder / record.FOLDS, describe_folds(settings, by_hand))
        folds = range(1, settings.values["folds"] + 1)
        runs = [_trained(fold, folder, settings, {**given_objects, **knobs}) for fold in folds]
        figures = {name: [run.metrics["validation"][name] for run in runs] for name in runs[0].metrics["validation"]}
        results = {"runs": [run.path.name for run in runs], "validation": figures}
        write_json(folder / record.FOLDS, record.of_folds(folder) | results)
    if settings.values["verbose"]:
        _show(settings, folder, figures)
    return runs


def _folder(settings: Config) -> Path:
    """The folder of all folds, a new one unless they go on; raises UserError for knobs that don't go with folds."""
    values = settings.values
    if not values["folds"]:
        raise UserError("cross_validate needs to know how many folds there are: say folds=5.")
    check_folds(values["folds"])
    if values["fold"]:
        raise UserError(f"cross_validate trains every fold: leave fold={values['fold']} out, or give it to train.")
    if values["export_name"]:
        raise UserError("export_name has no effect with folds: none of their models is exported.")
    if values["resume"]:
        return Path(values["resume"])
    tag = "-".join(filter(None, (values["tag"], "folds")))
    place = RunFolder(tag=tag, runs_dir=values["runs_dir"])
    place.check()
    return place.path(settings.choices.model.name, settings.data_name)


def _check_data(folder: Path, settings: Config, data: Any) -> None:
    """Raises a UserError where folds that haven't begun would have other examples than one that is finished."""
    begun = _begun(folder)
    finished = [path for path in begun.values() if (path / "metrics.json").is_file()]
    if finished and len(begun) < settings.values["folds"]:
        run = load_run(finished[0])
        *_, manifest = load_again(run, data)
        check_same(run.path, run.manifest, manifest)


def _trained(fold: int, folder: Path, settings: Config, knobs: Mapping[str, Any]) -> Run:
    """The run of a fold: trained, gone on with, or finished before.

    Args:
        fold: from 1.
        folder: of all folds.
        settings: that they share.
        knobs: with which each begins, and objects.
    """
    model, verbose = settings.choices.model.reference, settings.values["verbose"]
    begun = _begun(folder).get(fold)
    last = "report.html" if settings.values["report"] else "metrics.json"
    finished = begun and (begun / last).is_file()
    if verbose:
        screen.show(f"\nfold {fold} of {settings.values['folds']}{' is finished' if finished else ''}")
    if begun and finished:
        return load_run(begun)
    own = {"fold": fold, "tag": f"fold{fold}", "runs_dir": str(folder), "test": False, "export": False}
    if begun:
        again = {name: knobs[name] for name in (*OBJECTS, "verbose", "pause", "report") if name in knobs}
        run = train(model, **again, resume=begun, summary=False)
    else:
        run = train(model, **{**knobs, **own}, summary=False)
    keras.backend.clear_session()  # else each one's graph stays in memory
    return run


def _begun(folder: Path) -> dict[int, Path]:
    """The runs that have begun, by fold."""
    paths = [file.parent for file in sorted(folder.glob(f"*/{record.CONFIG}"))]
    return {record.of_run(path)["knobs"].get("fold"): path for path in paths}


@contextmanager
def _kept_if_begun(folder: Path, by_hand: Iterable[str]) -> Iterator[None]:
    """Removes the folder when the first fold ends before there is anything to go on with.

    Args:
        folder: of all folds.
        by_hand: names of what was given from Python, for a user who ended it and can go on.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        if not _begun(folder):
            raise
        how = record.how_to_resume(record.model_of(record.of_folds(folder)), folder, by_hand)
        number = SIGTERM if isinstance(error, Terminated) else SIGINT
        raise Stopped(f"\nstopped; resume with:\n  {how}", number) from None
    finally:
        if not _begun(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _show(settings: Config, folder: Path, figures: dict[str, list[float]]) -> None:
    model, folds = settings.choices.model.name, settings.values["folds"]
    title = f"{model} on {settings.data_name}, validation in {folds} folds"
    table = Table(title=title, title_justify="left")
    for name in ("", "mean", "deviation", *(f"fold {fold}" for fold in range(1, folds + 1))):
        table.add_column(name, justify="right" if name else "left", no_wrap=not name)
    for name, each in sorted(figures.items(), key=lambda item: item[0] == "loss"):
        table.add_row(name, *map(number, (statistics.mean(each), statistics.stdev(each), *each)))
    screen.PlainConsole().print(table)
    screen.show(f"runs    {folder}")
    screen.show("\nNext: a training without --folds tests and exports its model.")

"""Cross-validation: train and validation are cut into folds, each of which validates once what the others trained.

Hastie, Tibshirani and Friedman, The elements of statistical learning (2009), section 7.10. Where there are few
examples, the mean over folds says more than one validation split. The test split isn't read.
"""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
from rich.console import Console
from rich.table import Table

from src.errors import UserError
from src.readers.given import given, is_name
from src.reports.report import number
from src.runs.run import Run
from src.runs.save import RunFolder
from src.settings import catalogue
from src.settings.config import Config, as_names, resolve
from src.settings.modules import held
from src.sources.folds import check_folds
from src.system.files import write_json
from src.system.signals import Stopped
from src.train import train


def train_command(model: str, **knobs: Any) -> None:
    """The command `train`: one training, or with --folds one for each fold."""
    values = {} if knobs.get("resume") else resolve(*as_names(model, knobs)).values
    if values.get("folds") and not values.get("fold"):
        cross_validate(model, **knobs)
    else:
        train(model, **knobs)


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
        knobs: as of `train`, with folds=….

    Raises:
        UserError: for what a user can fix.
    """
    named = {"data": data, "optimizer": optimizer}  # which may be objects, too
    knobs |= {name: value for name, value in named.items() if value is not None and is_name(value)}
    model, knobs = as_names(model, knobs)
    settings = resolve(model, knobs, None if is_name(data) else given(data, catalogue.model(model).takes))
    folds, verbose = settings.values["folds"], settings.values["verbose"]
    if not folds:
        raise UserError("cross_validate needs to know how many folds there are: say folds=5.")
    check_folds(folds)
    if knobs.get("export_name"):
        raise UserError("export_name has no effect with folds: none of their models is exported.")
    tag = "-".join(filter(None, (settings.values["tag"], "folds")))
    place = RunFolder(tag=tag, runs_dir=settings.values["runs_dir"])
    place.check()
    folder = place.path(settings.choices.model.name, settings.data_name)
    given_objects = {**named, "callbacks": callbacks, "metrics": metrics}
    runs: list[Run] = []
    try:
        for fold in range(1, folds + 1):
            if verbose:
                print(f"\nfold {fold} of {folds}")
            own = {"fold": fold, "tag": f"fold{fold}", "runs_dir": str(folder), "test": False, "export": False}
            runs.append(train(model, **{**given_objects, **knobs, **own}, summary=False))
            keras.backend.clear_session()  # else each one's graph stays in memory
    except Stopped as error:
        raise Stopped(f"{error}\nEach other fold by itself: --folds {folds} --fold N", error.number) from None
    finally:
        if not any(folder.iterdir()):
            folder.rmdir()
    figures = {name: [run.metrics["validation"][name] for run in runs] for name in runs[0].metrics["validation"]}
    write_json(folder / "folds.json", {"runs": [run.path.name for run in runs], "validation": figures})
    if verbose:
        _show(settings, folder, figures)
    return runs


def _show(settings: Config, folder: Path, figures: dict[str, list[float]]) -> None:
    model, folds = settings.choices.model.name, settings.values["folds"]
    title = f"{model} on {settings.data_name}, validation in {folds} folds"
    table = Table(title=title, title_justify="left")
    for name in ("", "mean", "deviation", *(f"fold {fold}" for fold in range(1, folds + 1))):
        table.add_column(name, justify="right" if name else "left", no_wrap=not name)
    for name, each in sorted(figures.items(), key=lambda item: item[0] == "loss"):
        table.add_row(name, *map(number, (statistics.mean(each), statistics.stdev(each), *each)))
    Console(highlight=False).print(table)
    print(f"runs    {folder}")
    print("\nNext: the same command without --folds trains a model, tests and exports it.")

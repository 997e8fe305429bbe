"""Cross-validation: train and validation are cut into folds, each of which validates once what the others trained.

Hastie, Tibshirani and Friedman, The elements of statistical learning (2009), section 7.10. Where there are few
examples, the mean over folds says more than one validation split. The test split isn't read.
"""

import dataclasses
import statistics
import warnings
from collections.abc import Callable
from pathlib import Path

import keras
from rich.console import Console
from rich.table import Table
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from src.errors import UserError
from src.reports.report import number as digits
from src.runs import run as runs
from src.runs.run import Run
from src.settings.config import Config
from src.specs import Classes, Data
from src.system.files import write_json
from src.system.signals import Stopped


def check(folds: int, fold: int) -> None:
    """Raises a UserError for numbers that can't be."""
    if folds < 0 or folds == 1:
        raise UserError(f"folds has to be 2 or more, or 0 for the data set's own split, not {folds}.")
    if not 0 <= fold <= folds:
        what = f"from 1 to {folds}, or 0 for each in turn" if folds else "0 without folds"
        raise UserError(f"fold has to be {what}, not {fold}.")


def part(data: Data, fold: int, folds: int) -> Data:
    """The data set in which fold number `fold`, from 1, of train and validation validates, and the others train.

    For 0 it is as it was. The folds are the same at each call, have all classes in the same proportion, and keep
    together what belongs together. What is adapted to the training split is adapted anew.

    Raises:
        UserError: for examples that can't be dealt out: pieces of one text or series, or too few of them.
    """
    if not fold:
        return data
    if not hasattr(data.train, "joined"):
        raise UserError("This data set's examples are pieces of one text or series, which can't be dealt out to folds.")
    if not data.adapt and any(hasattr(layer, "adapt") for layer in data.preprocess.layers):
        raise UserError("This data set's preprocess follows from its training split; for folds it needs an `adapt`.")
    both = data.train.joined(data.validation)
    if len(both) < folds:
        raise UserError(f"{len(both)} examples are too few for {folds} folds.")
    target = both.targets()
    classes, together = isinstance(data.outputs, Classes), both.groups is not None
    kind = {
        (True, True): StratifiedGroupKFold,
        (True, False): StratifiedKFold,
        (False, True): GroupKFold,
        (False, False): KFold,
    }[classes, together]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")  # it isn't in every fold
        try:
            cuts = list(kind(folds, shuffle=True, random_state=0).split(target, target, both.groups))
        except ValueError as error:
            raise UserError(f"There can't be {folds} folds: {error}") from None
    train, validation = (both.chosen(rows) for rows in cuts[fold - 1])
    inputs, preprocess = data.adapt(train) if data.adapt else (data.inputs, data.preprocess)
    return dataclasses.replace(data, train=train, validation=validation, inputs=inputs, preprocess=preprocess)


def train_each(teach: Callable[..., Run], settings: Config) -> list[Run]:
    """Trains one model a fold, in a folder of their own, and says and writes how good they are: folds.json.

    Args:
        teach: trains with those changes of the knobs.
        settings: of all of them.
    """
    values = settings.values
    folds, verbose = values["folds"], values["verbose"]
    tag = "-".join(filter(None, (values["tag"], "folds")))
    folder = runs.new_folder(Path(values["runs_dir"]), settings, tag)
    found: list[Run] = []
    try:
        for fold in range(1, folds + 1):
            if verbose:
                print(f"\nfold {fold} of {folds}")
            changes = {"fold": fold, "tag": f"fold{fold}", "runs_dir": str(folder), "test": False, "export": False}
            found.append(teach(**changes))
            keras.backend.clear_session()  # else each one's graph stays in memory
    except Stopped as error:
        raise Stopped(f"{error}\nEach other fold by itself: --folds {folds} --fold N", error.number) from None
    finally:
        if not any(folder.iterdir()):
            folder.rmdir()
    figures = {name: [run.metrics["validation"][name] for run in found] for name in found[0].metrics["validation"]}
    write_json(folder / "folds.json", {"runs": [run.path.name for run in found], "validation": figures})
    if verbose:
        _show(settings, folder, figures)
    return found


def _show(settings: Config, folder: Path, figures: dict[str, list[float]]) -> None:
    model, folds = settings.choices.model.name, settings.values["folds"]
    title = f"{model} on {settings.data_name}, validation in {folds} folds"
    table = Table(title=title, title_justify="left")
    for name in ("", "mean", "deviation", *(f"fold {fold}" for fold in range(1, folds + 1))):
        table.add_column(name, justify="right" if name else "left", no_wrap=not name)
    for name, each in sorted(figures.items(), key=lambda item: item[0] == "loss"):
        table.add_row(name, *map(digits, (statistics.mean(each), statistics.stdev(each), *each)))
    Console(highlight=False).print(table)
    print(f"runs    {folder}")
    print("\nNext: the same command without --folds trains a model, tests and exports it.")

"""Measure a trained model on the splits of its data set."""

import dataclasses
from pathlib import Path
from typing import Any

from src import specs
from src.data import Data, Source
from src.errors import UserError
from src.readers.given import given, is_name
from src.reports import report
from src.reports.attributions import Explained
from src.reports.examples import save_examples
from src.runs import judges, record
from src.runs.manifest import check_same, manifest
from src.runs.run import Run, find, load_run
from src.settings import catalogue
from src.settings.catalogue import DataFile
from src.settings.config import harness_knobs
from src.settings.contract import load_data
from src.settings.examples import check_examples
from src.sources.folds import splits_of
from src.system.files import write_json
from src.system.locks import owned
from src.system.screen import tell
from src.training.by_hand import metrics_of
from src.training.measure import Measurement, compare, figures


def evaluate_command(
    *, run: str = "", model: str = "", data: str = "", test: bool = False, runs_dir: str = "runs"
) -> None:
    """Measures a run again, and shows its figures.

    Args:
        run: folder of the run.
        model: evaluate the newest run of this model.
        data: evaluate the newest run on this data set.
        test: evaluate on the test split, too, if the run was trained with --no-test.
        runs_dir: folder of the runs.
    """
    evaluate(find(run, model, data, runs_dir), test=test, verbose=True)


def evaluate(
    run: Run | str | Path, *, data: Any = None, test: bool = False, verbose: bool = False
) -> dict[str, dict[str, float]]:
    """Measures a run again, on the splits it was measured on, and writes its metrics.json, figures and report.

    Args:
        run: the run, or its folder.
        data: the data that it was trained on, where that was given from Python.
        test: whether to evaluate on the test split, too, if the run was trained with test=False.
        verbose: whether to show the figures.

    Returns:
        The figures by name, of each split and of a simple predictor, "baseline".

    Raises:
        UserError: for a run, or data, that can't be measured.
    """
    run = run if isinstance(run, Run) else load_run(run)
    with owned(run.path / ".lock", f"the run {run.path}"):
        lacking = _measure(run, data, test)
    if verbose:
        report.show(run)
        for name in lacking:
            tell(f"{name}  is kept from training: it is a metric that was given from Python")
    return run.metrics


def _measure(run: Run, data: Any, test: bool) -> list[str]:
    """Measures it and writes what comes of it; returns the names of metrics that can't be measured again."""
    examples, splits, about = load_again(run, data, test)
    if not is_name(data):
        check_same(run.path, run.manifest, about)
    metrics, lacking = metrics_of(run.config.get("by_hand", {}))
    if run.task.loss:
        run.model.compile(loss=run.task.loss, metrics=[*run.task.metrics(), *metrics], jit_compile=False)
    if judge := judges.of(run.path):
        compare(run.task, judge, run.model, examples)
    metrics_now = figures(run.path, Measurement(run.model, run.task, run.steps), examples, splits)
    kept = {split: {name: run.metrics.get(split, {}).get(name) for name in lacking} for split in splits}
    run.metrics = {
        split: {**values, **{name: value for name, value in kept.get(split, {}).items() if value is not None}}
        for split, values in metrics_now.items()
    }
    run.manifest = about
    write_json(run.path / "manifest.json", run.manifest)
    write_json(run.path / "metrics.json", run.metrics)
    save_examples(run.path, Explained(run.model, run.task, examples), splits)
    report.write(run.path)
    return lacking


def load_again(run: Run, data: Any = None, test: bool = False) -> tuple[Data, dict[str, Source], dict[str, Any]]:
    """The data set of a run with the splits on which it was measured, those by name, and their manifest as of now.

    Args:
        run, data, test: see `evaluate`.
    """
    file = _data_file(run, data)
    wanted = catalogue.task(run.config["task"]).spec
    examples = load_data(file, record.knobs_of_run(run.path, file.knobs), [wanted])
    of_splits = [knob for knob in harness_knobs("splits") if knob.name in run.config["knobs"]]  # old runs have no folds
    chosen = record.knobs_of_run(run.path, of_splits)
    examples, splits = splits_of(examples, **{**chosen, "test": test or "test" in run.metrics})
    inputs = specs.from_json(run.config["inputs"])
    examples = dataclasses.replace(examples, inputs=inputs, preprocess=run.preprocess)
    noticed = [*examples.warnings, *check_examples(file, examples.preprocess, splits)]
    return examples, splits, manifest(splits, run.task, examples.notes, noticed)


def _data_file(run: Run, data: Any) -> DataFile:
    """The data set that a run was trained on, or what was given in its place."""
    if not is_name(data):
        return given(data, (specs.kinds()[run.config["inputs"]["kind"]],))
    if "data" in run.config.get("by_hand", {}):
        again = "give it again, evaluate(run, data=…)"
        raise UserError(f"{run.path} was trained on data that was given from Python: {again}.")
    return catalogue.dataset(run.config["data"])

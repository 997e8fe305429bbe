"""Measure a trained model on the splits of its data set."""

import dataclasses

from src import specs
from src.reports import report
from src.runs import judges, record
from src.runs.manifest import manifest
from src.runs.run import Run, find, load_run
from src.settings import catalogue
from src.settings.contract import load_data
from src.settings.examples import check_examples
from src.sources.folds import splits_of
from src.system.files import write_json
from src.training.measure import Measurement, compare, figures


def evaluate(*, run: str = "", model: str = "", data: str = "", test: bool = False, runs_dir: str = "runs") -> Run:
    """Measures a run again, on the splits it was measured on, and writes its metrics.json, figures and report.

    Args:
        run: folder of the run.
        model: evaluate the newest run of this model.
        data: evaluate the newest run on this data set.
        test: evaluate on the test split, too, if the run was trained with --no-test.
        runs_dir: folder of the runs.
    """
    trained = find(run, model, data, runs_dir)
    file, knobs = catalogue.dataset(trained.config["data"]), trained.config["knobs"]
    wanted = catalogue.task(trained.config["task"]).spec
    examples = load_data(file, record.knobs_of_run(trained.path, file.knobs), [wanted])
    chosen = {name: knobs[name] for name in ("limit", "folds", "fold") if name in knobs}  # old runs have no folds
    examples, splits = splits_of(examples, **chosen, test=test or "test" in trained.metrics)
    inputs = specs.from_json(trained.config["inputs"])
    examples = dataclasses.replace(examples, inputs=inputs, preprocess=trained.preprocess)
    noticed = [*examples.warnings, *check_examples(file, examples.preprocess, splits)]
    if trained.task.loss:
        trained.model.compile(loss=trained.task.loss, metrics=trained.task.metrics(), jit_compile=False)
    if judge := judges.of(trained.path):
        compare(trained.task, judge, trained.model, examples)
    metrics = figures(trained.path, Measurement(trained.model, trained.task), examples, splits)
    write_json(trained.path / "manifest.json", manifest(splits, trained.task, examples.notes, noticed))
    write_json(trained.path / "metrics.json", metrics)
    report.write(trained.path)
    trained = load_run(trained.path)
    report.show(trained)
    return trained

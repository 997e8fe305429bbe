"""Measure a trained model on the splits of its data set."""

import dataclasses
import re
import warnings
from collections.abc import Mapping
from pathlib import Path

import keras

from src import specs
from src.crossvalidation import part
from src.reports import report
from src.runs import judges
from src.runs import run as runs
from src.runs.manifest import manifest
from src.settings import catalogue, config
from src.settings.contract import check_examples, load_data
from src.signatures import predictor
from src.sources.memory import Source
from src.specs import Data, Input
from src.system.files import write_json
from src.training import pipeline
from src.training.callbacks import Measurement
from src.training.plan import measured_at_once


def evaluate(*, run: str = "", model: str = "", data: str = "", test: bool = False, runs_dir: str = "runs") -> runs.Run:
    """Measures a run again, on the splits it was measured on, and writes its metrics.json, figures and report.

    Args:
        run: folder of the run.
        model: evaluate the newest run of this model.
        data: evaluate the newest run on this data set.
        test: evaluate on the test split, too, if the run was trained with --no-test.
        runs_dir: folder of the runs.
    """
    found = runs.find(run, model, data, runs_dir)
    file = catalogue.dataset(found.config["data"])
    wanted = catalogue.task(found.config["task"]).spec
    data_set = load_data(file, config.knobs_of_run(found.path, file.knobs), [wanted])
    data_set = part(data_set, *(found.config["knobs"].get(name, 0) for name in ("fold", "folds")))
    task, inputs = found.task, specs.from_json(found.config["inputs"])
    parts = splits(data_set, found.config["knobs"].get("limit"), test or "test" in found.metrics)
    noticed = [*data_set.warnings, *check_examples(file, found.preprocess, parts)]
    if task.loss:
        found.model.compile(loss=task.loss, metrics=task.metrics(), jit_compile=False)
    if judge := judges.of(found.path):
        compare(task, judge, found.model, dataclasses.replace(data_set, **parts))
    measure = Measurement(found.model, task)
    found.metrics = figures(found.path, found.model, measure, task, inputs, found.preprocess, parts)
    write_json(found.path / "manifest.json", manifest(parts, task, data_set.notes, noticed))
    write_json(found.path / "metrics.json", found.metrics)
    report.write(found.path)
    report.show(found)
    return found


def splits(data: Data, limit: int | None, test: bool) -> dict[str, Source]:
    """The splits that may be read, of `limit` examples at the most."""
    named = {"train": data.train, "validation": data.validation}
    if test:
        named["test"] = data.test
    return {name: source if limit is None else source.take(limit) for name, source in named.items()}


def compare(task, judge: keras.Model, model: keras.Model, data: Data) -> None:
    """Tells the task with what it is to compare that which `model` makes: see src/runs/judges.py."""
    batch = measured_at_once(model, data.inputs)
    task.compare_with(judge, pipeline.measuring(data.train, data.preprocess, task.supervise, batch))


def figures(
    folder: Path,
    model: keras.Model,
    measure: Measurement,
    task,
    inputs: Input,
    preprocess: keras.Model,
    parts: Mapping[str, Source],
) -> dict:
    """The figures of each split and of a trivial predictor; pictures of the last split go to figures/."""
    batch = measured_at_once(model, inputs)
    batches = {name: pipeline.measuring(source, preprocess, task.supervise, batch) for name, source in parts.items()}
    metrics = {name: measure(split) for name, split in batches.items()}
    last = list(batches)[-1]
    detailed = task.figures(predictor(model), batches[last])
    if hasattr(task, "simple"):
        detailed["baseline"] = task.simple(batches["train"], batches[last])
    (folder / "figures").mkdir(exist_ok=True)
    for name, drawing in task.draw(detailed).items():
        file = re.sub(r"[^\w.-]+", "_", name)  # a name may be a column's
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font")
            drawing.savefig(folder / "figures" / f"{file}.png", dpi=100)
    write_json(folder / "figures" / f"{last}.json", detailed)
    return {**metrics, "baseline": detailed["baseline"]}

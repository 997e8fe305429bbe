"""Measuring a model on splits: its loss and metrics, its task's figures, and those of a simple predictor."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import tensorflow as tf
from matplotlib.figure import Figure

from src.analysis import plots, predictions
from src.data import Data, Source
from src.errors import UserError
from src.preprocess.names import request_names
from src.settings.mistakes import file_of
from src.signatures import Steps, predictor
from src.system.files import write_json
from src.task import Task
from src.training import pipeline
from src.training.keep import Recorder
from src.training.plan import measured_at_once


class Measurement:
    """A model's figures on a split, in functions traced once for all splits.

    `model.evaluate` makes its own function each time that a split has another number of batches, and on small data
    costs more than the training between two calls.

    Args:
        model: compiled, unless its task has no loss; then only the task's `watch` measures it.
        task: may `watch` for figures that are no means over examples.
        steps: makes the model's single step, for tasks that predict step by step.
    """

    def __init__(self, model: keras.Model, task: Task, steps: Steps | None = None):
        self.model, self.task = model, task
        self._step = tf.function(model.test_step)
        self.predict = predictor(model, steps)

    def __call__(self, batches: tf.data.Dataset, between: Callable[[], None] = lambda: None) -> dict[str, float]:
        """The figures by name.

        Args:
            batches: features and targets of the split, each example once.
            between: called after each batch; may raise.
        """
        means = self.means(batches, between) if self.model.compiled else {}
        return means | self.task.watch(self.predict, batches)

    def batches(self, data: Data, source: Source) -> tf.data.Dataset:
        """Features and targets of a split of `data`, as many at a time as fit into memory with the model's layers."""
        size = measured_at_once(self.model, data.inputs)
        return pipeline.measuring(source, data.preprocess, self.task.supervise, size)

    def means(self, batches: tf.data.Dataset, between: Callable[[], None] = lambda: None) -> dict[str, float]:
        """The compiled model's loss and metrics, by name."""
        self.model.reset_metrics()
        step = self._step.get_concrete_function(batches.element_spec)  # for batches of any size
        for batch in batches:
            step(batch)
            between()
        figures = {name: float(value) for name, value in self.model.get_metrics_result().items()}
        self.model.reset_metrics()
        return figures


def figures(folder: Path, measure: Measurement, data: Data, splits: Mapping[str, Source]) -> dict[str, dict]:
    """The figures of each split and of a simple predictor.

    Detailed figures and plots of the last split go to figures/, and what is predicted of it to predictions.npz.

    Args:
        folder: of the run.
        measure: measures the model.
        data: has the way to the features.
        splits: by name, in the order in which they are measured.
    """
    task = measure.task
    batches = {name: measure.batches(data, source) for name, source in splits.items()}
    metrics = {name: measure(split) for name, split in batches.items()}
    last = list(batches)[-1]
    recorder = Recorder(task, measure.predict, batches[last], last, len(splits[last]))
    detailed = _detailed(task, recorder, batches["train"], batches[last])
    if kept := recorder.predictions:
        kept.save(folder)
    else:
        (folder / predictions.FILE).unlink(missing_ok=True)
    (folder / "figures").mkdir(exist_ok=True)
    with plots.in_all_scripts(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        drawings = _drawings(task.called(data.columns), detailed)
        for file, drawing in zip(request_names([*drawings]), drawings.values(), strict=True):  # some: a column's name
            drawing.savefig(folder / "figures" / f"{file}.png", dpi=100)
    try:
        write_json(folder / "figures" / f"{last}.json", detailed)
    except TypeError as error:
        plain = f"{file_of(task)}: figures has to return dicts and lists of plain numbers and texts: {error}."
        raise UserError(plain) from error
    return {**metrics, "baseline": detailed["baseline"]}


def _detailed(task: Task, recorder: Recorder, train: tf.data.Dataset, batches: tf.data.Dataset) -> dict:
    """The task's detailed figures, with those of a simple predictor."""
    predict, examples = (recorder, recorder) if task.loss else (recorder.predict, batches)
    detailed = task.figures(predict, examples)
    if isinstance(detailed, dict) and (simple := task.simple(train, batches)):
        detailed["baseline"] = simple
    match detailed:
        case {"baseline": {"predictor": str()}}:
            return detailed
    has = ", ".join(detailed) if isinstance(detailed, dict) else repr(detailed)
    raise UserError(
        f'{file_of(task)}: figures has to return a dict with a "baseline", which is a dict with the "predictor"\'s '
        f"name; it returns {has:.60}. See docs/contracts.md."
    )


def _drawings(task: Task, detailed: dict) -> Mapping[str, Figure]:
    drawings = task.draw(detailed)
    if not isinstance(drawings, Mapping):
        raise UserError(f"{file_of(task)}: draw has to return a dict of figures by name, not {drawings!r:.60}.")
    return drawings


def compare(task: Task, judge: keras.Model, model: keras.Model, data: Data) -> None:
    """Tells the task with what it is to compare that which `model` makes: see src/runs/judges.py."""
    task.compare_with(judge, Measurement(model, task).batches(data, data.train))

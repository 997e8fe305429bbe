"""A run: the folder in which one training leaves everything, complete in itself.

config.json         every knob and where its value came from, specs, seed, versions, commit, device
manifest.json       the splits: sizes, classes, hashes, examples that stand in two, and what looks wrong in them
history.csv         each epoch's figures
model.keras         from features to prediction, uncompiled: opens in plain Keras
preprocess.keras    from a raw request to features
judge.keras         where a model makes things: by whose features they are measured
doors/              other ways in, such as encoded pictures, as SavedModels
best.weights.h5     the best epoch's weights and the optimiser's state
predictions.npz     what was predicted for each example of the last split, or of a sample of it
requests/           sample requests to each signature, as TensorFlow Serving takes them
figures/, logs/, report.html, export.json
export/             what was exported to other formats than the SavedModel
cost.json           time and memory of the training
warnings.json       what looked wrong in training, if anything did
metrics.json        figures of the splits; it comes last, so a run without it was cut off
"""

import csv
import importlib
import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import keras
import numpy as np
import tensorflow as tf

from src import specs
from src.data import Door
from src.errors import UsageError, UserError
from src.preprocess.names import columns_of
from src.runs import diagnosis, record
from src.runs.loading import load_model
from src.runs.predict import predict
from src.settings import catalogue
from src.settings.contract import steps_of
from src.signatures import DEFAULT, Request, Signature, Steps, traced
from src.system import records
from src.system.files import read_record, read_text, unpatterned
from src.task import Task

HISTORY = "history.csv"
Made = TypeVar("Made")


class Run:
    """A finished run, read from its folder; its data set isn't needed.

    `config`, `manifest` and `metrics` are the contents of those files, `model` the trained model, `preprocess` the
    way from a raw request to its features.
    """

    def __init__(self, path: Path):
        self.path = path
        self.config = record.of_run(path)
        self.manifest, self.metrics = record.manifest_of(path), record.metrics_of(path)
        if missing := ", ".join(self.metrics.keys() - {"baseline"} - self.manifest["splits"].keys()):
            raise UserError(f"{path / 'manifest.json'} is damaged: splits lacks {missing}.")

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @cached_property
    def model(self) -> keras.Model:
        """From features to prediction."""
        model, wanted = load_model(self.path / "model.keras"), specs.from_json(self.config["outputs"]).shape
        shapes = [tensor.shape for tensor in keras.tree.flatten(model.outputs)]
        if len(shapes) != 1 or not tf.TensorShape([None, *wanted]).is_compatible_with(shapes[0]):
            shown = " and ".join(map(str, shapes))
            raise UserError(f"{self.path} is damaged: model.keras predicts {shown}, config.json says {wanted}.")
        return model

    @cached_property
    def preprocess(self) -> keras.Model:
        """From a raw request, its named Inputs, to features."""
        return load_model(self.path / "preprocess.keras")

    @cached_property
    def task(self) -> Task:
        """The task, with the statistics of the training split."""
        file = catalogue.task(self.config["task"])
        knobs = record.knobs_of_run(self.path, file.knobs)
        try:
            return catalogue.load(file).Task(specs.from_json(self.config["outputs"]), **knobs)
        except ValueError as error:
            raise UserError(f"{self.path / 'config.json'} is damaged: {error}") from None

    @cached_property
    def doors(self) -> dict[str, Door]:
        """Other ways in, by name: from another request to the raw one."""
        folder = self.path / "doors"
        try:
            with unpatterned(folder) as place:
                self._modules = {path.name: tf.saved_model.load(path) for path in sorted(place.glob("*"))}
            return {name: _SavedDoor(module) for name, module in self._modules.items()}
        except (OSError, tf.errors.OpError, AttributeError, IndexError, ValueError) as error:
            raise UserError(f"{folder} can't be opened: {str(error).splitlines()[0]}") from error

    @cached_property
    def steps(self) -> Steps:
        """Makes the model's single step, and its first states, where it predicts step by step."""
        return steps_of(record.model_of(self.config), self.model, specs.from_json(self.config["inputs"]))

    @cached_property
    def signatures(self) -> dict[str, Signature]:
        """What the model can be asked; see src/signatures.py."""
        return self.task.signatures(self.model, self.preprocess, self.doors, self.steps)

    @cached_property
    def takes(self) -> dict[str, Request]:
        """The inputs of each signature."""
        return {name: request for name, (_, request) in self.signatures.items()}

    @cached_property
    def functions(self) -> dict[str, Callable]:
        """The signatures by name, each a graph that is traced once, for answers here and for the export."""
        return traced(self.signatures)

    @cached_property
    def history(self) -> dict[str, list[float]]:
        """Each epoch's figures, by name."""
        history = read_history(self.path)
        if missing := ", ".join({"epoch", "learning_rate"} - history.keys()):
            raise UserError(f"{self.path / HISTORY} is damaged: it lacks {missing}.")
        return history

    @property
    def measured(self) -> str:
        """The last split that was read, of which there are detailed figures."""
        return [split for split in self.metrics if split != "baseline"][-1]

    def of_figures(self, make: Callable[[dict], Made]) -> Made | None:
        """What the task makes of the detailed figures of the measured split; None where a run has no such file.

        Args:
            make: a method of the task that takes them.
        """
        file = self.path / "figures" / f"{self.measured}.json"
        if not file.is_file():
            return None
        figures = read_record(file)
        try:
            return make(figures)
        except Exception as error:  # whatever the code of a task ends in, on what a file holds
            raise UserError(f"{file} is damaged: {type(error).__name__}: {error}. Evaluate the run again.") from error

    @property
    def warnings(self) -> list[str]:
        """What looks wrong: in the data, in training, in its figures, and where a simple predictor is no worse."""
        file = self.path / "warnings.json"
        said = [*self.manifest.get("warnings", []), *(records.read(file, list[str]) if file.exists() else [])]
        return said + self.diagnosis

    @property
    def diagnosis(self) -> list[str]:
        """What limits it, as its curves and figures show: what, why, and what to change."""
        task = self.task
        found = diagnosis.found(self.history, self.metrics, task.monitor, task.direction, self._has_layer)
        return [*found, *(self.of_figures(task.remarks) or [])]

    @cached_property
    def requests(self) -> dict[str, dict[str, list]]:
        """Sample requests, as columns of TensorFlow Serving's JSON, by signature and input."""
        files = sorted((self.path / "requests").glob("*.json"))
        requests = [records.read(file, record.Request) for file in files]
        return {request["signature_name"]: request["inputs"] for request in requests}

    def predict(self, raw: Any, signature: str = DEFAULT, batch: int = 256) -> dict[str, np.ndarray]:
        """The named answers to raw requests, texts as str.

        Args:
            raw: an array of requests; or {input: array}, or a frame, of inputs that are called as in a request or as
                the columns that were learnt. The first axis is the batch.
            signature: which of the model's questions is asked.
            batch: requests answered at a time.

        Raises:
            UserError: for an unknown signature, or requests of another name, shape or type, or that it refuses.
        """
        if (columns := columns_of(raw)) is not None:
            requests = {called: request for request, called in self.config.get("columns", {}).items()}
            raw = {requests.get(name, name): column for name, column in columns.items()}
        if signature not in self.signatures:
            raise UserError(f"There is no signature {signature!r}; there are: {', '.join(self.signatures)}.")
        _, request = self.signatures[signature]
        return predict(self.functions[signature], signature, request, raw, batch)

    def evaluate(self, data: Any = None, *, test: bool = False) -> dict[str, dict[str, float]]:
        """Measures the run again, and gives back the figures by split; see src/evaluate.py for the arguments."""
        above = importlib.import_module("src.evaluate")  # which reads runs, so that no file here imports it
        return above.evaluate(self, data=data, test=test)

    def _has_layer(self, kind: str) -> bool:
        """Whether a layer of that class learns anywhere in the model, also in models within it."""
        if "init" in self.config or not (self.path / "model.keras").is_file():  # which a search deletes
            return False
        return f'"class_name": "{kind}"' in self.model.to_json()


class _SavedDoor(Door):
    """A way in that was saved with a run: it does and asks what it did and asked."""

    def __init__(self, module):
        opened = module.door
        ((request,), _) = opened.concrete_functions[0].structured_input_signature
        self._takes_tensor = isinstance(request, tf.TensorSpec)  # as doors did in older runs, which had one input each
        self._opened = opened
        self.request = {request.name: request} if self._takes_tensor else request
        if hasattr(module, "picture"):
            self.picture = lambda request, number: module.picture(dict(request), number)

    def __call__(self, request: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        if self._takes_tensor:
            (name,) = self.request
            return self._opened(request[name])
        return self._opened(dict(request))


def load_run(path: str | Path) -> Run:
    """The finished run in the folder `path`.

    Raises:
        UserError: where there is none, or it was cut off.
    """
    if not isinstance(path, str | os.PathLike):
        raise UserError(f"A run is loaded from its folder, such as runs/NAME, and not from a {type(path).__name__}.")
    path = Path(path)
    config = record.of_run(path)
    if not (path / "metrics.json").is_file():
        how = record.how_to_resume(record.model_of(config), path, config.get("by_hand", {}))
        raise UserError(f"{path} was cut off. Go on with it: {how}")
    return Run(path)


def read_history(path: Path) -> dict[str, list[float]]:
    """Each epoch's figures of the run in the folder `path`, by name; none before its first epoch has ended."""
    file = path / HISTORY
    try:
        text = read_text(file) if file.exists() else "\n"
        if not text.endswith("\n"):
            raise ValueError("its last line has no end")
        rows = list(csv.DictReader(text.splitlines()))
        return {name: [float(row[name]) for row in rows] for name in (rows[0] if rows else ())}
    except (TypeError, ValueError, csv.Error) as error:  # a row that is too short or too long, or no number
        raise UserError(f"{file} is damaged: {error}.") from None


def find(run: str, model: str, data: str, folder: str) -> Run:
    """The run at the path `run`, or the newest finished one of `model` (on `data`) in `folder`."""
    if bool(run) == bool(model):
        both = "not both" if run else "for the newest one of that model"
        raise UsageError(f"Name the run: --run FOLDER, or --model NAME, {both}.")
    if run:
        return load_run(run)
    path = record.newest_run(Path(folder), catalogue.model(model).reference, data, "metrics.json")
    if not path:
        on = f" on {data}" if data else ""
        which = f" DATA={data}" if data in catalogue.datasets() else ""  # the data may be the user's own
        raise UserError(f"{folder} has no finished run of {model}{on}. Start one: make train MODEL={model}{which}")
    return load_run(path)

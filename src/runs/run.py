"""A run: the folder in which one training leaves everything, complete in itself.

config.json         every knob and where its value came from, specs, seed, versions, commit, device
manifest.json       the splits: sizes, classes, hashes, examples that stand in two, and what looks wrong in them
history.csv         each epoch's figures
model.keras         from features to prediction, uncompiled: opens in plain Keras
preprocess.keras    from a raw request to features
judge.keras         where a model makes things: by whose features they are measured
doors/              other ways in, such as encoded pictures, as SavedModels
best.weights.h5     the best epoch's weights and the optimiser's state
requests/           sample requests to each signature, as TensorFlow Serving takes them
figures/, logs/, report.html, export.json
export/             what was exported to other formats than the SavedModel
warnings.json       what looked wrong in training, if anything did
metrics.json        figures of the splits; it comes last, so a run without it was cut off
"""

import csv
import datetime
import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from functools import cached_property, partial
from importlib import metadata
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from src import specs
from src.errors import UsageError, UserError
from src.exporting.requests import Requests, check_requests, doors_of
from src.runs import diagnosis
from src.runs.loading import load_model
from src.settings import catalogue, config, knobs
from src.settings.config import Config
from src.settings.modules import source
from src.signatures import DEFAULT, Signature, traced
from src.specs import Data, Input
from src.system import device
from src.system.files import read_json, read_record, whole, write_json

PACKAGES = ("tensorflow", "keras", "numpy")


class Run:
    """A finished run, read from its folder; its data set isn't needed.

    `config`, `manifest` and `metrics` are the contents of those files, `model` the trained model, `preprocess` the
    way from a raw request to its features.
    """

    def __init__(self, path: Path):
        self.path = path
        self.config = config.of_run(path)
        self.manifest = read_record(path / "manifest.json", "splits", "in_two_splits")
        self.metrics = read_record(path / "metrics.json", "train", "validation", "baseline")

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @cached_property
    def model(self) -> keras.Model:
        """From features to prediction."""
        return load_model(self.path / "model.keras")

    @cached_property
    def preprocess(self) -> keras.Model:
        """From a raw request, its named Inputs, to features."""
        return load_model(self.path / "preprocess.keras")

    @cached_property
    def task(self):
        """The task, with the statistics of the training split."""
        file = catalogue.task(self.config["task"])
        knobs = config.knobs_of_run(self.path, file.knobs)
        return catalogue.load(file).Task(specs.from_json(self.config["outputs"]), **knobs)

    @cached_property
    def doors(self) -> dict[str, Any]:
        """Other ways in, by name: from another request to the raw one."""
        folder = self.path / "doors"
        try:
            self._modules = {path.name: tf.saved_model.load(path) for path in sorted(folder.glob("*"))}
        except (OSError, tf.errors.OpError) as error:
            raise UserError(f"{folder} can't be opened: {str(error).splitlines()[0]}") from error
        return {name: _Door(module.door) for name, module in self._modules.items()}

    @cached_property
    def signatures(self) -> dict[str, Signature]:
        """What the model can be asked; see src/signatures.py."""
        inputs = specs.from_json(self.config["inputs"])
        step = partial(step_of, self.config["model"], self.model, inputs)
        return self.task.signatures(self.model, self.preprocess, self.doors, step)

    @cached_property
    def history(self) -> dict[str, list[float]]:
        """Each epoch's figures, by name."""
        return read_history(self.path)

    @property
    def warnings(self) -> list[str]:
        """What looks wrong: in the data, in training, in its figures, and where a simple predictor is no worse."""
        file = self.path / "warnings.json"
        said = [*self.manifest.get("warnings", []), *(read_json(file) if file.exists() else [])]
        said += diagnosis.found(self.history, self.metrics, self.task.monitor, self.task.direction)
        measured = list(self.metrics)[-2]  # the last split, on which the baseline is measured too
        name = self.task.monitor.removeprefix("val_")
        found, simple = (self.metrics[split].get(name) for split in (measured, "baseline"))  # an old run may lack it
        if None not in (found, simple) and not (found > simple if self.task.direction == "max" else found < simple):
            predictor = self.metrics["baseline"]["predictor"]
            said = [*said, f"{name} is {found:.4g} on {measured}, no better than that of the baseline: {predictor}"]
        return said

    @cached_property
    def requests(self) -> Requests:
        """Sample requests, as columns of TensorFlow Serving's JSON, by signature and input.

        Raises:
            UserError: for one that a server would refuse.
        """
        files = [
            read_record(path, "signature_name", "inputs") for path in sorted((self.path / "requests").glob("*.json"))
        ]
        requests = {file["signature_name"]: file["inputs"] for file in files}
        check_requests(requests, self.signatures)
        return requests

    def predict(self, raw: Any, signature: str = DEFAULT, batch: int = 256) -> dict[str, np.ndarray]:
        """The named answers to raw requests, texts as str.

        Args:
            raw: an array of requests, or {input: array}; the first axis is the batch.
            signature: which of the model's questions is asked.
            batch: requests answered at a time.

        Raises:
            UserError: for an unknown signature, or requests of another name, shape or type, or that it refuses.
        """
        if signature not in self.signatures:
            raise UserError(f"There is no signature {signature!r}; there are: {', '.join(self.signatures)}.")
        _, request = self.signatures[signature]
        given = raw if isinstance(raw, Mapping) else {next(iter(request)): raw}
        if set(given) != set(request):
            raise UserError(f"{signature} takes {', '.join(request)}; it was given {', '.join(given)}.")
        arrays = {name: _array(given[name], spec) for name, spec in request.items()}
        if batch < 1:
            raise UserError(f"batch has to be 1 or more, not {batch}.")
        sizes = {len(array) for array in arrays.values()}
        if len(sizes) != 1 or sizes == {0}:
            raise UserError(f"All inputs need one length above 0, not {', '.join(map(str, sorted(sizes)))}.")
        ask = self._functions[signature]
        try:
            parts = [
                ask({name: tf.constant(array[start : start + batch]) for name, array in arrays.items()})
                for start in range(0, *sizes, batch)
            ]
        except tf.errors.InvalidArgumentError as error:
            if refused := re.search(r"assertion failed: (.*)", error.message):
                raise UserError(f"{signature}: {re.sub(r'[][]', '', refused[1])}.") from error
            raise
        return {name: _readable(name, np.concatenate([part[name].numpy() for part in parts])) for name in parts[0]}

    @cached_property
    def _functions(self):
        return traced(self.signatures)


class _Door:
    """A way in that was saved with a run: it does and asks what it did and asked."""

    def __init__(self, opened):
        self._opened = opened
        ((self.request,), _) = opened.concrete_functions[0].structured_input_signature

    def __call__(self, request: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return self._opened(dict(request))


def load_run(path: str | Path) -> Run:
    """The finished run in the folder `path`.

    Raises:
        UserError: where there is none, or it was cut off.
    """
    if not isinstance(path, str | os.PathLike):
        raise UserError(f"A run is loaded from its folder, such as runs/NAME, and not from a {type(path).__name__}.")
    path = Path(path)
    model = config.of_run(path)["model"]
    if not (path / "metrics.json").is_file():
        raise UserError(f"{path} was cut off. Go on with it: make train MODEL={model} RESUME={shlex.quote(str(path))}")
    return Run(path)


def read_history(path: Path) -> dict[str, list[float]]:
    """Each epoch's figures of the run in the folder `path`, by name; none before its first epoch has ended."""
    file = path / "history.csv"
    rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines())) if file.exists() else []
    return {name: [float(row[name]) for row in rows] for name in (rows[0] if rows else ())}


def find(run: str, model: str, data: str, folder: str) -> Run:
    """The run at the path `run`, or the newest finished one of `model` (on `data`) in `folder`."""
    if bool(run) == bool(model):
        both = "not both" if run else "for the newest one of that model"
        raise UsageError(f"Name the run: --run FOLDER, or --model NAME, {both}.")
    if run:
        return load_run(run)
    catalogue.model(model)
    path = config.newest_run(Path(folder), model, data, "metrics.json")
    if not path:
        on = f" on {data}" if data else ""
        which = f" DATA={data}" if data in catalogue.datasets() else ""  # the data may be the user's own
        raise UserError(f"{folder} has no finished run of {model}{on}. Start one: make train MODEL={model}{which}")
    return load_run(path)


def new_folder(folder: Path, settings: Config, tag: str) -> Path:
    """A new folder for a run: two that start in one second get different ones."""
    names = [settings.choices.model.name, settings.data_name, f"{datetime.datetime.now():%Y%m%d-%H%M%S}"]
    name = "-".join([*names, *([tag] if tag else [])])
    number = 1
    while True:
        path = folder / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir()
            return path
        except FileExistsError:
            number += 1


def describe(settings: Config, data: Data, resolved: Mapping) -> dict:
    """The content of config.json.

    Args:
        settings: every knob.
        data: its specs.
        resolved: what was chosen by size and device.
    """
    choices = settings.choices
    code = [path for file in (choices.model, choices.data, choices.task) for path in catalogue.code(file)]
    values = {name: value for name, value in settings.values.items() if name not in config.UNSAVED}
    return {
        "format": config.FORMAT,
        "model": choices.model.name,
        "data": choices.data.name,
        "data_name": settings.data_name,
        "task": choices.task.name,
        "files": {knobs.shown(path): _sha256(path) for path in code},
        "started": datetime.datetime.now().astimezone().isoformat(),
        "knobs": values,
        "origins": {name: settings.origins[name] for name in values},
        "resolved": dict(resolved),
        "inputs": specs.to_json(data.inputs),
        "outputs": specs.to_json(data.outputs),
        "columns": dict(data.columns),
        "versions": {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}},
        "commit": _commit(),
        "device": device.name(),
    }


def step_of(name: str, model: keras.Model, inputs: Input) -> keras.Model:
    """One step of a model, which the file of that name built, that predicts step by step."""
    file = catalogue.model(name)
    module = catalogue.load(file)
    if not hasattr(module, "step"):
        raise UserError(
            f"{knobs.shown(file.path)} needs step(model, inputs) to predict step by step; see docs/contracts.md."
        )
    return module.step(model, inputs)


def answering(model: keras.Model) -> keras.Model:
    """The part of a model that answers, uncompiled: plain Keras opens it."""
    return keras.Model(model.input, model.output, name=model.name)


def save(
    path: Path,
    model: keras.Model,
    data: Data,
    signatures: Mapping[str, Signature],
    requests: Requests,
) -> None:
    """Writes the trained model, the ways in that it has, and a sample request to each signature."""
    with whole(path / "best.weights.h5") as partial:
        model.save_weights(partial)
    for name, part in (("model.keras", answering(model)), ("preprocess.keras", data.preprocess)):
        with whole(path / name) as partial:
            part.save(partial)
    for name, door in doors_of(data, signatures).items():
        module = tf.Module()
        module.door = tf.function(door, input_signature=[dict(door.request)])
        tf.saved_model.save(module, path / "doors" / name)
    (path / "requests").mkdir(exist_ok=True)
    for name, inputs in requests.items():
        write_json(path / "requests" / f"{name}.json", {"signature_name": name, "inputs": inputs}, indent=None)


def _sha256(path: Path) -> str:
    return hashlib.sha256(source(path)).hexdigest()


def _commit() -> str:
    """The project's commit, with "+" when files differ from it; "" outside git."""
    if not (catalogue.ROOT / ".git").exists() or not shutil.which("git"):
        return ""
    git = ["git", "-C", str(catalogue.ROOT)]
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True).stdout.strip()
    return commit + "+" * bool(changed)


def _array(given: Any, spec: tf.TensorSpec) -> np.ndarray:
    """`given` in the type and shape of `spec`; raises UserError where that would change a value."""
    array = np.asarray(given)
    if array.ndim != spec.shape.rank or not spec.shape.is_compatible_with(array.shape):
        raise UserError(f"{spec.name} has the shape {spec.shape}, batch first; it was given {array.shape}.")
    if spec.dtype == tf.string:
        if array.dtype.kind not in "OSU" or not all(isinstance(text, (str, bytes)) for text in array.ravel()):
            raise UserError(f"{spec.name} takes texts; it was given {given!r:.60}.")
        return array.astype(object)
    try:
        converted = array.astype(spec.dtype.as_numpy_dtype)
    except (TypeError, ValueError):
        raise UserError(f"{spec.name} takes {spec.dtype.name}; it was given {array.dtype}.") from None
    if not (array.dtype.kind == converted.dtype.kind == "f" or np.array_equal(converted, array, equal_nan=True)):
        raise UserError(f"{spec.name} takes {spec.dtype.name}; some of the given numbers don't fit.")
    return converted


def _readable(name: str, column: np.ndarray) -> np.ndarray:
    """Texts as str; a name that ends in "_bytes" holds bytes, as in TensorFlow Serving."""
    if column.dtype != object or name.endswith("_bytes"):
        return column
    return np.array([value.decode() for value in column.ravel()]).reshape(column.shape)

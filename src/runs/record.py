"""What a run's folder says of itself in config.json, read without Keras: which model, data and knobs it had."""

import shlex
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict, get_type_hints

from src import specs
from src.errors import UserError
from src.settings import knobs
from src.settings.knobs import Knob
from src.system import records
from src.system.files import read_record

FORMAT = 1  # of a run's config.json
CONFIG, FOLDS = "config.json", "folds.json"  # of a run, and of a folder that has a run for each fold


class Resolved(TypedDict):
    """What was chosen by size and device, as far as it is read again."""

    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"]


class Spec(TypedDict):
    """Of src/specs.py, by its kind."""

    kind: str


class Described(TypedDict):
    """A Keras object, as Keras describes it."""

    module: str
    class_name: str
    config: dict[str, Any]


class ByHand(TypedDict):
    """What was given to a training from Python beside knobs."""

    callbacks: NotRequired[list[str]]
    optimizer: NotRequired[Described]
    metrics: NotRequired[dict[str, Described]]
    data: NotRequired[str]


class Threads(TypedDict):
    """That share an op, and ops at a time."""

    intra_op: int
    inter_op: int


class Conditions(TypedDict):
    """What the last bits depend on, as src/system/device.py finds it."""

    device: str
    processor: str
    instructions: str
    threads: Threads
    environment: dict[str, str]


class Init(TypedDict):
    """What a model began with: the file and its hash; the layers that were taken over, and the new ones; what was left
    out, with the reason; and the paths of files that it was built with besides, by knob."""

    file: str
    sha256: str
    taken: list[str]
    new: list[str]
    left_out: dict[str, str]
    files: NotRequired[dict[str, str]]


class Shared(TypedDict):
    """What config.json and folds.json have both, as far as it is read again."""

    format: int
    model: str
    data: str
    started: str
    knobs: dict[str, Any]
    model_path: NotRequired[str]
    data_name: NotRequired[str]
    files: NotRequired[dict[str, str]]
    origins: NotRequired[dict[str, str]]
    columns: NotRequired[dict[str, str]]
    versions: NotRequired[dict[str, str]]
    commit: NotRequired[str]
    device: NotRequired[str]
    conditions: NotRequired[Conditions]
    by_hand: NotRequired[ByHand]


class Config(Shared):
    """The content of a run's config.json."""

    task: str
    resolved: Resolved
    inputs: Spec
    outputs: Spec
    init: NotRequired[Init]


LATER: Mapping[str, Any] = {"origins": {}, "versions": {}, "commit": "", "device": ""}  # which a very old run may lack


def of_run(path: Path) -> dict[str, Any]:
    """The content of the config.json of the run in the folder `path`: a Config.

    Raises:
        UserError: where there is none, or it isn't one that this code wrote.
    """
    try:
        return _read(path / CONFIG, Config)
    except (FileNotFoundError, NotADirectoryError):
        if is_folds(path):
            raise UserError(f"{path} has a run for each fold: name one of them.") from None
        raise UserError(f"{path} isn't a run: it has no {CONFIG}.") from None


def of_folds(path: Path) -> dict[str, Any]:
    """The content of the folds.json of the folder `path`, which has a run for each fold.

    Raises:
        UserError: where there is none, or it isn't one that this code wrote.
    """
    try:
        return _read(path / FOLDS, Shared)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path} isn't a folder of folds: it has no {FOLDS}.") from None


def of_either(path: Path) -> dict[str, Any]:
    """As `of_folds` for a folder of folds, else as `of_run`."""
    return of_folds(path) if is_folds(path) else of_run(path)


def is_folds(path: Path) -> bool:
    """Whether the folder `path` has a run for each fold."""
    return (path / FOLDS).is_file()


def _read(file: Path, kind: type) -> dict[str, Any]:
    config = read_record(file, "format")
    if config["format"] != FORMAT:
        raise UserError(f"{file.parent} has the format {config['format']}, this code reads {FORMAT}.")
    records.check(config, kind, file)
    try:
        datetime.fromisoformat(config["started"]).timestamp()
    except (ValueError, OverflowError) as error:
        raise UserError(f"{file} is damaged: started: {error}.") from None
    for name in ("inputs", "outputs") if kind is Config else ():
        _check_spec(config[name], f"{file} is damaged: {name}")
    return {**LATER, "data_name": config["data"], **config}


def _check_spec(data: Mapping[str, Any], where: str) -> None:
    """Raises a UserError for what is no spec of src/specs.py."""
    if not (kind := specs.kinds().get(data["kind"])):
        raise UserError(f"{where}: there is no kind {data['kind']!r}.")
    hints = get_type_hints(kind)
    fields = {name: value for name, value in data.items() if name != "kind"}
    for problem in records.problems(fields, {name: hints.get(name) for name in fields}):
        raise UserError(f"{where}: {problem}.")
    try:
        specs.from_json(data)
    except (TypeError, ValueError) as error:  # a field too many or too few, or fields that don't go together
        raise UserError(f"{where}: {error}.") from None


class Split(TypedDict):
    """What manifest.json says of a split, as far as it is read again."""

    examples: int
    sha256: str


class Pair(TypedDict):
    """Two splits that share examples."""

    splits: tuple[str, str]
    examples: int
    share: NotRequired[float]


class Manifest(TypedDict):
    """The content of manifest.json."""

    splits: dict[str, Split]
    in_two_splits: list[Pair]
    notes: NotRequired[str]
    warnings: NotRequired[list[str]]


class Baseline(TypedDict):
    """The figures of a simple predictor beside its name."""

    predictor: str


class Request(TypedDict):
    """The content of a file in requests/: columns by input."""

    signature_name: str
    inputs: dict[str, list[Any]]


def metrics_of(path: Path) -> dict[str, Any]:
    """The content of metrics.json: the figures of each split, and of a simple predictor, "baseline", by name."""
    file = path / "metrics.json"
    metrics = read_record(file, "train", "validation", "baseline")
    records.check(metrics, {**dict.fromkeys(metrics, dict[str, float]), "baseline": Baseline}, file)
    names = dict.fromkeys(metrics["train"], float)
    records.check(metrics["baseline"], names, file)
    for split in metrics.keys() - {"baseline"}:
        if missing := ", ".join(names.keys() - metrics[split].keys()):
            raise UserError(f"{file} is damaged: {split} lacks {missing}.")
    return metrics


def manifest_of(path: Path) -> dict[str, Any]:
    """The content of manifest.json: a Manifest."""
    return dict(records.read(path / "manifest.json", Manifest))


def model_of(config: Mapping[str, Any]) -> str:
    """What the model of a run's config.json is asked for by: its name, or the path of its file."""
    return config.get("model_path", config["model"])


def how_to_resume(model: str, path: Path, given: Iterable[str]) -> str:
    """The command by which the run in the folder `path` goes on, or the Python, where something was given from there.

    Args:
        model: what the model is asked for by.
        path: of the run, or of folds; a run among folds goes on with the others.
        given: names of what was given from Python.
    """
    path = path.parent if is_folds(path.parent) else path
    verb = "cross_validate" if is_folds(path) else "train"
    if again := "".join(f", {name}=…" for name in given):
        return f"{verb}({model!r}, resume={str(path)!r}{again})"
    return "make train " + shlex.join([f"MODEL={model}", f"RESUME={path}"])


def knobs_of_run(path: Path, known: Iterable[Knob]) -> dict[str, Any]:
    """The values of the `known` knobs in the run in the folder `path`.

    Raises:
        UserError: for one that is missing, or has a value of another type.
    """
    saved, known = of_run(path)["knobs"], list(known)
    if missing := ", ".join(knob.name for knob in known if knob.name not in saved):
        raise UserError(f"{path / 'config.json'} lacks the knobs {missing}, which this code has: train again.")
    return knobs.check(known, {knob.name: saved[knob.name] for knob in known}, str(path / "config.json"))


def newest_run(folder: Path, model: str, data: str | None, *files: str) -> Path | None:
    """The run of a model (on `data`) in `folder` that was started last, of those that have a file; None without one.

    Args:
        folder: of the runs.
        model: what the model is asked for by.
        data: data set, or what runs on it are called; None for any.
        files: in the folder of a run, of which one is enough; FOLDS for a folder of folds.
    """
    started = {}
    for path in (path for file in files for path in folder.glob(f"*/{file}")):
        try:
            config = of_either(path.parent)
        except UserError:
            continue  # whoever names it is told what is wrong with it
        if model_of(config) == model and data in (None, "", config["data"], config["data_name"]):
            started[path.parent] = datetime.fromisoformat(config["started"]).timestamp()
    return max(started, key=lambda path: started[path], default=None)

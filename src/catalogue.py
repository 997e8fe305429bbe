"""What can be plugged in: the files of models/, src/datasets/ and src/tasks/, each known by its file name.

Their constants and knobs are read as text; a file is imported only when it is used. This is the one place through
which the harness reaches a model, a data set or a task.
"""

import ast
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from src import knobs, specs
from src.errors import UsageError, UserError, unknown
from src.knobs import Knob

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class ModelFile:
    """One file of models/.

    Args:
        takes, gives: kinds of features and of outputs that it is built for.
        data: the data set that it trains on when none is named.
        fit: its own defaults of the harness' knobs.
        space: the values that tuning may try, by knob.
        knobs: those of its `build`.
    """

    name: str
    path: Path
    summary: str
    takes: tuple[type, ...]
    gives: tuple[type, ...]
    data: str
    fit: dict[str, Any]
    space: dict[str, specs.Choice | specs.Range]
    knobs: tuple[Knob, ...]


@dataclass(frozen=True)
class DataFile:
    """One file of src/datasets/.

    Args:
        inputs, outputs: kinds of features and of targets that it offers.
        download: what the first use fetches, such as "11 MB"; "" for a set that needs no network.
        knobs: those of its `load`.
    """

    name: str
    path: Path
    summary: str
    inputs: tuple[type, ...]
    outputs: tuple[type, ...]
    download: str
    knobs: tuple[Knob, ...]


@dataclass(frozen=True)
class TaskFile:
    """One file of src/tasks/: the kind of output that it serves, and the knobs of its `Task`."""

    name: str
    path: Path
    summary: str
    spec: type
    knobs: tuple[Knob, ...]


def models() -> dict[str, ModelFile]:
    """Every model file, by name."""
    return {path.stem: _model(path) for path in files("models")}


def datasets() -> dict[str, DataFile]:
    """Every data set's file, by name."""
    return {path.stem: _dataset(path) for path in files("src/datasets")}


def tasks() -> dict[str, TaskFile]:
    """Every task's file, by name."""
    return {path.stem: _task(path) for path in files("src/tasks")}


def model(name: str) -> ModelFile:
    """The model file of that name, or a UsageError that names the nearest one."""
    return _named("model", name, files("models"), _model)


def dataset(name: str) -> DataFile:
    """The data set's file of that name, or a UsageError that names the nearest one."""
    return _named("data set", name, files("src/datasets"), _dataset)


def task(name: str) -> TaskFile:
    """The task's file of that name, or a UsageError that names the nearest one."""
    return _named("task", name, files("src/tasks"), _task)


def tasks_of(model: ModelFile, data: DataFile) -> list[TaskFile]:
    """The tasks in which the two meet, the data set's first output first; none where they don't go together."""
    if not set(model.takes) & set(data.inputs):
        return []
    serving = {task.spec: task for task in tasks().values()}
    return [serving[output] for output in data.outputs if output in model.gives and output in serving]


def load(file: ModelFile | DataFile | TaskFile) -> ModuleType:
    """The imported module."""
    return importlib.import_module(".".join(file.path.relative_to(ROOT).with_suffix("").parts))


def files(folder: str) -> list[Path]:
    """The files of a folder that can be plugged in, unread."""
    return sorted(path for path in (ROOT / folder).glob("*.py") if not path.stem.startswith("_"))


def _named(kind: str, name: str, files: list[Path], read: Callable[[Path], Any]) -> Any:
    """Reads only the file asked for, so that a broken neighbour doesn't stop anybody."""
    path = next((path for path in files if path.stem == name), None)
    if path is None:
        raise unknown(kind, name, (path.stem for path in files))
    return read(path)


@cache
def _model(path: Path) -> ModelFile:
    constants = _constants(path)
    file = ModelFile(
        path.stem,
        path,
        _summary(path),
        _need(constants, "TAKES", path),
        _need(constants, "GIVES", path),
        constants.get("DATA", ""),
        constants.get("FIT", {}),
        constants.get("SPACE", {}),
        knobs.read(path, "build"),
    )
    for name in file.space:
        if name not in {knob.name for knob in file.knobs}:
            raise UserError(f"{knobs.shown(path)}: SPACE names {name!r}, which is no knob of build.")
    return file


@cache
def _dataset(path: Path) -> DataFile:
    constants = _constants(path)
    return DataFile(
        path.stem,
        path,
        _summary(path),
        _need(constants, "INPUTS", path),
        _need(constants, "OUTPUTS", path),
        constants.get("DOWNLOAD", ""),
        knobs.read(path, "load"),
    )


@cache
def _task(path: Path) -> TaskFile:
    spec = _need(_constants(path), "SPEC", path)
    return TaskFile(path.stem, path, _summary(path), spec, knobs.read(path, "Task.__init__"))


def _summary(path: Path) -> str:
    """The first line of the file's docstring."""
    docs = ast.get_docstring(knobs.syntax(path))
    if not docs:
        raise UserError(f"{knobs.shown(path)}: the file needs a docstring whose first line says what it is.")
    return docs.splitlines()[0]


def _need(constants: dict[str, Any], name: str, path: Path) -> Any:
    if name not in constants:
        raise UserError(f"{knobs.shown(path)}: the file has to say {name} = …; see docs/contracts.md.")
    return constants[name]


def _constants(path: Path) -> dict[str, Any]:
    """The values of the file's constants in capitals: literals, and names and calls of `src.specs`."""
    found = {}
    for node in knobs.syntax(path).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in _CONTRACT:
                found[name] = _value(value, path)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                pairs = zip(names, values, strict=False)
                found |= {n.id: _value(v, path) for n, v in pairs if isinstance(n, ast.Name) and n.id in _CONTRACT}
    return found


_CONTRACT = {"TAKES", "GIVES", "DATA", "FIT", "SPACE", "INPUTS", "OUTPUTS", "DOWNLOAD", "SPEC"}


def _value(node: ast.expr, path: Path) -> Any:
    match node:
        case ast.Name(id=name) if name in specs.KINDS:
            return specs.KINDS[name]
        case ast.Tuple(elts=items):
            return tuple(_value(item, path) for item in items)
        case ast.Dict(keys=keys, values=values) if all(keys):
            return {_value(k, path): _value(v, path) for k, v in zip(keys, values, strict=True)}
        case ast.Call(func=ast.Name(id="Choice"), args=args, keywords=[]):
            return specs.Choice(*(_value(item, path) for item in args))
        case ast.Call(func=ast.Name(id="Range"), args=args, keywords=keywords):
            return specs.Range(*map(ast.literal_eval, args), **{k.arg: ast.literal_eval(k.value) for k in keywords})
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise UsageError(
            f"{knobs.shown(path)}:{node.lineno}: {ast.unparse(node)!r} is not plain data; use literals, "
            f"Choice, Range and the specs {', '.join(specs.KINDS)}."
        ) from None

"""What can be plugged in: the files of models/, src/datasets/ and src/tasks/, each known by its file name.

Their constants and knobs are read as text; a file is imported only when it is used. This is the one place through
which the harness reaches a model, a data set or a task.
"""

import ast
import os
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from src import specs
from src.errors import UsageError, UserError, unknown
from src.settings import constants, imports, knobs, modules
from src.settings.knobs import Knob
from src.settings.modules import cached
from src.system.files import check_name

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class PlugIn:
    """A file that is plugged in: its name, its place, and the first line of its docstring."""

    name: str
    path: Path
    summary: str

    @property
    def where(self) -> str:
        """What a message about it begins with."""
        return knobs.shown(self.path)


@dataclass(frozen=True)
class ModelFile(PlugIn):
    """One file of models/.

    Args:
        takes, gives: kinds of features and of outputs that it is built for.
        data: the data set that it trains on when none is named.
        fit: its own defaults of the harness' knobs.
        space: the values that tuning may try, by knob.
        judge: name and knobs of the model by whose features what it makes is measured; none for most models.
        knobs: those of its `build`.
        has_step, has_start: whether it predicts step by step, and from first states that follow from its features.
        pretrained: where published weights are, by a knob and its value, as src/readers/published.py takes them.
        renamed: regular expressions for parts of the paths in such files, and what they are in this model.
    """

    takes: tuple[type, ...]
    gives: tuple[type, ...]
    data: str
    fit: dict[str, Any]
    space: dict[str, specs.Choice | specs.Range]
    judge: dict[str, Any]
    knobs: tuple[Knob, ...]
    has_step: bool = False
    has_start: bool = False
    pretrained: Mapping[str, Mapping[Any, Mapping[str, Any]]] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """What it is asked for by: its name, or its path where it isn't in models/."""
        return self.name if self.path in files("models") else str(self.path)

    def weights(self, knobs: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Where the published weights of the model with those knobs are; None where there are none."""
        sources = (by_value.get(knobs[name]) for name, by_value in self.pretrained.items())
        return next(filter(None, sources), None)


@dataclass(frozen=True)
class DataFile(PlugIn):
    """One file of src/datasets/.

    Args:
        inputs, outputs: kinds of features and of targets that it offers.
        download: what the first use fetches, such as "11 MB"; "" for a set that needs no network.
        named_by: the knob that says which of the user's own sets is meant, by which its runs are named; "" for none.
        knobs: those of its `load`.
    """

    inputs: tuple[type, ...]
    outputs: tuple[type, ...]
    download: str
    named_by: str
    knobs: tuple[Knob, ...]

    def load(self, *wanted: type | None, **knobs: Any) -> Any:
        """What the file's `load` returns."""
        return load(self).load(*wanted, **knobs)

    def called(self, knobs: Mapping[str, Any]) -> str:
        """What runs on it are called, such as "housing" for the path "data/housing.csv.gz"."""
        which = knobs.get(self.named_by) or self.name
        last = os.path.basename(os.path.abspath(which))
        plain = last if os.path.isdir(which) else re.sub(r"\.\w+(\.(gz|bz2|xz|zip))?$", "", last)
        return re.sub(r"[^A-Za-z0-9_.-]+", "-", plain).strip("-.") or self.name


@dataclass(frozen=True)
class TaskFile(PlugIn):
    """One file of src/tasks/: the kind of output that it serves, and the knobs of its `Task`."""

    spec: type
    knobs: tuple[Knob, ...]


def models() -> dict[str, ModelFile]:
    """Every model file that can be read, by name."""
    return _readable("models")[0]


def datasets() -> dict[str, DataFile]:
    """Every data set's file that can be read, by name."""
    return _readable("src/datasets")[0]


def tasks() -> dict[str, TaskFile]:
    """Every task's file that can be read, by name."""
    return _readable("src/tasks")[0]


def broken() -> list[str]:
    """What is wrong with each file that can't be read."""
    return [problem for folder in _READ for problem in _readable(folder)[1]]


def model(name: str) -> ModelFile:
    """The model file of that name or at that path.

    Raises:
        UsageError: where there is none, naming the nearest one.
        UserError: where it can't be read.
    """
    if not is_path(name):
        return _named("model", name, "models")
    path = Path(name).expanduser().resolve()
    if not path.is_file():
        raise UsageError(f"There is no model file {name}. If it was moved, give the path where it is now.")
    check_name("model", path.stem)
    return _model(path)


def is_path(model: str) -> bool:
    """Whether a model is named by the path of its file, and not as one of models/."""
    return model.endswith(".py") or not {"/", os.sep}.isdisjoint(model)


def plain_name(model: str) -> str:
    """What runs of a model are called, which is named or given by path."""
    return Path(model).stem if is_path(model) else model


def dataset(name: str) -> DataFile:
    """The data set's file of that name, or a UsageError that names the nearest one."""
    return _named("data set", name, "src/datasets")


def task(name: str) -> TaskFile:
    """The task's file of that name, or a UsageError that names the nearest one."""
    return _named("task", name, "src/tasks")


def recipes() -> dict[str, Path]:
    """Every recipe's file by its name."""
    return {path.stem: path for path in sorted((ROOT / "recipes").glob("*.toml"))}


def recipe(name: str) -> Path:
    """The file of that recipe, or a UsageError that names the nearest one."""
    paths = recipes()
    if name not in paths:
        raise unknown("recipe", name, paths)
    return paths[name]


def tasks_of(model: ModelFile, data: DataFile) -> list[TaskFile]:
    """The tasks in which the two meet, the data set's own outputs first; none where they don't go together."""
    shared = [kind for kind in data.inputs if kind in model.takes]
    if not shared:
        return []
    serving = {task.spec: task for task in tasks().values()}
    outputs = [*data.outputs, *(output for kind in shared for output in specs.DERIVED.get(kind, ()))]
    return [serving[output] for output in dict.fromkeys(outputs) if output in model.gives and output in serving]


def load(file: PlugIn) -> ModuleType:
    """The imported module, as the file is now."""
    if _is_in_project(file.path):
        return modules.load(".".join(file.path.relative_to(ROOT).with_suffix("").parts))
    folder = file.path.parent
    beside = [folder / path.relative_to(folder).parts[0] for path in code(file)[1:] if path.is_relative_to(folder)]
    outside = {place.stem: place.with_suffix("") for place in beside if place.name not in modules.PROJECT}
    name = f"{re.sub(r'[^A-Za-z0-9_]', '_', file.name)}_{zlib.crc32(os.fsencode(file.path)):08x}"
    return modules.load(name, {**outside, name: file.path.with_suffix("")})


def code(file: PlugIn) -> list[Path]:
    """The file, and those of other models, data sets and tasks, or beside it, whose code it uses."""
    return imports.code(file.path, ROOT, None if _is_in_project(file.path) else file.path.parent)


def _is_in_project(path: Path) -> bool:
    return path.parent in {ROOT.joinpath(*package.split(".")) for package in modules.PACKAGES}


def files(folder: str) -> list[Path]:
    """The files of a folder that can be plugged in, unread."""
    return sorted(path for path in (ROOT / folder).glob("*.py") if not path.stem.startswith(("_", ".")))


def _readable(folder: str) -> tuple[dict[str, Any], list[str]]:
    """The folder's files by name, and what is wrong with the others: a broken file doesn't stop its neighbours."""
    readable, problems = {}, []
    for path in files(folder):
        try:
            readable[path.stem] = _READ[folder](path)
        except UserError as error:
            problems.append(str(error))
    return readable, problems


def _named(kind: str, name: str, folder: str) -> Any:
    paths = {path.stem: path for path in files(folder)}
    if name not in paths:
        raise unknown(kind, name, paths)
    return _READ[folder](paths[name])


@cached
def _model(path: Path) -> ModelFile:
    values = constants.read(path, ("TAKES", "GIVES"), ("DATA", "FIT", "SPACE", "JUDGE", "PRETRAINED", "RENAMED"))
    file = ModelFile(
        path.stem,
        path,
        _summary(path),
        values["TAKES"],
        values["GIVES"],
        values.get("DATA", ""),
        values.get("FIT", {}),
        values.get("SPACE", {}),
        values.get("JUDGE", {}),
        knobs.read(path, "build", 2),  # inputs, outputs
        has_step=knobs.has(path, "step"),
        has_start=knobs.has(path, "start"),
        pretrained=values.get("PRETRAINED", {}),
        renamed=values.get("RENAMED", {}),
    )
    by_name = {knob.name: knob for knob in file.knobs}
    sources = [source for by_value in file.pretrained.values() for source in by_value.values()]
    published = [*file.pretrained, *(knob for source in sources for knob in source.get("knobs", {}))]
    for constant, names in (("SPACE", file.space), ("PRETRAINED", published)):
        for name in names:
            if name not in by_name:
                raise UserError(f"{file.where}: {constant} names {name!r}, which is no knob of build.")
    for name, by_value in file.pretrained.items():
        for value in by_value:
            by_name[name].check(value)
    if file.judge and "model" not in file.judge:
        raise UserError(f'{file.where}: JUDGE has to name a model, such as {{"model": "cnn"}}.')
    return file


@cached
def _dataset(path: Path) -> DataFile:
    values = constants.read(path, ("INPUTS", "OUTPUTS"), ("DOWNLOAD", "NAMED_BY"))
    return DataFile(
        path.stem,
        path,
        _summary(path),
        values["INPUTS"],
        values["OUTPUTS"],
        values.get("DOWNLOAD", ""),
        values.get("NAMED_BY", ""),
        knobs.read(path, "load", int(len(values["OUTPUTS"]) > 1)),  # the wanted one
    )


@cached
def _task(path: Path) -> TaskFile:
    spec = constants.read(path, ("SPEC",), ())["SPEC"]
    return TaskFile(path.stem, path, _summary(path), spec, knobs.read(path, "Task.__init__", 2))  # self, outputs


_READ = {"models": _model, "src/datasets": _dataset, "src/tasks": _task}


def _summary(path: Path) -> str:
    """The first line of the file's docstring."""
    docs = ast.get_docstring(knobs.syntax(path))
    if not docs:
        raise UserError(f"{knobs.shown(path)}: the file needs a docstring whose first line says what it is.")
    return docs.splitlines()[0]

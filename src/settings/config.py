"""The configuration of a run: every knob resolved, and where its value came from.

Precedence, the last one wins: defaults in signatures, the model file's FIT, the recipe, the file given by --config,
flags.
"""

import dataclasses
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from src import specs
from src.errors import UsageError, UserError
from src.settings import catalogue, config_files, knobs
from src.settings.catalogue import DataFile, ModelFile, TaskFile, is_path, plain_name
from src.settings.knobs import Knob

# The harness' own knobs: the group's name, its file in src/, the function whose keyword parameters they are, or the
# dataclass whose fields, and the only kind of features that they are for.
HARNESS = {
    "augmentation": ("training/augmentation.py", "augmentation", specs.Image),
    "optimizer": ("training/optimizers.py", "optimizer", None),
    "plan": ("training/plan.py", "plan", None),
    "transfer": ("training/transfer.py", "Transfer", None),
    "fit": ("training/options.py", "Options", None),
    "choice": ("settings/config.py", "choose", None),
    "splits": ("sources/folds.py", "splits_of", None),
    "device": ("system/device.py", "start", None),
    "run": ("runs/save.py", "RunFolder", None),
    "export": ("exporting/publish.py", "Destination", None),
}
CHOOSING = ("data", "task", "recipe", "config")  # knobs that choose what is trained
UNSAVED = (*CHOOSING, "resume", "report")  # which change nothing that is learnt
RESERVED = ("model", "help", "debug")


def harness_knobs(group: str) -> tuple[Knob, ...]:
    """The harness' own knobs of a group."""
    file, name, _ = HARNESS[group]
    return knobs.read(catalogue.ROOT / "src" / file, name)


@dataclass(frozen=True)
class Choices:
    """The three files that meet in a run; several tasks, and kinds of features, where only the data can say which."""

    model: ModelFile
    data: DataFile
    tasks: tuple[TaskFile, ...]
    inputs: tuple[type, ...]

    @property
    def task(self) -> TaskFile:
        """The only task that is left."""
        (task,) = self.tasks
        return task

    @property
    def groups(self) -> dict[str, tuple[Knob, ...]]:
        """The knobs of each group, in the order in which help shows them."""
        harness = {
            group: harness_knobs(group)
            for group, (_, _, kind) in HARNESS.items()
            if kind is None or kind in self.inputs
        }
        tasks = {task.name: task.knobs for task in self.tasks}
        return {"model": self.model.knobs, "data": self.data.knobs, **tasks, **harness}

    @property
    def knobs(self) -> dict[str, Knob]:
        """Every knob, by name."""
        return {knob.name: knob for group in self.groups.values() for knob in group}


@dataclass(frozen=True)
class Config:
    """The choices, and every knob.

    Args:
        choices: the files.
        values: of all knobs.
        origins: where each came from: "default", "models/….py", a file or "flag".
        is_derived: whether the output is made of the features, as the data has shown.
    """

    choices: Choices
    values: dict[str, Any]
    origins: dict[str, str]
    is_derived: bool = False

    def of(self, group: str) -> dict[str, Any]:
        """The values of one group's knobs, as keyword arguments; none of a group that isn't for these features."""
        return {knob.name: self.values[knob.name] for knob in self.choices.groups.get(group, ())}

    def chosen(self, name: str) -> bool:
        """Whether somebody chose a knob's value: by a recipe, a configuration or a flag."""
        return self.origins[name] not in ("default", self.choices.model.where)

    @property
    def data_name(self) -> str:
        """What runs and exports are called by: the data set, or the user's own one that it reads.

        With the task, where the model learns something else of it than usual.
        """
        model, data, (task, *undecided) = self.choices.model, self.choices.data, self.choices.tasks
        is_own = not self.is_derived and (undecided or task.spec in data.outputs)
        is_usual = is_own or not any(kind in model.gives for kind in data.outputs if kind is not task.spec)
        return data.called(self.values) + ("" if is_usual else f"-{task.name}")

    def decided(self, inputs: type, output: type) -> "Config":
        """What is left when the data has shown which kind of features and of output it has.

        Raises:
            UsageError: where no possible task serves that output, nor one made of such features; or a knob of another
                task was given.
        """
        model, data = self.choices.model, self.choices.data
        if inputs not in model.takes:
            raise UsageError(f"{data.name} has {inputs.__name__} here; {model.name} takes {_names(model.takes)}.")
        derived = specs.DERIVED.get(inputs, ())
        found = [task for kind in (output, *derived) for task in self.choices.tasks if task.spec is kind]
        if not found:
            can = " or ".join(task.spec.__name__ for task in self.choices.tasks)
            raise UsageError(f"{data.name} has {output.__name__} here, not {can}.")
        choices = dataclasses.replace(self.choices, tasks=(found[0],), inputs=(inputs,))
        for name in self.values.keys() - choices.knobs.keys():
            if self.origins[name] != "default":
                flag = self.choices.knobs[name].flag
                raise UsageError(
                    f"{flag} has no effect in {choices.task.name} of {inputs.__name__}, which {data.name} has."
                )
        values = {name: self.values[name] for name in self.values if name in choices.knobs}
        origins = {name: self.origins[name] for name in values}
        return Config(choices, values | {"task": choices.task.name}, origins, choices.task.spec is not output)


def choose(
    model: str,
    given: DataFile | None = None,
    *,
    data: str | None = None,
    task: str | None = None,
    recipe: str | None = None,
    config: str | None = None,
) -> Choices:
    """The files that are meant: what is named, else what configuration or recipe name, else the model's own choice.

    Args:
        model: a file of models/, or the path of one.
        given: a data set that was given from Python, instead of any that is named.
        data: data set. The default is the one named in the model file.
        task: task. The default follows from the data set's target.
        recipe: start from the knobs of this file in recipes/.
        config: start from a run's config.json or a TOML file of knobs; flags override it.

    Raises:
        UsageError: for an unknown name, or a model and a data set that don't go together.
    """
    saved: dict[str, Any] = {}
    for path in (recipe and str(catalogue.recipe(recipe)), config):
        saved |= config_files.read(path) if path else {}
        if plain_name(saved.get("model", model)) != plain_name(model):
            raise UsageError(
                f"{config_files.shown(path or '')} is for the model {saved['model']!r}, not for {model!r}."
            )
    file = catalogue.model(model if is_path(model) else saved.get("model", model))
    data_file = given or _data_file(file, data, saved, config or "")
    tasks = _tasks(file, data_file, task or saved.get("task"))
    choices = Choices(file, data_file, tasks, tuple(kind for kind in data_file.inputs if kind in file.takes))
    _distinct(choices.groups)
    return choices


def _data_file(model: ModelFile, data: str | None, saved: Mapping[str, Any], config: str) -> DataFile:
    """The data set that is named, else that of the configuration, else the model's own."""
    if not data and "data" in saved.get("by_hand", {}):
        again = "give it again, train(…, data=…), or name a data set"
        raise UserError(f"{config_files.shown(config)} is of a training on data that was given from Python: {again}.")
    name = data or saved.get("data") or model.data
    if not name:
        raise UsageError(f"{model.where} names no data set of its own: say --data NAME.")
    try:
        return catalogue.dataset(name)
    except UsageError as error:
        if data or saved.get("data"):
            raise
        raise UserError(f"{model.where}: DATA = {name!r}: {error}") from None


def as_names(model: Any, given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The model and the values that are `given` to train or tune from Python, with paths as texts.

    Raises:
        UsageError: where a model, a data set or a configuration itself is given, instead of a name.
    """
    if not isinstance(model, str | os.PathLike):
        raise UsageError(
            f'The model is the name of a file of models/, such as "mlp", or the path of a file, and no '
            f"{type(model).__name__}: write models/NAME.py, whose build(inputs, outputs) returns it, as "
            "docs/contracts.md says."
        )
    names = {name: _as_text(value) for name, value in given.items()}
    if not isinstance(data := names.get("data"), str | None):
        raise UsageError(
            f'data is the name of a file of src/datasets/, such as "digits", and no {type(data).__name__}: write '
            "src/datasets/NAME.py, whose load() gives your arrays, as docs/contracts.md says, or for a table a CSV: "
            'data="csv", path="FILE.csv", target="COLUMN".'
        )
    for name in (*CHOOSING, "resume"):
        if not isinstance(value := names.get(name), str | None):
            raise UsageError(f"{name} is a name or a path, and no {type(value).__name__}.")
    return os.fspath(model), names


def _as_text(value: Any) -> Any:
    """A path, or each one of several, as text; anything else as it is."""
    if isinstance(value, tuple | list):
        return tuple(map(_as_text, value))
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def resolve(model: str, flags: Mapping[str, Any], given: DataFile | None = None) -> Config:
    """Every knob of a model resolved.

    Args:
        model: a file of models/, or the path of one.
        flags: the values that flags, or arguments, give.
        given: a data set that was given from Python.

    Raises:
        UsageError: for an unknown name, or a knob that doesn't exist or has a value of another type.
    """
    choices = choose(model, given, **{name: flags.get(name) for name in CHOOSING})
    known = choices.knobs.values()
    path, recipe = flags.get("config"), flags.get("recipe")
    layers = [
        ("default", {knob.name: knob.default for knob in known}),
        (choices.model.where, choices.model.fit),
        (f"recipes/{recipe}.toml", config_files.read(str(catalogue.recipe(recipe)))["knobs"] if recipe else {}),
        (path or "", config_files.read(path)["knobs"] if path else {}),
        ("flag", flags),
    ]
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, layer in layers:
        where = f"{choices.model.name} on {choices.data.name}" if origin == "flag" else origin
        layer = knobs.check(known, layer, where)
        values |= layer
        origins |= dict.fromkeys(layer, origin)
    values |= {"data": choices.data.name, "task": choices.task.name if len(choices.tasks) == 1 else None}
    settings = Config(choices, values, origins)
    if settings.chosen("optimizer") and not settings.chosen("learning_rate"):
        usual = choices.model.fit.get("optimizer", choices.knobs["optimizer"].default)
        if values["optimizer"] != usual:  # the model file's rate is one of that optimiser
            values["learning_rate"], origins["learning_rate"] = None, "default"
    return settings


@contextmanager
def origins_told(settings: Config) -> Iterator[None]:
    """Names the file in which a value stands when a UserError begins with its knob's name."""
    try:
        yield
    except UserError as error:
        origin = settings.origins.get(str(error).partition(" ")[0], "default")
        if origin not in ("default", "flag"):
            where = f"{origin}: FIT" if origin == settings.choices.model.where else origin
            error.args = (f"{where}: {error}",)
        raise


def _distinct(groups: Mapping[str, tuple[Knob, ...]]) -> None:
    harness = {knob.name: knob.where for group in HARNESS for knob in groups.get(group, ())}
    places: dict[str, str] = {}
    for knob in (knob for group in groups if group not in HARNESS for knob in groups[group]):
        if knob.name in harness:
            where = harness[knob.name]
            raise UserError(f"{knob.where}: the knob {knob.name!r} is the harness' own ({where}): rename yours.")
        if knob.name in places:
            raise UserError(f"{knob.where}: there is a knob {knob.name!r} already, at {places[knob.name]}; rename it.")
        if knob.name in RESERVED:
            raise UserError(f"{knob.where}: {knob.name!r} means something else on the command line; rename the knob.")
        places[knob.name] = knob.where


def _tasks(model: ModelFile, data: DataFile, name: str | None) -> tuple[TaskFile, ...]:
    possible = catalogue.tasks_of(model, data)
    if not possible:
        raise UsageError(
            "".join(f"Unreadable: {problem}\n" for problem in catalogue.broken())
            + f"{model.name} takes {_names(model.takes)} and gives {_names(model.gives)}; {data.name} has "
            f"{_names(data.inputs)} and {_names(data.outputs)}. What goes together: make list"
        )
    if name is None:
        own = tuple(task for task in possible if task.spec in data.outputs)
        return own if set(data.outputs) <= set(model.gives) else tuple(possible)
    wanted = catalogue.task(name)
    if wanted not in possible:
        can = ", ".join(task.name for task in possible)
        raise UsageError(f"{model.name} on {data.name} can't do {name}; it can do: {can}.")
    return (wanted,)


def _names(kinds: tuple[type, ...]) -> str:
    return " or ".join(kind.__name__ for kind in kinds)

"""The `list` command: what there is on one screen, and the details of a name. Nothing is imported to tell it."""

import tomllib
from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any

from rich.table import Table

from src import specs
from src.errors import unknown
from src.settings import catalogue, knobs
from src.settings.catalogue import DataFile, ModelFile, TaskFile
from src.settings.knobs import Knob
from src.system.files import read_text
from src.system.screen import PlainConsole, styled


def listing(name: str = "") -> None:
    """Prints every model, data set and recipe, or the details of what has that name.

    Args:
        name: of a model, a data set, a task or a recipe; or the path of a model file.

    Raises:
        UserError: for a name that isn't there, or whose file can't be read.
    """
    console = PlainConsole()
    if not name:
        return _everything(console)
    if catalogue.is_path(name):
        return _model(console, name)
    show = {"models": _model, "src/datasets": _data_set, "src/tasks": _task, "recipes": _recipe}
    folders = [folder for folder in show if name in _names(folder)]
    if not folders:
        raise unknown("model, data set, task or recipe", name, [entry for folder in show for entry in _names(folder)])
    for folder in folders:
        show[folder](console, name)


def _names(folder: str) -> list[str]:
    return list(catalogue.recipes()) if folder == "recipes" else [path.stem for path in catalogue.files(folder)]


def _everything(console: PlainConsole) -> None:
    models, datasets = catalogue.models().values(), catalogue.datasets().values()
    console.print("Models", style="bold")
    _lines(console, {file.name: (file.summary, "") for file in models})
    console.print()
    width = max((len(file.name) for file in datasets), default=0)
    for kind in sorted({kind for file in datasets for kind in file.inputs}, key=lambda kind: kind.__name__):
        group = [file for file in datasets if kind in file.inputs]
        fitting = [m.name for m in models if kind in m.takes and any(catalogue.tasks_of(m, data) for data in group)]
        title = f"{kind.__name__} data, for {', '.join(fitting) or 'no model'}"
        console.print(title, style="bold", no_wrap=True, overflow="ellipsis")
        lines = {file.name: (file.summary, "" if file.named_by else file.download) for file in group}
        _lines(console, lines, width)
    recipes = catalogue.recipes()
    console.print(styled(("Recipes  ", "bold"), (", ".join(recipes), "")) if recipes else "")
    if problems := catalogue.broken():
        _heading(console, "Files that can't be read")
        for problem in problems:
            console.print(f"  {problem}", style="red", soft_wrap=True)
    console.print("Details: make list ARGS=NAME    Train: make train MODEL=NAME DATA=NAME")


def _lines(console: PlainConsole, entries: Mapping[str, tuple[str, str]], width: int = 0) -> None:
    """A line each: a name, in a column `width` wide or more, as much of its sentence as fits, and a remark."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), expand=True)
    table.add_column(style="cyan", no_wrap=True, min_width=width + 2)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column(no_wrap=True, justify="right")
    for name, (sentence, remark) in entries.items():
        table.add_row(f"  {name}", sentence, remark)
    console.print(table if entries else "  none")


def _model(console: PlainConsole, name: str) -> None:
    file = catalogue.model(name)
    default = f"; default data set: {file.data}" if file.data else ""
    _head(console, file, f"takes {_or(file.takes)}; gives {_or(file.gives)}{default}")
    _knobs(console, file.knobs)
    if file.fit:
        _heading(console, "Its own defaults for training (FIT)")
        _pairs(console, {name: str(value) for name, value in file.fit.items()})
    if file.space:
        _heading(console, "What tuning searches (SPACE)")
        _pairs(console, {name: _values(values) for name, values in file.space.items()})
    _heading(console, "Data sets, and the tasks on them")
    _pairs(console, {data.name: tasks for data in catalogue.datasets().values() if (tasks := _tasks(file, data))})
    console.print(f'\nAll flags of a training: make train MODEL={name} ARGS="--help"')


def _data_set(console: PlainConsole, name: str) -> None:
    file = catalogue.dataset(name)
    source = "your own files" if file.named_by else f"download: {file.download or 'none'}"
    _head(console, file, f"has {_or(file.inputs)}; predicts {_or(file.outputs)}; {source}")
    _knobs(console, file.knobs)
    _heading(console, "Models, and their tasks")
    _pairs(console, {model.name: tasks for model in catalogue.models().values() if (tasks := _tasks(model, file))})


def _task(console: PlainConsole, name: str) -> None:
    file = catalogue.task(name)
    _head(console, file, f"predicts {file.spec.__name__}")
    _knobs(console, file.knobs)


def _recipe(console: PlainConsole, name: str) -> None:
    path = catalogue.recipe(name)
    text = read_text(path)
    lines = (line.removeprefix("#").strip() for line in text.splitlines())
    about = " ".join(takewhile(lambda line: not line.startswith("make "), lines))
    console.print(f"recipes/{path.name}", style="bold")
    _pairs(console, {name: about})
    _heading(console, "Values")
    _pairs(console, {knob: str(value) for knob, value in tomllib.loads(text).items()})
    console.print(f"\nTrain it: make train RECIPE={name}")


def _head(console: PlainConsole, file: ModelFile | DataFile | TaskFile, what: str) -> None:
    console.print(knobs.shown(file.path), style="bold")
    _entries(console, {file.name: (file.summary, what)})


def _knobs(console: PlainConsole, of_file: Iterable[Knob]) -> None:
    _heading(console, "Knobs")
    _entries(console, {knob.flag: (knob.help, _of_knob(knob)) for knob in of_file})


def _entries(console: PlainConsole, entries: Mapping[str, tuple[str, str]]) -> None:
    """Names, each with a sentence and, on the next line, the rest."""
    _pairs(console, {name: styled((f"{text}\n", ""), (rest, "dim")) for name, (text, rest) in entries.items()})


def _pairs(console: PlainConsole, pairs: Mapping[str, Any]) -> None:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, text in pairs.items():
        table.add_row(styled((f"  {name}", "cyan"), no_wrap=True), text)
    console.print(table if pairs else "  none")


def _heading(console: PlainConsole, title: str) -> None:
    console.print(f"\n{title}", style="bold")


def _of_knob(knob: Knob) -> str:
    """Its type and its default, as they are typed on the command line; None stands for no value."""
    kind = knobs.words(knob.type).removesuffix(" or None")
    value = " ".join(map(str, knob.default)) if isinstance(knob.default, tuple) else knob.default
    if isinstance(value, bool):
        value = str(value).lower()
    return kind if value in (None, "") else f"{kind}; default: {value}"


def _or(kinds: Iterable[type]) -> str:
    return " or ".join(kind.__name__ for kind in kinds)


def _tasks(model: ModelFile, data: DataFile) -> str:
    return ", ".join(task.name for task in catalogue.tasks_of(model, data))


def _values(values: specs.Choice | specs.Range) -> str:
    """What tuning may try, in words."""
    if isinstance(values, specs.Choice):
        return "one of " + ", ".join(map(repr, values.values))
    steps = f" in steps of {values.step}" if values.step else ""
    return f"{values.low} to {values.high}{steps}{', on a log scale' if values.log else ''}"

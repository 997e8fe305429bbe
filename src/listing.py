"""The `list` command: what there is, what goes together, and the knobs of each. Nothing is imported to tell it."""

from collections.abc import Iterable, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from src import catalogue, knobs, specs
from src.catalogue import DataFile, ModelFile
from src.files import read_text
from src.knobs import Knob

COMMAND = "python -m src"


def listing(*, model: str = "", data: str = "") -> None:
    """Prints every model, data set and task and what goes together, or the knobs of one model or data set.

    Args:
        model: show this model and its knobs.
        data: show this data set and its knobs.

    Raises:
        UserError: for a model or a data set that isn't there or can't be read.
    """
    console = Console(highlight=False, markup=False, emoji=False)
    if model:
        _model(console, catalogue.model(model))
    if data:
        _data_set(console, catalogue.dataset(data))
    if not model and not data:
        _everything(console)


def _everything(console: Console) -> None:
    models, datasets, tasks = catalogue.models(), catalogue.datasets(), catalogue.tasks()
    _entries(console, "Models", {name: (file.summary, _of_model(file)) for name, file in models.items()})
    _entries(console, "Data sets", {name: (file.summary, _of_data(file)) for name, file in datasets.items()})
    _entries(console, "Tasks", {name: (file.summary, f"predicts {_or([file.spec])}") for name, file in tasks.items()})
    if recipes := catalogue.recipes():
        _heading(console, "Recipes")
        _pairs(console, {name: _about(path) for name, path in recipes.items()})
    _heading(console, "What goes together, and for which task")
    _together(console, list(models.values()), list(datasets.values()))
    if problems := catalogue.broken():
        _heading(console, "Files that can't be read")
        for problem in problems:
            console.print(f"  {problem}", style="red", soft_wrap=True)
    console.print(f"\nKnobs of one:  {COMMAND} list --model NAME  (or --data NAME)")
    console.print(f"Train one:     {COMMAND} train MODEL --data NAME")


def _together(console: Console, models: list[ModelFile], datasets: list[DataFile]) -> None:
    """The task of each model on each data set, in as many tables side by side as the screen needs."""
    cells = {(m.name, d.name): _names_of_tasks(m, d) for m in models for d in datasets}
    widest = max(map(len, ["", *cells.values(), *(file.name for file in models)]))
    first = max(map(len, ["", *(file.name for file in datasets)]))
    fitting = max(1, (console.width - first - 4) // (widest + 2))
    for start in range(0, len(models), fitting):
        names = [file.name for file in models[start : start + fitting]]
        table = Table("", *names, box=None, padding=(0, 2, 0, 0), header_style="bold")
        table.columns[0].header_style = table.columns[0].style = "cyan"
        for file in datasets:
            table.add_row(f"  {file.name}", *(cells[name, file.name] for name in names))
        console.print(table)


def _model(console: Console, file: ModelFile) -> None:
    _entries(console, knobs.shown(file.path), {file.name: (file.summary, _of_model(file))})
    _entries(console, "Knobs", {knob.flag: (knob.help, _of_knob(knob)) for knob in file.knobs})
    if file.fit:
        _heading(console, "Its own defaults for training (FIT)")
        _pairs(console, {name: str(value) for name, value in file.fit.items()})
    if file.space:
        _heading(console, "What tuning may try (SPACE)")
        _pairs(console, {name: _values(values) for name, values in file.space.items()})
    console.print(f"\nThe knobs of the training too: {COMMAND} train {file.name} --help")


def _data_set(console: Console, file: DataFile) -> None:
    _entries(console, knobs.shown(file.path), {file.name: (file.summary, _of_data(file))})
    _entries(console, "Knobs", {knob.flag: (knob.help, _of_knob(knob)) for knob in file.knobs})


def _entries(console: Console, title: str, entries: Mapping[str, tuple[str, str]]) -> None:
    """Names, each with a sentence and, on the next line, the rest."""
    _heading(console, title)
    _pairs(console, {name: Text.assemble(text, "\n", (rest, "dim")) for name, (text, rest) in entries.items()})


def _pairs(console: Console, pairs: Mapping[str, Any]) -> None:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, text in pairs.items():
        table.add_row(Text(f"  {name}", "cyan", no_wrap=True), text)
    console.print(table if pairs else "  none")


def _heading(console: Console, title: str) -> None:
    console.print(f"\n{title}", style="bold")


def _of_model(file: ModelFile) -> str:
    default = f"; by itself on {file.data}" if file.data else ""
    return f"takes {_or(file.takes)}; gives {_or(file.gives)}{default}"


def _of_data(file: DataFile) -> str:
    source = "your own files" if file.named_by else f"download: {file.download or 'none'}"
    return f"has {_or(file.inputs)}; predicts {_or(file.outputs)}; {source}"


def _of_knob(knob: Knob) -> str:
    default = "" if knob.default is None else f"; default {knob.default!r}"
    return f"{knobs.words(knob.type)}{default}"


def _about(recipe: Path) -> str:
    """What it is: the comment at its top, down to its command."""
    lines = (line.removeprefix("#").strip() for line in read_text(recipe).splitlines())
    return " ".join(takewhile(lambda line: not line.startswith("make "), lines))


def _or(kinds: Iterable[type]) -> str:
    return " or ".join(kind.__name__ for kind in kinds)


def _names_of_tasks(model: ModelFile, data: DataFile) -> str:
    return ", ".join(task.name for task in catalogue.tasks_of(model, data)) or "-"


def _values(values: specs.Choice | specs.Range) -> str:
    """What tuning may try, in words."""
    if isinstance(values, specs.Choice):
        return "one of " + ", ".join(map(repr, values.values))
    steps = f" in steps of {values.step}" if values.step else ""
    return f"{values.low} to {values.high}{steps}{', on a log scale' if values.log else ''}"

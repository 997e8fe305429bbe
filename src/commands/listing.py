"""The `list` command: what there is on one screen, and the details of a name. Nothing is imported to tell it."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from itertools import takewhile
from pathlib import Path
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
    """Prints what there is and what goes together; one group in full; or the details of what has that name.

    Args:
        name: of a group, which are models, data, tasks and recipes; of a model, a data set, a task or a recipe; or the
            path of a model file.

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
    if not folders and name not in GROUPS:
        known = [*GROUPS, *(entry for folder in show for entry in _names(folder))]
        raise unknown("model, data set, task or recipe", name, known)
    for folder in folders:
        show[folder](console, name)
    if name in GROUPS:
        _pairs(console, GROUPS[name]())


def _names(folder: str) -> list[str]:
    return list(catalogue.recipes()) if folder == "recipes" else [path.stem for path in catalogue.files(folder)]


def _everything(console: PlainConsole) -> None:
    models, datasets = catalogue.models().values(), catalogue.datasets().values()
    kinds = sorted({kind for file in datasets for kind in file.inputs}, key=lambda kind: kind.__name__)
    width = max((len(kind.__name__) for kind in kinds), default=0)
    alone = {model.name for model in models}
    for kind in kinds:
        group = [file for file in datasets if kind in file.inputs]
        fitting = {model.name: _all_tasks(model, group) for model in models if kind in model.takes}
        _titled(console, kind.__name__.ljust(width), _by_task(fitting, console.width - width - 2) or "no model")
        _columns(console, {file.name: _shortly(file) for file in group})
        alone -= {name for name, tasks in fitting.items() if tasks}
    if alone:
        _titled(console, "Models that no data set fits", ", ".join(sorted(alone)))
    console.print(styled(("Recipes  ", "bold"), (", ".join(catalogue.recipes()) or "none", "")))
    if problems := catalogue.broken():
        _heading(console, "Files that can't be read")
        for problem in problems:
            console.print(f"  {problem}", style="red", soft_wrap=True)
    console.print(f"make train MODEL=NAME DATA=NAME  make list ARGS=NAME|{'|'.join(GROUPS)}")


def _all_tasks(model: ModelFile, datasets: Iterable[DataFile]) -> set[str]:
    return {task.name for data in datasets for task in catalogue.tasks_of(model, data)}


def _by_task(fitting: Mapping[str, set[str]], width: int) -> str:
    """Each task and what models learn it, as many on a line as fit; tasks of the same models share theirs."""
    tasks: dict[str, list[str]] = {}
    for task in sorted(set().union(*fitting.values())):
        models = ", ".join(name for name, known in fitting.items() if task in known)
        tasks.setdefault(models, []).append(task)
    lines: list[str] = []
    for entry in (f"{', '.join(names)}: {models}" for models, names in tasks.items()):
        if lines and len(lines[-1]) + 2 + len(entry) <= width:
            lines[-1] += f"  {entry}"
        else:
            lines.append(entry)
    return "\n".join(lines)


def _shortly(file: DataFile) -> str:
    """The size of its download, where it has one, and what comes first in its sentence."""
    title = re.split("[:;]", file.summary)[0]
    return f"{file.download}  {title}" if file.download and not file.named_by else title


def _with_download(file: DataFile) -> str:
    """Its sentence, and the size of its download, where it has one."""
    return f"{file.summary} Download: {file.download}." if file.download and not file.named_by else file.summary


def _titled(console: PlainConsole, title: str, text: str) -> None:
    """A title, and lines beside it."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_row(styled((title, "bold"), no_wrap=True), text)
    console.print(table)


def _columns(console: PlainConsole, entries: Mapping[str, str]) -> None:
    """Names, each with as much of its text as fits; as many beside each other as the screen has room for."""
    across = max(console.width // 40, 1)
    down = -(-len(entries) // across)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), expand=True)
    for _ in range(across):
        table.add_column(style="cyan", no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    cells = [(f"  {name}", text) for name, text in entries.items()]
    for row in range(down):
        table.add_row(*(part for cell in cells[row::down] for part in cell))
    console.print(table)


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
    _pairs(
        console, {data.name: tasks for data in catalogue.datasets().values() if (tasks := _shared_tasks(file, data))}
    )
    console.print(f'\nAll flags of a training: make train MODEL={name} ARGS="--help"')


def _data_set(console: PlainConsole, name: str) -> None:
    file = catalogue.dataset(name)
    source = "your own files" if file.named_by else f"download: {file.download or 'none'}"
    _head(console, file, f"has {_or(file.inputs)}; predicts {_or(file.outputs)}; {source}")
    _knobs(console, file.knobs)
    _heading(console, "Models, and their tasks")
    _pairs(
        console, {model.name: tasks for model in catalogue.models().values() if (tasks := _shared_tasks(model, file))}
    )


def _task(console: PlainConsole, name: str) -> None:
    file = catalogue.task(name)
    _head(console, file, f"predicts {file.spec.__name__}")
    _knobs(console, file.knobs)


def _recipe(console: PlainConsole, name: str) -> None:
    path = catalogue.recipe(name)
    console.print(f"recipes/{path.name}", style="bold")
    _pairs(console, {name: _about(path)})
    _heading(console, "Values")
    _pairs(console, {knob: str(value) for knob, value in tomllib.loads(read_text(path)).items()})
    console.print(f"\nTrain it: make train RECIPE={name}")


def _about(path: Path) -> str:
    """What a recipe says of itself, up to its command."""
    lines = (line.removeprefix("#").strip() for line in read_text(path).splitlines())
    return " ".join(takewhile(lambda line: not line.startswith("make "), lines))


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


def _shared_tasks(model: ModelFile, data: DataFile) -> str:
    return ", ".join(task.name for task in catalogue.tasks_of(model, data))


def _values(values: specs.Choice | specs.Range) -> str:
    """What tuning may try, in words."""
    if isinstance(values, specs.Choice):
        return "one of " + ", ".join(map(repr, values.values))
    steps = f" in steps of {values.step}" if values.step else ""
    return f"{values.low} to {values.high}{steps}{', on a log scale' if values.log else ''}"


GROUPS = {
    "models": lambda: {name: file.summary for name, file in catalogue.models().items()},
    "data": lambda: {name: _with_download(file) for name, file in catalogue.datasets().items()},
    "tasks": lambda: {name: file.summary for name, file in catalogue.tasks().items()},
    "recipes": lambda: {name: _about(path).split(". ")[0] for name, path in catalogue.recipes().items()},
}

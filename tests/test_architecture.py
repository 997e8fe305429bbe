"""The house: which room may import which, as docs/architecture.md draws it."""

import ast
from pathlib import Path

import pytest

from src.settings import catalogue
from tests.tree import ROOT

MOST_LINES, MOST_PARAMETERS = 60, 8  # of a function: what is read on one screen, and remembered
# From the ground up: a room imports rooms of lower floors only. A file of src/ that is no folder is a room of its own.
FLOORS = (
    {"errors", "numbers", "generation"},
    {"specs", "system"},
    {"analysis"},
    {"data", "layers", "signatures"},
    {"task", "sources"},
    {"preprocess", "settings"},
    {"readers", "runs"},
    {"datasets", "tasks", "reports"},
    {"training", "exporting"},
    {"train", "evaluate", "export", "commands", "serving.local"},
    {"crossvalidation", "serving"},
    {"cli", "demo", "tuning"},
    {"__main__"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for folder in ("src", "tuning", "models")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.stem != "__init__"
}


def imported(module: str) -> set[str]:
    """The project's own files that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=aliases):
                names |= {alias.name for alias in aliases}
            case ast.ImportFrom(module=str(package), names=aliases):
                names |= {package, *(f"{package}.{alias.name}" for alias in aliases)}
    return names & FILES.keys() - {module}


def room(module: str) -> str:
    parts = module.split(".")
    if parts[0] != "src":
        return parts[0]
    return "serving.local" if parts[1:3] == ["serving", "local"] and len(parts) > 3 else parts[1]


@pytest.mark.parametrize("module", [name for name in FILES if not name.startswith("models.")])
def test_a_file_imports_only_what_is_on_lower_floors(module):
    here = room(module)
    assert here in FLOOR, f"{here} has no floor: give it one in tests/test_architecture.py and docs/architecture.md"
    for other in imported(module):
        there = room(other)
        assert there == here or FLOOR[there] < FLOOR[here], (
            f"{module} imports {other}, but {there} isn't below {here}: move what it needs down, or itself up"
        )


def test_no_file_imports_itself_through_others():
    done, way = set(), []

    def walk(module):
        assert module not in way, "a circle: " + " → ".join([*way[way.index(module) :], module])
        if module not in done:
            way.append(module)
            for other in sorted(imported(module)):
                walk(other)
            done.add(way.pop())

    for module in FILES:
        walk(module)


@pytest.mark.parametrize("module", [name for name in FILES if name.startswith("models.")])
def test_a_model_imports_only_words(module):
    known = {"layers", "specs", "models"}
    assert {room(other) for other in imported(module)} <= known, "a model file is made of Keras, specs and layers"


PLUG_INS = {*catalogue.models(), *(name for name, file in catalogue.datasets().items() if not file.named_by)}
TUNING = [name for name in FILES if name.startswith("tuning.")]
HARNESS = [name for name in FILES if name.startswith("src.") and room(name) not in ("datasets", "tasks")]


@pytest.mark.parametrize("module", HARNESS)
def test_the_harness_names_no_model_and_no_data_set(module):
    if module == "src.commands.bench":
        pytest.skip("its default cases are models and data sets")
    assert not {name for name in imported(module) if name.startswith(("models.", "src.datasets.", "src.tasks."))}
    tree = ast.parse(FILES[module].read_text(encoding="utf-8"))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert not texts & PLUG_INS, f"{module} names {texts & PLUG_INS}: a model or a data set is found by its file alone"


def test_every_file_has_a_room_in_the_drawing():
    drawing = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    for name in FLOOR:
        assert f"`{Path(name.replace('.', '/')).as_posix()}" in drawing or f"`{name}" in drawing, name


PLAIN = {"rich.table", "rich.live"}  # of rich: they only arrange what a console shows
PRINTERS = ("src.system.screen", "src.exporting.verify")  # the latter answers a process, and imports nothing from here


@pytest.mark.parametrize("module", [name for name in [*HARNESS, *TUNING] if name not in PRINTERS])
def test_what_is_printed_goes_through_the_screen(module):
    tree = ast.parse(FILES[module].read_text(encoding="utf-8"))
    prints = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "print"]
    assert not prints, f"line {prints[0]} prints what a terminal may obey: use tell or show of src/system/screen.py"
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    markup = {name for name in modules if name.split(".")[0] == "rich"} - PLAIN
    assert not markup, f"{markup} takes names for markup: src/system/screen.py has consoles and bars that don't"


@pytest.mark.parametrize("module", [name for name in FILES if not name.startswith("models.")])
def test_functions_are_short_and_take_few_arguments(module):
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            where, lines = f"{node.name}, line {node.lineno}", node.end_lineno - node.lineno + 1
            assert lines <= MOST_LINES, f"{where} has {lines} lines: tell a part of it by a function of its own"
            parameters = len(node.args.posonlyargs) + len(node.args.args)  # knobs are keyword-only
            assert parameters <= MOST_PARAMETERS, f"{where} takes {parameters}: put together what belongs together"

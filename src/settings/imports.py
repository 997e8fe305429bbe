"""Which files a plugged-in file imports code from: told by its import statements, without running it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from src.settings.knobs import syntax
from src.settings.modules import PACKAGES, PROJECT


def code(path: Path, root: Path, beside: Path | None = None) -> list[Path]:
    """The file, and those whose code it uses: of the plug-ins' packages, and those that stand beside it.

    Args:
        path: of the file.
        root: folder of the project.
        beside: folder of a file that is in none of the plug-ins' packages, and imports its neighbours as a script does.
    """
    paths: list[Path] = []
    new = [path]
    while new:
        path = new.pop()
        if path not in paths:
            paths.append(path)
            new += [file for node in ast.walk(syntax(path)) for file in _imported(node, path, root, beside)]
    return paths


def _imported(node: ast.AST, path: Path, root: Path, beside: Path | None) -> Iterator[Path]:
    """The files that a statement of the file at `path` imports."""
    match node:
        case ast.Import(names=names):
            level, modules = 0, [alias.name for alias in names]
        case ast.ImportFrom(module=module, names=names, level=level):
            package = [module] if module else []
            modules = [*package, *(".".join([*package, alias.name]) for alias in names)]
        case _:
            return
    for name in modules:
        if level:
            folder = path.parents[level - 1]
        elif name.startswith(tuple(f"{package}." for package in PACKAGES)):
            folder = root
        elif beside and name.partition(".")[0] not in PROJECT:
            folder = beside
        else:
            continue
        place = folder.joinpath(*name.split("."))
        yield from (file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file())

"""The files that are plugged in, as text and as modules: what runs is what a file says, also after it was edited.

Python imports a file once, and takes compiled code for fresh by the file's size and the second in which it was
written. A notebook lives for days, and files there are edited and used again at once.
"""

import importlib
import linecache
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, wraps
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import decode_source, spec_from_file_location
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from src.errors import UserError

PACKAGES = ("models", "src.datasets", "src.tasks")  # of plug-ins
PROJECT = ("src", "models", "tuning", "tests")  # names that no file outside takes

_held: dict[Path, bytes] | None = None
_outside: dict[str, Path] = {}  # plug-ins by path, and modules beside them that they use, by name; without .py


@contextmanager
def held() -> Iterator[None]:
    """Within it, a file stays as it was when it was first read: a training ends with the code that it began with."""
    global _held
    if _held is not None:  # by what this is a part of
        yield
        return
    _held = {}
    try:
        yield
    finally:
        _held = None


def source(path: Path) -> bytes:
    """What the file says."""
    if _held is None:
        return path.read_bytes()
    if path not in _held:
        _held[path] = path.read_bytes()
    return _held[path]


def cached(read: Callable) -> Callable:
    """Remembers what `read` found out about a file, its first argument, until the file says something else."""
    remembered = cache(lambda _, *arguments: read(*arguments))

    @wraps(read)
    def up_to_date(path: Path, *arguments: Any) -> Any:
        with held():
            return remembered(source(path), path, *arguments)

    return up_to_date


def load(name: str, outside: Mapping[str, Path] = MappingProxyType({})) -> ModuleType:
    """The module of that name, executed anew where its file, or another one that is plugged in, was edited.

    Args:
        name: of the module.
        outside: where the top-level modules are that it uses outside the project's packages, without .py.

    Raises:
        UserError: where one of those has the name of another module of this process.
    """
    moved = any(_outside.get(other, path) != path for other, path in outside.items())
    _outside.update(outside)
    plugged_in = {other: module for other, module in sys.modules.items() if _is_plugged_in(other)}
    for other in outside.keys() & plugged_in.keys():
        _check_is_no_other(other, plugged_in[other])
    if moved or any(map(_is_stale, plugged_in.values())):
        for other in plugged_in:  # all, as one may use another
            package, _, stem = other.rpartition(".")
            del sys.modules[other]
            if package in sys.modules:
                vars(sys.modules[package]).pop(stem, None)
    return importlib.import_module(name)


def imported() -> list[Path]:
    """The files of the project that this process has imported, without those that are plugged in."""
    ours = [module for name, module in sys.modules.items() if name.partition(".")[0] in ("src", "tuning")]
    files = {Path(module.__file__) for module in ours if module.__file__ and not _is_plugged_in(module.__name__)}
    return sorted(files)


def _is_plugged_in(name: str) -> bool:
    """Whether a module is a plug-in's: in one of the packages, or among those outside."""
    return name.partition(".")[0] in _outside or name.startswith(tuple(f"{package}." for package in PACKAGES))


def _check_is_no_other(name: str, module: ModuleType) -> None:
    """Raises a UserError where a module of the process takes the name of a file that a plug-in imports."""
    place, file = _outside[name], getattr(module, "__file__", None)
    ours = module.__spec__ and isinstance(module.__spec__.loader, _Loader)
    if not ours and file and Path(file).resolve() not in _files(place):
        del _outside[name]
        raise UserError(f"{place}.py can't be imported: {name!r} is another module here, {file}. Rename the file.")


def _is_stale(module: ModuleType) -> bool:
    if module.__spec__ and module.__spec__.origin is None:
        return False  # a folder of modules
    loader = module.__spec__.loader if module.__spec__ else None
    if not isinstance(loader, _Loader) or not Path(loader.path).is_file():
        return True
    return loader.executed != source(Path(loader.path))


def _files(place: Path) -> tuple[Path, Path]:
    """The files that may hold a module, or a package, that would stand there."""
    return place.with_name(f"{place.name}.py"), place / "__init__.py"


class _Loader(SourceFileLoader):
    """Compiles the file itself, and keeps what it executes: tracebacks and TensorFlow read functions there."""

    def get_code(self, fullname):
        self.executed = source(Path(self.path))
        compiled = self.source_to_code(self.executed, self.path)
        lines = decode_source(self.executed).splitlines(keepends=True)
        linecache.cache[self.path] = (len(self.executed), None, lines, self.path)  # None: not to be read again
        return compiled


class _Finder:
    """Finds the files that are plugged in."""

    @staticmethod
    def find_spec(fullname, path=None, target=None) -> ModuleSpec | None:
        if not _is_plugged_in(fullname):
            return None
        place = Path(path[0], fullname.rpartition(".")[2]) if path else _outside[fullname]
        for file in _files(place):
            if file.is_file():
                return spec_from_file_location(fullname, file, loader=_Loader(fullname, str(file)))
        if not place.is_dir():
            return None
        folder = ModuleSpec(fullname, None, is_package=True)
        folder.submodule_search_locations = [str(place)]
        return folder


sys.meta_path.insert(0, _Finder)

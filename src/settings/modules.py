"""The files that are plugged in, as text and as modules: what runs is what a file says, also after it was edited.

Python imports a file once, and takes compiled code for fresh by the file's size and the second in which it was
written. A notebook lives for days, and files there are edited and used again at once.
"""

import importlib
import linecache
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import decode_source, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGES = ("models", "src.datasets", "src.tasks")

_held: dict[Path, bytes] | None = None


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


def load(name: str) -> ModuleType:
    """The module of that name, executed anew where its file, or another one that is plugged in, was edited."""
    plugged_in = [module for module in sys.modules if module.rpartition(".")[0] in PACKAGES]
    if any(_is_stale(sys.modules[module]) for module in plugged_in):
        for module in plugged_in:  # all, as one may use another
            package, _, stem = module.rpartition(".")
            del sys.modules[module]
            vars(sys.modules[package]).pop(stem, None)
    return importlib.import_module(name)


def _is_stale(module: ModuleType) -> bool:
    loader = module.__spec__.loader if module.__spec__ else None
    if not isinstance(loader, _Loader) or not Path(loader.path).is_file():
        return True
    return loader.executed != source(Path(loader.path))


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
        package, _, stem = fullname.rpartition(".")
        if package not in PACKAGES:
            return None
        file = Path(path[0], f"{stem}.py")
        return spec_from_file_location(fullname, file, loader=_Loader(fullname, str(file))) if file.is_file() else None


sys.meta_path.insert(0, _Finder)

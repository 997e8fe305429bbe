"""Files that appear whole or not at all."""

import codecs
import glob
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from src.errors import UserError

MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}  # of encodings
PARTIAL = re.compile(r"\.(\d{1,9})-")  # how `whole` calls a file that isn't ready, by its process
CLOCK_S = 2  # by which the clocks of files and processes may differ
PATTERN = re.compile(r"[\[\\]" if os.sep == "/" else r"\[")  # in a path: TensorFlow takes it for one of names
MOST_LEVELS = 100  # of values in values, in a file: more would overflow the stack of what looks at them


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to that becomes `path` when the block ends well, and vanishes when it doesn't.

    What a process that was killed has left half-written of the same file is removed; `sweep` removes that of others.
    """
    _remove_left(path.parent.glob(f".[0-9]*-{glob.escape(path.name)}"))
    partial = path.with_name(f".{os.getpid()}-{path.name}")  # the ending stays, as Keras looks at it
    try:
        yield partial
        os.replace(partial, path)
    finally:
        with suppress(OSError):  # which would hide why it wasn't written
            partial.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Removes what processes that were killed have left half-written in a folder and below it."""
    _remove_left(folder.rglob(".[0-9]*-*"))


def _remove_left(partials: Iterable[Path]) -> None:
    for path in partials:
        if (owner := PARTIAL.match(path.name)) and not _is_alive(int(owner[1]), path):
            path.unlink(missing_ok=True)


def _is_alive(process: int, path: Path) -> bool:
    """Whether the process of that number still is the one that began to write the file: numbers are given anew."""
    try:
        return psutil.Process(process).create_time() <= path.stat().st_mtime + CLOCK_S
    except (psutil.Error, OSError):
        return False


@contextmanager
def unpatterned(folder: Path) -> Iterator[Path]:
    """A path by which TensorFlow finds a folder whatever it is called: the folder's own, or a link to it.

    TensorFlow takes the path of a model's variables for a pattern of names, in which brackets stand for a character.
    """
    if not PATTERN.search(str(folder.absolute())):
        yield folder
        return
    with tempfile.TemporaryDirectory() as temporary:
        link = Path(temporary) / "link"
        link.symlink_to(folder.absolute(), target_is_directory=True)
        yield link


def write_json(path: Path, content: Any, indent: int | None = 2) -> None:
    """Writes `content` as JSON, indented for readers."""
    with whole(path) as partial:
        partial.write_text(json.dumps(content, indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")


def read_text(path: Path) -> str:
    """The text of a small file, without the mark with which Windows' editors and shells begin it.

    Raises:
        ValueError: where it isn't UTF-8, nor what its mark says.
    """
    content = path.read_bytes()
    return content.decode(next((encoding for mark, encoding in MARKS.items() if content.startswith(mark)), "utf-8"))


def read_json(path: Path) -> Any:
    """The content of a JSON file; raises UserError where it isn't JSON."""
    try:
        return parsed(json.loads, read_text(path))
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}.") from None


def parsed(parse: Callable[[str], Any], text: str) -> Any:
    """What `parse` makes of a text; raises ValueError where it can't, or what it makes is nested too deeply."""
    try:
        content = parse(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    level = [content]
    for _ in range(MOST_LEVELS):
        if not level:
            return content
        parts = (part for part in level if isinstance(part, dict | list))
        level = [inner for part in parts for inner in (part.values() if isinstance(part, dict) else part)]
    raise ValueError("it is nested too deeply")


def read_record(path: Path, *keys: str) -> dict[str, Any]:
    """The content of a JSON file of named values; raises UserError where it isn't one or lacks one of `keys`."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise UserError(f"{path} has to hold named values.")
    if missing := ", ".join(key for key in keys if key not in content):
        raise UserError(f"{path} lacks {missing}.")
    return content


def check_writable(*folders: Path) -> None:
    """Makes the folders; raises UserError where nothing can be written into one, before hours are spent."""
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise UserError(f"Can't write into {folder}: {error.strerror}.") from None


def check_name(knob: str, name: str) -> None:
    """Raises a UserError for a name that could lead out of its folder, or that not every system can store."""
    if not re.fullmatch(r"[\w-][\w.-]*", name, re.ASCII):
        raise UserError(f"{knob} {name!r} can't name a folder: use letters, digits, '-', '_' and '.'.")

"""The state of a training on disk: all that is needed to go on as if nothing had happened.

A state is one file: numpy arrays without pickle, then a line with the format's version and a SHA-256 of both.
It is written under another name, flushed and renamed. The one before it is kept, and stands in where it is damaged.
"""

import hashlib
import io
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from src.errors import UserError

FORMAT = 1
FACTS = "facts"
FOOTER = "\nstate {} sha256 {}\n"
FOOTER_BYTES = len(FOOTER.format(FORMAT, "0" * 64))


@dataclass(frozen=True)
class State:
    """A point of a training.

    Args:
        arrays: by name.
        facts: plain data, as JSON can hold it.
    """

    arrays: Mapping[str, np.ndarray]
    facts: Mapping[str, Any]


def write(folder: Path, state: State) -> None:
    """Makes `state` the newest in `folder`, and forgets all but the one before it.

    Raises:
        OSError: where it can't be written; those that are there stay as they are.
    """
    folder.mkdir(exist_ok=True)
    earlier = _files(folder)
    number = int(earlier[-1].stem) + 1 if earlier else 1
    facts = np.frombuffer(json.dumps(state.facts).encode(), "uint8")
    partial = folder / f".{number:08d}"
    try:
        with open(partial, "w+b") as file:
            np.savez(file, allow_pickle=False, **state.arrays, **{FACTS: facts})
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256")
            digest.update(str(FORMAT).encode())
            file.write(FOOTER.format(FORMAT, digest.hexdigest()).encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, folder / f"{number:08d}.state")
    finally:
        partial.unlink(missing_ok=True)
    for path in earlier[:-1]:
        path.unlink()


def newest(folder: Path, say: Callable[[str], None]) -> State | None:
    """The newest whole state in `folder`, or None where there is none.

    Args:
        folder: where `write` was told to write.
        say: is told of each damaged state that is passed over.

    Raises:
        UserError: for a state of another format, or where all are damaged.
    """
    files = _files(folder)
    for path in reversed(files):
        try:
            return _read(path)
        except ValueError as error:
            say(f"{path} is damaged: {error}")
    if files:
        raise UserError(f"Every state in {folder} is damaged. To start over, remove that folder.")
    return None


def exists(folder: Path) -> bool:
    """Whether a training left a state in `folder`."""
    return bool(_files(folder))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.state") if path.stem.isdecimal())


def _read(path: Path) -> State:
    content = path.read_bytes()
    payload, footer = content[:-FOOTER_BYTES], content[-FOOTER_BYTES:].decode(errors="replace").split()
    if len(footer) != 4 or footer[0] != "state" or footer[2] != "sha256":
        raise ValueError("its end is missing")
    if footer[3] != hashlib.sha256(payload + footer[1].encode()).hexdigest():
        raise ValueError("its checksum doesn't fit")
    if footer[1] != str(FORMAT):
        raise UserError(f"{path} has the format {footer[1]}, this code reads {FORMAT}.")
    with np.load(io.BytesIO(payload), allow_pickle=False) as file:
        arrays = dict(file)
    return State(arrays, json.loads(arrays.pop(FACTS).tobytes()))

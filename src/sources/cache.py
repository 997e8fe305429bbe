"""Where decoded images are kept: in memory, on the disk, or nowhere, so that each batch decodes its own."""

import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import psutil
import tensorflow as tf

from src.errors import UserError
from src.system import places
from src.system.files import read_record, sweep, whole, write_json

PLACES = {"memory": "kept in memory", "disk": "kept on the disk", "none": "decoded when they are needed"}
MEMORY_BYTES = 2**30  # at most, which is little beside what training itself takes
SEAL = "\ncrc32 {:08x}\n"  # at the end of a file; behind what numpy reads of it
SEAL_BYTES = len(SEAL.format(0))
BLOCK = 2**22  # bytes that are read at a time
SHARE = 4  # of free memory, or disk, one in so many bytes is taken


def choose(cache: str | None, size: int) -> str:
    """Where `size` bytes are kept, "memory", "disk" or "none": as the user says, or where they fit well.

    Raises:
        UserError: where they don't fit as the user says.
    """
    free = {"memory": psutil.virtual_memory().available, "disk": _free_disk()}
    if cache in free and size > free[cache]:
        raise UserError(f"--cache {cache} needs {size / 1e9:.1f} GB; {free[cache] / 1e9:.1f} GB are free.")
    if cache:
        return cache
    if size <= min(MEMORY_BYTES, free["memory"] // SHARE):
        return "memory"
    return "disk" if size <= free["disk"] // SHARE else "none"


def keep(where: str, images: Iterable[np.ndarray], shape: tuple[int, ...], kind: Any, key: str) -> Callable:
    """Keeps images; gives a function from numbers (batch,) to those images.

    Args:
        where: "memory" or "disk".
        images: in the order of their numbers.
        shape: of all together.
        kind: dtype of their pixels.
        key: by which they are found again on the disk; then `images` isn't asked.
    """
    return _in_memory(images, shape, kind) if where == "memory" else _on_disk(images, shape, kind, key)


def digest(files: Iterable[str | Path], about: Any) -> str:
    """A key that changes with any of the files' names, sizes and times of change, and with what else it is about."""
    key = hashlib.sha256(repr(about).encode())
    for file in files:
        now = os.stat(file)
        key.update(f"{os.path.abspath(file)}\0{now.st_size}\0{now.st_mtime_ns}\n".encode())
    return key.hexdigest()[:16]


def remembered(key: str, find: Callable[[], dict]) -> dict:
    """What `find` found when it was asked for this `key` first, or again where the record of it is damaged."""
    if not _free_disk():
        return find()
    path = _folder() / f"{key}.json"
    with suppress(FileNotFoundError, UserError):
        content = read_record(path, "found", "crc32")
        if content["crc32"] == _crc32(content["found"]):
            return content["found"]
    found = find()
    sweep(path.parent)
    write_json(path, {"found": found, "crc32": _crc32(found)})
    return found


def _in_memory(images: Iterable[np.ndarray], shape: tuple[int, ...], kind: Any) -> Callable:
    array = np.empty(shape, kind)
    _fill(array, images)
    with tf.device("CPU"):
        kept = tf.constant(array)
    return lambda numbers: tf.gather(kept, numbers)


def _on_disk(images: Iterable[np.ndarray], shape: tuple[int, ...], kind: Any, key: str) -> Callable:
    """See `keep`; in a file that is found again by `key`, and then `images` isn't asked, unless it is damaged."""
    path = _folder() / f"{key}.npy"
    if not _is_sealed(path):
        sweep(path.parent)
        with whole(path) as partial:
            array = np.lib.format.open_memmap(partial, mode="w+", dtype=kind, shape=shape)
            _fill(array, images)
            array.flush()
            del array  # else Windows can't rename it
            _seal(partial)
    kept = np.load(path, mmap_mode="r")

    def fetch(numbers):
        batch = tf.numpy_function(lambda rows: kept[rows], [numbers], kept.dtype, stateful=False)
        return tf.ensure_shape(batch, (None, *shape[1:]))

    return fetch


def _fill(array: np.ndarray, images: Iterable[np.ndarray]) -> None:
    for number, image in enumerate(images):
        array[number] = image


def _seal(path: Path) -> None:
    """Appends its checksum to a file."""
    with open(path, "r+b") as file:
        file.write(_checksum(file, path.stat().st_size))


def _is_sealed(path: Path) -> bool:
    """Whether a file is there, and is what it was when it was sealed; it is read once, at 2 GB a second or so."""
    try:
        with open(path, "rb") as file:
            return _checksum(file, path.stat().st_size - SEAL_BYTES) == file.read()
    except FileNotFoundError:
        return False


def _checksum(file: IO[bytes], size: int) -> bytes:
    """The seal of a file's next bytes: against damage by disks and programs, not by people."""
    crc32 = 0
    while size > 0 and (block := file.read(min(size, BLOCK))):
        crc32, size = zlib.crc32(block, crc32), size - len(block)
    return SEAL.format(crc32).encode()


def _crc32(content: Any) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())


def _free_disk() -> int:
    """Bytes; 0 where there can't be such a folder."""
    try:
        return shutil.disk_usage(_folder()).free if os.access(_folder(), os.W_OK) else 0
    except OSError:
        return 0


def _folder() -> Path:
    folder = places.decoded()
    folder.mkdir(parents=True, exist_ok=True)
    return folder

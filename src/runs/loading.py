"""Opening a Keras file that may come from anywhere: layers and weights, never code, and no more than it holds."""

import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import h5py
import keras

from src.errors import UserError
from src.preprocess import subwords, texts  # noqa: F401 - what their functions and layers are called in files

WEIGHTS = "model.weights.h5"  # in the file
LITTLE = 100_000_000  # bytes that any file may unpack to
MOST_UNPACKED = 10  # times the bytes of a file, to which it may unpack beyond that; Keras doesn't compress at all


def load_model(path: Path) -> keras.Model:
    """The model in a .keras file.

    Raises:
        UserError: for a file that is damaged, carries code, has a member whose name leads out of its folder, or says
            that it holds far more than it does.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive)
            weights = _weights(archive)
        with _bounded(weights):
            return keras.models.load_model(path, safe_mode=True)
    except _Refused as error:
        raise UserError(f"{path} was not opened: {error}.") from None
    except Exception as error:  # Keras raises many kinds for a file that was made to harm
        if "enable_unsafe_deserialization" in str(error):  # Keras' way out is none for a file from anywhere
            why = "it carries code, such as a Lambda layer's, which isn't run; save its weights alone (.weights.h5)"
            raise UserError(f"{path} was not opened: {why}.") from error
        raise UserError(f"{path} can't be opened as a Keras model: {str(error).splitlines()[0]}") from error


class _Refused(Exception):
    """What a file would do, that wasn't opened."""


def _check_members(archive: zipfile.ZipFile) -> None:
    for name in archive.namelist():
        if ".." in PurePosixPath(name.replace("\\", "/")).parts or name.startswith(("/", "\\")) or ":" in name:
            raise _Refused(f"its member {name!r} would be written outside its folder")
    _check_unpacked(
        sum(member.file_size for member in archive.infolist()),
        sum(member.compress_size for member in archive.infolist()),
    )


def _weights(archive: zipfile.ZipFile) -> int:
    """How many numbers the file has for weights."""
    if WEIGHTS not in archive.namelist():
        return 0
    sizes, stored = [(0, 0)], archive.getinfo(WEIGHTS).file_size
    with archive.open(WEIGHTS) as member, h5py.File(member) as file:
        file.visititems(
            lambda _, item: sizes.append((item.size, item.nbytes)) if isinstance(item, h5py.Dataset) else None
        )
    counts, unpacked = zip(*sizes, strict=True)
    _check_unpacked(sum(unpacked), stored)
    return sum(counts)


def _check_unpacked(unpacked: int, stored: int) -> None:
    if unpacked > LITTLE + MOST_UNPACKED * stored:
        raise _Refused(f"its {stored:,} bytes would become {unpacked:,}")


@contextmanager
def _bounded(weights: int) -> Iterator[None]:
    """While a model is made: refuses layers with far more weights than there are numbers for, before they are made."""
    add_weight, made = keras.Layer.add_weight, 0

    def bounded(layer, shape=None, *arguments, **options):
        nonlocal made
        made += math.prod(shape or ())
        if 4 * made > LITTLE + MOST_UNPACKED * 4 * weights:
            raise _Refused(f"its layers would have {made:,} weights, and it has {weights:,}")
        return add_weight(layer, shape, *arguments, **options)

    keras.Layer.add_weight = bounded
    try:
        yield
    finally:
        keras.Layer.add_weight = add_weight

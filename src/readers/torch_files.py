"""PyTorch's files of weights, without PyTorch: tensors alone, and nothing of the code that such a file may carry.

A file is a pickle of names and tensors, beside the tensors' numbers: in a zip since PyTorch 1.6, in one stream before.
"""

import io
import math
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from src.errors import UserError
from src.readers.archives import check_size, member
from src.readers.torch_layout import as_keras_has
from src.system.private import BoundedUnpickler

STREAM = 0x1950A86A20F9469CFC6C  # what a file of the old format begins with
TYPES = {  # of a storage's numbers, with the bytes in the order of all of today's machines
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "|i1",
    "ByteStorage": "|u1",
    "BoolStorage": "|b1",
}


class Storage(NamedTuple):
    """A row of numbers that tensors are made of: their type, its key in the file, and how many they are."""

    type: str
    key: str
    size: int


class Tensor(NamedTuple):
    """Which numbers of a storage a tensor has: the first, and by axis how many, and how far apart."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


Content = Mapping[str, Any]
Load = Callable[[Storage], bytes]


def read(path: Path) -> dict[str, np.ndarray]:
    """The weights of a file by path of the variable, as Keras lays them out; see src/readers/checkpoints.py.

    Raises:
        UserError: for a file that carries anything but tensors, or claims more than it can hold. Damaged ones raise
            errors of many kinds.
    """
    content, load = _of_zip(path) if zipfile.is_zipfile(path) else _of_stream(path)
    content = content.get("state_dict", content)  # which a training's checkpoint has beside other things
    tensors = {name: tensor for name, tensor in content.items() if isinstance(tensor, Tensor)}
    return as_keras_has({name: _array(name, tensor, load(tensor.storage)) for name, tensor in tensors.items()})


def _of_zip(path: Path) -> tuple[Content, Load]:
    def load(storage: Storage) -> bytes:
        with zipfile.ZipFile(path) as archive:
            return member(archive, f"{root}data/{storage.key}")

    with zipfile.ZipFile(path) as archive:
        root = next((name.removesuffix("data.pkl") for name in archive.namelist() if name.endswith("data.pkl")), "")
        return _Tensors(io.BytesIO(member(archive, f"{root}data.pkl"))).load(), load


def _of_stream(path: Path) -> tuple[Content, Load]:
    with open(path, "rb") as file:
        if _Tensors(file).load() != STREAM:
            raise UserError("it doesn't begin as PyTorch's files do")
        for _ in ("version", "system"):
            _Tensors(file).load()
        pickled = _Tensors(file)
        content = pickled.load()
        rows = {}
        for key in _Tensors(file).load():
            storage = pickled.storages[key]
            file.read(8)  # its size once more
            rows[key] = file.read(storage.size * np.dtype(storage.type).itemsize)
    return content, lambda storage: rows[storage.key]


class _Tensors(BoundedUnpickler):
    """Reads a pickle of tensors, plain values and containers; raises UserError where it asks for anything else."""

    def __init__(self, file: IO[bytes]):
        super().__init__(file)
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """What the file calls by name."""
        if module == "torch" and name in TYPES:
            return TYPES[name]
        if module == "torch" and name.endswith("Storage"):
            raise UserError(f"its numbers are {name.removesuffix('Storage')}, which isn't read; save them as float32")
        if (module, name) not in _CALLED:
            raise UserError(f"it carries more than weights: {module}.{name}; save the model's state_dict() alone")
        return _CALLED[module, name]

    def persistent_load(self, reference: Any) -> Storage:
        """The storage that a tensor refers to, unread."""
        _, type, key, _, size, *view = reference
        if type not in TYPES.values() or any(view):
            raise UserError(f"its storage {key} isn't plain numbers")
        return self.storages.setdefault(key, Storage(type, key, size))


def _tensor(storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> Tensor:
    return Tensor(storage, offset, shape, strides)


_CALLED = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
}


def _array(name: str, tensor: Tensor, row: bytes) -> np.ndarray:
    """The tensor's numbers; NumPy refuses those beyond the end of the row."""
    type = np.dtype(tensor.storage.type)
    check_size(name, math.prod(tensor.shape) * type.itemsize, len(row))
    strides = [stride * type.itemsize for stride in tensor.strides]
    return np.ndarray(tensor.shape, type, row, tensor.offset * type.itemsize, strides)

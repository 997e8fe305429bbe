"""Safetensors' files, as Hugging Face publishes weights: tensors alone, in PyTorch's layout.

A file is the size of its header, the header in JSON, with name, type, shape and place of each tensor, and the tensors'
numbers.
"""

import json
import math
from pathlib import Path

import numpy as np
import tensorflow as tf

from src.errors import UserError
from src.readers.torch_layout import as_keras_has

TYPES = {  # of a tensor's numbers, with the bytes in the order of all of today's machines
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(tf.bfloat16.as_numpy_dtype),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("|i1"),
    "U8": np.dtype("|u1"),
    "BOOL": np.dtype("|b1"),
}


def read(path: Path) -> dict[str, np.ndarray]:
    """The weights of a file by path of the variable, as Keras lays them out; see src/readers/checkpoints.py.

    Raises:
        UserError: for a tensor that isn't plain numbers, or claims others than the file has for it. Damaged files
            raise errors of many kinds.
    """
    content = memoryview(path.read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(bytes(content[8:start]))
    header.pop("__metadata__", None)
    tensors = {}
    for name, tensor in header.items():
        kind, shape, (begin, end) = tensor["dtype"], tensor["shape"], tensor["data_offsets"]
        if kind not in TYPES:
            raise UserError(f"its tensor {name} is {kind}, which isn't read; save it as F32")
        numbers = content[start:][begin:end]
        claimed = math.prod(shape) * TYPES[kind].itemsize
        if claimed != len(numbers):
            raise UserError(f"{name} claims {claimed:,} bytes, of which {len(numbers):,} are in the file")
        tensors[name] = np.frombuffer(numbers, TYPES[kind]).reshape(shape)
    return as_keras_has(tensors)

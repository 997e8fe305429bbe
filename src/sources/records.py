"""Records of TFRecord files by their number, so that a set that is larger than memory can be shuffled as a whole.

TensorFlow reads these files from the beginning only. Each record begins with its length, which is what is read here.
"""

import struct
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

HEADER, FOOTER = 12, 4  # bytes: the length and its checksum; the data's checksum
LENGTH = struct.Struct("<Q")


class Records:
    """The records of some files, numbered in their order.

    Args:
        files: TFRecord files, not compressed.

    Raises:
        ValueError: for a file that ends within a record.
    """

    def __init__(self, files: Sequence[str]):
        self._files = [np.memmap(file, "uint8", "r") for file in files]
        spans = [(number, *span) for number, file in enumerate(self._files) for span in _spans(file)]
        self._spans = np.array(spans, "int64").reshape(-1, 3)  # file, offset and length of each record

    def __len__(self) -> int:
        return len(self._spans)

    def fetch(self, number: tf.Tensor) -> tf.Tensor:
        """The bytes of a record, a graph function of its number ()."""
        return tf.ensure_shape(tf.numpy_function(self.read, [number], tf.string, stateful=False), ())

    def read(self, number: int) -> bytes:
        """The bytes of a record."""
        file, offset, length = self._spans[number]
        return self._files[file][offset : offset + length].tobytes()


def _spans(file: np.memmap) -> Iterator[tuple[int, int]]:
    """Offset and length of each record's data."""
    offset = 0
    while offset < len(file):
        length = LENGTH.unpack_from(file.data, offset)[0] if offset + HEADER <= len(file) else len(file)
        offset += HEADER
        if offset + length + FOOTER > len(file):
            raise ValueError(f"{file.filename} is cut off: its last record isn't whole")
        yield offset, length
        offset += length + FOOTER

"""Hashes of examples: of their contents alone, so that the same bytes have the same hash in every process."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import Any

import numpy as np

from src.system.screen import track

SIZE = 8  # bytes of a hash
AT_ONCE = 64  # things that a thread reads in one go


def of_batch(raw: Mapping[str, np.ndarray]) -> np.ndarray:
    """A hash of each example of a batch, uint64 (batch,).

    Args:
        raw: arrays by input's name, batch first, of any rank; texts as bytes.
    """
    columns = [raw[name] for name in sorted(raw)]
    texts = [_texts(column) for column in columns if column.dtype == object]
    numbers = [_bytes(column) for column in columns if column.dtype != object]
    blocks = [map(np.ndarray.tobytes, np.concatenate(numbers, axis=1))] if numbers else []
    return _joined(_hash(b"".join(parts)) for parts in zip(*blocks, *texts, strict=True))


def of_contents(read: Callable[[Any], bytes], things: Sequence) -> np.ndarray:
    """A hash of the bytes that `read` gives of each thing, uint64 (things,); on all cores, under a progress bar."""

    def some(start: int) -> bytes:
        return b"".join(_hash(read(thing)) for thing in things[start : start + AT_ONCE])

    starts = range(0, len(things), AT_ONCE)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        parts = threads.map(some, starts)
        return _joined(track(parts, "hashing", len(starts)))


def _hash(content: bytes) -> bytes:
    return blake2b(content, digest_size=SIZE).digest()


def _joined(parts: Iterable[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(parts), "<u8")


def _bytes(column: np.ndarray) -> np.ndarray:
    """The numbers of each example as bytes, (batch, bytes), in one order of bytes."""
    ordered = np.ascontiguousarray(column, column.dtype.newbyteorder("<"))
    return ordered.reshape(len(ordered), -1).view("uint8")


def _texts(column: np.ndarray) -> Iterator[bytes]:
    """The texts of each example behind their lengths: else "ab", "c" would be "a", "bc"."""
    for row in column.reshape(len(column), -1):
        yield b"".join(part for text in row for part in (len(text).to_bytes(8, "little"), text))

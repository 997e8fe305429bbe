"""The manifest: what the splits of a data set were when a model was trained on them."""

import hashlib
from collections.abc import Mapping
from itertools import combinations

import numpy as np

from src.sources import Source

BYTES = 32 * 2**20  # that are read at a time
NAMED = 5  # examples in two splits that are named


def manifest(splits: Mapping[str, Source], task, notes: str = "") -> dict:
    """What is kept of the data: size, summary of the targets and SHA-256 of each split, and what stands in two.

    Reads each split once, in batches; 8 bytes an example are kept.

    Args:
        splits: by name.
        task: summarises the targets.
        notes: what the data was taken for.
    """
    described, digests = {}, {}
    for name, source in splits.items():
        described[name], digests[name] = _describe(source, task)
    return {"notes": notes, "splits": described, "in_two_splits": _repeated(digests)}


def _describe(source: Source, task) -> tuple[dict, np.ndarray]:
    whole, rows, targets = hashlib.sha256(), [], []
    size = sum(len(row) for row in _rows(source.examples(1)[0]))
    for raw, target in source.in_order(max(1, min(1024, BYTES // (size or 1)))).as_numpy_iterator():
        for row, wanted in zip(_rows(raw), target, strict=True):
            digest = hashlib.blake2b(row, digest_size=8).digest()
            whole.update(digest)
            whole.update(wanted.tobytes())
            rows.append(digest)
        targets.append(target)
    summary = task.summarize(np.concatenate(targets))
    return {"examples": len(rows), **summary, "sha256": whole.hexdigest()}, np.frombuffer(b"".join(rows), "uint64")


def _rows(raw: Mapping[str, np.ndarray]) -> list[bytes]:
    """The bytes of each example's request, inputs in order of their names."""
    columns = [raw[name] for name in sorted(raw)]
    texts = [column for column in columns if column.dtype == object]
    flat = [np.ascontiguousarray(c).reshape(len(c), -1).view("uint8") for c in columns if c.dtype != object]
    numbers = [row.tobytes() for row in np.concatenate(flat, axis=1)] if flat else []
    parts = [*texts, *([numbers] if flat else [])]
    return [b"\0".join(row) for row in zip(*parts, strict=True)]


def _repeated(digests: Mapping[str, np.ndarray]) -> list[dict]:
    found = []
    for one, other in combinations(digests, 2):
        both = np.isin(digests[one], digests[other])
        if both.any():
            found.append({"splits": [one, other], "examples": int(both.sum()), "first": _first(both, one)})
    return found


def _first(both: np.ndarray, split: str) -> str:
    return f"{split} " + ", ".join(map(str, np.flatnonzero(both)[:NAMED]))

"""The manifest: what the splits of a data set were when a model was trained on them."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import tensorflow as tf

from src.data import Source, Targets
from src.errors import UserError
from src.system import digests
from src.task import Task

NAMED = 5  # examples in two splits, or classes, that are named
MANY = 0.1  # of the smaller split, from which examples in two splits are a warning


def manifest(splits: Mapping[str, Source], task: Task, notes: str = "", warnings: Sequence[str] = ()) -> dict:
    """What is kept of the data: size, summary of the targets and SHA-256 of each split, and what stands in two.

    Hashes each split once; 8 bytes an example are kept.

    Args:
        splits: by name.
        task: summarises the targets.
        notes: what the data was taken for.
        warnings: what looks wrong in it; what looks wrong in the splits is added.
    """
    hashes = {name: source.digests() for name, source in splits.items()}
    described = {name: _describe(source, hashes[name], task) for name, source in splits.items()}
    repeated = [pair for names in combinations(splits, 2) if (pair := _repeated(hashes, *names))]
    noticed = [text for split, about in described.items() for text in _without_examples(split, about)]
    noticed += [_too_many(pair, described) for pair in repeated if _is_many(pair)]
    return {"notes": notes, "splits": described, "in_two_splits": repeated, "warnings": [*warnings, *noticed]}


def remarks(manifest: Mapping) -> list[str]:
    """A line for each two splits that share examples, too few for a warning."""
    return [
        f"{pair['examples']:,} examples of {pair['splits'][0]} are also in {pair['splits'][1]}"
        for pair in manifest["in_two_splits"]
        if not _is_many(pair)
    ]


def check_same(run: Path, before: Mapping, now: Mapping) -> None:
    """Raises a UserError where a split has other examples now than in a run's manifest."""
    for name in before["splits"].keys() & now["splits"].keys():
        if before["splits"][name]["sha256"] != now["splits"][name]["sha256"]:
            raise UserError(f"{run} was trained on other data: its {name} split had other examples than those given.")


def _describe(source: Source, hashes: np.ndarray, task: Task) -> dict:
    whole = hashlib.sha256(hashes.tobytes())

    def hashed() -> Iterator[Targets]:
        for targets in source.target_batches():
            for part in tf.nest.flatten(targets):
                whole.update(digests.of_batch({"": part}).tobytes() if part.dtype == object else part.tobytes())
            yield targets

    return {"examples": len(hashes), **task.summarize(hashed()), "sha256": whole.hexdigest()}


def _repeated(hashes: Mapping[str, np.ndarray], one: str, other: str) -> dict | None:
    """The examples of one split that stand in another too, if any do."""
    both = np.isin(hashes[one], hashes[other])
    if not both.any():
        return None
    smaller, larger = sorted((hashes[one], hashes[other]), key=len)
    return {
        "splits": [one, other],
        "examples": int(both.sum()),
        "first": f"{one} " + ", ".join(map(str, np.flatnonzero(both)[:NAMED])),
        "share": float(np.isin(smaller, larger).mean()),
    }


def _is_many(pair: Mapping) -> bool:
    return pair.get("share", 0) >= MANY


def _too_many(pair: Mapping, described: Mapping[str, Mapping]) -> str:
    smaller, larger = sorted(pair["splits"], key=lambda split: described[split]["examples"])
    size, measured = described[smaller]["examples"], pair["splits"][1]
    both = f"{round(pair['share'] * size):,} of {size:,} {smaller} examples are also in {larger}"
    return (
        f"{both}: the figures of {measured} look better than they are; "
        "remove them from one of the two, unless duplicates are expected"
    )


def _without_examples(split: str, about: Mapping) -> list[str]:
    names = [name for name, count in about.get("classes", {}).items() if not count]
    if not names:
        return []
    named = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED:,} more classes" if len(names) > NAMED else "")
    why = (
        "a class never seen in training can't be predicted" if split == "train" else "its figures say nothing about it"
    )
    return [f"{split} has no example of {named}: {why}; add some, or leave the class out"]

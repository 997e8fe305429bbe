"""Data sets of pairs of texts: which pairs can be used, into which split each comes, and what is told of them."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from src.data import Data
from src.preprocess.names import composed
from src.preprocess.subwords import Subwords, subwords, token_counts
from src.readers.pairs import Pairs
from src.readers.pictures import leave_out
from src.sources.memory import InMemory
from src.sources.splits import cut
from src.specs import OR, UNKNOWN, Text

BATCH = 1024  # texts whose tokens are counted at a time
MOST_JOINED = 0.2  # of all pairs: as many as validation has


def data_of(path: Path, pairs: Pairs, *, length: int, vocabulary: int, skip_bad: bool, newest: bool = False) -> Data:
    """The data set of pairs: in train an example for each, in validation and test one for each source.

    There the target of an example are all targets of its source, with OR between them. Pairs of one source come into
    one split, unless the files have splits of their own, and so do those of one conversation. Texts are brought to
    Unicode's composed form (NFC), and keep all else that they have between their first and last letters.

    Args:
        path: where the pairs are from.
        pairs: as they were read.
        length, vocabulary: see `subwords`; of sources and targets.
        skip_bad: whether to leave out pairs that can't be used, instead of refusing them.
        newest: whether the last tokens of a source are read, instead of its first, where it has more than `length`.

    Raises:
        ValueError: for what can't be used, naming file and row, or too little to be split.
    """
    bad = {**pairs.bad, **_unusable(pairs)}
    count = len(pairs.places) + len(pairs.bad)
    leave_out(path, [f"{place}: {why}" for place, why in bad.items()], f"{len(bad):,} of {count:,} pairs", skip_bad)
    good = [number for number, place in enumerate(pairs.places) if place not in bad]
    source, target = (_composed(texts[number] for number in good) for texts in (pairs.sources, pairs.targets))
    groups = _groups(source, [pairs.conversations[number] for number in good] if pairs.conversations else ())
    parts = _parts(path, np.array(pairs.splits, object)[good], groups)
    repeated = _leave_out_repeated(path, parts, source) if pairs.conversations else []
    lengths = partial(token_counts, vocabulary=vocabulary, length=length)
    sources = {
        split: InMemory.of({"text": source[rows]}, targets, lengths, groups[rows])
        for split, (rows, targets) in {
            "train": (parts["train"], target[parts["train"]]),
            **{split: _with_references(parts[split], source, target) for split in ("validation", "test")},
        }.items()
    }
    adapt = partial(subwords, vocabulary=vocabulary, length=length, newest=newest)
    columns = {"text": pairs.column} if pairs.column not in ("", "text") else {}
    data = Data.adapted(adapt, **sources, outputs=Text(length, vocabulary), columns=columns)
    flags = " (--source, --target)" if pairs.column else ""
    notes = [f"{path}: {len(good):,} pairs, {' to '.join(pairs.names)}{flags}", *pairs.notes]
    notes += [*_several(source, target), *repeated, *_too_long(data, source, target, length), *_left_out(bad)]
    return dataclasses.replace(data, notes="\n  ".join(notes))


def _unusable(pairs: Pairs) -> dict[str, str]:
    """Why pairs can't be used, by their place."""
    each = zip(pairs.sources, pairs.targets, pairs.places, strict=True)
    return {place: why for source, target, place in each if (why := _reason(source, target))}


def _reason(source: str, target: str) -> str:
    """Why a pair can't be used; "" where it can."""
    if not (source and target):
        return "it has no target" if source else "it has no source"
    if OR in source or OR in target:
        return f"it has the character U+{ord(OR):04X}, which stands between targets"
    if UNKNOWN in source or UNKNOWN in target:
        return "it has U+FFFD, which stands for damaged bytes (--encoding)"
    return ""


def _composed(texts: Iterable[str]) -> np.ndarray:
    """The texts in Unicode's composed form, as bytes."""
    return np.array([composed(text).encode(errors="replace") for text in texts], object)


def _groups(source: np.ndarray, conversations: Sequence[int]) -> np.ndarray:
    """A number for each pair, the same for those of one source, those of one conversation, and what these join.

    Where an "ok" here and there joins too much to be split, it is the number of the conversation.
    """
    numbers: dict[bytes, int] = {}
    of_source = np.array([numbers.setdefault(text, len(numbers)) for text in source], int)
    if not conversations:
        return of_source
    edges, size = (of_source, len(numbers) + np.array(conversations)), len(numbers) + max(conversations) + 1
    _, joined = connected_components(coo_array((np.ones(len(source)), edges), (size, size)), directed=False)
    is_too_much = np.bincount(joined[of_source]).max() > MOST_JOINED * len(source)
    return np.array(conversations) if is_too_much else joined[of_source]


def _parts(path: Path, splits: np.ndarray, groups: np.ndarray) -> dict[str, np.ndarray]:
    """The numbers of each split's pairs, shuffled."""
    if not len(splits):
        raise ValueError(f"{path} has no pairs")
    try:
        given = {split: np.flatnonzero(splits == split) for split in np.unique(splits).tolist()}
        return cut(given, groups, stratify=False, groups=groups)
    except ValueError as error:
        raise ValueError(f"{path}, with what belongs together in a group: {error}") from None


def _leave_out_repeated(path: Path, parts: dict[str, np.ndarray], source: np.ndarray) -> list[str]:
    """Takes pairs whose source is in another split, too, out of validation and test, and makes a note of them."""
    seen, count = {*source[parts["train"]]}, 0
    for split in ("validation", "test"):
        rows = parts[split]
        parts[split] = rows[np.array([text not in seen for text in source[rows]], bool)]
        seen |= {*source[rows]}
        count += len(rows) - len(parts[split])
        if not len(parts[split]):
            raise ValueError(f"{path} has too few different sources: {split} would have none of its own")
    return [f"left out of validation and test: {count:,} pairs whose source is in another split, too"] if count else []


def _with_references(rows: np.ndarray, source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A number of a pair for each source among these, and all its targets, in their order, with OR between them."""
    rows_of: dict[bytes, list[int]] = {}
    for row in rows.tolist():
        rows_of.setdefault(source[row], []).append(row)
    joined = [OR.encode().join(dict.fromkeys(target[row] for row in sorted(several))) for several in rows_of.values()]
    return np.array([several[0] for several in rows_of.values()], int), np.array(joined, object)


def _several(source: np.ndarray, target: np.ndarray) -> list[str]:
    """A note on sources with several targets."""
    targets: dict[bytes, set[bytes]] = {}
    for text, written in zip(source, target, strict=True):
        targets.setdefault(text, set()).add(written)
    count = sum(len(several) > 1 for several in targets.values())
    right = "in validation and test, each of these is right"
    return [f"several targets: {count:,} of {len(targets):,} different sources; {right}"] if count else []


def _too_long(data: Data, source: np.ndarray, target: np.ndarray, length: int) -> list[str]:
    """Notes on sources that are cut off, and on targets that can't be written whole."""
    (layer,) = (layer for layer in data.preprocess.layers if isinstance(layer, Subwords))
    cut_off = _longer(source, layer.tokens, length)
    unwritten = _longer(target, layer.tokens, length - 1)  # the text's end is a token, too
    told = {
        f"cut off after {length} tokens (--length): {cut_off:,} of {len(source):,} sources": cut_off,
        f"too long to be written in {length} tokens (--length): {unwritten:,} of {len(target):,} targets": unwritten,
    }
    return [note for note, count in told.items() if count]


def _longer(texts: np.ndarray, tokens: Sequence[str], length: int) -> int:
    """How many of the texts have more than `length` tokens."""
    layer = Subwords(tokens, length + 1)
    long = texts[np.array([len(text) > length for text in texts], bool)]  # a token is a byte at least
    batches = tf.data.Dataset.from_tensor_slices(tf.constant(long, tf.string)).batch(BATCH)
    counts = batches.map(lambda some: tf.math.count_nonzero(layer(some)[:, length:]))
    return sum(int(count) for count in counts)


def _left_out(bad: Mapping[str, str]) -> list[str]:
    """A note for each reason to leave out pairs."""
    places: dict[str, list[str]] = {}
    for place, why in bad.items():
        places.setdefault(why, []).append(place)
    return [f"left out: {len(those):,} pairs, the first is {those[0]}: {why}" for why, those in places.items()]

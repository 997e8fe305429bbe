"""How one set of examples is cut into training, validation and test: seeded, by class, and by group."""

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

NAMES = {  # by which folders, or others' sets, call each split
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid", "dev"),
    "test": ("test", "testing"),
}
SPLITS = tuple(NAMES)
SHARES = (0.6, 0.2, 0.2)  # of each
MOST_HELD = 12_000  # examples of a split that is cut off: enough to know an accuracy to 0.9 points; the rest trains
FOLDS = 5  # of groups, at least, of which a split is one


def cut(
    given: Mapping[str, np.ndarray], target: np.ndarray, *, stratify: bool, groups: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """The shuffled numbers of each split's examples; one that isn't given is cut from train: a fifth of it, or
    MOST_HELD examples where that is less. See `deal`.

    Args:
        given: the numbers of the examples that stand in a split already; "train" among them.
        target: of every example, by its number.
        stratify: whether each new split has every class in the same proportion.
        groups: a number for every example; those of one number come into one of the new splits.

    Raises:
        ValueError: where a split would have no example.
    """
    train, missing = given["train"], [split for split in SPLITS if not len(given.get(split, ()))]
    share = min(0.2, MOST_HELD / max(1, len(train)))
    shares = (1.0 - share * len(missing), *[share] * len(missing))
    parts = deal(target[train], shares, stratify=stratify, groups=None if groups is None else groups[train])
    splits = {split: np.random.default_rng(0).permutation(rows) for split, rows in given.items()}
    splits |= {split: train[rows] for split, rows in zip(("train", *missing), parts, strict=True)}
    if empty := ", ".join(split for split in SPLITS if not len(splits[split])):
        raise ValueError(f"{len(target):,} examples are too few to be split: {empty} would have none")
    return {split: splits[split] for split in SPLITS}


def deal(
    target: np.ndarray, shares: tuple[float, ...] = SHARES, *, stratify: bool, groups: np.ndarray | None = None
) -> list[np.ndarray]:
    """The numbers of the examples of each part, in an order that is random and always the same.

    Args:
        target: one for each example.
        shares: of the parts, together 1; with `groups` all but the first are of one size.
        stratify: whether each part has every class in the same proportion; rare ones come into the first part.
        groups: a number for each example; those of one number come into one part.

    Raises:
        ValueError: for fewer groups than parts can be made of.
    """
    if groups is not None:
        part_of = _by_group(target, shares, stratify, groups)
        order = np.arange(len(target))
    else:
        order = np.random.default_rng(0).permutation(len(target))
        classes = target[order] if stratify else np.zeros(len(order), int)
        order = order[np.argsort(classes, kind="stable")]
        _, sizes = np.unique(classes, return_counts=True)
        within = np.concatenate([(np.arange(size) + 0.5) / size for size in sizes])  # of its class, up to an example
        part_of = np.digitize(within, np.cumsum(shares)[:-1])
    return [np.random.default_rng(0).permutation(order[part_of == part]) for part in range(len(shares))]


def check_labels(labels: np.ndarray) -> None:
    """Raises a ValueError that says what to write instead where labels aren't int32 (examples,)."""
    if labels.ndim == 1 and labels.dtype == "int32":
        return
    if labels.ndim == 2:
        cure = 'label.argmax(axis=1).astype("int32")' if labels.shape[1] > 1 else 'label[:, 0].astype("int32")'
    elif labels.dtype.kind in "OUS":
        cure = 'names, label = np.unique(label, return_inverse=True), then label.astype("int32")'
    elif labels.dtype.kind == "f" and (labels % 1).any():
        cure = "Values as the output, as these are no classes"
    else:
        cure = 'label.astype("int32")'
    dtype = "texts" if labels.dtype.kind in "OUS" else labels.dtype
    raise ValueError(f"labels have to be int32 (examples,), not {dtype} {labels.shape}: use {cure}")


def check_classes(parts: Mapping[str, np.ndarray], labels: np.ndarray, names: Sequence[str]) -> None:
    """Raises a ValueError for a class that isn't in each of the splits, which are numbers of examples."""
    of_classes = {split: np.bincount(labels[rows], minlength=len(names)) for split, rows in parts.items()}
    for label, name in enumerate(names):
        counts = {split: int(of_class[label]) for split, of_class in of_classes.items()}
        if lacking := ", ".join(split for split, count in counts.items() if not count):
            total = sum(counts.values())
            raise ValueError(
                f"the class {name!r} has {total} example{'s' * (total != 1)}, and {lacking} none: it needs more, or to "
                "be left out"
            )


def _by_group(target: np.ndarray, shares: tuple[float, ...], stratify: bool, groups: np.ndarray) -> np.ndarray:
    """The part of each example; a fold is any part but the first, with its share of them, or about that."""
    if len(shares) == 1:
        return np.zeros(len(target), int)
    if (count := len(np.unique(groups))) < FOLDS:
        raise ValueError(f"there are {count} groups; to be split they have to be {FOLDS} or more")
    # By class they stay fifths: to deal out more takes minutes where there are many groups.
    folds = FOLDS if stratify else max(FOLDS, min(round(1 / shares[-1]), count))
    kind = StratifiedGroupKFold if stratify else GroupKFold
    cuts = kind(folds, shuffle=True, random_state=0).split(target, target, groups)
    ends = folds - np.arange(len(shares))[::-1]
    part_of = np.zeros(len(target), int)
    for fold, (_, rows) in enumerate(cuts):
        part_of[rows] = np.searchsorted(ends, fold, side="right")
    return part_of

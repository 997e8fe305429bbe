"""Folders of files by class, as people have them: class folders, or train, validation and test with class folders."""

import os
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from src.splits import NAMES

LEFT_OUT = ("__MACOSX",)

Found = dict[str, dict[str, list[Path]]]  # files by split and class


def find(place: Path, endings: Collection[str]) -> Found:
    """The files of each class by split, sorted; one split "train" where the folder itself has the class folders.

    Args:
        place: the folder.
        endings: of the files that are meant, in lower case; others are told of and left out.

    Raises:
        ValueError: for what can't be: no folder, no or empty class folders, one class only, a class that only test
            has, or a link that leads out.
    """
    if not place.is_dir():
        raise ValueError(f"{place} is no folder")
    names = {folder.name.lower(): folder for folder in _folders(place, place)}
    roots = {split: names[name] for split, called in NAMES.items() for name in called if name in names}
    if "train" not in roots:
        roots = {"train": place}
    others: Counter = Counter()
    found = {split: _classes(place, root, endings, others) for split, root in roots.items()}
    if len(found["train"]) < 2:
        raise ValueError(f"{roots['train']} has one class only: {next(iter(found['train']))}")
    for split, classes in found.items():
        if strange := ", ".join(sorted(classes.keys() - found["train"].keys())):
            raise ValueError(f"{roots[split]} has classes that {roots['train']} hasn't: {strange}")
    if others:
        shown = ", ".join(f"{count} {ending or 'without ending'}" for ending, count in others.most_common(5))
        print(f"{place}: files that are left out by their endings: {shown}")
    return found


def _classes(place: Path, root: Path, endings: Collection[str], others: Counter) -> dict[str, list[Path]]:
    found, empty = {}, []
    for folder in _folders(root, place):
        files = []
        for path in _files(folder, place):
            if path.suffix.lower() in endings:
                files.append(path)
            else:
                others[path.suffix.lower()] += 1
        found[folder.name] = files
        empty += [] if files else [folder]
    kinds = ", ".join(endings)
    if not any(found.values()):
        raise ValueError(f"{root} has no folder, one for each class, with files of {kinds}")
    if empty:
        raise ValueError(f"the class folder {empty[0]} has no file of {kinds}: remove it, or fill it")
    return found


def _folders(root: Path, place: Path) -> list[Path]:
    return [path for path in _entries(root, place) if path.is_dir()]


def _files(folder: Path, place: Path) -> list[Path]:
    """All files below, in the order of their paths."""
    found = []
    for path in _entries(folder, place):
        found += _files(path, place) if path.is_dir() else [path]
    return found


def _entries(folder: Path, place: Path) -> list[Path]:
    """What is in the folder, sorted, hidden things aside; raises ValueError for links that can't be followed."""
    with os.scandir(folder) as entries:
        found = sorted(
            (entry for entry in entries if not entry.name.startswith(".") and entry.name not in LEFT_OUT),
            key=lambda entry: entry.name,
        )
    for entry in found:
        if entry.is_symlink():
            target = Path(entry.path).resolve()
            if not target.is_relative_to(place.resolve()):
                raise ValueError(f"{entry.path} is a link that leads out of {place}, to {target}")
            if not target.exists() or target.is_dir():
                raise ValueError(f"{entry.path} is a link to {target}: only links to files are followed")
    return [Path(entry.path) for entry in found]

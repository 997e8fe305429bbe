"""Boxes as YOLO has them: a text file for each picture, and perhaps a data.yaml that names the classes and the splits.

A line is a box: the index of its class, then the centre's x and y, width and height, as fractions of the picture's. A
line of more numbers is the outline of a thing, x and y by turns: its box is taken. A picture without a file has no box.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from src.readers import yaml_files
from src.readers.annotated import Folder
from src.readers.annotations import Annotations, numbers
from src.readers.class_files import read_classes
from src.readers.folders import OF_SPLIT
from src.system.screen import track

TITLE, NEEDS = "YOLO", "a text file called as a picture is"
SETTINGS = (".yaml", ".yml")
CLASSES = ("classes.txt", "obj.names", "_darknet.labels")
INDEX = re.compile(r"(\d{1,4})(\.0*)?")  # some tools write all numbers with a point
BEYOND = 0.1  # of a picture's side: by so much a fraction may be outside
OUTLINE = 6  # numbers behind the class, at least


def is_in(folder: Folder) -> bool:
    """Whether there is a text file that belongs to a picture."""
    return bool(folder.pairs(".txt")[0])


def read(folder: Folder, classes: Sequence[str]) -> Annotations:
    """The boxes of all pictures.

    Raises:
        ValueError: where two files, or lists, contradict each other.
    """
    files, others = folder.pairs(".txt")
    alone = [file for file in others if file.name not in CLASSES and file.stem not in OF_SPLIT]
    settings = {file: _settings(file) for file in folder.files(*SETTINGS)}
    names = tuple(classes) or _names(folder, settings)
    annotations = Annotations(TITLE, "line", names, fractions=True)
    lists = _lists(folder, settings, [*files.values()])
    annotations.splits, unlisted = folder.dealt(range(len(folder.pictures)), lists)
    labels = {-1}
    for number, file in track([item for item in files.items() if item[0] in annotations.splits], "reading boxes"):
        for line, text in enumerate(file.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
            if cells := text.split():
                with annotations.place(file, line):
                    label = _label(cells[0], len(names))
                    annotations.add(number, names[label] if names else _unnamed(label), _edges(cells[1:]))
                    labels.add(label)
    annotations.classes = names or tuple(map(_unnamed, range(max(labels) + 1)))
    annotations.leave_out("text files without a picture", alone)
    annotations.leave_out("pictures that no list names", [folder.pictures[number] for number in unlisted])
    return annotations


def _label(cell: str, count: int) -> int:
    """The index of a class, of so many if they are named."""
    match = INDEX.fullmatch(cell)
    if not match:
        raise ValueError(f"begins with {cell!r}, and not with the index of a class")
    label = int(match[1])
    if count and label >= count:
        raise ValueError(f"is of the class {label}; {count} are named, 0 to {count - 1}")
    return label


def _unnamed(label: int) -> str:
    return f"class {label}"


def _edges(cells: Sequence[str]) -> tuple[float, float, float, float]:
    """Top, left, bottom and right of a box, or of the box around an outline."""
    is_outline = len(cells) >= OUTLINE and len(cells) % 2 == 0
    values = numbers(cells, "x and y of the centre, width and height", len(cells) if is_outline else 4)
    if strange := [value for value in values if not -BEYOND <= value <= 1 + BEYOND]:
        raise ValueError(f"has {strange[0]:g}: the numbers are fractions of the picture's width and height, 0 to 1")
    if is_outline:
        return min(values[1::2]), min(values[::2]), max(values[1::2]), max(values[::2])
    x, y, width, height = values
    return y - height / 2, x - width / 2, y + height / 2, x + width / 2


def _settings(file: Path) -> dict[str, Any]:
    content, _ = yaml_files.read(file)
    return content if isinstance(content, dict) else {}


def _names(folder: Folder, settings: Mapping[Path, Mapping[str, Any]]) -> tuple[str, ...]:
    """The classes, as a data.yaml or a text file names them; () where none does."""
    for file, values in settings.items():
        if values.get("names"):
            try:
                names = tuple(_listed(values["names"]))
            except ValueError as error:
                raise ValueError(f"{file}, names: {error}") from None
            if len({*names}) < len(names):
                raise ValueError(f"{file} names a class twice: {', '.join(names)}")
            return names
    files = [file for file in folder.files(*(Path(name).suffix for name in CLASSES)) if file.name in CLASSES]
    return read_classes(files[0]).names if files else ()


def _listed(names: Any) -> list[str]:
    """The names of classes: those of a list, or those that have the numbers 0, 1 and so on, in their order.

    Raises:
        ValueError: for numbers with gaps, and for what has no names.
    """
    if isinstance(names, dict):
        by_number = {int(key): name for key, name in names.items() if key.isdecimal()}
        if sorted(by_number) != list(range(len(names))):
            raise ValueError(f"the numbers have to be 0 to {len(names) - 1}, each once")
        names = [by_number[number] for number in range(len(names))]
    if not (isinstance(names, list) and all(name and isinstance(name, str) for name in names)):
        raise ValueError("has to be a list of names, or a name for each number")
    return names


def _lists(
    folder: Folder, settings: Mapping[Path, Mapping[str, Any]], labels: Collection[Path]
) -> dict[str, list[int]]:
    """The pictures of each split, as a data.yaml tells, or else text files that are called train.txt and so on."""
    lists: dict[str, list[int]] = {}
    for file, values in settings.items():
        root = str(values.get("path", "")).replace("\\", "/")
        for key in values.keys() & OF_SPLIT.keys():
            paths = values[key] if isinstance(values[key], list) else [values[key]]
            for path in (path for path in paths if path and isinstance(path, str)):
                pictures = _pictures(folder, file.parent, PurePosixPath(root, path.replace("\\", "/")))
                lists.setdefault(OF_SPLIT[key], []).extend(pictures)
    texts = [file for file in folder.files(".txt") if file.stem in OF_SPLIT and file not in {*labels}]
    for file in texts if not any(lists.values()) else []:
        lists.setdefault(OF_SPLIT[file.stem], []).extend(folder.listed(file))
    return {split: of_split for split, of_split in lists.items() if of_split}


def _pictures(folder: Folder, root: Path, path: PurePosixPath) -> list[int]:
    """The pictures in a folder, or of a text file: where `path` leads from the root, or its end does.

    What it begins with is often true of another machine alone.
    """
    parts = [part for part in path.parts if part not in ("..", "/")]
    for start in range(len(parts)):
        file = root.joinpath(*parts[start:])
        if file.is_dir():
            return [number for number, picture in enumerate(folder.pictures) if picture.is_relative_to(file)]
        if file.is_file():
            return folder.listed(file)
    return []

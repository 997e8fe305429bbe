"""Boxes as COCO has them: a JSON file for all pictures, or for those of a split, which its name or its folder names."""

import json
import mmap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from src.readers.annotated import Folder
from src.readers.annotations import Annotations, numbers
from src.sources.splits import SPLITS

TITLE, NEEDS = "COCO", "a JSON file with the lists images, annotations and categories"
LISTS = {  # of a file, and what each thing in them has
    "images": ("id", "file_name"),
    "annotations": ("image_id", "category_id"),
    "categories": ("id", "name"),
}
OTHERS = ("captions", "person_keypoints", "panoptic", "stuff", "image_info")  # COCO's files for other tasks


def is_in(folder: Folder) -> bool:
    """Whether there is a JSON file that looks like one."""
    return bool(_files(folder))


def read(folder: Folder, classes: Sequence[str]) -> Annotations:
    """The boxes of all pictures that a file names; the others are left out, and boxes around crowds, too.

    Raises:
        ValueError: where a file isn't what it should be, or where two of them have the same picture.
    """
    annotations = Annotations(TITLE, "annotation", classes)
    in_order: dict[str, None] = {}
    gone: list[str] = []
    crowds = 0
    for file in _files(folder):
        content = _content(file)
        names = _names(content)
        in_order |= dict.fromkeys(names.values())
        pictures = _pictures(folder, annotations, file, content["images"])
        gone += [str(image["file_name"]) for image in content["images"] if pictures[image["id"]] is None]
        crowds += _add_boxes(annotations, file, content["annotations"], pictures, names)
    annotations.classes = tuple(classes) or tuple(in_order)
    without = [picture for number, picture in enumerate(folder.pictures) if number not in annotations.splits]
    annotations.leave_out("pictures that no file names", without)
    annotations.leave_out("named pictures that aren't there", gone)
    if crowds:
        annotations.notes.append(f"left out: {crowds:,} boxes around crowds (iscrowd)")
    return annotations


def _files(folder: Folder) -> list[Path]:
    """The JSON files that seem to have boxes; they may be large, and are only searched for the names of lists."""
    return [
        file
        for file in folder.files(".json")
        if not file.name.startswith(OTHERS) and file.stat().st_size and _has(file, b'"images"', b'"annotations"')
    ]


def _has(file: Path, *words: bytes) -> bool:
    with open(file, "rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return all(content.find(word) >= 0 for word in words)


def _content(file: Path) -> dict[str, list[dict[str, Any]]]:
    """What a file has, its lists checked."""
    try:
        content = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} isn't JSON: {error}") from None
    for name, keys in LISTS.items():
        things = content.get(name) if isinstance(content, dict) else None
        if not isinstance(things, list):
            raise ValueError(f"{file} has no list {name!r}, as a file of {TITLE} has")
        for position, thing in enumerate(things, 1):
            if not isinstance(thing, dict) or not all(isinstance(thing.get(key), int | str) for key in keys):
                raise ValueError(f"{file}: number {position} of {name!r} needs {' and '.join(map(repr, keys))}")
    return content


def _names(content: Mapping[str, Any]) -> dict[Any, str]:
    """The classes by id, sorted; without those that only sum up others, as some tools have them."""
    used = {annotation["category_id"] for annotation in content["annotations"]}
    above = {str(category.get("supercategory")) for category in content["categories"]}
    categories = sorted(content["categories"], key=lambda category: (str(type(category["id"])), category["id"]))
    return {
        category["id"]: str(category["name"])
        for category in categories
        if category["id"] in used or str(category["name"]) not in above
    }


def _pictures(folder: Folder, annotations: Annotations, file: Path, images: Sequence[Mapping]) -> dict[Any, int | None]:
    """By id the number of each picture that a file names, None where it isn't there; keeps its split and its size."""
    pictures: dict[Any, int | None] = {}
    of_file = folder.split_of(file)
    for image in images:
        number = pictures[image["id"]] = folder.named(str(image["file_name"]), file)
        if number is None:
            continue
        if number in annotations.splits:
            raise ValueError(f"{file}: {folder.pictures[number]} is named twice, here or in another file: take one out")
        annotations.splits[number] = of_file or folder.split_of(folder.pictures[number]) or SPLITS[0]
        annotations.draw_on(number, image.get("height"), image.get("width"))
    return pictures


def _add_boxes(
    annotations: Annotations,
    file: Path,
    boxes: Sequence[Mapping[str, Any]],
    pictures: Mapping[Any, int | None],
    names: Mapping[Any, str],
) -> int:
    """Adds the boxes of a file; gives how many there are around crowds, which are left out."""
    crowds = 0
    for position, box in enumerate(boxes, 1):
        crowds += bool(box.get("iscrowd"))
        if box.get("iscrowd"):
            continue
        with annotations.place(file, position):
            if box["image_id"] not in pictures:
                raise ValueError(f"is of the picture {box['image_id']!r}, which the file doesn't name")
            if box["category_id"] not in names:
                raise ValueError(f"is of the category {box['category_id']!r}, which the file doesn't name")
            if (number := pictures[box["image_id"]]) is None:
                continue
            edges = box.get("bbox")
            left, top, width, height = numbers(edges if isinstance(edges, list) else (), "x, y, width, height")
            annotations.add(number, names[box["category_id"]], (top, left, top + height, left + width))
    return crowds

"""Boxes as Pascal VOC has them: an XML file for each picture, and lists of the pictures of each split.

Pixels are counted from 1, and a box's last row and column belong to it, as VOC defines it: a box from xmin 1 to xmax 4
is four pixels wide and begins at the left border. Tools that count from 0 are off by a pixel at the top and left edge,
and stay inside. Objects that are difficult or truncated are boxes like all others.
"""

from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from src.readers.annotated import Folder
from src.readers.annotations import Annotations, numbers
from src.readers.folders import OF_SPLIT
from src.sources.splits import SPLITS
from src.system.screen import track

TITLE, NEEDS = "Pascal VOC", "an XML file called as a picture is"
CORNERS = ("xmin", "ymin", "xmax", "ymax")
ALL = "trainval"


def is_in(folder: Folder) -> bool:
    """Whether there is an XML file that belongs to a picture."""
    return bool(folder.pairs(".xml")[0])


def read(folder: Folder, classes: Sequence[str]) -> Annotations:
    """The boxes of all pictures that have a file; the others are left out.

    Raises:
        ValueError: where two files, or lists, contradict each other.
    """
    files, alone = folder.pairs(".xml")
    annotations = Annotations(TITLE, "object", classes)
    annotations.splits, unlisted = folder.dealt(files, _lists(folder))
    for number in track(annotations.splits, "reading boxes"):
        file = files[number]
        try:
            root = parse(file)
        except ValueError as error:
            annotations.bad_pictures[number] = f"{file} {error}"
            continue
        annotations.draw_on(number, root.findtext("size/height"), root.findtext("size/width"))
        for position, element in enumerate(root.findall("object"), 1):
            with annotations.place(file, position):
                corners = [element.findtext(f"bndbox/{corner}", "") for corner in CORNERS]
                left, top, right, bottom = numbers(corners, ", ".join(CORNERS))
                annotations.add(number, element.findtext("name", "").strip(), (top - 1, left - 1, bottom, right))
    without = [picture for number, picture in enumerate(folder.pictures) if number not in files]
    annotations.leave_out("pictures without an XML file", without)
    annotations.leave_out("XML files without a picture", alone)
    annotations.leave_out("pictures that no list names", [folder.pictures[number] for number in unlisted])
    return annotations


def parse(file: Path) -> Element:
    """The root of an annotation. Raises ValueError for what isn't one, or declares entities, which may never end."""
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = builder.start, builder.end
    parser.CharacterDataHandler = builder.data

    def refuse(*_) -> None:
        raise ValueError("declares an entity, which an annotation has no use for")

    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(file.read_bytes(), True)
    except expat.ExpatError as error:
        raise ValueError(f"isn't XML: {error}") from None
    root = builder.close()
    if root.tag != "annotation":
        raise ValueError(f"isn't an annotation of {TITLE}: it begins with <{root.tag}>")
    return root


def _lists(folder: Folder) -> dict[str, list[int]]:
    """The pictures of each split, as ImageSets/Main lists them; trainval is train where there is no other."""
    lists: dict[str, list[int]] = {}
    for file in folder.files(".txt"):
        if file.parent.name == "Main" and (file.stem in OF_SPLIT or file.stem == ALL):
            lists.setdefault(OF_SPLIT.get(file.stem, ALL), []).extend(folder.listed(file))
    both = lists.pop(ALL, [])
    if both and not lists.get(SPLITS[0]):
        held_out = {number for of_split in lists.values() for number in of_split}
        lists[SPLITS[0]] = [number for number in both if number not in held_out]
    return lists

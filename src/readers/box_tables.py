"""Boxes in CSV files: a row for each box, with columns as TensorFlow, Open Images, Roboflow and others call them.

A box is given by its edges (xmin, ymin, xmax, ymax), or by its corner and size (x, y, width, height, perhaps as one
text, bbox); in pixels from the picture's border, or as fractions where no number is larger than 1.
"""

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress

from src.numbers import number as number_of
from src.readers import csv_files
from src.readers.annotated import Folder
from src.readers.annotations import Annotations, numbers
from src.readers.csv_files import Table
from src.readers.folders import OF_SPLIT
from src.sources.splits import SPLITS

TITLE = "CSV"
NEEDS = "a CSV file with columns such as filename, class, xmin, ymin, xmax and ymax"
COLUMNS = {  # by what a column has, its names without what isn't a letter or a digit; the first one wins
    "picture": "filename file imagename imagepath imagefile imageid image img imgname imgpath path filepath",
    "class": "class classname label labelname category categoryname object objectname name classid labelid categoryid",
    "left": "xmin x1 left bboxxmin boxxmin bboxx1 xtl",
    "top": "ymin y1 top bboxymin boxymin bboxy1 ytl",
    "right": "xmax x2 right bboxxmax boxxmax bboxx2 xbr",
    "bottom": "ymax y2 bottom bboxymax boxymax bboxy2 ybr",
    "x": "x bboxx boxx left xmin",
    "y": "y bboxy boxy top ymin",
    "width": "width w bboxwidth bboxw boxwidth",
    "height": "height h bboxheight bboxh boxheight",
    "box": "bbox box boundingbox",
    "picture's height": "imageheight imgheight height",
    "picture's width": "imagewidth imgwidth width",
    "split": "split set subset",
}
EDGES, CORNER, BOX = ("left", "top", "right", "bottom"), ("x", "y", "width", "height"), ("box",)
SIZE = ("picture's height", "picture's width")
FRACTION = 1.01  # that is the largest one, as it may be rounded
UNNAMED = "object"  # class of all boxes, where no column has it
NUMBER = re.compile(r"[^\s,;\[\](){}]+")  # in a text of several


def is_in(folder: Folder) -> bool:
    """Whether there is a table with a column of pictures and columns of boxes."""
    return bool(_tables(folder))


def read(folder: Folder, classes: Sequence[str]) -> Annotations:
    """The boxes of all pictures that a table names; the others are left out.

    Raises:
        ValueError: where a table can't be read to its end.
    """
    annotations = Annotations(TITLE, "row", classes)
    gone: dict[str, None] = {}
    for table, columns in _tables(folder):
        of_table = folder.split_of(table.path)
        for position, row in enumerate(table.rows(), 1):
            with annotations.place(table.path, position):
                if len(row) != len(table.names):
                    raise ValueError(f"has {len(row)} columns instead of {len(table.names)}")
                cells = {what: row[index].strip() for what, index in columns.items()}
                if (number := folder.named(cells["picture"], table.path)) is None:
                    gone[cells["picture"]] = None
                    continue
                _put(folder, annotations, number, _split(cells.get("split", "")) or of_table)
                _add(annotations, number, cells)
    _, _, edges = annotations.boxes()
    annotations.fractions = len(edges) > 0 and edges.max() <= FRACTION
    without = [picture for number, picture in enumerate(folder.pictures) if number not in annotations.splits]
    annotations.leave_out("pictures that no row names", without)
    annotations.leave_out("named pictures that aren't there", [*gone])
    return annotations


def _tables(folder: Folder) -> list[tuple[Table, dict[str, int]]]:
    """The tables of boxes, and the index of each of their columns by what it has."""
    tables = []
    for file in folder.files(*csv_files.ENDINGS):
        with suppress(ValueError):  # one that can't be read is none
            table = csv_files.table(file)
            if columns := _columns(table.names):
                tables.append((table, columns))
    return tables


def _columns(names: Sequence[str]) -> dict[str, int]:
    """The index of each column by what it has; none where there are no pictures or no boxes."""
    indices = {re.sub(r"[^a-z0-9]", "", name.lower()): index for index, name in enumerate(names)}
    columns = {
        what: next(indices[name] for name in called.split() if name in indices)
        for what, called in COLUMNS.items()
        if indices.keys() & {*called.split()}
    }
    shape = next((shape for shape in (EDGES, CORNER, BOX) if columns.keys() >= {*shape}), ())
    if not shape or "picture" not in columns:
        return {}
    of_box = {columns[what] for what in shape}
    others = [what for what in ("picture", "class", "split", *SIZE) if columns.get(what) not in (None, *of_box)]
    return {what: columns[what] for what in (*shape, *others)}


def _split(name: str) -> str:
    """The split that a row names, "" for none."""
    if name and name.lower() not in OF_SPLIT:
        raise ValueError(f"has the split {name!r}, which is none of {', '.join(OF_SPLIT)}")
    return OF_SPLIT.get(name.lower(), "")


def _put(folder: Folder, annotations: Annotations, number: int, split: str) -> None:
    """Puts a picture into the split that its row or the table names, or else its folder."""
    if number not in annotations.splits:
        annotations.splits[number] = split or folder.split_of(folder.pictures[number]) or SPLITS[0]
    elif split and split != annotations.splits[number]:
        raise ValueError(f"puts a picture into {split} that another row puts into {annotations.splits[number]}")


def _add(annotations: Annotations, number: int, cells: Mapping[str, str]) -> None:
    """Adds the box of a row, if it has one, and keeps the size of the picture."""
    annotations.draw_on(number, *(cells.get(what) for what in SIZE))
    shape = next(shape for shape in (EDGES, CORNER, BOX) if cells.keys() >= {*shape})
    texts = [cells[what] for what in shape]
    if all(math.isnan(number_of(text) or 0) for text in texts):
        return  # a picture without boxes
    if shape == EDGES:
        left, top, right, bottom = numbers(texts, ", ".join(EDGES))
    else:
        left, top, width, height = numbers(NUMBER.findall(" ".join(texts)), ", ".join(CORNER))
        right, bottom = left + width, top + height
    annotations.add(number, cells.get("class", UNNAMED), (top, left, bottom, right))

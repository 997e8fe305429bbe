"""Pictures with boxes, as people have them: in the formats of Pascal VOC, COCO and YOLO, and in CSV files.

Whatever the format, a box becomes four fractions of its picture as it is seen, and is checked: it has to be inside.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.readers import box_tables, coco, voc, yolo
from src.readers.annotated import Folder
from src.readers.annotations import Annotations
from src.readers.folders import some
from src.readers.headers import QUARTERS, Header
from src.sources.splits import SPLITS
from src.specs import UNLABELLED

FORMATS = {"voc": voc, "coco": coco, "yolo": yolo, "csv": box_tables}
BORDER = 2  # pixels by which a box may be outside of its picture without a word
LEAST = 1  # pixel that a box has to be larger than, both ways: a click makes smaller ones
ROUNDED = 1  # pixel by which a side of a picture that was resized may differ
FLIPPED_Y, FLIPPED_X = (7, 8), (6, 7)  # of EXIF's orientations in QUARTERS, once height and width have changed places


@dataclass(frozen=True)
class Boxes:
    """The boxes of some pictures.

    Args:
        box: float32 (pictures, most, 4), top, left, bottom and right as fractions of height and width; 0 where a
            picture has fewer boxes.
        label: int32 (pictures, most), UNLABELLED where it has fewer.
        bad: a line for each box that can't be used.
        bad_pictures: why a picture can't be used, by its position among them.
        notes: what was done to boxes.
    """

    box: np.ndarray
    label: np.ndarray
    bad: tuple[str, ...]
    bad_pictures: dict[int, str]
    notes: tuple[str, ...]


def read(path: Path, format: str | None, classes: Sequence[str]) -> tuple[Folder, Annotations]:
    """The pictures in a folder, and what its files say of boxes in them.

    Args:
        path: the folder.
        format: one of FORMATS; None for the only one there is.
        classes: their names, by label; () for those that the files have.

    Raises:
        ValueError: where there is no format, where several would do, or where files can't be read or contradict each
            other.
    """
    folder = Folder(path)
    there = [name for name, module in FORMATS.items() if format in (None, name) and module.is_in(folder)]
    if not there:
        needed = [module.NEEDS for name, module in FORMATS.items() if format in (None, name)]
        raise ValueError(f"{path} has pictures, but not {', or '.join(needed)}")
    if len(there) > 1:
        raise ValueError(f"{path} has boxes in several formats: say which, --format {' or --format '.join(there)}")
    annotations = FORMATS[there[0]].read(folder, classes)
    if not annotations.names():
        raise ValueError(f"{path} has no box in any of its pictures")
    if SPLITS[0] not in (splits := {*annotations.splits.values()}):
        raise ValueError(f"{path} has boxes for {' and '.join(sorted(splits))}, and none for {SPLITS[0]}")
    return folder, annotations


def fit(annotations: Annotations, examples: Sequence[int], headers: Sequence[Header], unread: Collection[int]) -> Boxes:
    """The boxes of some pictures as fractions of what is seen, without those that can't be used.

    Args:
        annotations: what files say.
        examples: the number of each picture.
        headers: … and what it says of itself.
        unread: positions of the pictures that can't be read.
    """
    frames, turns, bad_pictures, notes = _frames(annotations, examples, headers)
    positions = {number: position for position, number in enumerate(examples) if position not in bad_pictures}
    numbers, labels, edges = annotations.boxes()
    picture = np.array([positions.get(number, -1) for number in numbers.tolist()], int)
    rows = np.flatnonzero((picture >= 0) & ~np.isin(picture, [*unread]))
    picture, labels, edges = picture[rows], labels[rows], edges[rows]
    sides = np.tile(frames[picture], 2)
    pixels = edges * sides if annotations.fractions else edges
    inside = pixels.clip(0, sides)
    is_bad = (inside[:, 2:] - inside[:, :2] <= LEAST).any(axis=1)
    bad = [
        f"{annotations.where(rows[box])}: {_reason(pixels[box], sides[box])}" for box in np.flatnonzero(is_bad).tolist()
    ]
    is_clipped = ~is_bad & (abs(inside - pixels).max(axis=1, initial=0) > BORDER)
    box = _turned(inside / sides, turns[picture]).astype("float32")
    _, first = np.unique(np.column_stack([picture, labels, box])[~is_bad], axis=0, return_index=True)
    kept = np.flatnonzero(~is_bad)[np.sort(first)]
    doubled = np.setdiff1d(np.flatnonzero(~is_bad), kept)
    for what, those in (
        ("reach out of their picture, and are clipped", np.flatnonzero(is_clipped)),
        ("are there twice, and kept once", doubled),
    ):
        if len(those):
            where = some([annotations.where(row) for row in rows[those]])
            notes.append(f"{len(those):,} of {len(box):,} boxes {what} ({where})")
    good = np.setdiff1d(np.arange(len(examples)), [*unread, *bad_pictures])
    if empty := len(np.setdiff1d(good, picture[kept])):
        notes.append(f"{empty:,} of {len(good):,} pictures have no box")
    padded = _padded(picture[kept], labels[kept], box[kept], len(examples))
    return Boxes(*padded, (*annotations.bad_boxes, *bad), bad_pictures, tuple(notes))


def _frames(
    annotations: Annotations, examples: Sequence[int], headers: Sequence[Header]
) -> tuple[np.ndarray, np.ndarray, dict[int, str], list[str]]:
    """Height and width of what each picture's boxes were drawn on, and how that is turned to be seen: see EXIF.

    A box was drawn on a picture of the size that its file says. Where height and width have changed places, and EXIF
    turns the picture, it was drawn on what is stored; where the shape is the same, the picture was resized since.

    Returns:
        Heights and widths (pictures, 2), the orientations (pictures,), by position why a picture's boxes don't belong
        to it, and notes.
    """
    frames, turns = np.ones((len(examples), 2)), np.ones(len(examples), int)
    bad: dict[int, str] = {}
    resized = 0
    for position, (number, header) in enumerate(zip(examples, headers, strict=True)):
        if header.reason:
            continue
        seen: tuple[float, float] = (header.height, header.width)
        frames[position] = height, width = annotations.sizes.get(number, seen)
        if number in annotations.bad_pictures:
            bad[position] = annotations.bad_pictures[number]
        elif (height, width) == seen:
            continue
        elif (width, height) == seen and header.orientation in QUARTERS:
            turns[position] = header.orientation
        elif abs(height * seen[1] / width - seen[0]) <= ROUNDED:
            resized += 1
        else:
            bad[position] = (
                f"is {seen[0]} x {seen[1]} pixels, and its boxes were drawn on one of {height:g} x {width:g}"
            )
    notes, count = [], f"{len(examples):,} pictures"
    if turned := np.count_nonzero(turns > 1):
        notes.append(f"boxes of {turned:,} of {count} were drawn on what is stored, and are turned with it (EXIF)")
    if resized:
        notes.append(f"{resized:,} of {count} were resized after their boxes were drawn, which go with them")
    return frames, turns, bad, notes


def _reason(pixels: np.ndarray, sides: np.ndarray) -> str:
    """Why a box of these edges can't be used, in a picture with these sides."""
    height, width = pixels[2:] - pixels[:2]
    if min(height, width) <= LEAST:
        return f"is too small, {height:.4g} x {width:.4g} pixels"
    top, left, bottom, right = pixels
    rows, columns = f"rows {top:.4g} to {bottom:.4g}", f"columns {left:.4g} to {right:.4g}"
    return f"is outside of its picture of {sides[0]:g} x {sides[1]:g} pixels: {rows}, {columns}"


def _turned(box: np.ndarray, orientation: np.ndarray) -> np.ndarray:
    """Boxes of what is stored (boxes, 4) as they are seen, by each one's EXIF orientation: 1, or one of QUARTERS."""
    box = np.where(np.isin(orientation, QUARTERS)[:, None], box[:, [1, 0, 3, 2]], box)
    for orientations, axis in ((FLIPPED_Y, 0), (FLIPPED_X, 1)):
        flipped = box.copy()
        flipped[:, [axis, axis + 2]] = 1 - box[:, [axis + 2, axis]]
        box = np.where(np.isin(orientation, orientations)[:, None], flipped, box)
    return box


def _padded(picture: np.ndarray, labels: np.ndarray, box: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes and labels of so many pictures, as `Boxes` has them."""
    counts = np.bincount(picture, minlength=count)
    most = max(1, counts.max())
    boxes, padded = np.zeros((count, most, 4), "float32"), np.full((count, most), UNLABELLED, "int32")
    order = np.argsort(picture, kind="stable")
    rank = np.arange(len(order)) - (np.cumsum(counts) - counts)[picture[order]]
    boxes[picture[order], rank], padded[picture[order], rank] = box[order], labels[order]
    return boxes, padded

"""Your own pictures with boxes: where things are in them, and what they are.

--path names a folder of pictures with annotations as Pascal VOC has them (an XML file for each picture), COCO (JSON),
YOLO (a text file for each picture) or in a CSV file with a row for each box. The folders train, validation (or val) and
test, lists as VOC and YOLO have them, or COCO's file for each split tell the splits. What is missing is cut from train:
60/20/20, or a fifth.
"""

from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

import numpy as np
import tensorflow as tf

from src.data import Data
from src.readers import boxes, class_files, pictures
from src.readers.picture_sets import data_of
from src.sources.splits import SPLITS, cut
from src.specs import UNLABELLED, Boxes, Image

INPUTS, OUTPUTS = (Image,), (Boxes,)
NAMED_BY = "path"


def load(
    *,
    path: str = "",
    format: Literal["voc", "coco", "yolo", "csv"] | None = None,
    classes: str = "",
    image_size: tuple[int, ...] = (),
    cache: Literal["memory", "disk", "none"] | None = None,
    skip_bad: bool = False,
    background: int = 255,
) -> Data:
    """The pictures, resized to one size, and their boxes.

    Args:
        path: folder of the pictures and their annotations.
        format: of the annotations. The default is the only one there is.
        classes: text file with the classes, one a line, in the order of their indices. The default is those that the
            annotations have or name.
        image_size: height and width that images are resized to, or one number for both. The default fits most of them.
        cache: where decoded images are cached. The default is in memory, on disk or not at all, depending on their
            size. Boxes are always kept.
        skip_bad: whether to skip boxes that can't be used, and pictures that can't be read, instead of refusing them.
        background: grey level behind transparent parts, 0 to 255. The default is white.

    Raises:
        ValueError: for what can't be used, naming folder, file and the place in it.
    """
    if not path:
        raise ValueError(
            "say which pictures: --path FOLDER, with annotations of Pascal VOC, COCO, YOLO or in CSV files"
        )
    named = class_files.read_classes(Path(classes)).names if classes else ()
    folder, annotations = boxes.read(Path(path), format, named)
    examples = sorted(annotations.splits)
    files = [folder.pictures[number] for number in examples]
    store = pictures.Store(files, image_size, cache, background)
    kept = boxes.fit(annotations, examples, store.headers, store.bad)
    bad = kept.bad_pictures | store.bad
    lines = [*(f"{files[number]}: {bad[number]}" for number in sorted(bad)), *kept.bad]
    counted = {f"{len(kept.bad):,} boxes": kept.bad, f"{len(bad):,} of {len(files):,} pictures": bad}
    what = " and ".join(count for count, those in counted.items() if those)
    skipped = pictures.leave_out(folder.path, lines, what, skip_bad)
    good = np.setdiff1d(np.arange(len(files)), [*bad])
    counts = pictures.counted(annotations.names(), kept.label[kept.label != UNLABELLED].tolist())
    summary = f"{folder.path}: {len(good):,} pictures with boxes, {annotations.format} ({counts}), {store}"
    splits = np.array([annotations.splits[number] for number in examples])[good]
    has_box = (kept.label != UNLABELLED).any(axis=1)  # so that no split is without any
    parts = cut({split: good[splits == split] for split in SPLITS}, has_box, stratify=True)
    outputs = Boxes(store.spec.height, store.spec.width, annotations.names(), kept.box.shape[1])
    notes = "\n".join(filter(None, [summary, folder.left_out, *annotations.notes, *kept.notes, *skipped]))
    return data_of(store, parts, outputs, {"box": kept.box, "label": kept.label}, notes=notes)


def sample(folder: Path) -> dict:
    """Writes some pictures and annotations of Pascal VOC, and gives the knobs that load them."""
    random = np.random.default_rng(0)
    for number in range(40):
        height, width = 12, 9 + number % 3
        image = random.integers(0, 60, (height, width, 3))
        root = ElementTree.Element("annotation")
        for kind, top in enumerate((0, 6)[: 1 + number % 2]):
            left = int(random.integers(0, width - 5))
            image[top : top + 5, left : left + 5, kind] += 150
            box = ElementTree.SubElement(root, "object")
            ElementTree.SubElement(box, "name").text = ("red", "green")[kind]
            edges = ElementTree.SubElement(box, "bndbox")
            for name, edge in {"xmin": left + 1, "ymin": top + 1, "xmax": left + 5, "ymax": top + 5}.items():
                ElementTree.SubElement(edges, name).text = str(edge)
        tf.io.write_file(str(folder / f"JPEGImages/{number}.png"), tf.io.encode_png(image.astype("uint8")))
        tf.io.write_file(str(folder / f"Annotations/{number}.xml"), ElementTree.tostring(root))
    return {"path": str(folder), "image_size": (12, 8)}

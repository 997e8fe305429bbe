"""Your own pictures: a folder with a folder of pictures for each class.

--path names it. It may have the folders train, validation (or val) and test, each with class folders; what is missing
is cut from train: 60/20/20, or a fifth, by class. PNG, JPEG, BMP and GIF, of any sizes and colours.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import tensorflow as tf

from src.data import Data
from src.readers import folders, pictures
from src.readers.picture_sets import data_of
from src.sources.splits import check_classes, cut
from src.specs import Classes, Image

INPUTS, OUTPUTS = (Image,), (Classes,)
NAMED_BY = "path"


def load(
    *,
    path: str = "",
    image_size: tuple[int, ...] = (),
    cache: Literal["memory", "disk", "none"] | None = None,
    skip_bad: bool = False,
    follow_links: bool = False,
    background: int = 255,
) -> Data:
    """The pictures, resized to one size.

    Args:
        path: folder of the class folders.
        image_size: height and width that images are resized to, or one number for both. The default fits most of them.
        cache: where decoded images are cached. The default is in memory, on disk or not at all, depending on their
            size.
        skip_bad: whether to skip images that can't be read, instead of refusing them.
        follow_links: whether to follow links to folders or out of the folder.
        background: grey level behind transparent parts, 0 to 255. The default is white.

    Raises:
        ValueError: for what can't be used, naming folder or file.
    """
    if not path:
        raise ValueError("say which pictures: --path FOLDER, with a folder for each class")
    folder = Path(path)
    by_split, left_out = folders.find(folder, pictures.ENDINGS, follow_links=follow_links)
    names = tuple(sorted(by_split["train"]))
    files, labels, splits = _listed(by_split, names)
    store = pictures.Store(files, image_size, cache, background)
    if store.bad and not skip_bad:
        bad = f"{len(store.bad):,} of {len(files):,} pictures that can't be read; --skip-bad leaves them out"
        raise ValueError(f"{folder} has {bad}:{store.why()}")
    good = np.array([number for number in range(len(files)) if number not in store.bad])
    notes = f"{folder}: {len(good):,} pictures ({pictures.counted(names, labels[good])}), {store}"
    if left_out:
        notes += f"\n{left_out}"
    if store.bad:
        notes += f"\nleft out as unreadable: {len(store.bad):,} pictures:{store.why(most=None)}"
    parts = cut({split: good[splits[good] == split] for split in by_split}, labels, stratify=True)
    check_classes(parts, labels, names)
    return data_of(store, parts, Classes(names), labels, notes=notes, warnings=store.warnings(names, labels))


def sample(folder: Path) -> dict:
    """Writes some pictures, and gives the knobs that load them."""
    random = np.random.default_rng(0)
    for name, brightness in {"day": 200, "night": 30}.items():
        (folder / name).mkdir()
        for number in range(20):
            pixels = random.integers(brightness, brightness + 50, (9 + number % 3, 12, 3), "uint8")
            tf.io.write_file(str(folder / name / f"{number}.png"), tf.io.encode_png(pixels))
    return {"path": str(folder), "image_size": (8,)}


def _listed(by_split: folders.Files, names: tuple[str, ...]) -> tuple[list[Path], np.ndarray, np.ndarray]:
    """All files, and the class and the split of each."""
    listed = [
        (file, names.index(name), split)
        for split, classes in by_split.items()
        for name, files in classes.items()
        for file in files
    ]
    files, labels, splits = zip(*listed, strict=True)
    return list(files), np.array(labels, "int32"), np.array(splits)

"""Your own pictures with masks: which class each pixel belongs to.

--path names a folder with pictures in one folder (images) and masks called as they are in another (masks), or beside
them (cell.png, cell_mask.png); below or above these may be train, validation (or val) and test. What is missing is cut
from train: 60/20/20, or a fifth. A mask is a PNG of class indices, or of colours that a file of classes names.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from src.analysis.colors import palette
from src.data import Data
from src.readers import class_files, masks, pictures
from src.readers.picture_sets import data_of
from src.sources import cache as caches
from src.sources.splits import cut
from src.specs import UNLABELLED, Image, Mask
from src.system.screen import track

INPUTS, OUTPUTS = (Image,), (Mask,)
NAMED_BY = "path"
WHITE = 255  # in masks that are kept as bytes: unlabelled, or the second class of black and white ones
MOST_UNNAMED = 64  # classes without a file that names them
BINARY = ("background", "foreground")
GROUND = (40, 40, 40)  # colour of the first class, which is mostly what is behind the others


def load(
    *,
    path: str = "",
    classes: str = "",
    unlabelled: tuple[int, ...] | None = None,
    image_size: tuple[int, ...] = (),
    cache: Literal["memory", "disk", "none"] | None = None,
    skip_bad: bool = False,
    background: int = 255,
) -> Data:
    """The pictures and their masks, resized to one size.

    Args:
        path: folder of the pictures and masks.
        classes: text file with the classes in the order of their indices, one a line: a name, or a name and its red,
            green and blue. The default is to call them by their index.
        unlabelled: indices of pixels that belong to no class, such as borders, which count nowhere. The default is 255,
            unless all masks are black and white.
        image_size: height and width that images are resized to, or one number for both. The default fits most of them.
        cache: where decoded images are cached. The default is in memory, on disk or not at all, depending on their
            size. Masks are always kept.
        skip_bad: whether to skip pictures that can't be read or whose mask can't be used, instead of refusing them.
        background: grey level behind transparent parts, 0 to 255. The default is white.

    Raises:
        ValueError: for what can't be used, naming folder or file.
    """
    if not path:
        raise ValueError("say which pictures: --path FOLDER, with a folder of images and one of masks")
    folder = Path(path)
    by_split, left_out = masks.pairs(folder)
    pairs = [pair for of_split in by_split.values() for pair in of_split]
    splits = np.repeat([*by_split], [*map(len, by_split.values())])
    store = pictures.Store([picture for picture, _ in pairs], image_size, cache, background)
    named = class_files.read_classes(Path(classes)) if classes else None
    kept = _Kept(pairs, store.spec, named, unlabelled, cache)
    bad = kept.bad | {number: f"{pairs[number][0]}: {reason}" for number, reason in store.bad.items()}
    reasons = [bad[number] for number in sorted(bad)]
    skipped = pictures.leave_out(folder, reasons, f"{len(bad):,} of {len(pairs):,} pictures", skip_bad)
    good = np.setdiff1d(np.arange(len(pairs)), [*bad])
    summary = f"{folder}: {len(good):,} pictures with masks ({', '.join(kept.names)}), {store}"
    parts = cut({split: good[splits[good] == split] for split in by_split}, np.zeros(len(pairs)), stratify=False)
    outputs = Mask(store.spec.height, store.spec.width, kept.names, kept.colors)
    notes = "\n".join(filter(None, [summary, left_out, *skipped]))
    return data_of(store, parts, outputs, kept.fetch, notes=notes)


def sample(folder: Path) -> dict:
    """Writes some pictures and masks, and gives the knobs that load them."""
    random = np.random.default_rng(0)
    for number in range(40):
        mask = np.zeros((12, 9 + number % 3, 1), "uint8")
        mask[2:9, number % 5 : number % 5 + 4] = 1
        image = random.integers(0, 60, (*mask.shape[:2], 3)) + 150 * mask
        mask[0] = 255
        for name, picture in (("images", image.astype("uint8")), ("masks", mask)):
            tf.io.write_file(str(folder / name / f"{number}.png"), tf.io.encode_png(picture))
    return {"path": str(folder), "image_size": (12, 8)}


class _Kept:
    """All masks, resized and kept as bytes; `bad` has by number why one can't be used, `fetch` gives those of numbers.

    Args:
        pairs: pictures and masks.
        spec: of the images.
        named: the classes, where a file names them.
        unlabelled: indices that are no class; None for WHITE, if there are others than black and white.
        cache: where images are kept.
    """

    def __init__(
        self,
        pairs: Sequence[masks.Pair],
        spec: Image,
        named: class_files.Classes | None,
        unlabelled: tuple[int, ...] | None,
        cache: str | None,
    ):
        self._pairs, self._shape, self._named = pairs, (spec.height, spec.width), named
        self._unlabelled = [WHITE, *(unlabelled or ())]
        self._looked, self.bad, self._values = False, dict[int, str](), set[int]()
        shape = (len(pairs), *self._shape)
        where = cache if cache in ("memory", "disk") else "memory" if np.prod(shape) < caches.MEMORY_BYTES else "disk"
        key = caches.digest([file for pair in pairs for file in pair], (self._shape, named, unlabelled))
        self._kept = caches.keep(where, self._masks(), shape, np.uint8, key)
        findings = self._findings() if where == "memory" else caches.remembered(key, self._findings)
        self.bad = {int(number): reason for number, reason in findings["bad"].items()}
        values = findings["values"]
        largest = max((value for value in values if value != WHITE), default=0)
        if not named and (len(values) > MOST_UNNAMED or len(values) < largest / 2):
            shown = f"{len(values)} different values, the largest {largest}"
            raise ValueError(
                f"the masks have {shown}: greys of a picture, it seems, and no indices; else --classes FILE"
            )
        is_binary = unlabelled is None and values == [0, WHITE]
        self._white = 1 if is_binary else UNLABELLED
        count = 2 if is_binary else 1 + largest
        self.names = named.names if named else BINARY if is_binary else tuple(f"class {n}" for n in range(count))
        self.colors = (named.colors if named else ()) or (GROUND, *palette(len(self.names) - 1))

    def fetch(self, numbers: tf.Tensor) -> tf.Tensor:
        """The masks of numbers (batch,), or of one (), int32 (…, height, width)."""
        stored = self._kept(tf.reshape(numbers, [-1]))
        labels = tf.where(stored == WHITE, self._white, tf.cast(stored, tf.int32))
        return labels if numbers.shape.rank else labels[0]

    def _masks(self) -> Iterator[np.ndarray]:
        """All masks, WHITE where a pixel is unlabelled; of those that can't be used, which are bad now, everywhere."""
        for number in track(range(len(self._pairs)), "reading masks", len(self._pairs)):
            mask = np.full(self._shape, WHITE, "uint8")
            try:
                values = masks.indices(self._pairs[number], self._shape, self._named)
                known = ~np.isin(values, self._unlabelled)
                self._check(values[known])
                mask[known] = values[known]
                self._values |= set(np.unique(values).tolist()) - set(self._unlabelled[1:])
            except ValueError as error:
                self.bad[number] = f"{self._pairs[number][1]} {error}"
            yield mask
        self._looked = True

    def _check(self, values: np.ndarray) -> None:
        """Raises ValueError for an index without a name."""
        count = len(self._named.names) if self._named else WHITE
        if (strange := values[values >= count]).size:
            raise ValueError(f"has the index {strange[0]}; {count} classes are named, 0 to {count - 1}")

    def _findings(self) -> dict[str, Any]:
        """What was seen in the masks, or is now where they were kept already."""
        if not self._looked:
            deque(self._masks(), maxlen=0)
        return {"bad": {str(number): reason for number, reason in self.bad.items()}, "values": sorted(self._values)}

"""Pictures and masks in the records of a set of TensorFlow Datasets, resized, and kept decoded where they fit."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from src.preprocess.images import Pictures as Door
from src.readers import tfds
from src.readers.masks import nearest
from src.readers.pictures import size_of
from src.sources import cache as caches
from src.sources.records import Records
from src.specs import UNLABELLED, Image
from src.system import digests
from src.system.screen import track

if TYPE_CHECKING:
    from src.readers.tfds import Builder

LOOKED_AT = 50  # images, to tell what size fits them
BATCH = 256
WHITE = 255  # in masks: unlabelled
MOST_CLASSES = 64


class Pictures:
    """The pictures of a set; `spec` is what they are resized to, `fetch` gives the images of numbers, as in a Store.

    Args:
        builder: of the set.
        key: feature with the pictures.
        size: height and width, or one number for both; where there is none, what fits most of them.
        cache: where they are kept: see src/sources/cache.py.

    Raises:
        ValueError: for a set with other numbers of records than it says, or pixels of more than 8 bits.
    """

    def __init__(self, builder: "Builder", key: str, size: tuple[int, ...], cache: str | None):
        self._builder, self._key = builder, key
        feature, self.records = _checked(builder, key), Records(tfds.files(builder))
        if len(self.records) != (told := sum(map(len, tfds.numbered(builder).values()))):
            raise ValueError(
                f"{builder.info.full_name} has {len(self.records):,} records; it says that it has {told:,}"
            )
        looked_at = range(min(LOOKED_AT, len(self.records)))
        sizes = [tuple(tf.io.decode_image(self.encoded(number)).shape[-3:-1]) for number in looked_at]
        self.spec = Image(*size_of(sizes, size), feature.shape[-1] or 3)
        self.door = Door(self.spec)
        self._shape = (len(self.records), self.spec.height, self.spec.width, self.spec.channels)
        self.cache = caches.choose(cache, math.prod(self._shape))
        self.at_once = self.cache != "none"
        self.fetch = self._kept() if self.at_once else self._decoded

    def __str__(self) -> str:
        shape = f"{self.spec.height} x {self.spec.width}, {math.prod(self._shape) / 1e6:,.1f} MB"
        as_what = f"{shape}, {caches.PLACES[self.cache]} (--image-size, --cache)"
        return f"{self._builder.info.full_name}: {len(self.records):,} images, as {as_what}"

    def encoded(self, number: int) -> bytes:
        """A picture's file, alone, as the whole record may have a name or a number that no other has."""
        return _bytes_of(self.records, number, self._key)

    def hashes(self, numbers: np.ndarray) -> np.ndarray:
        """A hash of each picture's file."""
        return digests.of_contents(self.encoded, numbers.tolist())

    def name(self, number: int) -> str:
        """Nothing by which people find a picture."""
        return ""

    def _decoded(self, number: tf.Tensor) -> tf.Tensor:
        feature = {self._key: tf.io.FixedLenFeature((), tf.string)}
        return self.door.decode(tf.io.parse_single_example(self.records.fetch(number), feature)[self._key])

    def _kept(self):
        key = caches.digest(tfds.files(self._builder), (self.spec, self.door.background))
        return caches.keep(self.cache, self._images(), self._shape, "uint8", key)

    def _images(self) -> Iterator[np.ndarray]:
        numbers = tf.data.Dataset.range(len(self.records))
        images = numbers.map(self._decoded, tf.data.AUTOTUNE).batch(BATCH).as_numpy_iterator()
        title = f"reading {self._builder.info.full_name}"
        for batch in track(images, title, -(-len(self.records) // BATCH)):
            yield from batch


def boxes(builder: "Builder", key: str) -> tuple[tuple[str, ...], dict[str, np.ndarray]]:
    """The classes of the boxes of a set's pictures, and the target of all pictures: see `Boxes` of src/specs.py.

    Crowds, and boxes without area, are left out; others are cut at the border.

    Args:
        builder: of the set.
        key: feature that is a sequence of boxes, each perhaps with a class.

    Raises:
        ValueError: for a feature without boxes.
    """
    parts = builder.info.features[key].feature
    box_key, class_key = (_first(parts, kind) for kind in ("BBoxFeature", "ClassLabel"))
    if not box_key:
        raise ValueError(f"{key!r} of {builder.info.full_name} has no boxes")
    found = []
    for example in tfds.examples(builder, key, batch=None):
        things = example[key]
        box = np.clip(things[box_key], 0, 1).reshape(-1, 4)
        label = things[class_key] if class_key else np.zeros(len(box), int)
        is_one = (box[:, 2:] > box[:, :2]).all(axis=1) & (label >= 0) & ~np.asarray(things.get("is_crowd", False), bool)
        found.append((box[is_one], label[is_one]))
    most = max(1, max(len(label) for _, label in found))
    target = {
        "box": np.zeros((len(found), most, 4), "float32"),
        "label": np.full((len(found), most), UNLABELLED, "int32"),
    }
    for number, (box, label) in enumerate(found):
        target["box"][number, : len(label)], target["label"][number, : len(label)] = box, label
    return tuple(parts[class_key].names) if class_key else (key,), target


def has_boxes(feature: Any) -> bool:
    """Whether a feature is a sequence of boxes."""
    return type(feature).__name__ == "Sequence" and bool(_first(feature.feature, "BBoxFeature"))


def _first(features: Any, kind: str) -> str:
    """The name of the first feature of a kind; "" for none."""
    names = (name for name, feature in dict(features).items() if type(feature).__name__ == kind)
    return next(names, "") if hasattr(features, "items") else ""


class Masks:
    """The masks of a set's pictures; `values` are those of its classes, in the order of their indices.

    Args:
        builder: of the set.
        key: feature with the masks.
        pictures: what they are of.

    Raises:
        ValueError: for colours, and for more values than classes have.
    """

    def __init__(self, builder: "Builder", key: str, pictures: Pictures):
        if _checked(builder, key).shape[-1] != 1:
            raise ValueError(f"{key!r} of {builder.info.full_name} has colours, and no classes")
        self._records, self._key = pictures.records, key
        shape = (len(self._records), pictures.spec.height, pictures.spec.width)
        where = "memory" if math.prod(shape) < caches.MEMORY_BYTES else "disk"
        self._kept = caches.keep(
            where, self._masks(shape[1:]), shape, "uint8", caches.digest(tfds.files(builder), (key, shape))
        )
        starts = range(0, len(self._records), BATCH)
        seen = [np.unique(self._kept(tf.range(s, min(s + BATCH, shape[0]), dtype=tf.int64))) for s in starts]
        self.values = [int(value) for value in np.unique(np.concatenate(seen)) if value != WHITE]
        if len(self.values) > MOST_CLASSES:
            raise ValueError(
                f"{key!r} of {builder.info.full_name} has {len(self.values)} values: greys, and no classes"
            )
        table = np.full(WHITE + 1, UNLABELLED, "int32")
        table[self.values] = np.arange(len(self.values))
        self._index = tf.constant(table)

    def fetch(self, numbers: tf.Tensor) -> tf.Tensor:
        """The masks of numbers (batch,), or of one (), int32 (…, height, width)."""
        labels = tf.gather(self._index, tf.cast(self._kept(tf.reshape(numbers, [-1])), tf.int32))
        return labels if numbers.shape.rank else labels[0]

    def _masks(self, shape: tuple[int, int]) -> Iterator[np.ndarray]:
        for number in track(range(len(self._records)), "reading masks", len(self._records)):
            mask = tf.io.decode_png(_bytes_of(self._records, number, self._key), channels=1)
            yield nearest(mask[..., 0].numpy(), shape)


def _checked(builder: "Builder", key: str):
    """A feature of images, or a ValueError for one whose pixels have more than 8 bits."""
    feature = builder.info.features[key]
    if (kind := feature.np_dtype) != np.uint8:
        name = builder.info.full_name
        raise ValueError(f"{name} has pixels of {np.dtype(kind).name} in {key!r}; only those of 8 bits are read")
    return feature


def _bytes_of(records: Records, number: int, key: str) -> bytes:
    return tf.train.Example.FromString(records.read(number)).features.feature[key].bytes_list.value[0]

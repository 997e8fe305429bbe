"""Any set of TensorFlow Datasets that has images, or columns, and a class or a number to predict.

--name names it, such as rock_paper_scissors or titanic; what it has and predicts is read from its own description.
It is found in TFDS_DATA_DIR, or downloaded once. A split that it hasn't is cut from train: 60/20/20, or a fifth.
"""

import math
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf
from rich.progress import track

from src.data import Data
from src.errors import nearest
from src.numbers import compact
from src.preprocess.images import Pictures, pixels
from src.preprocess.names import renamed, request_names
from src.preprocess.tables import Strings, columns
from src.readers import tfds
from src.readers.column_kinds import FEW, MOST
from src.readers.pictures import size_of
from src.sources import cache as caches
from src.sources.fetched import Fetched
from src.sources.memory import InMemory
from src.sources.records import Records
from src.sources.splits import cut
from src.specs import Classes, Columns, Image, Values
from src.system import digests

INPUTS, OUTPUTS = (Image, Columns), (Classes, Values)
NAMED_BY = "name"
LOOKED_AT = 50  # images, to tell what size fits them
BATCH = 256


def load(
    wanted: type | None = None,
    *,
    name: str = "",
    target: str = "",
    image_size: tuple[int, ...] = (),
    cache: Literal["memory", "disk", "none"] | None = None,
) -> Data:
    """The set, as images or as columns.

    Args:
        wanted: Classes or Values, where it is known which the target is.
        name: name of the data set, with its configuration if it has one, such as glue/sst2.
        target: feature to predict. The default is the data set's own target.
        image_size: height and width that images are resized to, or one number for both.
        cache: where decoded images are cached. The default is in memory, on disk or not at all, depending on their
            size.

    Raises:
        ValueError: for a set that has neither images nor columns, or a target that it hasn't.
    """
    if not name:
        raise ValueError("say which set: --name NAME, of TensorFlow Datasets")
    builder = tfds.prepared(name)
    features = builder.info.features
    target = target or _target(builder)
    if target not in features:
        raise ValueError(f"{name} has no feature {target!r}.{nearest(target, features)} It has: {', '.join(features)}")
    aims, outputs = _aims(builder, target, wanted)
    known = tfds.numbered(builder)
    for split in [split for split, rows in known.items() if isinstance(outputs, Classes) and (aims[rows] < 0).any()]:
        print(f"{name}: {split} has no labels")
        known.pop(split)
    parts = cut(known, aims, stratify=isinstance(outputs, Classes))
    images = [key for key, feature in features.items() if type(feature).__name__ == "Image"]
    if images:
        return _of_images(builder, images[0], parts, aims, outputs, image_size, cache)
    return _of_columns(builder, target, parts, aims, outputs)


def sample(folder: Path) -> dict:
    """The knobs of a set that the tests make up, as of all of TensorFlow Datasets."""
    return {"name": "mnist"}


def _target(builder) -> str:
    """The feature that a set is made to predict: the second of its supervised keys, or "label"."""
    keys = builder.info.supervised_keys
    if keys and isinstance(keys[-1], str):
        return keys[-1]
    if "label" in builder.info.features:
        return "label"
    raise ValueError(f"{builder.name} doesn't say what is predicted: --target NAME; it has {_list(builder)}")


def _list(builder) -> str:
    return ", ".join(sorted(builder.info.features))


def _aims(builder, target: str, wanted: type | None) -> tuple[np.ndarray, Classes | Values]:
    """The target of every example, and what it is; a class that isn't known is below 0."""
    feature = builder.info.features[target]
    found = np.concatenate([batch[target] for batch in tfds.examples(builder, target)])
    if type(feature).__name__ == "ClassLabel":
        return found.astype("int32"), Classes(tuple(feature.names))
    if found.ndim != 1 or found.dtype.kind not in "fiubO":
        raise ValueError(f"{target!r} of {builder.name} is neither a class nor a number")
    if found.dtype.kind != "O" and wanted is not Classes and (wanted is Values or len(np.unique(found)) > FEW):
        return compact(found.astype("float64"))[:, np.newaxis], Values((target,))
    values, labels = np.unique(found, return_inverse=True)
    if len(values) > MOST:
        raise ValueError(f"{target!r} of {builder.name} has more than {MOST:,} different values")
    names = tuple(value.decode() if isinstance(value, bytes) else str(value) for value in values.tolist())
    return labels.astype("int32"), Classes(names)


def _of_images(
    builder, key: str, parts: Mapping[str, np.ndarray], aims: np.ndarray, outputs: Any, size: tuple[int, ...], cache
) -> Data:
    """Images, fetched record by record, or from where they are kept."""
    features, set_name = builder.info.features, builder.info.full_name
    records = Records(tfds.files(builder))
    if len(records) != len(aims):
        raise ValueError(f"{set_name} has {len(records):,} records; it says that it has {len(aims):,}")

    if (kind := features[key].np_dtype) != np.uint8:
        raise ValueError(f"{set_name} has pixels of {np.dtype(kind).name} in {key!r}; only those of 8 bits are read")

    def picture(number):
        return tf.io.parse_single_example(records.fetch(number), {key: tf.io.FixedLenFeature((), tf.string)})[key]

    def encoded(number):  # alone, as the whole record may have a name or a number that no other has
        return tf.train.Example.FromString(records.read(number)).features.feature[key].bytes_list.value[0]

    looked_at = [tuple(tf.io.decode_image(encoded(n)).shape[-3:-1]) for n in range(min(LOOKED_AT, len(records)))]
    spec = Image(*size_of(looked_at, size), features[key].shape[-1] or 3)
    door = Pictures(spec)
    shape = (len(aims), spec.height, spec.width, spec.channels)
    where = caches.choose(cache, math.prod(shape))

    def fetch(number):
        return {"image": door.decode(picture(number))}

    if where != "none":
        whole = Fetched(fetch, aims, np.arange(len(aims))).in_order(BATCH).as_numpy_iterator()
        shown = track(
            whole, f"reading {set_name}", -(-len(aims) // BATCH), transient=True, disable=not sys.stdout.isatty()
        )
        images = (image for raw, _ in shown for image in raw["image"])
        name = caches.digest(tfds.files(builder), (spec, door.background))
        kept = caches.keep(where, images, shape, "uint8", name)

        def fetch(numbers):
            return {"image": kept(numbers)}

    size_said = f"{spec.height} x {spec.width}, {math.prod(shape) / 1e6:,.1f} MB, {caches.PLACES[where]}"
    notes = f"{set_name}: {len(aims):,} images, as {size_said} (--image-size, --cache)"
    about = {"at_once": where != "none", "hashes": partial(digests.of_contents, encoded)}
    sources = {split: Fetched(fetch, aims, rows, **about) for split, rows in parts.items()}
    doors = {"image_bytes": door}
    return Data(**sources, inputs=spec, outputs=outputs, preprocess=pixels(spec), doors=doors, notes=notes)


def _of_columns(builder, target: str, parts: Mapping[str, np.ndarray], aims: np.ndarray, outputs: Any) -> Data:
    """Columns, held in memory: numbers, categories, and vectors as a column for each of their numbers."""
    names = sorted(name for name in builder.info.features if name != target)  # which come in any order
    batches = list(tfds.examples(builder, *names))
    found, left_out = {}, []
    for name in names:
        one = [batch[name] for batch in batches]
        new = _columns(name, builder.info.features[name], np.concatenate(one)) if _flat(one[0]) else {}
        found |= new
        left_out += [] if new else [name]
    if not found:
        raise ValueError(f"{builder.info.full_name} has neither images nor columns; it has {_list(builder)}")
    requests = dict(zip(found, request_names([*found]), strict=True))
    raw = {request: found[name] for name, request in requests.items()}
    sources = {
        split: InMemory.of({name: column[rows] for name, column in raw.items()}, aims[rows])
        for split, rows in parts.items()
    }
    notes = f"{builder.info.full_name}: {len(aims):,} examples of {', '.join(found)}"
    if left_out:
        notes += f"\nleft out, as neither numbers nor categories: {', '.join(left_out)}"
    doors = {"strings": Strings(sources["train"])}
    about = {"notes": notes, "columns": renamed(requests)}
    return Data.adapted(columns, **sources, outputs=outputs, doors=doors, **about)


def _flat(column: Any) -> bool:
    return isinstance(column, np.ndarray) and column.ndim < 3


def _columns(name: str, feature, column: np.ndarray) -> dict[str, np.ndarray]:
    """The columns that a feature is: one, one for each number of a vector, or none."""
    if type(feature).__name__ == "ClassLabel":
        return {name: np.array([*feature.names, ""], object)[column]}  # -1 is a missing one
    if column.dtype.kind in "fiub":
        parts = [compact(part) for part in np.atleast_2d(column.astype("float64").T)]
        return (
            {name: parts[0]} if column.ndim == 1 else {f"{name}_{place}": part for place, part in enumerate(parts, 1)}
        )
    few = column.ndim == 1 and len(np.unique(column)) <= min(MOST, len(column) / 2)
    return {name: column} if few else {}

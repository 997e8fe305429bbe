"""Any TensorFlow Datasets data set with images or columns, and a class or a number to predict.

--name names it, such as rock_paper_scissors or titanic; what it has and predicts is read from its own description.
It is found in TFDS_DATA_DIR, or downloaded once. A split that it hasn't is cut from train: 60/20/20, or a fifth.
"""

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf

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
from src.system.screen import tell, track

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
    targets, outputs = _targets(builder, target, wanted)
    numbers = tfds.numbered(builder)
    for split in list(numbers):
        if isinstance(outputs, Classes) and (targets[numbers[split]] < 0).any():
            tell(f"{name}: {split} has no labels")
            numbers.pop(split)
    parts = cut(numbers, targets, stratify=isinstance(outputs, Classes))
    images = [key for key, feature in features.items() if type(feature).__name__ == "Image"]
    if images:
        return _of_images(builder, images[0], parts, targets, outputs, image_size, cache)
    return _of_columns(builder, target, parts, targets, outputs)


def sample(folder: Path) -> dict:
    """The knobs of a set that the tests make up, as of all of TensorFlow Datasets."""
    return {"name": "mnist"}


def _target(builder: "tfds.Builder") -> str:
    """The feature that a set is made to predict: the second of its supervised keys, or "label"."""
    keys = builder.info.supervised_keys
    if keys and isinstance(keys[-1], str):
        return keys[-1]
    if "label" in builder.info.features:
        return "label"
    raise ValueError(f"{builder.name} doesn't say what is predicted: --target NAME; it has {_list(builder)}")


def _list(builder: "tfds.Builder") -> str:
    return ", ".join(sorted(builder.info.features))


def _targets(builder: "tfds.Builder", target: str, wanted: type | None) -> tuple[np.ndarray, Classes | Values]:
    """The target of every example, and what it is; a class that isn't known is below 0."""
    feature = builder.info.features[target]
    values = np.concatenate([batch[target] for batch in tfds.examples(builder, target)])
    if type(feature).__name__ == "ClassLabel":
        return values.astype("int32"), Classes(tuple(feature.names))
    if values.ndim != 1 or values.dtype.kind not in "fiubO":
        raise ValueError(f"{target!r} of {builder.name} is neither a class nor a number")
    if values.dtype.kind != "O" and wanted is not Classes and (wanted is Values or len(np.unique(values)) > FEW):
        return compact(values.astype("float64"))[:, np.newaxis], Values((target,))
    classes, labels = np.unique(values, return_inverse=True)
    if len(classes) > MOST:
        raise ValueError(f"{target!r} of {builder.name} has more than {MOST:,} different values")
    names = tuple(value.decode() if isinstance(value, bytes) else str(value) for value in classes.tolist())
    return labels.astype("int32"), Classes(names)


def _of_images(
    builder: "tfds.Builder",
    key: str,
    parts: Mapping[str, np.ndarray],
    targets: np.ndarray,
    outputs: Classes | Values,
    size: tuple[int, ...],
    cache: str | None,
) -> Data:
    """Images, fetched record by record, or from where they are kept."""
    features, set_name = builder.info.features, builder.info.full_name
    records = Records(tfds.files(builder))
    if len(records) != len(targets):
        raise ValueError(f"{set_name} has {len(records):,} records; it says that it has {len(targets):,}")
    if (kind := features[key].np_dtype) != np.uint8:
        raise ValueError(f"{set_name} has pixels of {np.dtype(kind).name} in {key!r}; only those of 8 bits are read")

    def picture(number):
        return tf.io.parse_single_example(records.fetch(number), {key: tf.io.FixedLenFeature((), tf.string)})[key]

    def encoded(number):  # alone, as the whole record may have a name or a number that no other has
        return tf.train.Example.FromString(records.read(number)).features.feature[key].bytes_list.value[0]

    sizes = [tuple(tf.io.decode_image(encoded(n)).shape[-3:-1]) for n in range(min(LOOKED_AT, len(records)))]
    spec = Image(*size_of(sizes, size), features[key].shape[-1] or 3)
    door = Pictures(spec)
    shape = (len(targets), spec.height, spec.width, spec.channels)
    cache = caches.choose(cache, math.prod(shape))

    def fetch(number):
        return {"image": door.decode(picture(number))}

    if cache != "none":
        whole = Fetched(fetch, targets, np.arange(len(targets))).in_order(BATCH).as_numpy_iterator()
        shown = track(whole, f"reading {set_name}", -(-len(targets) // BATCH))
        images = (image for raw, _ in shown for image in raw["image"])
        kept = caches.keep(cache, images, shape, "uint8", caches.digest(tfds.files(builder), (spec, door.background)))

        def fetch(number):
            return {"image": kept(number)}

    as_what = f"{spec.height} x {spec.width}, {math.prod(shape) / 1e6:,.1f} MB, {caches.PLACES[cache]}"
    hashes = partial(digests.of_contents, encoded)
    train, validation, test = (
        Fetched(fetch, targets, rows, at_once=cache != "none", hashes=hashes) for rows in parts.values()
    )
    return Data(
        train,
        validation,
        test,
        inputs=spec,
        outputs=outputs,
        preprocess=pixels(spec),
        doors={"image_bytes": door},
        notes=f"{set_name}: {len(targets):,} images, as {as_what} (--image-size, --cache)",
    )


def _of_columns(
    builder: "tfds.Builder",
    target: str,
    parts: Mapping[str, np.ndarray],
    targets: np.ndarray,
    outputs: Classes | Values,
) -> Data:
    """Columns, held in memory: numbers, categories, and vectors as a column for each of their numbers."""
    names = sorted(name for name in builder.info.features if name != target)  # which come in any order
    batches = list(tfds.examples(builder, *names))
    by_name: dict[str, np.ndarray] = {}
    left_out = []
    for name in names:
        values = [batch[name] for batch in batches]
        new = _columns(name, builder.info.features[name], np.concatenate(values)) if _flat(values[0]) else {}
        by_name |= new
        left_out += [] if new else [name]
    if not by_name:
        raise ValueError(f"{builder.info.full_name} has neither images nor columns; it has {_list(builder)}")
    requests = dict(zip(by_name, request_names([*by_name]), strict=True))
    raw = {request: by_name[name] for name, request in requests.items()}
    train, validation, test = (
        InMemory.of({name: column[rows] for name, column in raw.items()}, targets[rows]) for rows in parts.values()
    )
    notes = f"{builder.info.full_name}: {len(targets):,} examples of {', '.join(by_name)}"
    if left_out:
        notes += f"\nleft out, as neither numbers nor categories: {', '.join(left_out)}"
    return Data.adapted(
        columns,
        train,
        validation=validation,
        test=test,
        outputs=outputs,
        doors={"strings": Strings(train)},
        notes=notes,
        columns=renamed(requests),
    )


def _flat(column: Any) -> bool:
    return isinstance(column, np.ndarray) and column.ndim < 3


def _columns(name: str, feature: Any, column: np.ndarray) -> dict[str, np.ndarray]:
    """The columns that a feature is: one, one for each number of a vector, or none."""
    if type(feature).__name__ == "ClassLabel":
        return {name: np.array([*feature.names, ""], object)[column]}  # -1 is a missing one
    if column.dtype.kind in "fiub":
        parts = [compact(part) for part in np.atleast_2d(column.astype("float64").T)]
        if column.ndim == 1:
            return {name: parts[0]}
        return {f"{name}_{number}": part for number, part in enumerate(parts, 1)}
    few = column.ndim == 1 and len(np.unique(column)) <= min(MOST, len(column) / 2)
    return {name: column} if few else {}

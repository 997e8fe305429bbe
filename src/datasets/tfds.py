"""Any TensorFlow Datasets data set with images or columns, and a class, a number, a mask or boxes to predict.

--name names it, such as rock_paper_scissors or titanic; what it has and predicts is read from its own description.
It is found in TFDS_DATA_DIR, or downloaded once. A split that it hasn't is cut from train: 60/20/20, or a fifth.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from src.analysis.colors import palette
from src.data import Data
from src.errors import nearest
from src.numbers import compact
from src.preprocess.names import renamed, request_names
from src.preprocess.tables import Strings, columns
from src.readers import recorded, tfds
from src.readers.class_files import Classes as Names
from src.readers.class_files import read_classes
from src.readers.column_kinds import FEW, MOST
from src.readers.picture_sets import data_of
from src.sources.memory import InMemory
from src.sources.splits import cut
from src.specs import UNLABELLED, Boxes, Classes, Columns, Image, Mask, Values
from src.system.screen import tell

INPUTS, OUTPUTS = (Image, Columns), (Classes, Values, Mask, Boxes)
NAMED_BY = "name"


def load(
    wanted: type | None = None,
    *,
    name: str = "",
    target: str = "",
    classes: str = "",
    image_size: tuple[int, ...] = (),
    cache: Literal["memory", "disk", "none"] | None = None,
) -> Data:
    """The set, as images or as columns.

    Args:
        wanted: Classes, Values, Mask or Boxes, where it is known which the target is.
        name: name of the data set, with its configuration if it has one, such as glue/sst2.
        target: feature to predict. The default is the data set's own target; for masks, its grey image beside another,
            and for boxes, its first sequence of them.
        classes: for masks, text file with the classes in the order of their values, one a line: a name, or a name and
            its red, green and blue. The default is to call them by their value. 255 is no class.
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
    images = [key for key, feature in features.items() if type(feature).__name__ == "Image"]
    target = target or (OF_IMAGES[wanted](builder) if wanted in OF_IMAGES else _target(builder))
    if target not in features:
        raise ValueError(f"{name} has no feature {target!r}.{nearest(target, features)} It has: {', '.join(features)}")
    pictures = [key for key in images if key != target]
    if target in images and pictures:
        return _of_masks(builder, target, recorded.Pictures(builder, pictures[0], image_size, cache), classes)
    if pictures and recorded.has_boxes(features[target]):
        return _of_boxes(builder, target, recorded.Pictures(builder, pictures[0], image_size, cache))
    targets, outputs = _targets(builder, target, wanted)
    numbers = tfds.numbered(builder)
    for split in list(numbers):
        if isinstance(outputs, Classes) and (targets[numbers[split]] < 0).any():
            tell(f"{name}: {split} has no labels")
            numbers.pop(split)
    parts = cut(numbers, targets, stratify=isinstance(outputs, Classes))
    if pictures:
        store = recorded.Pictures(builder, pictures[0], image_size, cache)
        return data_of(store, parts, outputs, targets, notes=str(store))
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


def _boxes(builder: "tfds.Builder") -> str:
    """The first sequence of boxes."""
    for name, feature in builder.info.features.items():
        if recorded.has_boxes(feature):
            return name
    raise ValueError(f"{builder.name} has no boxes; it has {_list(builder)}")


def _mask(builder: "tfds.Builder") -> str:
    """The only image of one channel beside other ones."""
    images = [key for key, feature in builder.info.features.items() if type(feature).__name__ == "Image"]
    grey = [key for key in images if builder.info.features[key].shape[-1] == 1]
    if len(grey) != 1 or len(images) < 2:
        raise ValueError(f"{builder.name} doesn't say what are masks: --target NAME; it has {_list(builder)}")
    return grey[0]


OF_IMAGES = {Mask: _mask, Boxes: _boxes}  # which feature is the target, of what is about places of an image


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


def _of_masks(builder: "tfds.Builder", key: str, pictures: recorded.Pictures, classes: str) -> Data:
    """Images, with the class of each pixel in another image."""
    masks = recorded.Masks(builder, key, pictures)
    named = read_classes(Path(classes)) if classes else Names(tuple(f"class {value}" for value in masks.values))
    if len(named.names) != len(masks.values):
        values = ", ".join(map(str, masks.values))
        raise ValueError(f"{classes} names {len(named.names)} classes; {key!r} has the values {values}")
    colors = named.colors or palette(len(named.names))
    outputs = Mask(pictures.spec.height, pictures.spec.width, named.names, colors)
    parts = cut(tfds.numbered(builder), np.zeros(len(pictures.records)), stratify=False)
    return data_of(pictures, parts, outputs, masks.fetch, notes=str(pictures))


def _of_boxes(builder: "tfds.Builder", key: str, pictures: recorded.Pictures) -> Data:
    """Images, with boxes in them."""
    names, target = recorded.boxes(builder, key)
    outputs = Boxes(pictures.spec.height, pictures.spec.width, names, target["label"].shape[1])
    parts = cut(tfds.numbered(builder), (target["label"] != UNLABELLED).any(axis=1), stratify=True)
    return data_of(pictures, parts, outputs, target, notes=str(pictures))


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

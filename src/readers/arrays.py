"""Arrays that are given from Python: (x, y), of NumPy, of lists or of a pandas.DataFrame."""

from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from src.data import Data, Raw
from src.errors import UsageError
from src.numbers import compact
from src.preprocess.names import columns_of, request_names
from src.preprocess.texts import word_counts
from src.readers.features import NAMES, data_set, kind_of, knobs_of, with_channel
from src.readers.targets import learnt, outputs_of
from src.settings.given import GivenData
from src.sources.memory import InMemory, each
from src.sources.splits import SPLITS, check_classes, cut
from src.specs import Classes, Columns, Tokens, Vector

TAKEN = (
    'a data set by its name, such as "digits", a Data of src/data.py, arrays (x, y), or a tf.data.Dataset of (x, y); '
    "see docs/python.md"
)


def given(data: Any, takes: Sequence[type]) -> GivenData:
    """What stands in for the file of a data set; see src/readers/given.py for the arguments."""
    splits = _splits(data)
    x, y = splits["train"]
    kind = _kind(x, takes)

    def make(wanted: type | None = None, **knobs: Any) -> Data:
        return _load(splits, kind, wanted, knobs)

    about = "Arrays that were given from Python."
    outputs = outputs_of(_array(y, "y").dtype)
    return GivenData("arrays", Path(__file__), about, (kind,), outputs, "", "data", knobs_of(kind), make, "arrays")


def _splits(data: Any) -> dict[str, tuple]:
    """The pairs (x, y) by split; only train where one pair is given."""
    pairs = data if isinstance(data, tuple) and all(isinstance(part, tuple) for part in data) else (data,)
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2 or len(pairs) > len(SPLITS):
            raise UsageError(f"data takes {TAKEN}; not {type(pair).__name__}.")
        if any(isinstance(part, tf.data.Dataset) for part in pair):
            raise UsageError("data takes one tf.data.Dataset, which is split: train.concatenate(validation).")
    return dict(zip(SPLITS, map(tuple, pairs), strict=False))


def _kind(x: Any, takes: Sequence[type]) -> type:
    """The kind of features that inputs become."""
    if columns_of(x) is not None:
        return Columns
    array = _array(x, "x")
    if kind := kind_of(array.ndim, array.dtype, takes):
        return kind
    raise UsageError(f"x can't be features: it is an array of {array.dtype} and of the shape {array.shape}.")


def _load(splits: Mapping[str, tuple], kind: type, wanted: type | None, knobs: Mapping[str, Any]) -> Data:
    """The data set; what isn't given is cut from train, 60/20/20, by class where there are classes."""
    x, y = splits["train"]
    raw, targets, rows = _joined({split: (_raw(x, kind), _array(y, "y")) for split, (x, y) in splits.items()})
    outputs, encode = learnt(targets, wanted, _name(y))
    target = encode(targets)
    parts = cut(rows, target, stratify=isinstance(outputs, Classes))
    if isinstance(outputs, Classes):
        check_classes(parts, target, outputs.names)
    lengths = word_counts if kind is Tokens else None
    sources = {
        split: InMemory.of({name: column[rows] for name, column in raw.items()}, target[rows], lengths)
        for split, rows in parts.items()
    }
    return data_set(kind, sources, outputs, list(columns_of(x) or []), **knobs)


def _joined(splits: Mapping[str, tuple[Raw, np.ndarray]]) -> tuple[Raw, np.ndarray, dict[str, np.ndarray]]:
    """The requests and the targets of all splits, and the numbers of each split's examples."""
    rows, size = {}, 0
    for split, (raw, y) in splits.items():
        for name, column in raw.items():
            if len(column) != len(y):
                raise ValueError(f"{split}: {name} has {len(column):,} examples, but y has {len(y):,}")
        rows[split] = np.arange(size, size := size + len(y))
    raw, y = each(lambda *parts: np.concatenate(parts), *splits.values())
    return raw, y, rows


def _raw(x: Any, kind: type) -> Raw:
    """The requests, by input's name."""
    if columns := columns_of(x):
        values = [_column(name, _array(column, name)) for name, column in columns.items()]
        return dict(zip(request_names(list(columns)), values, strict=True))
    array = with_channel(_array(x, "x"), kind)
    if kind is Tokens:
        return {"text": _texts(array)}
    if array.dtype != "uint8" or kind is Vector:
        array = _numbers(array)
    return {NAMES[kind]: array}


def _column(name: str, column: np.ndarray) -> np.ndarray:
    if column.ndim != 1:
        raise ValueError(f"the column {name!r} has the shape {column.shape}: give one value for each example")
    if column.dtype.kind in "biuf":
        return compact(column.astype("float64"))
    if column.dtype.kind in "OSU":
        return _texts(column)
    raise ValueError(f"the column {name!r} has {column.dtype}: give numbers or texts")


def _numbers(array: np.ndarray) -> np.ndarray:
    """As float32, or float64 where a column needs it."""
    small = array.astype("float32")
    if (small == array).all():
        return small
    exact = array.astype("float64")
    columns = exact.reshape(-1, array.shape[-1]).T
    return exact if any(compact(column).dtype == "float64" for column in columns) else small


def _texts(column: np.ndarray) -> np.ndarray:
    """As bytes; a missing one is empty."""
    texts = ["" if text is None or text != text else text for text in column.tolist()]
    return np.array([text if isinstance(text, bytes) else str(text).encode(errors="replace") for text in texts], object)


def _array(values: Any, name: str) -> np.ndarray:
    """Values as NumPy has them; objects that are numbers, or missing, become numbers."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise UsageError(f"{name} can't be an array: {error}.") from None
    if array.dtype == object and array.size and all(isinstance(v, Real) or v is None for v in array.flat):
        return array.astype("float64")
    return array


def _name(y: Any) -> str:
    """What the targets are called, as a column of a pandas.DataFrame is."""
    name = getattr(y, "name", None)
    return name if isinstance(name, str) and name else "y"

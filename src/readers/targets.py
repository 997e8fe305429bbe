"""What is to be learnt, from targets as somebody has them: numbers, whole numbers, texts or one-hot rows."""

from collections.abc import Callable, Sequence

import numpy as np

from src.numbers import compact
from src.readers.labels import ordered
from src.specs import Classes, Values

MOST = 0.2  # classes an example, beyond which they are rather numbers
Encode = Callable[[np.ndarray], np.ndarray]  # from some of the targets, as they were given, to those that are learnt


def outputs_of(dtype: np.dtype) -> tuple[type, ...]:
    """The kinds of output that targets of this type may be, the usual one first."""
    if dtype.kind in "OSU":
        return (Classes,)
    return (Values, Classes) if dtype.kind == "f" else (Classes, Values)


def learnt(y: np.ndarray, wanted: type | None, name: str = "y", classes: Sequence[str] = ()) -> tuple:
    """The output, and a function from some of the targets to those that are learnt.

    Args:
        y: all targets, (examples,) or (examples, values).
        wanted: Classes or Values; None for the usual kind.
        name: what they are called.
        classes: names of whole numbers from 0.

    Raises:
        ValueError: for what can be neither.
    """
    if y.ndim not in (1, 2):
        raise ValueError(f"y has the shape {y.shape}: give one target, or one row of numbers, for each example")
    kind = wanted or (Classes if _is_one_hot(y) else outputs_of(y.dtype)[0])
    if kind is Values:
        return _values(y, name)
    if y.ndim == 2 and y.shape[1] > 1 and not _is_one_hot(y):
        raise ValueError(f"y has the shape {y.shape}: give one class, a whole number or a text, for each example")
    if wanted is None and (many := len(np.unique(_labels(y)))) > max(2, len(y) * MOST):
        numbers = 'where they are numbers, give floats, or say task="regression"'
        raise ValueError(f"y has {many:,} classes in {len(y):,} examples: {numbers}")
    return _classes(y, classes)


def _values(y: np.ndarray, name: str) -> tuple[Values, Encode]:
    rows = y.reshape(len(y), -1)
    exact = any(compact(column.astype("float64")).dtype == "float64" for column in rows.T)
    dtype, size = "float64" if exact else "float32", rows.shape[1]
    names = (name,) if size == 1 else tuple(f"{name}_{number}" for number in range(1, size + 1))
    return Values(names), lambda some: some.reshape(len(some), size).astype(dtype)


def _classes(y: np.ndarray, names: Sequence[str]) -> tuple[Classes, Encode]:
    values = np.unique(_labels(y))
    if missing := [value for value in values.tolist() if value == "" or value != value]:
        row = int(np.flatnonzero([label in missing or label != label for label in _labels(y).tolist()])[0])
        raise ValueError(f"y has no class for example {row}")
    if values.dtype.kind == "f":
        if (strange := values[values != np.round(values)]).size:
            raise ValueError(f"y has {strange[0]:g}: classes are whole numbers or texts")
        values = values.astype("int64")
    if len(values) < 2:
        raise ValueError(f"y has one class only: {values[0]}" if len(values) else "there are no examples")
    if names and values.dtype.kind in "iu" and values[0] >= 0 and values[-1] < len(names):
        return Classes(tuple(names)), lambda some: _labels(some).astype("int32")
    texts = [str(value) for value in values.tolist()]
    called = ordered({text: text for text in texts})
    places = np.array([called.index(text) for text in texts], "int32")
    return Classes(called), lambda some: places[np.searchsorted(values, _labels(some))]


def _labels(y: np.ndarray) -> np.ndarray:
    """The class of each example, a number or a text, (examples,)."""
    if _is_one_hot(y):
        return y.argmax(axis=1)
    flat = y.reshape(-1)
    if flat.dtype.kind == "b":
        return flat.astype("int64")
    return np.array([_text(label) for label in flat], str) if flat.dtype.kind in "OSU" else flat


def _text(label: object) -> str:
    if isinstance(label, bytes):
        return label.decode(errors="replace")
    return "" if label is None or label != label else str(label)


def _is_one_hot(y: np.ndarray) -> bool:
    return y.ndim == 2 and y.shape[1] > 1 and bool(((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())

"""Your own table: a CSV file with a column to predict.

--path names the file, --target the column: a class where it is text or a few whole numbers, else a number. Numbers
and categories are used as they are found; a missing value is allowed. Split 60/20/20, by class, and by --group where
rows belong together.
"""

import math
from pathlib import Path

import numpy as np
import tensorflow as tf

from src import csvs, kinds
from src.csvs import Table
from src.fetched import Fetched
from src.kinds import Column
from src.specs import Classes, Columns, Data, Values
from src.splits import check_classes, cut
from src.tables import Strings, columns

INPUTS, OUTPUTS = (Columns,), (Classes, Values)
NAMED_BY = "path"


def load(
    wanted: type | None = None,
    *,
    path: str = "",
    target: str = "",
    group: str = "",
    drop: tuple[str, ...] = (),
    header: bool | None = None,
) -> Data:
    """The table, one raw input a column.

    Args:
        wanted: Classes or Values, where it is known which the target is.
        path: the file; .gz, .bz2, .xz and .zip are unpacked.
        target: column that is predicted.
        group: column that says which rows belong together, such as a patient's; they come into the same split.
        drop: columns that are left out.
        header: whether the first row has the columns' names; by itself, where it has no number.

    Raises:
        ValueError: for what can't be used, naming row or column.
    """
    if not path:
        raise ValueError("say which table: --path FILE.csv --target COLUMN")
    table = csvs.table(Path(path), header)
    if not target:
        raise ValueError(f"say which column is predicted: --target COLUMN; {path} has: {', '.join(table.names)}")
    for name in (target, *([group] if group else []), *drop):
        csvs.check_column(name, table.names, table.path)
    if target in (group, *drop):
        raise ValueError(f"{target!r} can't be the target and a group or left out")
    found, comma = kinds.read(table, drop, group)
    aim, groups = found.pop(target), found.pop(group).as_indices() if group else None
    kinds.check(table, found)
    outputs = _outputs(table, target, aim, wanted)
    used = {name: column for name, column in found.items() if column.kind in ("number", "category")}
    notes = _notes(table, target, outputs, aim.rows, found)
    if not used:
        raise ValueError(f"{path} has no column of numbers or categories beside {target!r}:\n{notes}")
    rows, aims = _Rows(used), _aims(table, target, aim, outputs)
    parts = cut({"train": np.arange(aim.rows)}, aims, stratify=isinstance(outputs, Classes), groups=groups)
    if isinstance(outputs, Classes):
        looked_at = parts if groups is None else {"train": parts["train"]}  # a rare class may be that of one group
        check_classes(looked_at, aims, outputs.names)
    sources = {split: Fetched(rows.fetch, aims, part, at_once=True, groups=groups) for split, part in parts.items()}
    doors = {"strings": Strings(sources["train"], comma)}
    return Data.adapted(columns, **sources, outputs=outputs, doors=doors, notes=notes)


def _outputs(table: Table, target: str, column: Column, wanted: type | None) -> Classes | Values:
    """What the target is: classes where it is text or a few whole numbers, or as wanted."""
    kind = column.kind
    if kind in ("empty", "the same in each row"):
        raise ValueError(f"{table.path}: {target} is {kind}: there is nothing to learn")
    if column.marked and kind not in ("number", "category") and wanted is not Classes:
        raise ValueError(f"{table.path}: {target} is {kind}: leave only the numbers")
    if (wanted or (Classes if kind == "category" or column.few else Values)) is Values:
        if column.strange:
            row, cell = column.strange
            raise ValueError(f"{table.path}, row {row}: {target} is {cell!r}, not a number")
        kinds.check(table, {target: column})
        return Values((target,))
    if column.many:
        more = f"more than {kinds.MOST:,} different values"
        raise ValueError(f"{table.path}: {target} has {more}; --task regression learns numbers")
    return Classes(tuple(sorted({_class(text) for text in column.texts} - {""}, key=_by_number)))


def _aims(table: Table, target: str, column: Column, outputs: Classes | Values) -> np.ndarray:
    """The target of each row; raises ValueError that names one that has none."""
    if isinstance(outputs, Classes):
        labels = {name: label for label, name in enumerate(outputs.names)}
        found = np.array([labels.get(_class(text), -1) for text in column.texts], "int32")[column.as_indices()]
        missing = found < 0
    else:
        found = column.as_numbers()[:, np.newaxis]
        missing = np.isnan(found[:, 0])
    if missing.any():
        row = int(np.argmax(missing)) + 1
        raise ValueError(
            f"{table.path}, row {row}: {target} is empty, as in {int(missing.sum()):,} rows; leave them out of the file"
        )
    return found


def _class(text: str) -> str:
    """1, 1.0 and 01 are one class."""
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if math.isfinite(number) and number == int(number) else text


def _by_number(name: str) -> tuple:
    try:
        return 0, float(name), name
    except ValueError:
        return 1, 0.0, name


def _notes(table: Table, target: str, outputs: Classes | Values, rows: int, found: dict[str, Column]) -> str:
    """What the file was taken for."""
    what = "a number" if isinstance(outputs, Values) else f"one of {outputs.size} classes"
    by_kind = {"number": [], "category": [], "": []}
    for name, column in found.items():
        used = column.kind in by_kind
        by_kind[column.kind if used else ""].append(name if used else f"{name or 'one without a name'} ({column.kind})")
    titles = {"number": "numbers", "category": "categories", "": "left out"}
    lines = [f"  {titles[kind]}: {', '.join(names)}" for kind, names in by_kind.items() if names]
    return "\n".join([f"{table.path}: {rows:,} rows; {target} is {what} (--task)", *lines])


class _Rows:
    """The rows of a table in compact arrays: numbers as float32, categories as indices of their texts.

    Args:
        columns: those that are used.
    """

    def __init__(self, columns: dict[str, Column]):
        requests = dict(zip(columns, csvs.request_names(columns), strict=True))
        numbers = {name: column for name, column in columns.items() if column.kind == "number"}
        categories = {name: column for name, column in columns.items() if name not in numbers}
        self._numbers, self._categories = [requests[name] for name in numbers], [requests[name] for name in categories]
        with tf.device("CPU"):
            self._number = tf.stack([column.as_numbers() for column in numbers.values()], axis=1) if numbers else None
            self._indices = [tf.constant(column.as_indices()) for column in categories.values()]
            self._texts = [tf.constant(list(column.texts)) for column in categories.values()]

    def fetch(self, rows: tf.Tensor) -> dict[str, tf.Tensor]:
        """The raw request of those rows, (batch,)."""
        raw = {}
        if self._numbers:
            found = tf.unstack(tf.gather(self._number, rows), num=len(self._numbers), axis=1)
            raw |= dict(zip(self._numbers, found, strict=True))
        for request, indices, texts in zip(self._categories, self._indices, self._texts, strict=True):
            raw[request] = tf.gather(texts, tf.gather(indices, rows))
        return raw

"""Your own table: a CSV file with a column to predict.

--path names the file, --target the column: a class where it is text or a few whole numbers, else a number. Numbers
and categories are used as they are found; a missing value is allowed, but rows without a target are left out. Split
60/20/20, by class, and by --group where rows belong together.
"""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import tensorflow as tf

from src.data import Data
from src.numbers import compact
from src.preprocess.names import composed, renamed, request_names
from src.preprocess.tables import Strings, columns
from src.readers import column_kinds, csv_files
from src.readers.column_kinds import Column
from src.readers.csv_files import Table
from src.readers.labels import class_names, doubtful, ordered
from src.sources.fetched import Fetched
from src.sources.splits import check_classes, cut
from src.specs import Classes, Columns, Values

INPUTS, OUTPUTS = (Columns,), (Classes, Values)
NAMED_BY = "path"


def load(
    wanted: type | None = None,
    *,
    path: str = "",
    target: str = "",
    group: str = "",
    drop: tuple[str, ...] = (),
    keep: tuple[str, ...] = (),
    category: tuple[str, ...] = (),
    header: bool | None = None,
    decimal: Literal[".", ","] | None = None,
    encoding: str = "",
) -> Data:
    """The table, one raw input a column.

    Args:
        wanted: Classes or Values, where it is known which the target is.
        path: the file; .gz, .bz2, .xz and .zip are decompressed.
        target: column to predict.
        group: column whose rows with the same value belong together, such as a patient; they stay in the same split.
        drop: columns to ignore.
        keep: numeric columns to use although they look like ids.
        category: numeric columns that are codes, such as postcodes, to treat as categories.
        header: whether the first row contains the column names. The default is to detect it.
        decimal: decimal mark, if it isn't clear from the numbers.
        encoding: encoding, such as cp1251. The default is UTF-8, or else cp1252.

    Raises:
        ValueError: for what can't be used, naming row or column.
    """
    table = _table(path, target, header, encoding)
    target, group = composed(target), composed(group)
    drop, keep, category = (tuple(map(composed, names)) for names in (drop, keep, category))
    _check_names(table, target, group, drop, (*keep, *category))
    features, notes = column_kinds.read(table, drop, group, decimal)
    target_column, groups = features.pop(target), features.pop(group).as_indices() if group else None
    _declare(features, keep, category)
    column_kinds.check(table, features)
    outputs, targets = _outputs(table, target_column, wanted)
    rows = np.flatnonzero(targets >= 0 if isinstance(outputs, Classes) else ~np.isnan(targets[:, 0]))
    about = _notes(table, target_column, outputs, len(rows), features, notes)
    used = {name: column for name, column in features.items() if column.kind in ("number", "category")}
    if not used:
        raise ValueError(f"{path} has no column of numbers or categories beside {target!r}:\n{about}")
    requests = dict(zip(table.names, request_names(table.names), strict=True))
    fetch = _Rows(used, requests).fetch
    splits = _cut(rows, targets, outputs, groups)
    split = partial(Fetched, fetch, targets, at_once=True, groups=groups, name=lambda number: f"row {number + 1}")
    train, validation, test = map(split, splits)
    return Data.adapted(
        columns,
        train,
        validation=validation,
        test=test,
        outputs=outputs,
        doors={"strings": Strings(train, {requests[name]: column.comma for name, column in used.items()})},
        notes=about,
        warnings=_warnings(table, used, category),
        columns=renamed({name: requests[name] for name in used}),
    )


def sample(folder: Path) -> dict:
    """Writes a small table, and gives the knobs that load it."""
    rows = [f"{day % 7},{day / 3 if day % 5 else ''},{'rain' if day % 3 else 'sun'},{day % 2}" for day in range(60)]
    (folder / "days.csv").write_text("\n".join(["weekday,length,weather,open", *rows]))
    return {"path": str(folder / "days.csv"), "target": "open"}


def _table(path: str, target: str, header: bool | None, encoding: str) -> Table:
    """The file; raises a ValueError where the user hasn't named it or its target."""
    if not path:
        raise ValueError("say which table: --path FILE.csv --target COLUMN")
    table = csv_files.table(Path(path), header, encoding)
    if not target:
        raise ValueError(f"say which column is predicted: --target COLUMN; {path} has: {', '.join(table.names)}")
    return table


def _check_names(table: Table, target: str, group: str, drop: tuple[str, ...], others: tuple[str, ...]) -> None:
    """Raises a ValueError for a column that the table hasn't, or that can't be two things."""
    for name in (target, *([group] if group else []), *drop, *others):
        csv_files.check_column(name, table.names, table.path)
    if target in (group, *drop):
        raise ValueError(f"{target!r} can't be the target and a group or left out")


def _declare(features: dict[str, Column], keep: tuple[str, ...], category: tuple[str, ...]) -> None:
    """Takes columns for numbers or categories as the user says; raises ValueError for those that can't be."""
    for kind, names in (("number", keep), ("category", category)):
        for name in set(names) & features.keys():
            features[name].declared = kind
            if features[name].kind not in ("number", "category"):
                raise ValueError(f"{name} can't be a {kind}: it is {features[name].kind}")


def _outputs(table: Table, column: Column, wanted: type | None) -> tuple[Classes | Values, np.ndarray]:
    """What the target is: classes where it is text or a few whole numbers, or as wanted; and the target of each row.

    It is below 0 or NaN where a row has none.
    """
    kind, target = column.kind, column.name
    if kind in ("empty", "the same in each row"):
        raise ValueError(f"{table.path}: {target} is {kind}: there is nothing to learn")
    if column.marked and kind not in ("number", "category", *column_kinds.NUMBERED) and wanted is not Classes:
        raise ValueError(f"{table.path}: {target} is {kind}: leave only the numbers, or say --decimal")
    if wanted is None and kind == "category" and column.mostly_numbers:
        raise ValueError(f"{_odd(table, column)}: fix or empty such cells, or say --task classification")
    if (wanted or (Classes if kind == "category" or column.few else Values)) is Values:
        if column.strange:
            row, cell = column.strange
            raise ValueError(f"{table.path}, row {row}: {target} is {cell!r}, not a number")
        column_kinds.check(table, {target: column})
        return Values((target,)), compact(column.as_numbers())[:, np.newaxis]
    if column.many:
        more = f"more than {column_kinds.MOST:,} different values"
        raise ValueError(f"{table.path}: {target} has {more}; --task regression learns numbers")
    names = class_names(column.texts)
    outputs = Classes(ordered(names))
    if outputs.size < 2:
        raise ValueError(f"{table.path}: {target} has one class only: {outputs.names[0]!r}")
    labels = {name: label for label, name in enumerate(outputs.names)}
    return outputs, np.array([labels.get(names[text], -1) for text in column.texts], "int32")[column.as_indices()]


def _cut(
    rows: np.ndarray, targets: np.ndarray, outputs: Classes | Values, groups: np.ndarray | None
) -> Iterable[np.ndarray]:
    """The rows of training, validation and test."""
    if isinstance(outputs, Values):
        return cut({"train": rows}, targets, stratify=False, groups=groups).values()
    parts = cut({"train": rows}, targets, stratify=True, groups=groups)
    checked = parts if groups is None else {"train": parts["train"]}  # a rare class may be that of one group
    check_classes(checked, targets, outputs.names)
    return parts.values()


def _odd(table: Table, column: Column) -> str:
    """Where a column that is mostly numbers has something else."""
    assert column.strange, "it has something else"
    row, cell = column.strange
    return f"{table.path}, row {row}: {column.name} is {cell!r}, where most cells are numbers"


def _warnings(table: Table, columns: dict[str, Column], category: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        f"{_odd(table, column)}: it is taken for categories; fix or empty such cells, or say --category {name!r}"
        for name, column in columns.items()
        if column.kind == "category" and column.mostly_numbers and name not in category
    )


def _notes(
    table: Table, target: Column, outputs: Classes | Values, rows: int, features: dict[str, Column], notes: list[str]
) -> str:
    """What the file was taken for; `rows` of it have a target."""
    by_kind: dict[str, list[str]] = {"number": [], "category": [], "": []}
    for name, column in features.items():
        used = column.kind in by_kind
        by_kind[column.kind if used else ""].append(name if used else f"{name} ({column.kind})")
    titles = {"number": "numbers", "category": "categories", "": "left out (--keep, --category)"}
    lines = [f"{titles[kind]}: {', '.join(names)}" for kind, names in by_kind.items() if names]
    what = "a number"
    if isinstance(outputs, Classes):
        what = f"one of {outputs.size} classes"
        notes = [*notes, *doubtful(outputs.names, target.name)]
    if lost := target.rows - rows:
        notes = [*notes, f"left out, without {target.name}: {lost:,} row{'s' * (lost > 1)}"]
    first = f"{table.path}: {target.rows:,} rows; {target.name} is {what} (--task)"
    return "\n  ".join([first, *lines, *table.notes, *notes])


class _Rows:
    """The rows of a table in compact arrays: numbers as floats, categories as indices of their texts.

    Args:
        columns: those that are used.
        requests: what each is called in a request.
    """

    def __init__(self, columns: dict[str, Column], requests: dict[str, str]):
        used = {requests[name]: column for name, column in columns.items() if column.kind == "number"}
        numbers = {name: compact(column.as_numbers()) for name, column in used.items()}
        categories = {requests[name]: column for name, column in columns.items() if column.kind == "category"}
        self._categories = list(categories)
        with tf.device("CPU"):
            self._numbers = [
                (names, tf.stack([numbers[name] for name in names], axis=1))
                for dtype in ("float32", "float64")
                if (names := [name for name, values in numbers.items() if values.dtype == dtype])
            ]
            self._indices = [tf.constant(column.as_indices()) for column in categories.values()]
            self._texts = [tf.constant(list(column.texts)) for column in categories.values()]

    def fetch(self, rows: tf.Tensor) -> dict[str, tf.Tensor]:
        """The raw request of those rows, (batch,)."""
        raw: dict[str, tf.Tensor] = {}
        for names, numbers in self._numbers:
            raw |= dict(zip(names, tf.unstack(tf.gather(numbers, rows), num=len(names), axis=1), strict=True))
        for request, indices, texts in zip(self._categories, self._indices, self._texts, strict=True):
            raw[request] = tf.gather(texts, tf.gather(indices, rows))
        return raw

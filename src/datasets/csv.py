"""Your own table: a CSV file with a column to predict.

--path names the file, --target the column: a class where it is text or a few whole numbers, else a number. Numbers
and categories are used as they are found; a missing value is allowed, but rows without a target are left out. Split
60/20/20, by class, and by --group where rows belong together.
"""

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
    if not path:
        raise ValueError("say which table: --path FILE.csv --target COLUMN")
    table = csv_files.table(Path(path), header, encoding)
    target, group = composed(target), composed(group)
    drop, keep, category = (tuple(map(composed, names)) for names in (drop, keep, category))
    if not target:
        raise ValueError(f"say which column is predicted: --target COLUMN; {path} has: {', '.join(table.names)}")
    for name in (target, *([group] if group else []), *drop, *keep, *category):
        csv_files.check_column(name, table.names, table.path)
    if target in (group, *drop):
        raise ValueError(f"{target!r} can't be the target and a group or left out")
    found, said = column_kinds.read(table, drop, group, decimal)
    aim, groups = found.pop(target), found.pop(group).as_indices() if group else None
    _choose(found, keep, category)
    column_kinds.check(table, found)
    outputs, names = _outputs(table, aim, wanted)
    used = {name: column for name, column in found.items() if column.kind in ("number", "category")}
    aims = _aims(aim, outputs, names)
    known = np.flatnonzero(aims >= 0 if isinstance(outputs, Classes) else ~np.isnan(aims[:, 0]))
    notes = _notes(table, aim, outputs, len(known), found, said)
    if not used:
        raise ValueError(f"{path} has no column of numbers or categories beside {target!r}:\n{notes}")
    requests = dict(zip(table.names, request_names(table.names), strict=True))
    rows = _Rows(used, requests)
    parts = cut({"train": known}, aims, stratify=isinstance(outputs, Classes), groups=groups)
    if isinstance(outputs, Classes):
        looked_at = parts if groups is None else {"train": parts["train"]}  # a rare class may be that of one group
        check_classes(looked_at, aims, outputs.names)
    sources = {split: Fetched(rows.fetch, aims, part, at_once=True, groups=groups) for split, part in parts.items()}
    doors = {"strings": Strings(sources["train"], {requests[name]: column.comma for name, column in used.items()})}
    called = renamed({name: requests[name] for name in used})
    warnings = [
        f"{_odd(table, column)}: it is taken for categories; fix or empty such cells, or say --category {name!r}"
        for name, column in used.items()
        if column.kind == "category" and column.mostly_numbers and name not in category
    ]
    about = {"notes": notes, "warnings": tuple(warnings), "columns": called}
    return Data.adapted(columns, **sources, outputs=outputs, doors=doors, **about)


def sample(folder: Path) -> dict:
    """Writes a small table, and gives the knobs that load it."""
    rows = [f"{day % 7},{day / 3 if day % 5 else ''},{'rain' if day % 3 else 'sun'},{day % 2}" for day in range(60)]
    (folder / "days.csv").write_text("\n".join(["weekday,length,weather,open", *rows]))
    return {"path": str(folder / "days.csv"), "target": "open"}


def _choose(found: dict[str, Column], keep: tuple[str, ...], category: tuple[str, ...]) -> None:
    """Takes columns for numbers or categories as wanted; raises ValueError for those that can't be."""
    for wanted, names in (("number", keep), ("category", category)):
        for name in set(names) & found.keys():
            found[name].declared = wanted
            if found[name].kind not in ("number", "category"):
                raise ValueError(f"{name} can't be a {wanted}: it is {found[name].kind}")


def _outputs(table: Table, column: Column, wanted: type | None) -> tuple[Classes | Values, dict[str, str]]:
    """What the target is: classes where it is text or a few whole numbers, or as wanted; and the class of each text."""
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
        return Values((target,)), {}
    if column.many:
        more = f"more than {column_kinds.MOST:,} different values"
        raise ValueError(f"{table.path}: {target} has {more}; --task regression learns numbers")
    names = class_names(column.texts)
    outputs = Classes(ordered(names))
    if outputs.size < 2:
        raise ValueError(f"{table.path}: {target} has one class only: {outputs.names[0]!r}")
    return outputs, names


def _odd(table: Table, column: Column) -> str:
    """Where a column that is mostly numbers has something else."""
    row, cell = column.strange
    return f"{table.path}, row {row}: {column.name} is {cell!r}, where most cells are numbers"


def _aims(column: Column, outputs: Classes | Values, names: dict[str, str]) -> np.ndarray:
    """The target of each row, below 0 or NaN where it has none."""
    if isinstance(outputs, Values):
        return compact(column.as_numbers())[:, np.newaxis]
    labels = {name: label for label, name in enumerate(outputs.names)}
    return np.array([labels.get(names[text], -1) for text in column.texts], "int32")[column.as_indices()]


def _notes(
    table: Table, target: Column, outputs: Classes | Values, known: int, found: dict[str, Column], said: list[str]
) -> str:
    """What the file was taken for."""
    by_kind = {"number": [], "category": [], "": []}
    for name, column in found.items():
        used = column.kind in by_kind
        by_kind[column.kind if used else ""].append(name if used else f"{name} ({column.kind})")
    titles = {"number": "numbers", "category": "categories", "": "left out (--keep, --category)"}
    lines = [f"{titles[kind]}: {', '.join(names)}" for kind, names in by_kind.items() if names]
    what = "a number"
    if isinstance(outputs, Classes):
        what = f"one of {outputs.size} classes"
        said = [*said, *doubtful(outputs.names, target.name)]
    if known < target.rows:
        said = [*said, f"{target.rows - known:,} rows have no {target.name}: they are left out"]
    first = f"{table.path}: {target.rows:,} rows; {target.name} is {what} (--task)"
    return "\n  ".join([first, *lines, *table.notes, *said])


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
        raw = {}
        for names, numbers in self._numbers:
            raw |= dict(zip(names, tf.unstack(tf.gather(numbers, rows), num=len(names), axis=1), strict=True))
        for request, indices, texts in zip(self._categories, self._indices, self._texts, strict=True):
            raw[request] = tf.gather(texts, tf.gather(indices, rows))
        return raw

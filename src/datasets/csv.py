"""Your own table: a CSV file with a column to predict.

--path names the file, --target the column: a class where it is text or a few whole numbers, else a number. Numbers
and categories are used as they are found; a missing value is allowed. Split 60/20/20, by class, and by --group where
rows belong together.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from src import csvs, kinds
from src.csvs import Table
from src.fetched import Fetched
from src.kinds import Seen
from src.specs import Classes, Columns, Data, Values
from src.splits import check_classes, cut
from src.tables import Strings, columns

INPUTS, OUTPUTS = (Columns,), (Classes, Values)
NAMED_BY = "path"
SHOWN = 8  # columns that are named


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
        table.place(name)
    if target in (group, *drop):
        raise ValueError(f"{target!r} can't be the target and be left out")
    seen, comma = kinds.look(table, [*drop, group])
    aim = seen.pop(target)
    kinds.check(table, seen)
    outputs = _outputs(table, target, aim, wanted)
    used = {name: one for name, one in seen.items() if one.kind in ("number", "category")}
    _tell(table, target, outputs, seen, used, aim.rows)
    if not used:
        raise ValueError(f"{path} has no column of numbers or categories beside {target!r}")
    rows = _Rows(table, used, aim.rows, comma)
    aims, groups = rows.fill(target, outputs, group)
    parts = cut({"train": np.arange(aim.rows)}, aims, stratify=isinstance(outputs, Classes), groups=groups)
    if isinstance(outputs, Classes):
        looked_at = parts if groups is None else {"train": parts["train"]}  # a rare class may be that of one group
        check_classes(looked_at, aims, outputs.names)
    sources = {split: Fetched(rows.fetch, aims, part, at_once=True, groups=groups) for split, part in parts.items()}
    return Data.adapted(columns, **sources, outputs=outputs, doors={"strings": Strings(sources["train"], comma)})


def _outputs(table: Table, target: str, seen: Seen, wanted: type | None) -> Classes | Values:
    """What the target is: classes where it is text or a few whole numbers, or as wanted."""
    where, kind = f"{table.path}: {target}", seen.kind
    if kind in ("empty", "the same in each row"):
        raise ValueError(f"{where} is {kind}: there is nothing to learn")
    if (wanted or (Classes if kind == "category" or seen.few else Values)) is Values:
        if seen.strange or kind == "dates":
            row, cell = seen.strange
            raise ValueError(f"{table.path}, row {row}: {target} is {cell!r}, not a number")
        kinds.check(table, {target: seen})
        return Values((target,))
    if len(seen.values) > kinds.MOST:
        raise ValueError(f"{where} has more than {kinds.MOST:,} different values: --task regression learns numbers")
    return Classes(tuple(sorted({_class(cell) for cell in seen.values} - {""}, key=_by_number)))


def _class(cell: str) -> str:
    """1, 1.0 and 01 are one class."""
    try:
        number = float(cell)
    except ValueError:
        return cell
    return str(int(number)) if math.isfinite(number) and number == int(number) else cell


def _by_number(name: str) -> tuple:
    try:
        return 0, float(name), name
    except ValueError:
        return 1, 0.0, name


def _tell(
    table: Table, target: str, outputs: Classes | Values, seen: dict[str, Seen], used: dict[str, Seen], rows: int
) -> None:
    """Says what the file was taken for."""
    what = "a number" if isinstance(outputs, Values) else f"one of {outputs.size} classes"
    by_kind = {kind: [name for name, one in used.items() if one.kind == kind] for kind in ("number", "category")}
    print(f"{table.path}: {rows:,} rows; {target} is {what} (--task)")
    for title, kind in (("numbers", "number"), ("categories", "category")):
        if names := by_kind[kind]:
            print(f"  {title}: {_some(names)}")
    left = [f"{name} ({one.kind})" for name, one in seen.items() if name not in used]
    if left:
        print(f"  left out: {_some(left)}")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


class _Rows:
    """The rows of a table in compact arrays: numbers as float32, categories as indices of their texts.

    Args:
        table: the file.
        used: the columns, and what was seen of them.
        size: number of rows.
        comma: whether numbers have a decimal comma.
    """

    def __init__(self, table: Table, used: dict[str, Seen], size: int, comma: bool):
        self._table, self._comma = table, comma
        requests = dict(zip(used, csvs.request_names(used), strict=True))
        self._numbers = {name: requests[name] for name, one in used.items() if one.kind == "number"}
        self._categories = {name: requests[name] for name in used if name not in self._numbers}
        self._texts = {name: sorted(used[name].values) for name in self._categories}
        self._indices = {name: {text: i for i, text in enumerate(texts)} for name, texts in self._texts.items()}
        self._number = np.empty((size, len(self._numbers)), "float32")
        self._index = np.empty((size, len(self._categories)), "int32")

    def fill(self, target: str, outputs: Classes | Values, group: str) -> tuple[np.ndarray, np.ndarray | None]:
        """Reads the file; returns the target of each row, and the number of its group where they are grouped."""
        table, targets, groups, known = self._table, [], [], {}
        first = 0
        for chunk in table.chunks():
            cells = {name: [cell.strip() for cell in column] for name, column in zip(table.names, chunk, strict=True)}
            here = slice(first, first + len(chunk[0]))
            for place, name in enumerate(self._numbers):
                self._number[here, place], _ = kinds.to_numbers(cells[name], self._comma)
            for place, name in enumerate(self._categories):
                self._index[here, place] = [self._indices[name][cell] for cell in cells[name]]
            targets.append(self._target(cells[target], target, outputs, first))
            groups += [known.setdefault(cell, len(known)) for cell in cells[group]] if group else []
            first = here.stop
        self._constants()
        return np.concatenate(targets), np.array(groups) if group else None

    def fetch(self, numbers: tf.Tensor) -> dict[str, tf.Tensor]:
        """The raw request of those rows, (batch,)."""
        found = tf.unstack(tf.gather(self._number, numbers), num=len(self._numbers), axis=1)
        raw = dict(zip(self._numbers.values(), found, strict=True))
        indices = tf.unstack(tf.gather(self._index, numbers), num=len(self._categories), axis=1)
        for texts, request, index in zip(self._texts.values(), self._categories.values(), indices, strict=True):
            raw[request] = tf.gather(texts, index)
        return raw

    def _constants(self) -> None:
        with tf.device("CPU"):
            self._number, self._index = tf.constant(self._number), tf.constant(self._index)
            self._texts = {name: tf.constant(texts) for name, texts in self._texts.items()}

    def _target(self, cells: Sequence[str], name: str, outputs: Classes | Values, before: int) -> np.ndarray:
        if isinstance(outputs, Classes):
            labels = {text: label for label, text in enumerate(outputs.names)}
            found = np.array([labels.get(_class(cell), -1) for cell in cells], "int32")
            missing = found < 0
        else:
            found = kinds.to_numbers(cells, self._comma)[0].astype("float32")[:, np.newaxis]
            missing = np.isnan(found[:, 0])
        if missing.any():
            row = before + int(np.flatnonzero(missing)[0]) + 1
            raise ValueError(f"{self._table.path}, row {row}: {name} is empty; leave such rows out of the file")
        return found

"""Time series in CSV files as people have them: a column a series, or one below the other; times of many kinds."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from src.preprocess.names import composed
from src.readers import column_kinds, csv_files, times
from src.readers.column_kinds import Column
from src.readers.csv_files import Table
from src.readers.times import Times

LOOKED_AT = 20  # rows in which a column of dates is looked for
RISING = 0.9  # share of the steps that rise in a column of times, perhaps with mistakes
GAP = 1.5  # steps of the usual size; months are not all as long
HOUR, YEAR = 3600.0, 300 * times.DAY  # by how much clocks are set back, and how long after the last time at least
MOST = 1000  # series of a file
COMMON = 0.5  # share of all times at which a series has a number, at least
SHOWN = 10  # names in a message
NUMBERS = ("number", "row numbers", "ids, all different")  # kinds of columns: counts may look like ids
ROW_NAMES = re.compile(r"(column_\d+|unnamed: 0|index|row|no|nr|#)\.?", re.IGNORECASE)  # of columns of row numbers


@dataclass(frozen=True)
class Timeline:
    """Series of one length, oldest value first.

    Args:
        values: of each series by its name in the file, float64 (time,), NaN where one is missing.
        steps: where each step is in the file, for messages: its row, or its time.
        notes: what the file was taken for.
        time: what the times are called.
        times: of the steps; None where there are none.
    """

    values: Mapping[str, np.ndarray]
    steps: Sequence[str]
    notes: Sequence[str]
    time: str = ""
    times: Times | None = None

    def ahead(self, count: int) -> dict[str, list[str]]:
        """A column that names the next steps after the last one: by their times, or numbered from 1."""
        if self.times is None or len(self.steps) < 2:
            return {"step": [str(step) for step in range(1, count + 1)]}
        return {self.time: times.after(self.times, count)}


def read(
    table: Table, *, time: str = "", columns: Collection[str] = (), series: str = "", decimal: str | None = None
) -> Timeline:
    """The series of a file.

    Args:
        table: the file.
        time: column with the times; by itself the first one of dates, or the first one of all where its numbers rise.
        columns: columns with the numbers; by itself all others that have numbers.
        series: column that tells apart series that stand one below the other.
        decimal: the decimal mark; by itself what is clear from the numbers.

    Raises:
        ValueError: for what can't be used, naming row and column, and what to do.
    """
    for name in filter(None, (time, series, *columns)):
        csv_files.check_column(name, table.names, table.path)
    if {time, series} & {*columns}:
        raise ValueError(f"{table.path}: {', '.join({time, series} & {*columns})} can't be one of --columns, too")
    time_columns = [time] if time else _clock(table, {*columns, series})
    others, notes = column_kinds.read(table, {*time_columns, series}, "", decimal)
    kinds = {name: column.kind for name, column in others.items()}
    used = _used(table, others, columns)
    if not columns:
        notes += times.like_times(list(used), bool(time_columns))
    values = {name: column.as_numbers() for name, column in used.items()}
    texts = _texts(table, [*time_columns, *filter(None, [series])])
    rows = _filled(values, texts)
    if lost := len(next(iter(values.values()))) - len(rows):
        notes.append(f"left out as empty: {lost:,} row{'s' * (lost > 1)}")
    if left_out := [f"{name} ({kind})" for name, kind in kinds.items() if name not in used and not columns]:
        notes.append(f"left out (--columns): {shown(left_out)}")
    values = {name: column[rows] for name, column in values.items()}
    texts = {name: [cells[row] for row in rows] for name, cells in texts.items()}
    clock = _Clock(table, time_columns, texts, rows) if time_columns else None
    if series:
        return _joined(table, series, [composed(key) for key in texts[series]], clock, values, notes)
    if not clock:
        first = f"no times: each of {len(rows):,} rows is a step (--time)"
        return Timeline(values, [f"row {row + 1}" for row in rows], [first, *notes])
    order = clock.order(not time, [name for name, kind in kinds.items() if kind == "category"])
    values = {name: column[order] for name, column in values.items()}
    steps = [f"row {row + 1}" for row in rows[order]]
    return Timeline(values, steps, [*clock.notes, *notes], clock.name, clock.times._replace(values=clock.values[order]))


def carried_on(values: np.ndarray) -> np.ndarray:
    """A series (time,) with each missing number as the last one before it; those before its first one stay missing."""
    return values[np.maximum.accumulate(np.where(np.isnan(values), 0, np.arange(len(values))))]


def shown(names: Sequence[str]) -> str:
    """The names, or the first of them and how many more there are."""
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


class _Clock:
    """The times of a file's rows.

    Args:
        names: their column, or one of dates and one of times of day.
        texts: the cells of each.
        rows: where they are in the file, from 0.

    Raises:
        ValueError: for what is no time.
    """

    def __init__(self, table: Table, names: Sequence[str], texts: Mapping[str, Sequence[str]], rows: np.ndarray):
        self.name, self._path, self._rows = " ".join(names), table.path, rows
        self.texts = [" ".join(cells).strip() for cells in zip(*(texts[name] for name in names), strict=True)]
        self.times = times.read(self.texts)
        self.values = self.times.values
        if (strange := np.flatnonzero(np.isnan(self.values))).size:
            what = f"{self.texts[strange[0]]!r}, not a time such as 2024-12-31 or 2024-12-31 23:00"
            raise ValueError(f"{self.row(strange[0])}: {self.name} is {what}; --time names the column with the times")
        self.notes = [f"times: {self.name} (--time)"]

    def row(self, index: int) -> str:
        """Where that row is."""
        return f"{self._path}, row {self.number(index)}"

    def number(self, index: int) -> int:
        """Of that row in the file, from 1."""
        return int(self._rows[index]) + 1

    def order(self, by_itself: bool, telling: Sequence[str]) -> np.ndarray:
        """The rows from the oldest one on; as they are, or the other way round.

        Args:
            by_itself: whether it isn't known that these are the times.
            telling: columns that might tell several series apart.

        Raises:
            ValueError: where that isn't the order of their times.
        """
        order = np.arange(len(self.values))
        if len(order) > 1 and np.mean(np.diff(self.values) < 0) >= RISING:
            order = order[::-1]
            self.notes.append("rows are newest first, so their order was reversed")
        moments = self.values[order]
        steps = np.diff(moments)
        usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
        back = np.flatnonzero(steps <= 0)
        twice = self.times.local & (steps[back] == usual - HOUR)  # the hour that comes again
        if not (twice.all() and (np.diff(moments[back]) > YEAR).all()):
            self._refuse(order, int(back[0]), by_itself, telling, bool(twice[0]))
        if back.size:
            where = f"{self.texts[order[back[0]]]} (row {self.number(order[back[0]])})"
            self.notes.append(f"the clock was set back after {where}: the times have no UTC offset")
        forward = (steps == usual + HOUR) & bool(back.size)
        self._tell_gaps([self.texts[index] for index in order], np.flatnonzero((steps > GAP * usual) & ~forward))
        return order

    def tell_gaps(self, moments: np.ndarray, texts: Sequence[str]) -> None:
        """Takes note of gaps between moments that rise."""
        steps = np.diff(moments)
        self._tell_gaps(texts, np.flatnonzero(steps > GAP * np.median(steps)) if steps.size else steps)

    def _tell_gaps(self, texts: Sequence[str], gaps: np.ndarray) -> None:
        if gaps.size:
            between = f"the first between {texts[gaps[0]]} and {texts[gaps[0] + 1]}"
            self.notes.append(f"gaps in {self.name}: {len(gaps):,}, {between}; all steps are treated as equal")

    def _refuse(self, order: np.ndarray, back: int, by_itself: bool, telling: Sequence[str], twice: bool) -> None:
        index, before = order[back + 1], self.texts[order[back]]
        column = telling[0] if telling else "COLUMN"
        ways = ["sort the rows by time", f"or --series {column} where it tells series apart"]
        if twice:
            ways.append("or write times with their offset, 2024-10-27T02:00+01:00, where a clock was set back")
        if by_itself and not self.times.dates:
            ways.append("or name the series with --columns where this is one of them")
        raise ValueError(f"{self.row(index)}: {self.name} {self.texts[index]} isn't after {before}: {', '.join(ways)}")


def _clock(table: Table, taken: Collection[str]) -> list[str]:
    """The columns with the times: one, or one of dates and one of times of day; none where there are none."""
    start = {
        name: [text for cell in cells[:LOOKED_AT] if (text := cell.strip())]
        for name, cells in zip(table.names, next(table.chunks()), strict=True)
    }
    for name, following in zip(table.names, [*table.names[1:], ""], strict=True):
        if name not in taken and _mostly(times.is_date, start[name]):
            has_clock = following and following not in taken and _mostly(times.is_clock, start[following])
            return [name, following] if has_clock else [name]
    first = table.names[0]
    if first in taken or len(table.names) == 1:
        return []
    values, *_ = times.read([cell for cell in _texts(table, [first])[first] if cell])
    if len(values) < 2 or np.isnan(values).mean() > 1 - RISING:
        return []
    steps = np.diff(values)
    return [first] if max(np.mean(steps > 0), np.mean(steps < 0)) >= RISING else []


def _mostly(is_one: Callable[[str], bool], cells: Sequence[str]) -> bool:
    return sum(map(is_one, cells)) > len(cells) / 2


def _texts(table: Table, names: Collection[str]) -> dict[str, list[str]]:
    """The cells of some columns."""
    texts: dict[str, list[str]] = {name: [] for name in names}
    for chunk in table.chunks() if texts else ():
        for name, cells in zip(table.names, chunk, strict=True):
            if name in texts:
                texts[name] += map(str.strip, cells)
    return texts


def _used(table: Table, columns: Mapping[str, Column], names: Collection[str]) -> dict[str, Column]:
    """The columns that are series: as named, or those of numbers.

    Raises:
        ValueError: for one that has something else in it, or where there is none.
    """
    if names:
        used = {name: columns[name] for name in names}
    else:
        like = {name: column for name, column in columns.items() if column.kind in NUMBERS or _has_typos(column)}
        row_names = {name for name in like if like[name].kind == "row numbers" and ROW_NAMES.fullmatch(name)}
        used = {name: column for name, column in like.items() if name not in row_names} or like
    if not used:
        why = shown([f"{name} ({column.kind})" for name, column in columns.items()])
        has_commas = any(column.marks.commas for column in columns.values())
        commas = "; --decimal says what a comma means" if has_commas else ""
        way = f": {why}. Mend the cells of one, or name it with --columns{commas}" if why else ""
        raise ValueError(f"{table.path} has no series of numbers{way}")
    for name, column in used.items():
        if not column.numbers:
            raise ValueError(f"{table.path}: {name} has no numbers; --columns names the others")
        for bad, what in ((column.strange, "not a number"), (column.infinite, "too large a number, or infinite")):
            if bad:
                way = "fix or clear it, or name the other columns with --columns"
                raise ValueError(f"{table.path}, row {bad[0]}: {name} is {bad[1]!r}, {what}: {way}")
    return used


def _has_typos(column: Column) -> bool:
    return column.kind == "category" and column.like_numbers and column.numbers > 0


def _filled(values: Mapping[str, np.ndarray], texts: Mapping[str, Sequence[str]]) -> np.ndarray:
    """The rows that have something in them; of a file without times those up to the last one."""
    there = ~np.all([np.isnan(column) for column in values.values()], axis=0)
    for cells in texts.values():
        there |= np.array([bool(cell) for cell in cells])
    rows = np.flatnonzero(there)
    return rows if texts else np.arange(rows[-1] + 1)


def _joined(
    table: Table,
    series: str,
    keys: Sequence[str],
    clock: _Clock | None,
    values: Mapping[str, np.ndarray],
    notes: Sequence[str],
) -> Timeline:
    """The series that stand one below the other, side by side at all times that any of them has."""
    if clock is None:
        raise ValueError(f"{table.path}: rows of several series need times to be joined by: --time COLUMN")
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    if "" in numbers:
        raise ValueError(f"{clock.row(keys.index(''))}: {series} is empty: fill the cell, or remove the row")
    if len(numbers) * len(values) > MOST:
        what = f"{len(numbers):,} different values; {MOST:,} series at most are forecast together"
        raise ValueError(f"{table.path}: {series} has {what}: keep the rows of fewer, or --columns")
    moments, first, at = np.unique(clock.values, return_index=True, return_inverse=True)
    which = np.array([numbers[key] for key in keys])
    cell = which * len(moments) + at  # of a table with a row for each series and a column for each time
    filled, counts = np.unique(cell, return_counts=True)
    if (counts > 1).any():
        first_row, row = np.flatnonzero(cell == filled[np.argmax(counts > 1)])[:2]
        what = f"{clock.name} {clock.texts[row]} stands twice for {keys[row]}, also in row {clock.number(first_row)}"
        raise ValueError(f"{clock.row(row)}: {what}: remove one, or write times with their offset from UTC")
    joined = {}
    for key, number in numbers.items():
        for column, cells in values.items():
            name = key if len(values) == 1 else f"{key} {column}"
            joined[name] = np.full(len(moments), np.nan)
            joined[name][at[which == number]] = cells[which == number]
            if (have := int((~np.isnan(joined[name])).sum())) < COMMON * len(moments):
                what = f"{have:,} numbers at {len(moments):,} times, too few to go with the others"
                raise ValueError(f"{table.path}: {name} has {what}: leave its rows out of the file")
    texts = [clock.texts[index] for index in first]
    clock.tell_gaps(moments, texts)
    notes = [*clock.notes, f"{len(joined):,} series by {series} (--series)", *notes]
    return Timeline(joined, texts, notes, clock.name, clock.times._replace(values=moments))

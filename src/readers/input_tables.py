"""A table as requests: its rows, or the last values of the series in its columns."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np

from src.errors import nearest
from src.numbers import FORMS, LARGEST, Comma, Marks, commas, number, to_numbers, without_mark
from src.preprocess.names import input_of
from src.readers import csv_files, timelines
from src.readers.csv_files import Table
from src.readers.requests import Examples, Inputs, Reading

AT_ONCE = 256  # rows


def examples_of(
    table: Table, inputs: Inputs, reading: Reading, dtypes: Mapping[str, str]
) -> tuple[Iterator[Examples], list[str]]:
    """The rows of a table, some at a time, as the model's types, and what is to be said of its numbers.

    Of series, whose last values are asked about, there is one example.

    Args:
        table: the file.
        inputs: what is asked for.
        reading: how the file is read.
        dtypes: of each input as training had it; where its numbers are asked for as texts, the model reads them.

    Raises:
        ValueError: for columns that aren't in the file, series that can't be read, or numbers whose decimal mark isn't
            clear.
    """
    if not _are_series(inputs):
        called = _columns(table.path, table.names, inputs, reading)
        of_columns = {called[name]: dtypes.get(name, spec.dtype) for name, spec in inputs.items()}
        meanings, notes = _commas(table, of_columns, reading.decimal)
        pieces = rows(table, of_columns, meanings, as_texts=len(texts_of(inputs)) == len(inputs))
        return (
            replace(piece, request={name: piece.request[called[name]] for name in inputs}, called=called)
            for piece in pieces
        ), notes
    ((name, spec), *others) = inputs.items()
    if others or reading.series or spec.shape[1] != len(table.names) or _meant(table.names, inputs)[name]:
        example, notes = _series(table, inputs, reading)
        return iter([example]), notes
    of_columns = dict.fromkeys(table.names, spec.dtype)
    meanings, notes = _commas(table, of_columns, reading.decimal)
    pieces = rows(table, of_columns, meanings)
    called = reading.called(inputs)  # as the answers are, which go on with the series
    return (
        replace(piece, request={name: [*zip(*piece.request.values(), strict=True)]}, answers=called) for piece in pieces
    ), notes


def texts_of(inputs: Inputs) -> list[str]:
    """The inputs that take texts."""
    return [name for name, spec in inputs.items() if spec.dtype == "string"]


def rows(
    table: Table,
    dtypes: Mapping[str, str],
    meanings: Mapping[str, Comma],
    *,
    as_texts: bool = False,
    at_once: int = AT_ONCE,
) -> Iterator[Examples]:
    """The rows of a table, some at a time: as a request the cells of some columns, by their names.

    Args:
        table: the file.
        dtypes: by name, the type of the cells that are asked about.
        meanings: what a comma means in each column of numbers.
        as_texts: whether numbers are asked about as texts.
        at_once: rows of a piece.
    """
    columns = [(table.names.index(name), name, (dtype, meanings.get(name, ""))) for name, dtype in dtypes.items()]
    each = table.rows()
    for first in count(1, at_once):
        if not (piece := list(islice(each, at_once))):
            return
        values, where, unread = [], [], []
        whole: list[list[str]] = []
        for row_number, row in enumerate(piece, first):
            place = f"{table.path}, row {row_number}"
            try:
                table.check(row, row_number)
                values.append([_cell(row[index], f"{place}: {name}", *how, as_texts) for index, name, how in columns])
            except ValueError as error:
                unread.append((len(whole), str(error)))
            else:
                whole.append(row)
                where.append(place)
        yield Examples(_columns_of(dtypes, values), where, _columns_of(table.names, whole), unread)


def _commas(table: Table, dtypes: Mapping[str, str], decimal: str | None) -> tuple[dict[str, Comma], list[str]]:
    """What a comma means in the columns of numbers, as all rows tell, and what is to be said of it."""
    places = {name: table.names.index(name) for name, dtype in dtypes.items() if dtype != "string"}
    marks, numbers = {name: Marks() for name in places}, dict.fromkeys(places, 0)
    each = iter(()) if decimal else table.rows()
    while piece := list(islice(each, AT_ONCE)):
        whole = [row for row in piece if len(row) == len(table.names)]
        for name, index in places.items():
            cells = [row[index].strip() for row in whole]
            marks[name].update(cells)
            numbers[name] += int(np.count_nonzero(~np.isnan(to_numbers(cells)[0])))
    try:
        columns = {name: (marks[name], numbers[name] + marks[name].commas) for name in places}
        return commas(columns, table.separator, decimal)
    except ValueError as error:
        raise ValueError(f"{table.path}: {error}") from None


def _columns_of(names: Iterable[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    return {name: [row[index] for row in rows] for index, name in enumerate(names)}


def _series(table: Table, inputs: Inputs, reading: Reading) -> tuple[Examples, list[str]]:
    """The last values of each series, as many as the model looks at, and what is to be said of how they were read.

    A missing value is the one before it.
    """
    read = partial(timelines.read, table, time=reading.time, series=reading.series, decimal=reading.decimal)
    if reading.series:
        timeline = read()
        columns = _columns(table.path, list(timeline.values), inputs, reading)
    else:
        columns = _columns(table.path, table.names, inputs, reading)
        timeline = read(columns=tuple(columns.values()))
    request = {}
    for name, spec in inputs.items():
        window = spec.shape[1] or 1
        values = timelines.carried_on(timeline.values[columns[name]])
        if len(values) < window:
            raise ValueError(f"{table.path} has {len(values):,} steps; the model looks at the last {window:,}")
        if np.isnan(values[-window]):
            raise ValueError(f"{table.path}: {columns[name]} has no number up to {timeline.steps[-window]}")
        request[name] = [values[-window:].tolist()]
    notes = [note for note in timeline.notes if "--columns" not in note]  # which only a training takes
    return Examples(request, [str(table.path)], answers=columns, ahead=timeline.ahead), notes


def _are_series(inputs: Inputs) -> bool:
    """Whether each input has numbers one after the other, (batch, window)."""
    return all(len(spec.shape) == 2 for spec in inputs.values())


def _columns(path: Path, names: Collection[str], inputs: Inputs, reading: Reading) -> dict[str, str]:
    """What a file calls each input: as the training file does, or else what is meant by its name.

    Raises:
        ValueError: for inputs that no column, or more than one, is meant for.
    """
    called = reading.called(inputs)
    if reading.text:
        texts = texts_of(inputs)
        if len(inputs) != 1 or not texts:
            raise ValueError(f"--text has no effect: the model takes {', '.join(inputs)}")
        csv_files.check_column(reading.text, names, path)
        return {texts[0]: reading.text}
    if reading.columns is not None and {*called.values()} <= {*names}:
        return called
    meant = _meant(names, inputs)
    if twice := next((name for name, columns in meant.items() if len(columns) > 1), ""):
        both = " and ".join(map(repr, meant[twice]))
        raise ValueError(f"{path}: {both} may both be {called[twice]!r}, which the model takes: rename or remove one")
    if lacking := [called[name] for name, columns in meant.items() if not columns]:
        if len(inputs) == 1 and texts_of(inputs):
            way = f": rename the one with the texts to {lacking[0]!r}, or name it with --text"
        elif _are_series(inputs) and not reading.series:
            way = ": name the columns so, or say --series COLUMN where one tells series apart"
            if len(inputs) == 1:
                (spec,) = inputs.values()
                way += f"; where each row is an example, it needs {spec.shape[1]} columns of numbers and no others"
        else:
            way = ": name the columns so, or say --no-header where they have no names"
        lacks = f"no column {', '.join(map(repr, lacking))}"
        raise ValueError(f"{path} has {lacks}.{nearest(lacking[0], names)} It has: {', '.join(names)}{way}")
    return {name: columns[0] for name, columns in meant.items()}


def _meant(names: Collection[str], inputs: Inputs) -> dict[str, list[str]]:
    """The columns that are meant for each input, by their names."""
    meant: dict[str, list[str]] = {name: [] for name in inputs}
    for name in names:
        if meant_input := input_of(name, inputs):
            meant[meant_input].append(name)
    return meant


def _cell(cell: str, where: str, dtype: str, comma: Comma, as_text: bool) -> str | int | float:
    """A cell in the model's type, or a number as a text that the model reads as this one; ValueError for others."""
    if dtype == "string":
        return cell
    cell = cell.strip()
    value, is_whole = number(cell, comma), "int" in dtype
    if value is None or (is_whole and not value.is_integer()):
        what = "a whole number" if is_whole else "a number"
        if value is None and any(number(cell, other) is not None for other in FORMS):
            what += f" where a {'comma' if comma == 'decimal' else 'point'} is the decimal mark (--decimal)"
        raise ValueError(f"{where} is {cell!r}, not {what}")
    if abs(value) > LARGEST:
        raise ValueError(f"{where} is {cell!r}, too large a number, or infinite")
    if not as_text and not is_whole:
        return value
    text = cell if math.isnan(value) else without_mark(cell, comma)
    return text if as_text else int(Decimal(text))

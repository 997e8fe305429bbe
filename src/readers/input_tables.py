"""A table as requests: its rows, or the last values of the series in its columns."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np

from src.errors import nearest
from src.numbers import Comma, number
from src.preprocess.names import input_of
from src.readers import csv_files, timelines
from src.readers.csv_files import Table
from src.readers.requests import Examples, Inputs, Reading

AT_ONCE = 256  # rows
COMMAS: dict[str | None, Comma] = {None: "", ".": "thousands", ",": "decimal"}  # what one means, by the decimal mark


def examples_of(table: Table, inputs: Inputs, reading: Reading, dtypes: Mapping[str, str]) -> Iterator[Examples]:
    """The rows of a table, some at a time, as the model's types; of series the last values, once.

    Args:
        table: the file.
        inputs: what is asked for.
        reading: how the file is read.
        dtypes: of each input as training had it; where its numbers are asked for as texts, the model reads them.

    Raises:
        ValueError: for columns that aren't in the file, or series that can't be read.
    """
    if not _are_series(inputs):
        called = _columns(table.path, table.names, inputs, reading)
        as_texts = len(texts_of(inputs)) == len(inputs)
        comma = None if as_texts else COMMAS[reading.decimal]
        pieces = rows(table, {called[name]: dtypes.get(name, spec.dtype) for name, spec in inputs.items()}, comma)
        return (
            replace(piece, request={name: piece.request[called[name]] for name in inputs}, called=called)
            for piece in pieces
        )
    ((name, spec), *others) = inputs.items()
    if others or reading.series or spec.shape[1] != len(table.names) or _meant(table.names, inputs)[name]:
        return iter([_series(table, inputs, reading)])
    pieces = rows(table, dict.fromkeys(table.names, spec.dtype), COMMAS[reading.decimal])
    return (replace(piece, request={name: [*zip(*piece.request.values(), strict=True)]}) for piece in pieces)


def texts_of(inputs: Inputs) -> list[str]:
    """The inputs that take texts."""
    return [name for name, spec in inputs.items() if spec.dtype == "string"]


def rows(
    table: Table, dtypes: Mapping[str, str], comma: Comma | None = None, at_once: int = AT_ONCE
) -> Iterator[Examples]:
    """The rows of a table, some at a time: as a request the cells of some columns, by their names.

    Args:
        table: the file.
        dtypes: by name, the type of the cells that are asked about.
        comma: what a comma means in a number; None leaves numbers as texts.
        at_once: rows of a piece.
    """
    places = [(table.names.index(name), name, dtype) for name, dtype in dtypes.items()]
    each = table.rows()
    for first in count(1, at_once):
        if not (piece := list(islice(each, at_once))):
            return
        values, whole, where, unread = [], [], [], []
        for row_number, row in enumerate(piece, first):
            place = f"{table.path}, row {row_number}"
            try:
                table.check(row, row_number)
                values.append([_cell(row[index], f"{place}: {name}", dtype, comma) for index, name, dtype in places])
            except ValueError as error:
                unread.append(str(error))
            else:
                whole.append(row)
                where.append(place)
        yield Examples(_columns_of(dtypes, values), where, _columns_of(table.names, whole), unread)


def _columns_of(names: Iterable[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    return {name: [row[index] for row in rows] for index, name in enumerate(names)}


def _series(table: Table, inputs: Inputs, reading: Reading) -> Examples:
    """The last values of each series, as many as the model looks at; a missing one is the one before it."""
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
    return Examples(request, [str(table.path)], ahead=timeline.ahead)


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


def _cell(cell: str, where: str, dtype: str, comma: Comma | None) -> str | int | float:
    """A cell in the model's type; raises ValueError for what has another one."""
    if dtype == "string":
        return cell
    if comma is None:
        if all(number(cell.strip(), each) is None for each in COMMAS.values()):
            raise ValueError(f"{where} is {cell!r}, not a number")
        return cell
    cell = cell.strip()
    if "int" in dtype:
        if re.fullmatch(r"[-+]?\d+", cell, re.ASCII):
            return int(cell)
        raise ValueError(f"{where} is {cell!r}, not a whole number")
    if (value := number(cell, comma)) is None:
        raise ValueError(f"{where} is {cell!r}, not a number")
    return value

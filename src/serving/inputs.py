"""What a served model is asked: a picture, a text, a table's rows, a series or JSON, as columns of a signature."""

import base64
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from src.errors import UserError, nearest
from src.numbers import Comma, number
from src.preprocess.names import input_of
from src.readers import csv_files, timelines
from src.readers.csv_files import Table
from src.readers.text_files import text_of
from src.serving.client import DEFAULT
from src.system.files import read_json
from src.system.screen import tell

STRINGS = "strings"  # the signature that takes columns as texts, an empty one where a value is missing
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp")
FILES = (*PICTURES, ".csv", ".tsv", ".txt", ".json")  # what ends in one of these is no text
AT_ONCE = 256  # rows of a table in a request
COMMAS: dict[str | None, Comma] = {".": "thousands", ",": "decimal", None: ""}  # what one means, by the decimal mark


@dataclass(frozen=True)
class Reading:
    """How a file is read: see src/serving/ask.py.

    Args:
        columns: what the file that the model was trained on calls its inputs, where that isn't the same; None where it
            isn't known.
    """

    header: bool | None = None
    encoding: str = ""
    decimal: str | None = None
    text: str = ""
    time: str = ""
    series: str = ""
    columns: Mapping[str, str] | None = None

    def called(self, inputs: Iterable[str]) -> dict[str, str]:
        """What the training file calls each input."""
        return {name: (self.columns or {}).get(name, name) for name in inputs}


def to_requests(
    what: str, signature: str, signatures: Mapping[str, Any], reading: Reading
) -> tuple[str, list[dict[str, list]]]:
    """The signature that is asked, and its columns, in several requests where there are many rows.

    Args:
        what: a file, or a text.
        signature: that is meant; "" for the one that fits.
        signatures: what the server says of each, by name.
        reading: how a file is read.

    Raises:
        UserError: for what can't be read, or doesn't go with the model.
    """
    path = Path(what)
    is_file = len(what) < 4096 and path.is_file()
    if not is_file and path.suffix.lower() in FILES and not re.search(r"\s", what):
        raise UserError(f"There is no file {what}.")
    suffix = path.suffix.lower() if is_file else ""
    if suffix == ".json":
        content = read_json(path)
        named = content.get("signature_name") if isinstance(content, dict) else None
        asked = signature or named or DEFAULT
        return asked, [_from_json(content, _inputs(signatures, asked))]
    if suffix in PICTURES:
        asked = signature or _only(signatures, "image_bytes", "takes no pictures")
        (name,) = _inputs(signatures, asked)
        return asked, [{name: [{"b64": base64.b64encode(path.read_bytes()).decode()}]}]
    asked = signature or DEFAULT
    inputs = _inputs(signatures, asked)
    takes_text = len(inputs) == 1 and bool(_texts(inputs))
    try:
        if is_file and (not takes_text or csv_files.is_table(path)):
            asked = signature or (STRINGS if STRINGS in signatures else DEFAULT)
            return asked, list(_from_table(path, _inputs(signatures, asked), reading))
        text, notes = text_of(path, reading.encoding) if is_file else (what, [])
    except ValueError as error:
        pictures = f" A picture ends in {', '.join(PICTURES)}." if "image_bytes" in signatures else ""
        raise UserError(f"{error}.{pictures}") from None
    if not takes_text:
        takes = ", ".join(f"{name} ({info['dtype'][3:].lower()})" for name, info in inputs.items())
        raise UserError(f"{what!r:.60} is no file, so a text; {asked} takes {takes}.")
    _tell(path, notes)
    return asked, [{name: [text] for name in inputs}]


def _tell(path: Path, notes: Iterable[str]) -> None:
    """Says how a file was read, beside the answers."""
    for note in notes:
        tell(f"{path}: {note}", sys.stderr)


def _inputs(signatures: Mapping[str, Any], name: str) -> dict[str, Any]:
    if name not in signatures:
        raise UserError(
            f"The model has no signature {name!r}.{nearest(name, signatures)} It has: {', '.join(signatures)}."
        )
    return signatures[name]["inputs"]


def _texts(inputs: Mapping[str, Any]) -> list[str]:
    return [name for name, info in inputs.items() if info["dtype"] == "DT_STRING"]


def _are_series(inputs: Mapping[str, Any]) -> bool:
    """Whether each input has values one after the other, (batch, window)."""
    return all(len(info.get("tensor_shape", {}).get("dim", ())) == 2 for info in inputs.values())


def _only(signatures: Mapping[str, Any], name: str, otherwise: str) -> str:
    if name not in signatures:
        raise UserError(f"The model {otherwise}; its signatures are: {', '.join(signatures)}.")
    return name


def _from_json(content: Any, inputs: Mapping[str, Any]) -> dict[str, list]:
    """The columns of a request of rows or columns."""
    if not isinstance(content, dict) or not {"inputs", "instances"} & content.keys():
        raise UserError('A request is {"inputs": {NAME: column}} or {"instances": [row]}.')
    if "inputs" in content:
        given = content["inputs"]
        return given if isinstance(given, dict) and given.keys() & inputs.keys() else {next(iter(inputs)): given}
    rows = content["instances"]
    named = [row if isinstance(row, dict) and row.keys() & inputs.keys() else {next(iter(inputs)): row} for row in rows]
    return {name: [row.get(name) for row in named] for name in inputs}


def _from_table(path: Path, inputs: Mapping[str, Any], reading: Reading) -> Iterator[dict[str, list]]:
    """The rows of a CSV file, some at a time, as the model's types; of series the last rows, once.

    Raises:
        ValueError: for what isn't in the file, or can't be read.
    """
    table = csv_files.table(path, reading.header, reading.encoding)
    if reading.header is None:
        table = table.with_columns([reading.text] if reading.text else list(reading.called(inputs).values()))
    _tell(path, table.notes)
    if _are_series(inputs):
        yield _from_series(table, inputs, reading)
        return
    columns = _columns(table.path, table.names, inputs, reading)
    first = 1
    for chunk in table.chunks():
        cells = dict(zip(table.names, chunk, strict=True))
        for start in range(0, len(chunk[0]), AT_ONCE):
            request = {}
            for name, info in inputs.items():
                column = cells[columns[name]][start : start + AT_ONCE]
                request[name] = [
                    _cell(cell, f"{path}, row {row}: {columns[name]}", info["dtype"], COMMAS[reading.decimal])
                    for row, cell in enumerate(column, first + start)
                ]
            yield request
        first += len(chunk[0])


def _from_series(table: Table, inputs: Mapping[str, Any], reading: Reading) -> dict[str, list]:
    """The last values of each series, as many as the model looks at; a missing one is the one before it."""
    read = partial(timelines.read, table, time=reading.time, series=reading.series, decimal=reading.decimal)
    if reading.series:
        timeline = read()
        columns = _columns(table.path, list(timeline.values), inputs, reading)
    else:
        columns = _columns(table.path, table.names, inputs, reading)
        timeline = read(columns=tuple(columns.values()))
    request = {}
    for name, info in inputs.items():
        window = int(info["tensor_shape"]["dim"][1]["size"])
        values = timelines.carried_on(timeline.values[columns[name]])
        if len(values) < window:
            raise ValueError(f"{table.path} has {len(values):,} steps; the model looks at the last {window:,}")
        if np.isnan(values[-window]):
            raise ValueError(f"{table.path}: {columns[name]} has no number up to {timeline.steps[-window]}")
        request[name] = [values[-window:].tolist()]
    return request


def _columns(path: Path, names: Collection[str], inputs: Mapping[str, Any], reading: Reading) -> dict[str, str]:
    """What a file calls each input: as the training file does, or else what is meant by its name.

    Raises:
        ValueError: for inputs that no column, or more than one, is meant for.
    """
    called = reading.called(inputs)
    if reading.text:
        texts = _texts(inputs)
        if len(inputs) != 1 or not texts:
            raise ValueError(f"--text has no effect: the model takes {', '.join(inputs)}")
        csv_files.check_column(reading.text, names, path)
        return {texts[0]: reading.text}
    if reading.columns is not None and {*called.values()} <= {*names}:
        return called
    meant: dict[str, list[str]] = {name: [] for name in inputs}
    for name in names:
        if meant_input := input_of(name, inputs):
            meant[meant_input].append(name)
    if twice := next((name for name, columns in meant.items() if len(columns) > 1), ""):
        both = " and ".join(map(repr, meant[twice]))
        raise ValueError(f"{path}: {both} may both be {called[twice]!r}, which the model takes: rename or remove one")
    if lacking := [called[name] for name, columns in meant.items() if not columns]:
        if len(inputs) == 1 and _texts(inputs):
            way = f": rename the one with the texts to {lacking[0]!r}, or name it with --text"
        elif _are_series(inputs) and not reading.series:
            way = ": name the columns so, or say --series COLUMN where one tells series apart"
        else:
            way = ": name the columns so, or say --no-header where they have no names"
        lacks = f"no column {', '.join(map(repr, lacking))}"
        raise ValueError(f"{path} has {lacks}.{nearest(lacking[0], names)} It has: {', '.join(names)}{way}")
    return {name: columns[0] for name, columns in meant.items()}


def _cell(cell: str, where: str, dtype: str, comma: Comma) -> str | int | float:
    """A cell in the model's type; raises ValueError for what has another one."""
    if dtype == "DT_STRING":
        return cell
    cell = cell.strip()
    if "INT" in dtype:
        if re.fullmatch(r"[-+]?\d+", cell, re.ASCII):
            return int(cell)
        raise ValueError(f"{where} is {cell!r}, not a whole number")
    if (value := number(cell, comma)) is None:
        raise ValueError(f"{where} is {cell!r}, not a number")
    return value

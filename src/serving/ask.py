"""Ask a served model from the command line: a picture, a text, a table's rows, a series or a request as JSON."""

import base64
import json
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from src.errors import UserError, nearest
from src.numbers import number
from src.preprocess.names import input_of
from src.readers import csv_files, timelines
from src.readers.csv_files import Table
from src.readers.text_files import text_of
from src.serving.client import DEFAULT, Client, NotServed
from src.system.files import read_json

STRINGS = "strings"  # the signature that takes columns as texts, an empty one where a value is missing
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp")
COLUMNS = "assets.extra/columns.json"  # of an export: what the file that it was trained on calls its inputs
AT_ONCE = 256  # rows of a table in a request


def ask(
    what: str,
    *,
    model: str = "",
    server: str = "http://127.0.0.1:8501",
    version: int | None = None,
    signature: str = "",
    grpc: str = "",
    deadline: float = 30.0,
    header: bool | None = None,
    encoding: str = "",
    decimal: Literal[".", ","] | None = None,
    text: str = "",
    time: str = "",
    series: str = "",
    exports_dir: str = "saved_models",
) -> None:
    """Asks a served model about a picture, a text, rows, a series or a request, and prints the answer.

    Args:
        what: an image, a .csv file, a .json request, a .txt file, or a text.
        model: name under which it is served.
        server: address of its REST interface.
        version: version of the model. The default is the newest.
        signature: signature. The default is the one that fits the input.
        grpc: HOST:PORT, to use gRPC instead of REST.
        deadline: seconds to wait for an answer.
        header: whether the first row of a table contains the column names. The default is to detect it.
        encoding: encoding of a table or text, such as cp1251. The default is UTF-8, or else cp1252.
        decimal: decimal mark of a table's numbers, if it isn't clear.
        text: column of a table with the texts, for a model of texts.
        time: column with the times, for a model of series.
        series: column that tells apart stacked series.
        exports_dir: folder of the exports; the model's own export, if present, knows the original column names.
    """
    if not model:
        raise UserError("Name the model: --model NAME, as it is served.")
    if deadline <= 0:
        raise UserError(f"deadline has to be above 0, not {deadline:g}.")
    connect = partial(Client, server)
    if grpc:
        from src.serving.grpc_client import GrpcClient

        connect = partial(GrpcClient, grpc)
    client = connect(model, version, deadline)
    try:
        signatures = {name: one for name, one in client.signatures().items() if not name.startswith("__")}
    except NotServed as error:
        raise UserError(f"{error}.{_served_instead(connect, model, Path(exports_dir))}") from None
    columns = _columns_of(Path(exports_dir) / model, version)
    reading = _Reading(header, encoding, decimal, text, time, series, columns)
    asked, requests = _request(what, signature, signatures, reading)
    for request in requests:
        show(client.predict(request, asked))


def show(answer: Mapping[str, Any]) -> None:
    """Prints an answer, a row of the batch a line."""
    for row in range(len(next(iter(answer.values())))):
        one = {name: column[row] for name, column in answer.items()}
        if "label" in one and "probability" in one:
            print(f"{one['label']}  {one['probability']:.3f}")
        else:
            print("  ".join(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in one.items()))


def _served_instead(connect: Callable[[str], Any], model: str, exports: Path) -> str:
    """Which exports the server does have: it can't list its models."""
    served = []
    for path in sorted(exports.glob("*/")):
        with suppress(UserError):
            connect(path.name).signatures()
            served.append(path.name)
    if not served:
        return f" It serves none of the exports in {exports}. Start it: make serve MODEL={model}"
    return f"{nearest(model, served)} Of the exports in {exports}, it serves: {', '.join(served)}."


@dataclass(frozen=True)
class _Reading:
    """How a file is read: see `ask`.

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


def _columns_of(export: Path, version: int | None) -> Mapping[str, str] | None:
    """What an export's training file calls its inputs, where that isn't the same; None where there is no export."""
    versions = [path for path in export.glob("*") if path.name.isdecimal() and version in (None, int(path.name))]
    if not versions:
        return None
    file = max(versions, key=lambda path: int(path.name)) / COLUMNS
    return read_json(file) if file.exists() else {}


def _request(
    what: str, signature: str, signatures: Mapping[str, Any], reading: _Reading = _Reading()
) -> tuple[str, list[dict[str, list]]]:
    """The signature that is asked, and its columns, in several requests where there are many rows."""
    path = Path(what)
    is_file = len(what) < 4096 and path.is_file()
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
        print(f"{path}: {note}", file=sys.stderr)


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


def _from_table(path: Path, inputs: Mapping[str, Any], reading: _Reading) -> Iterator[dict[str, list]]:
    """The rows of a CSV file, some at a time, as the model's types; of series the last rows, once.

    Raises:
        ValueError: for what isn't in the file, or can't be read.
    """
    table = csv_files.table(path, reading.header, reading.encoding)
    if reading.header is None:
        known = reading.columns or {}
        table = table.with_columns([reading.text] if reading.text else [known.get(name, name) for name in inputs])
    _tell(path, table.notes)
    if _are_series(inputs):
        yield _from_series(table, inputs, reading)
        return
    columns = _columns(table.path, table.names, inputs, reading)
    comma = {".": "thousands", ",": "decimal", None: ""}[reading.decimal]
    first = 1
    for chunk in table.chunks():
        cells = dict(zip(table.names, chunk, strict=True))
        for start in range(0, len(chunk[0]), AT_ONCE):
            request = {}
            for name, info in inputs.items():
                column = cells[columns[name]][start : start + AT_ONCE]
                where = [f"{path}, row {first + start + row}: {columns[name]}" for row in range(len(column))]
                request[name] = [_cell(*one, info["dtype"], comma) for one in zip(column, where, strict=True)]
            yield request
        first += len(chunk[0])


def _from_series(table: Table, inputs: Mapping[str, Any], reading: _Reading) -> dict[str, list]:
    """The last values of each series, as many as the model looks at; a missing one is the one before it."""
    how = {"time": reading.time, "series": reading.series, "decimal": reading.decimal}
    if reading.series:
        found = timelines.read(table, **how)
        columns = _columns(table.path, list(found.values), inputs, reading)
    else:
        columns = _columns(table.path, table.names, inputs, reading)
        found = timelines.read(table, **how, columns=tuple(columns.values()))
    request = {}
    for name, info in inputs.items():
        window, values = int(info["tensor_shape"]["dim"][1]["size"]), timelines.carried_on(found.values[columns[name]])
        if len(values) < window:
            raise ValueError(f"{table.path} has {len(values):,} steps; the model looks at the last {window:,}")
        if np.isnan(values[-window]):
            raise ValueError(f"{table.path}: {columns[name]} has no number up to {found.steps[-window]}")
        request[name] = [values[-window:].tolist()]
    return request


def _columns(path: Path, names: Collection[str], inputs: Mapping[str, Any], reading: _Reading) -> dict[str, str]:
    """What a file calls each input: as the training file does, or else what is meant by its name.

    Raises:
        ValueError: for inputs that no column, or more than one, is meant for.
    """
    called = {name: (reading.columns or {}).get(name, name) for name in inputs}
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
        if one := input_of(name, inputs):
            meant[one].append(name)
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


def _cell(cell: str, where: str, dtype: str, comma: str) -> str | int | float:
    if dtype == "DT_STRING":
        return cell
    cell = cell.strip()
    if "INT" in dtype:
        if re.fullmatch(r"[-+]?\d+", cell, re.ASCII):
            return int(cell)
        raise ValueError(f"{where} is {cell!r}, not a whole number")
    if (found := number(cell, comma)) is None:
        raise ValueError(f"{where} is {cell!r}, not a number")
    return found

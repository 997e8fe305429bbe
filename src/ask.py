"""Ask a served model from the command line: a picture, a text, a table's rows or a request as JSON."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from src import csvs
from src.client import DEFAULT, Client
from src.errors import UserError, nearest
from src.files import read_json

STRINGS = "strings"  # the signature that takes columns as texts, an empty one where a value is missing
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp")


def ask(
    what: str,
    *,
    model: str = "",
    server: str = "http://127.0.0.1:8501",
    version: int | None = None,
    signature: str = "",
    grpc: str = "",
    deadline: float = 30.0,
) -> None:
    """Asks a served model about a picture, a text, a row or a request, and prints the answer.

    Args:
        what: a picture, a .csv file with a header, a .json file of a request, a .txt file, or a text itself.
        model: name under which it is served.
        server: address of its REST interface.
        version: of the model; the newest by itself.
        signature: which of its questions; by itself what `what` fits.
        grpc: HOST:PORT to ask by gRPC instead.
        deadline: seconds for the answer.
    """
    if not model:
        raise UserError("Say which model: --model NAME, as it is served.")
    if deadline <= 0:
        raise UserError(f"deadline has to be above 0, not {deadline:g}.")
    client = Client(server, model, version, deadline)
    if grpc:
        from src.grpc_client import GrpcClient

        client = GrpcClient(grpc, model, version, deadline)
    signatures = {name: one for name, one in client.signatures().items() if not name.startswith("__")}
    asked, columns = _request(what, signature, signatures)
    show(client.predict(columns, asked))


def show(answer: Mapping[str, Any]) -> None:
    """Prints an answer, a row of the batch a line."""
    for row in range(len(next(iter(answer.values())))):
        one = {name: column[row] for name, column in answer.items()}
        if "label" in one and "probability" in one:
            print(f"{one['label']}  {one['probability']:.3f}")
        else:
            print("  ".join(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in one.items()))


def _request(what: str, signature: str, signatures: Mapping[str, Any]) -> tuple[str, dict[str, list]]:
    """The signature that is asked, and its columns."""
    path = Path(what)
    is_file = len(what) < 4096 and path.is_file()
    suffix = path.suffix.lower() if is_file else ""
    if suffix == ".json":
        content = read_json(path)
        asked = signature or content.get("signature_name") or DEFAULT
        return asked, _columns_of(content, _inputs(signatures, asked))
    if suffix in PICTURES:
        asked = signature or _only(signatures, "image_bytes", "takes no pictures")
        (name,) = _inputs(signatures, asked)
        return asked, {name: [{"b64": base64.b64encode(path.read_bytes()).decode()}]}
    asked = signature or DEFAULT
    inputs = _inputs(signatures, asked)
    if is_file and {".csv", ".tsv"} & {ending.lower() for ending in path.suffixes}:
        asked = signature or (STRINGS if STRINGS in signatures else DEFAULT)
        return asked, _table(path, _inputs(signatures, asked))
    try:
        text = path.read_text(encoding="utf-8") if is_file else what
    except UnicodeDecodeError:
        raise UserError(f"{what} is neither text nor a picture that ends in {', '.join(PICTURES)}.") from None
    texts = [name for name, info in inputs.items() if info["dtype"] == "DT_STRING"]
    if len(inputs) != 1 or not texts:
        takes = ", ".join(f"{name} ({info['dtype'][3:].lower()})" for name, info in inputs.items())
        given = "holds a text" if is_file else "is no file, so a text"
        raise UserError(f"{what!r:.60} {given}; {asked} takes {takes}.")
    return asked, {texts[0]: [text]}


def _inputs(signatures: Mapping[str, Any], name: str) -> dict[str, Any]:
    if name not in signatures:
        raise UserError(
            f"The model has no signature {name!r}.{nearest(name, signatures)} It has: {', '.join(signatures)}."
        )
    return signatures[name]["inputs"]


def _only(signatures: Mapping[str, Any], name: str, otherwise: str) -> str:
    if name not in signatures:
        raise UserError(f"The model {otherwise}; its signatures are: {', '.join(signatures)}.")
    return name


def _columns_of(content: Any, inputs: Mapping[str, Any]) -> dict[str, list]:
    """The columns of a request of rows or columns."""
    if not isinstance(content, dict) or not {"inputs", "instances"} & content.keys():
        raise UserError('A request is {"inputs": {NAME: column}} or {"instances": [row]}.')
    if "inputs" in content:
        given = content["inputs"]
        return given if isinstance(given, dict) and given.keys() & inputs.keys() else {next(iter(inputs)): given}
    rows = content["instances"]
    named = [row if isinstance(row, dict) and row.keys() & inputs.keys() else {next(iter(inputs)): row} for row in rows]
    return {name: [row.get(name) for row in named] for name in inputs}


def _table(path: Path, inputs: Mapping[str, Any]) -> dict[str, list]:
    """The columns of a CSV file, as the model's types."""
    try:
        table = csvs.read(path)
    except ValueError as error:
        raise UserError(str(error)) from None
    found = dict(zip(csvs.request_names(table), table.values(), strict=True))
    columns = {}
    for name, info in inputs.items():
        if name not in found:
            raise UserError(f"{path} has no column {name!r}.{nearest(name, found)}")
        where, dtype = f"{path}, {name}, row", info["dtype"]
        columns[name] = [_cell(cell, dtype, f"{where} {row}") for row, cell in enumerate(found[name], 1)]
    return columns


def _cell(text: str, dtype: str, where: str) -> str | int | float:
    if dtype == "DT_STRING":
        return text
    try:
        return int(text) if "INT" in dtype else float(text) if text.strip() else float("nan")
    except ValueError:
        raise UserError(f"{where}: {text!r} is no {'whole number' if 'INT' in dtype else 'number'}.") from None

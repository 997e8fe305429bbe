"""Ask a served model from the command line: a picture, a text, a table's rows, a series or a request as JSON."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from src.errors import UserError, nearest
from src.exporting.assets import COLUMNS
from src.readers.inputs import read
from src.readers.requests import Inputs, InputSpec, Reading
from src.reports.columns import cut, readable
from src.serving.client import Client, NotServed
from src.system import screen
from src.system.files import read_json


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
    connect: Callable[..., Any] = partial(Client, server)
    if grpc:
        from src.serving.grpc_client import GrpcClient

        connect = partial(GrpcClient, grpc)
    client = connect(model, version, deadline)
    try:
        signatures = {name: info for name, info in client.signatures().items() if not name.startswith("__")}
    except NotServed as error:
        raise UserError(f"{error}.{_served_instead(connect, model, Path(exports_dir))}") from None
    columns = _columns_of(Path(exports_dir) / model, version)
    reading = Reading(header, encoding, decimal, text, time, series, columns)
    takes = {name: _inputs(about["inputs"]) for name, about in signatures.items()}
    asked = read(what, signature, takes, reading)
    for piece in asked.pieces:
        if piece.unread:
            ((_, reason), *_) = piece.unread
            raise UserError(f"{reason}.")
        answer = client.predict(piece.request, asked.signature)
        show({piece.answers.get(name, name): column for name, column in answer.items()})


def show(answer: Mapping[str, Any]) -> None:
    """Prints an answer, a row of the batch a line, without pixels; of several things those that there are."""
    shown = readable({name: np.asarray(column) for name, column in answer.items()})
    for row in range(len(next(iter(answer.values())))):
        values = cut({name: answer[name][row] for name in shown})
        if "label" in values and "probability" in values:
            screen.show(f"{values['label']}  {values['probability']:.3f}")
        else:
            screen.show("  ".join(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()))
    if pixels := sorted(answer.keys() - shown.keys()):
        screen.tell(f"Not shown, as they are pixels: {', '.join(pixels)}. make predict writes them: OUTPUT=answers/")


def _inputs(about: Mapping[str, Any]) -> Inputs:
    """What a signature takes; a server tells its inputs in any order."""
    return {name: _spec(info) for name, info in sorted(about.items())}


def _spec(info: Mapping[str, Any]) -> InputSpec:
    """What an input takes, of what a server says of it."""
    sizes = [int(dim["size"]) for dim in info.get("tensor_shape", {}).get("dim", ())]
    return InputSpec(info["dtype"][3:].lower(), tuple(None if size < 0 else size for size in sizes))


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


def _columns_of(export: Path, version: int | None) -> Mapping[str, str] | None:
    """What an export's training file calls its inputs, where that isn't the same; None where there is no export."""
    versions = [path for path in export.glob("*") if path.name.isdecimal() and version in (None, int(path.name))]
    if not versions:
        return None
    file = max(versions, key=lambda path: int(path.name)) / COLUMNS
    return read_json(file) if file.exists() else {}

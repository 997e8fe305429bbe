"""TensorFlow Serving's REST interface: from a request's method, path and body to its answer."""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from google.protobuf.json_format import MessageToDict
from tensorflow_serving.apis import get_model_metadata_pb2

from src.serving.local import examples, reading, writing
from src.serving.local.errors import Refused
from src.serving.local.parsing import parse
from src.serving.local.servable import DEFAULT
from src.serving.local.versions import Model, Models

WHICH = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
ASKED = re.compile(rf"/v1/models/(?P<name>[^/:]+){WHICH}:(?P<verb>classify|regress|predict)", re.IGNORECASE)
LOOKED_AT = re.compile(rf"/v1/models(?:/(?P<name>[^/:]+))?{WHICH}(?:/(?P<what>metadata))?", re.IGNORECASE)
LONGEST = 8000  # characters of an error
NOT_FOUND = b"<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    body: bytes
    content_type: str = "application/json"


def respond(models: Models, method: str, path: str, body: bytes, timeout_s: float) -> Answer:
    """The answer to a request; every error is one, too.

    Args:
        models: that are served.
        method, path: as the request's first line has them.
        body: of the request, decompressed.
        timeout_s: for the model.
    """
    if not path.lower().startswith("/v1/"):
        return Answer(404, NOT_FOUND, "text/html")
    try:
        match = (ASKED if method == "POST" else LOOKED_AT).fullmatch(path) if method in ("GET", "POST") else None
        if not match or "?" in path or (method == "POST" and not match["verb"].islower()):
            raise Refused(f"Malformed request: {method} {path}")
        number = int(match["version"].lstrip("0")[:20] or 0) if match["version"] else None
        if number is not None and number >= 2**63:
            return Answer(400, b"")
        name, label = (unquote(match[part]) if match[part] else None for part in ("name", "label"))
        if method == "POST":
            return Answer(200, _ask(models, match["verb"], name, number, label, body, timeout_s))
        if match["what"] == "metadata":
            return Answer(200, _metadata(_model(models, name, number), number, label))
        return Answer(200, _status(models, name, number))
    except Refused as error:
        return Answer(error.status, error_body(error.message))
    except Exception as error:  # whatever it is, the next request is answered
        return Answer(500, error_body(f"{type(error).__name__}: {error}"))


def error_body(message: str) -> bytes:
    """What a client is told of an error."""
    shown = message if len(message) <= LONGEST else f"{message[:LONGEST]} …"
    text = json.dumps({"error": shown}, indent=4, ensure_ascii=False)
    return text.encode("utf-8", errors="surrogateescape")


def _ask(
    models: Models, verb: str, name: str | None, number: int | None, label: str | None, body: bytes, timeout_s: float
) -> bytes:
    request = parse(body)
    signature_name = reading.signature_name(request)
    if verb != "predict":
        serialized = examples.serialized(request)
    with _model(models, name, number).use(number, label) as (_, servable):
        signature = servable.signature(signature_name or DEFAULT)
        if verb != "predict":
            return examples.answer(servable, signature_name or DEFAULT, verb, serialized, timeout_s)
        if not signature.types:
            raise Refused(f"Failed to get input map for signature: {signature_name or 'DEFAULT'}")
        form, given = reading.tensors(request, signature.types)
        return writing.answer(servable.ask(signature_name or DEFAULT, given, timeout_s), form)


def _model(models: Models, name: str | None, number: int | None) -> Model:
    if model := models[name]:
        return model
    request = f"Latest({name})" if number is None else f"Specific({name}, {number})"
    raise Refused(f"Servable not found for request: {request}", "NOT_FOUND")


def _status(models: Models, name: str | None, number: int | None) -> bytes:
    """The state of each version, the largest first."""
    if not name:
        raise Refused("Missing model name in request.")
    model = models[name]
    versions = dict(sorted(model.versions.items(), reverse=True)) if model else {}
    if number is not None:
        versions = {number: versions[number]} if number in versions else {}
    if not versions:
        what = "any versions" if number is None else f"version {number}"
        raise Refused(f"Could not find {what} of model {name}", "NOT_FOUND")
    states = [
        {
            "version": str(number),
            "state": version.state,
            "status": {
                "error_code": version.error.code if version.error else "OK",
                "error_message": version.error.message if version.error else "",
            },
        }
        for number, version in versions.items()
    ]
    return _pretty({"model_version_status": states})


def _metadata(model: Model, number: int | None, label: str | None) -> bytes:
    """The signatures of a version."""
    with model.use(number, label) as (version, servable):
        signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=servable.definitions)
    shown = MessageToDict(signatures, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    spec = {"name": model.name, "version": str(version), "signature_name": ""}
    return _pretty({"model_spec": spec, "metadata": {"signature_def": shown}})


def _pretty(content: Any) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()

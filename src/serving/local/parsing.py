"""JSON as TensorFlow Serving reads it: by RapidJSON, in time that is linear in the request's length.

NaN and infinities are numbers, the first of equal keys counts, what follows the document is ignored, and a text may be
any bytes, as which it stands here: undecodable ones are surrogates.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import rapidjson

from src.serving.local.errors import Refused

FAULT = re.compile(r"Parse error at offset (\d+): (.*)", re.DOTALL)
EMPTY, FOLLOWED = "The document is empty.", "The document root must not be followed by other values."
PRIVATE = {0xDC00 + byte: 0x10FE00 + byte for byte in range(0x80, 0x100)}  # UTF-8 has no surrogates
SURROGATES = {private: surrogate for surrogate, private in PRIVATE.items()}
SHOWN, DEEPEST_SHOWN = 4000, 100  # characters, and levels, of a value in an error


def parse(body: bytes) -> dict[str, Any]:
    """The object that a request is.

    Raises:
        Refused: for what is none, with RapidJSON's words.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        content = _decoded(body, _Decoder)
    except UnicodeDecodeError:
        text = body.decode("utf-8", errors="surrogateescape")
        content = _decoded(text.translate(PRIVATE).encode(), _BytesDecoder)
    if not isinstance(content, dict):
        raise Refused(f"JSON Value: {pretty(content)} Is not object")
    return content


def pretty(value: Any) -> str:
    """A value as error messages show it: objects over several lines, arrays in one. A long one is cut."""
    pieces, length = [], 0
    for piece in _pieces(value, 0):
        pieces.append(piece)
        length += len(piece)
        if length > SHOWN:
            return f"{''.join(pieces)[:SHOWN]} …"
    return "".join(pieces)


def kind(value: Any) -> str:
    """RapidJSON's name for its type."""
    match value:
        case None:
            return "Null"
        case True | False:
            return str(value)
        case dict():
            return "Object"
        case list():
            return "Array"
        case str():
            return "String"
    return "Number"


class _Decoder(rapidjson.Decoder):
    """Of members that are called the same, the first counts."""

    def start_object(self) -> list:
        return []

    def end_object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        return members if len(members) == len(pairs) else dict(reversed(pairs))


class _BytesDecoder(_Decoder):
    """Of a document in which private characters stand for bytes that aren't UTF-8."""

    def string(self, text: str) -> str:
        return text if text.isascii() else text.translate(SURROGATES)


def _decoded(document: bytes, decoder: type[rapidjson.Decoder]) -> Any:
    decode = decoder(number_mode=rapidjson.NM_NATIVE | rapidjson.NM_NAN)
    try:
        return decode(document)
    except RecursionError:  # the bindings' own bound
        raise Refused("JSON Parse error: nested too deeply") from None
    except rapidjson.JSONDecodeError as error:
        fault = FAULT.fullmatch(str(error))
        offset, reason = (int(fault[1]), fault[2]) if fault else (0, str(error))
    if reason == FOLLOWED:
        return decode(document[:offset])
    raise Refused(f"JSON Parse error: {EMPTY[:-1] if reason == EMPTY else f'{reason} at offset: {offset}'}")


def _pieces(value: Any, level: int) -> Iterator[str]:
    if level > DEEPEST_SHOWN:
        yield "…"
        return
    match value:
        case dict() if value:
            margin, mark = " " * 4 * (level + 1), "{"
            for name, member in value.items():
                yield f"{mark}\n{margin}{_quoted(name)}: "
                yield from _pieces(member, level + 1)
                mark = ","
            yield "\n" + " " * 4 * level + "}"
        case list() if value:
            mark = "["
            for member in value:
                yield mark
                yield from _pieces(member, level + 1)
                mark = ", "
            yield "]"
        case str():
            yield _quoted(value)
        case float() if not math.isfinite(value):
            yield "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case _:
            yield json.dumps(value)


def _quoted(text: str) -> str:
    return json.dumps(text[: SHOWN + 1], ensure_ascii=False)

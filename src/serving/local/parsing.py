"""JSON as TensorFlow Serving reads it: RapidJSON's rules, where they are other than Python's.

NaN and infinities are numbers, the first of equal keys counts, what follows the document is ignored, and a text may be
any bytes, as which it stands here: undecodable ones are surrogates.
"""

import json
import math
import re
from typing import Any

from src.serving.local.errors import Refused

DEEPEST = 256  # brackets; a tensor has at most 254 dimensions
LARGEST = 2**64 - 1  # a greater integer is a decimal number
ODD = re.compile(r'"(?:[^"\\]|\\.)*"|-?\b(?:Inf|NaN)\b', re.DOTALL)  # Python knows neither Inf nor -NaN
LONG = re.compile(r"\d{19}|[eE]\+?\d{3}")  # numbers that may be too large for an int64 or a double
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)|[\[\]{}]', re.DOTALL)
SPACE = " \t\n\r"
REASONS = {  # RapidJSON's words for Python's
    "Expecting value": "Invalid value.",
    "Expecting property name enclosed in double quotes": "Missing a name for object member.",
    "Illegal trailing comma before end of object": "Missing a name for object member.",
    "Illegal trailing comma before end of array": "Invalid value.",
    "Expecting ':' delimiter": "Missing a colon after a name of object member.",
    "Unterminated string starting at": "Missing a closing quotation mark in string.",
    "Invalid control character at": "Invalid encoding in string.",
    "Invalid \\escape": "Invalid escape character in string.",
    "Invalid \\uXXXX escape": "Incorrect hex digit after \\u escape in string.",
}


def parse(body: bytes) -> dict[str, Any]:
    """The object that a request is.

    Raises:
        Refused: for what is none, with RapidJSON's words.
    """
    text = body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="surrogateescape")
    begin = len(text) - len(text.lstrip(SPACE))
    if begin == len(text):
        raise _wrong("The document is empty", 0)
    _check_depth(text)
    content = _decoded(text, begin)
    if not isinstance(content, dict):
        raise Refused(f"JSON Value: {pretty(content)} Is not object")
    return content


def pretty(value: Any, indent: int = 0) -> str:
    """A value as error messages show it: objects over several lines, arrays in one."""
    if isinstance(value, dict):
        if not value:
            return "{}"
        inner = " " * 4 * (indent + 1)
        members = (f"{inner}{_quoted(name)}: {pretty(member, indent + 1)}" for name, member in value.items())
        return "{\n" + ",\n".join(members) + "\n" + " " * 4 * indent + "}"
    if isinstance(value, list):
        return "[" + ", ".join(pretty(member, indent + 1) for member in value) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


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


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _decoded(text: str, begin: int) -> Any:
    large = LONG.search(text) is not None
    decoder = json.JSONDecoder(
        object_pairs_hook=_first_ones,
        parse_int=_integer if large else None,
        parse_float=_decimal if large else None,
    )
    if SURROGATE.search(text):
        _check_surrogates(text)
    try:
        return decoder.raw_decode(text, begin)[0]
    except json.JSONDecodeError as error:
        plain = ODD.sub(lambda match: _plain(match[0]), text)
        if plain != text:
            return _decoded(plain, begin)
        raise _wrong(_reason(error), len(text[: error.pos].encode("utf-8", errors="surrogateescape"))) from None
    except RecursionError:
        raise Refused("JSON Parse error: nested too deeply") from None


def _first_ones(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        for name, value in reversed(pairs):
            members[name] = value
    return members


def _integer(digits: str) -> int | float:
    """An integer, or a decimal number where 64 bits don't hold it."""
    if len(digits) < 19:
        return int(digits)
    value = _decimal(digits)
    exact = int(digits) if len(digits) < 40 else None
    return exact if exact is not None and -(2**63) <= exact <= LARGEST else value


def _decimal(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise Refused("JSON Parse error: Number too big to be stored in double. at offset: 0")
    return value


def _plain(token: str) -> str:
    return {"Inf": "Infinity", "-Inf": "-Infinity", "-NaN": "NaN"}.get(token, token)


def _check_depth(text: str) -> None:
    """Refuses what would be no tensor: the brackets that are open at a time, outside of texts."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    depth = 0
    for match in BRACKETS.finditer(text):
        token = match[0]
        if token in "[{":
            depth += 1
            if depth > DEEPEST:
                raise Refused(f"JSON Parse error: more than {DEEPEST} nested brackets")
        elif token in "]}":
            depth -= 1
            if not depth:
                return


def _check_surrogates(text: str) -> None:
    """Refuses half of a pair."""
    expected = None  # where the other half has to stand
    for match in ESCAPE.finditer(text):
        code = int(match[1], 16) if match[1] else 0
        low = 0xDC00 <= code < 0xE000
        if low != (expected is not None) or (low and match.start() != expected):
            raise _wrong("The surrogate pair in string is invalid.", match.start())
        expected = match.end() if 0xD800 <= code < 0xDC00 else None
    if expected is not None:
        raise _wrong("The surrogate pair in string is invalid.", expected)


def _reason(error: json.JSONDecodeError) -> str:
    if not error.msg.startswith("Expecting ',' delimiter"):
        return next((words for python, words in REASONS.items() if error.msg.startswith(python)), error.msg)
    unclosed = []
    for match in BRACKETS.finditer(error.doc, 0, error.pos):
        if match[0] in "[{":
            unclosed.append(match[0])
        elif match[0] in "]}":
            unclosed.pop()
    if unclosed[-1] == "[":
        return "Missing a comma or ']' after an array element."
    return "Missing a comma or '}' after an object member."


def _wrong(reason: str, offset: int) -> Refused:
    at = f" at offset: {offset}" if reason != "The document is empty" else ""
    return Refused(f"JSON Parse error: {reason}{at}")

"""Records: files of JSON whose values have the types that a TypedDict says, or that are refused in one line."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NewType, TypeVar, Union, get_args, get_origin, get_type_hints, is_typeddict

from src.errors import UserError
from src.system.files import read_json

Finite = NewType("Finite", float)  # a number that is neither infinite nor NaN, both of which Python's JSON may hold
WORDS = {
    Finite: "a finite number",
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    NoneType: "null",
}

LARGEST = 2**1023  # whole number that may stand for one with a fraction
Content = TypeVar("Content")


def read(path: Path, kind: type[Content]) -> Content:
    """The content of a file of that kind; see `check`."""
    content = read_json(path)
    check(content, kind, path)
    return content


def check(content: Any, kind: Any, where: Path | str) -> None:
    """Raises a UserError that names the file and the place in it where its content isn't of that kind.

    Args:
        content: plain data. Keys that a TypedDict doesn't know are left alone, as newer code may have written them.
        kind: a TypedDict, or what one may hold: list[str], dict[str, float], int | None, …
        where: the file, or the line of one.
    """
    for problem in problems(content, kind):
        raise UserError(f"{where} is damaged: {problem}.")


def problems(value: Any, kind: Any, place: str = "") -> Iterator[str]:
    """What in `value` isn't of that kind, in words.

    Args:
        value: plain data.
        kind: a type, or the types by name.
        place: where the value stands.
    """
    parts = _parts(value, kind)
    if parts is None:
        yield f"{place or 'it'} has to be {words(kind)}, not {value!r:.60}"
    elif is_typeddict(kind):
        yield from (f"{place or 'it'} lacks {name}" for name in sorted(kind.__required_keys__ - value.keys()))
    for name, part, each in parts or ():
        yield from problems(part, each, f"{place}, {name}" if place else name)


def words(kind: Any) -> str:
    """A kind of plain data as a reader knows it."""
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return " or ".join(map(words, args))
    if origin is Literal:
        return " or ".join(map(repr, args))
    if origin in (list, tuple):
        return "a list" if origin is list or args[-1] is ... else f"a list of {len(args)}"
    return "left out" if kind is None else WORDS.get(kind, "named values")


def _parts(value: Any, kind: Any) -> list[tuple[str, Any, Any]] | None:
    """The parts of a value, each with its name and the kind that it has to be of; None where the whole is wrong."""
    origin, args = get_origin(kind), get_args(kind)
    if isinstance(kind, Mapping) or is_typeddict(kind):
        kinds = kind if isinstance(kind, Mapping) else get_type_hints(kind)
        return [(name, value[name], kinds[name]) for name in kinds if name in value] if type(value) is dict else None
    if origin is dict:
        return [(name, part, args[1]) for name, part in value.items()] if type(value) is dict else None
    if origin in (list, tuple):
        if type(value) is not list:
            return None
        each = [args[0]] * len(value) if origin is list or args[-1] is ... else args
        numbered = zip(map(str, range(1, 1 + len(value))), value, each, strict=False)
        return list(numbered) if len(each) == len(value) else None
    return [] if _is(value, kind) else None


def _is(value: Any, kind: Any) -> bool:
    """Whether a value that has no parts is of that kind; a whole number is a number, but True is none."""
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(not any(problems(value, member)) for member in args)
    if origin is Literal:
        return any(type(value) is type(choice) and value == choice for choice in args)
    if kind in (float, Finite) and type(value) is int:
        return abs(value) < LARGEST
    if kind is Finite:
        return type(value) is float and math.isfinite(value)
    return kind is Any or type(value) is kind

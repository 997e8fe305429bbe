"""Knobs: the annotated keyword-only parameters of a function, read from its source without running it.

Reading instead of importing keeps help, lists and error messages fast (a model file imports Keras, which takes
seconds), and holds for model files, data sets, tasks and the harness alike: to add a knob, add a parameter.
"""

import ast
import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from docstring_parser import parse as parse_docstring

from src.errors import UsageError, UserError

SCALARS = {"int": int, "float": float, "str": str, "bool": bool}


@dataclass(frozen=True)
class Knob:
    """A setting: its name, type, default and help, and where it is declared ("models/cnn.py:23")."""

    name: str
    type: Any
    default: Any
    help: str
    where: str

    @property
    def flag(self) -> str:
        """The command line's word for it."""
        return "--" + self.name.replace("_", "-")

    def check(self, value: Any) -> Any:
        """`value` in the knob's type (lists become tuples, whole numbers floats).

        Raises:
            UsageError: where it doesn't fit, or is a float that isn't finite.
        """
        try:
            return _fit(value, self.type)
        except TypeError:
            raise UsageError(f"{self.name} takes {_words(self.type)}, not {value!r} ({self.where}).") from None


@cache
def read(path: Path, function: str) -> tuple[Knob, ...]:
    """The knobs of `function` ("build", or "Task.__init__") in the file at `path`.

    Raises:
        UserError: naming file and line, where the function is missing or a parameter can't be a knob.
    """
    node = _definition(syntax(path), function, path)
    texts = {p.arg_name: " ".join((p.description or "").split()) for p in parse_docstring(_docs(path, function)).params}
    knobs = []
    for parameter, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        where = f"{shown(path)}:{parameter.lineno}"
        if parameter.annotation is None or default is None:
            raise UserError(f"{where}: the knob {parameter.arg!r} needs an annotation and a default.")
        try:
            kind, value = _type(parameter.annotation), ast.literal_eval(default)
        except ValueError as error:
            raise UserError(f"{where}: {parameter.arg!r} can't be a knob: {error}") from None
        knob = Knob(parameter.arg, kind, value, texts.get(parameter.arg, ""), where)
        knobs.append(knob)
        knob.check(value)
    return tuple(knobs)


def check(knobs: Iterable[Knob], values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """`values` in the types of the `knobs` of their names.

    Raises:
        UsageError: for a name that is no knob (the nearest one is named) or a value of another type.
    """
    known = {knob.name: knob for knob in knobs}
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else f" It has: {', '.join(sorted(known))}."
            raise UsageError(f"{where} has no knob {name}.{hint}")
    return {name: known[name].check(value) for name, value in values.items()}


@cache
def syntax(path: Path) -> ast.Module:
    """The parsed file.

    Raises:
        UserError: where it isn't Python, naming the line.
    """
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
        raise UserError(f"{shown(path)}{line}: this is not valid Python: {error}") from None


def shown(path: Path) -> str:
    """The path as a reader of the project knows it: folder and file."""
    return f"{path.parent.name}/{path.name}"


def _definition(module: ast.Module, function: str, path: Path) -> ast.FunctionDef:
    body, found = module.body, None
    for name in function.split("."):
        found = next((node for node in body if getattr(node, "name", None) == name), None)
        if found is None:
            raise UserError(f"{shown(path)}: there is no {function} in this file.")
        body = found.body
    return found


def _docs(path: Path, function: str) -> str:
    """The docstring that explains the parameters: a constructor's stands at its class."""
    owner = function.removesuffix(".__init__")
    return ast.get_docstring(_definition(syntax(path), owner, path)) or ""


def _type(node: ast.expr) -> Any:
    """The type that an annotation means. Raises ValueError for one that isn't plain data."""
    match node:
        case ast.Name(id=name) if name in SCALARS:
            return SCALARS[name]
        case ast.Constant(value=None):
            return None
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return Union[_type(left), _type(right)]  # noqa: UP007 - the members are values here
        case ast.Subscript(value=ast.Name(id="Literal"), slice=choices):
            values = ast.literal_eval(choices)
            return Literal[values]
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=[item, ast.Constant(value=rest)])):
            if rest is ...:
                return tuple[_type(item), ...]
    raise ValueError(
        f"its annotation is {ast.unparse(node)}; use int, float, str, bool, tuple[…, ...], Literal[…] or … | None"
    )


def _fit(value: Any, kind: Any) -> Any:
    """`value` as `kind`; raises TypeError where it isn't one."""
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        for member in get_args(kind):
            try:
                return _fit(value, member)
            except TypeError:
                pass
    elif origin is Literal:
        if value in get_args(kind):
            return value
    elif origin is tuple:
        if isinstance(value, (list, tuple)):
            return tuple(_fit(item, get_args(kind)[0]) for item in value)
    elif kind is float:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    elif type(value) is kind:
        return value
    raise TypeError


def _words(kind: Any) -> str:
    """The type in words, for messages."""
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return " or ".join(_words(member) for member in args)
    if origin is Literal:
        return "one of " + ", ".join(map(repr, args))
    if origin is tuple:
        return f"a list of ({_words(args[0])})"
    names = {int: "a whole number", float: "a finite number", str: "a text", bool: "true or false", NoneType: "nothing"}
    return names[kind]

"""Knobs: the keyword-only parameters of a function, or fields of a dataclass, read from source without running it.

Reading instead of importing keeps help, lists and error messages fast (a model file imports Keras, which takes
seconds), and holds for model files, data sets, tasks and the harness alike: to add a knob, add a parameter.
"""

import ast
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from types import GenericAlias, NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from docstring_parser import parse as parse_docstring

from src.errors import UsageError, UserError, nearest
from src.settings.modules import cached, source

SCALARS = {"int": int, "float": float, "str": str, "bool": bool}
NAMES = {int: "an integer", float: "a finite number", str: "a string", bool: "true or false", NoneType: "None"}


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
        except (TypeError, OverflowError):
            shown = " ".join(repr(value).split())  # an array has lines
            raise UsageError(f"{self.name} takes {words(self.type)}, not {shown:.60} ({self.where}).") from None


@cached
def read(path: Path, function: str, positional: int | None = None) -> tuple[Knob, ...]:
    """The knobs of `function` ("build", or "Task.__init__") or of a dataclass in the file at `path`.

    Args:
        path: of the file.
        function: whose keyword-only parameters, or fields, they are.
        positional: how many other parameters it may have; None for any number.

    Raises:
        UserError: naming file and line, where the function is missing, has other parameters, or one can't be a knob.
    """
    node = _definition(syntax(path), function, path)
    if positional is not None and isinstance(node, ast.FunctionDef):
        for parameter in [*node.args.posonlyargs, *node.args.args][positional:]:
            cure = "put it after `*`, with an annotation and a default"
            raise UserError(f"{shown(path)}:{parameter.lineno}: {parameter.arg!r} isn't a knob: {cure}.")
    texts = {p.arg_name: " ".join((p.description or "").split()) for p in parse_docstring(_docs(path, function)).params}
    knobs = []
    for name, annotation, default, line in _parameters(node):
        where = f"{shown(path)}:{line}"
        if annotation is None or default is None:
            raise UserError(f"{where}: the knob {name!r} needs an annotation and a default.")
        try:
            kind = _type(annotation)
            value = _fit(_plain(default), kind)
        except ValueError as error:
            raise UserError(f"{where}: {name!r} can't be a knob: {error}.") from None
        except TypeError:
            raise UserError(f"{where}: the default of {name!r} isn't {words(kind)}.") from None
        knobs.append(Knob(name, kind, value, texts.get(name, ""), where))
    return tuple(knobs)


def check(knobs: Iterable[Knob], values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """`values`, which are from `where`, in the types of the `knobs` of their names.

    Raises:
        UsageError: for a name that is no knob (the nearest one is named) or a value of another type.
    """
    by_name = {knob.name: knob for knob in knobs}
    for name in values:
        if name not in by_name:
            hint = nearest(name, by_name) or f" It has: {', '.join(sorted(by_name))}."
            raise UsageError(f"{where}: there is no knob {name!r}.{hint}")
    try:
        return {name: by_name[name].check(value) for name, value in values.items()}
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def words(kind: Any) -> str:
    """The type in words, for messages and lists."""
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return " or ".join(words(member) for member in args)
    if origin is Literal:
        return "one of " + ", ".join(map(repr, args))
    if origin is tuple:
        return f"a list of {NAMES[args[0]].split(' ', 1)[1]}s"
    return NAMES[kind]


@cached
def syntax(path: Path) -> ast.Module:
    """The parsed file.

    Raises:
        UserError: where it isn't Python, naming the line.
    """
    try:
        return ast.parse(source(path))
    except SyntaxError as error:
        message = error.msg.rstrip(".") + ("" if error.msg.endswith("?") else ".")
        raise UserError(f"{shown(path)}:{error.lineno}: this is not valid Python: {message}") from None
    except ValueError as error:  # not text at all
        raise UserError(f"{shown(path)}: this is not valid Python: {error}.") from None


def shown(path: Path) -> str:
    """The path as a reader of the project knows it: from the topmost package on."""
    top = path.parent
    while (top.parent / "__init__.py").exists():
        top = top.parent
    return path.relative_to(top.parent).as_posix()


def has(path: Path, function: str) -> bool:
    """Whether the file at `path` has that function, its own or another file's."""
    names = set()
    for node in syntax(path).body:
        match node:
            case ast.FunctionDef(name=name):
                names.add(name)
            case ast.ImportFrom(names=imported):
                names |= {alias.asname or alias.name for alias in imported}
    return function in names


def _parameters(node: ast.FunctionDef | ast.ClassDef) -> Iterator[tuple[str, ast.expr | None, ast.expr | None, int]]:
    """Name, annotation, default and line of each keyword-only parameter, or field."""
    if isinstance(node, ast.ClassDef):
        for field in node.body:
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                yield field.target.id, field.annotation, field.value, field.lineno
    else:
        for parameter, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
            yield parameter.arg, parameter.annotation, default, parameter.lineno


def _definition(module: ast.Module, function: str, path: Path) -> ast.FunctionDef | ast.ClassDef:
    """The function of that name, or the class or method, such as "Task.__init__"."""
    body = module.body
    for name in function.split("."):
        definitions = {node.name: node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        if name not in definitions:
            raise UserError(f"{shown(path)}: there is no {function} in this file.")
        body = definitions[name].body
    return definitions[name]


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
            return Literal[_plain(choices)]
        case ast.Subscript(
            value=ast.Name(id="tuple"), slice=ast.Tuple(elts=[ast.Name(id=name), ast.Constant(value=rest)])
        ) if name in SCALARS and rest is ...:
            return GenericAlias(tuple, (SCALARS[name], ...))
    raise ValueError(
        f"its annotation is {ast.unparse(node)}; use int, float, str, bool, tuple[one of these, ...], Literal[…] or "
        "… | None"
    )


def _plain(node: ast.expr) -> Any:
    """The value of a literal; raises ValueError for anything else."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        raise ValueError(f"{ast.unparse(node)} is not plain data, such as 3, 0.1, 'text', (1, 2) or None") from None


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
        for choice in get_args(kind):
            if type(value) is type(choice) and value == choice:  # True == 1, but isn't meant by it
                return choice
    elif origin is tuple:
        if isinstance(value, (list, tuple)):
            return tuple(_fit(item, get_args(kind)[0]) for item in value)
    elif kind is float:
        if not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value):
            return float(value)
    elif kind is int:
        if not isinstance(value, bool) and isinstance(value, Integral):
            return int(value)
    elif type(value) is kind:
        return value
    raise TypeError

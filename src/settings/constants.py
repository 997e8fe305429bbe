"""Constants: what a file that is plugged in says in capitals, read from its source without running it."""

import ast
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from src import specs
from src.errors import UserError
from src.settings.knobs import shown, syntax

KINDS: dict[str, type] = {
    "TAKES": tuple,
    "GIVES": tuple,
    "DATA": str,
    "FIT": dict,
    "SPACE": dict,
    "JUDGE": dict,
    "PRETRAINED": dict,
    "RENAMED": dict,
    "INPUTS": tuple,
    "OUTPUTS": tuple,
    "DOWNLOAD": str,
    "NAMED_BY": str,
    "SPEC": type,
}
WORDS = {tuple: "a tuple of specs, such as (Image,)", dict: "a dictionary", str: "a text", type: "a spec"}


def read(path: Path, needed: Collection[str], optional: Collection[str]) -> dict[str, Any]:
    """The values of the constants in the file at `path`: literals, and names and calls of `src.specs`.

    Raises:
        UserError: naming file and line, where a needed one is missing, or one isn't plain data, has another type or
            gets its value in a way that can't be told without running the file.
    """
    names = {*needed, *optional}
    values: dict[str, Any] = {}
    assigned: set[ast.AST] = set()
    for target, value in (pair for statement in syntax(path).body for pair in _assigned(statement)):
        if isinstance(target, ast.Name) and target.id in names:
            values[target.id] = _constant(target.id, value, path)
            assigned.add(target)
    for name, node in _bound(syntax(path)):
        if name in names and node not in assigned:
            raise UserError(
                f"{shown(path)}:{node.lineno}: {name} can't be read without running the file; say {name} = … in a "
                "line of its own."
            )
    for name in needed:
        if name not in values:
            raise UserError(f"{shown(path)}: the file has to say {name} = …; see docs/contracts.md.")
    return values


def _assigned(statement: ast.stmt) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What the statement assigns to, with the values: A = 1, A = B = 1, A: int = 1 and A, B = 1, 2."""
    match statement:
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield target, value
        case ast.Assign(targets=targets, value=value):
            for each in targets:
                match each, value:
                    case ast.Tuple(elts=parts), ast.Tuple(elts=values) if len(parts) == len(values):
                        yield from zip(parts, values, strict=True)
                    case _:
                        yield each, value


def _bound(node: ast.AST) -> Iterator[tuple[str, ast.expr | ast.stmt | ast.alias]]:
    """Every name that gets a value when the file is run, by whatever statement, and where."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            yield name, node
        case ast.alias(name=name, asname=other):
            yield other or name, node
        case ast.AnnAssign(value=None) | ast.Lambda():
            return
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, node
            return  # what is inside has names of its own
    for part in ast.iter_child_nodes(node):
        yield from _bound(part)


def _constant(name: str, node: ast.expr, path: Path) -> Any:
    where, kind = f"{shown(path)}:{node.lineno}", KINDS[name]
    try:
        value = _value(node)
    except (ValueError, TypeError):
        raise UserError(
            f"{where}: {name} = {ast.unparse(node)} is not plain data; use literals, Choice, Range and the specs "
            f"{', '.join(specs.kinds())}."
        ) from None
    specs_alone = not isinstance(value, tuple) or all(isinstance(item, type) for item in value)
    if not isinstance(value, kind) or not specs_alone:
        raise UserError(f"{where}: {name} has to be {WORDS[kind]}, not {ast.unparse(node)}.")
    if name == "PRETRAINED" and not _has_sources(value):
        what = 'has to give, by knob and value, a "package" and a "file" in it, or a "url"'
        raise UserError(f"{where}: {name} {what}; see docs/contracts.md.")
    return value


def _has_sources(pretrained: Any) -> bool:
    """Whether it says, by knob and value, where published weights are."""
    by_value = pretrained.values()
    return all(isinstance(sources, dict) and all(map(_is_source, sources.values())) for sources in by_value)


def _is_source(source: Any) -> bool:
    """Whether it says where a file is, and by knob where further ones are."""
    if not isinstance(source, dict) or not ("url" in source or {"package", "file"} <= source.keys()):
        return False
    knobs = source.get("knobs", {})
    return isinstance(knobs, dict) and all(map(_is_source, knobs.values()))


def _value(node: ast.expr) -> Any:
    """What the expression means; raises ValueError or TypeError where that can't be said without running it."""
    match node:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="specs"), attr=name) if name in specs.kinds():
            return specs.kinds()[name]
        case ast.Tuple(elts=items):
            return tuple(value for item in items for value in _expanded(item))
        case ast.List(elts=items):
            return [_value(item) for item in items]
        case ast.Dict(keys=keys, values=values) if all(keys):
            return {_value(key): _value(value) for key, value in zip(keys, values, strict=True) if key}
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords) if name in ("Choice", "Range"):
            named = {keyword.arg or "**": _value(keyword.value) for keyword in keywords}  # "**" is refused
            return getattr(specs, name)(*map(_value, args), **named)
    return ast.literal_eval(node)


def _expanded(node: ast.expr) -> tuple[Any, ...]:
    """The value of an item of a tuple; for a group of kinds, such as Numbers, all of them."""
    match node:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="specs"), attr=name) if name in specs.groups():
            return specs.groups()[name]
    return (_value(node),)

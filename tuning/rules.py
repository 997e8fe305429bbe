"""The rules of a search space, "width % heads == 0": comparisons and arithmetic of knobs, which can't run away.

Python's own `eval` would compute 9**9**9, or a text of a gigabyte, before it compares.
"""

import ast
import itertools
import operator
from collections.abc import Callable, Mapping
from typing import Any

MOST_CHARACTERS = 300  # of a rule
MOST_BITS = 256  # of a power
OPERATIONS: Mapping[type, Callable] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
    ast.BitAnd: operator.and_, ast.BitOr: operator.or_, ast.BitXor: operator.xor,
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: operator.invert, ast.Not: operator.not_,
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda item, among: item in among, ast.NotIn: lambda item, among: item not in among,
}  # fmt: skip
NODES = (ast.Expression, ast.Compare, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Name, ast.Constant)
PARTS = (*NODES, *OPERATIONS, ast.And, ast.Or, ast.Load)


def names(rule: str) -> set[str] | None:
    """The names in a rule; None where it is anything but comparisons and arithmetic of them."""
    try:
        nodes = list(ast.walk(ast.parse(rule[: MOST_CHARACTERS + 1], mode="eval")))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    if len(rule) > MOST_CHARACTERS or not all(isinstance(node, PARTS) for node in nodes):
        return None
    return {node.id for node in nodes if isinstance(node, ast.Name)}


def value(rule: str, values: Mapping[str, Any]) -> Any:
    """What a rule comes to with these values of knobs.

    Raises:
        TypeError: for arithmetic of what are no numbers.
        ArithmeticError: for what has no value, or a power that is too large.
    """
    return _value(ast.parse(rule, mode="eval").body, values)


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=constant):
            return constant
        case ast.Name(id=name):
            return values[name]
        case ast.UnaryOp(op=op, operand=operand):
            return OPERATIONS[type(op)](_value(operand, values))
        case ast.BinOp(left=left, op=op, right=right):
            return _computed(op, _value(left, values), _value(right, values))
        case ast.BoolOp(op=op, values=parts):
            return (all if isinstance(op, ast.And) else any)(_value(part, values) for part in parts)
        case ast.Compare(left=left, ops=ops, comparators=others):
            terms = [_value(part, values) for part in (left, *others)]
            return all(OPERATIONS[type(op)](*pair) for op, pair in zip(ops, itertools.pairwise(terms), strict=True))
    raise TypeError(ast.unparse(node))


def _computed(op: ast.operator, left: Any, right: Any) -> Any:
    """Arithmetic of two numbers: a text times a number could be of any length."""
    if not (isinstance(left, int | float) and isinstance(right, int | float)):
        raise TypeError(f"{left!r} and {right!r} are no numbers")
    if isinstance(op, ast.Pow) and isinstance(left, int) and right * left.bit_length() > MOST_BITS:
        raise OverflowError(f"{left} ** {right} is too large")
    return OPERATIONS[type(op)](left, right)

"""What a search tries: by knob a Choice or a Range, from the model file's SPACE, from here, or said by hand.

--space batch dropout=0:0.3 units=64,128 "filters=16 32,32 64" momentum=0.5:0.99 weight_decay=1e-5:1e-1:log
--space space.toml
"""

import ast
import itertools
import math
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from src.errors import UsageError, nearest
from src.settings import knobs
from src.settings.config import Choices
from src.settings.knobs import Knob
from src.specs import Choice, Range
from src.system.files import read_text

Space = dict[str, Choice | Range]

DEFAULTS: Space = {  # of what isn't the model's own
    # training
    "learning_rate": Range(1e-4, 3e-2, log=True),
    "batch": Choice(16, 32, 64, 128, 256),
    "optimizer": Choice("adam", "adamw", "sgd", "rmsprop"),
    "schedule": Choice("constant", "cosine", "plateau"),
    "momentum": Range(0.5, 0.99),
    "weight_decay": Range(1e-5, 1e-1, log=True),
    "clip_norm": Range(0.1, 10.0, log=True),
    # data sets
    "length": Choice(64, 128, 256),
    "vocabulary": Choice(5_000, 10_000, 20_000),
    "window": Choice(12, 24, 48, 96),
    # augmentation of images
    "augment": Choice("none", "light", "photos", "cifar"),
    "flip": Choice("none", "horizontal"),
    "shift": Range(0.0, 0.2),
    "rotate": Range(0.0, 30.0),
    "zoom": Range(0.0, 0.3),
    "crop": Choice(0, 2, 4),
    "cutout": Choice(0, 4, 8),
    "brightness": Range(0.0, 0.3),
    "contrast": Range(0.0, 0.3),
    # tasks
    "class_weights": Choice(False, True),
    "label_smoothing": Range(0.0, 0.2),
}
AUTO = "auto"  # what stands for a value that the harness chooses
ALWAYS = ("learning_rate",)  # the one that matters most: Goodfellow et al. (2016), Deep learning, section 11.4.1
OPERATIONS = (ast.Expression, ast.Compare, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Name, ast.Constant, ast.Load)
OPERATIONS += (ast.operator, ast.cmpop, ast.boolop, ast.unaryop)


def space_of(choices: Choices, fixed: Mapping[str, Any], given: Iterable[str], said: Iterable[str]) -> Space:
    """What is searched for a model on a data set; not what depends on another value than a knob's fixed one.

    Args:
        choices: the files that meet.
        fixed: the values of all knobs without a search.
        given: knobs whose values were given by hand; they keep them.
        said: the words after --space: KNOB, KNOB=VALUES, or a TOML file.

    Raises:
        UsageError: for a name that is no knob, values that don't fit it, or none.
    """
    known = choices.knobs
    by_itself = {**{name: DEFAULTS[name] for name in ALWAYS if name in known}, **choices.model.space}
    wanted = {name: values for name, values in by_itself.items() if name not in given}
    for word in said:
        wanted |= _file(word, known) if word.endswith(".toml") else _word(word, known, by_itself)
    if both := ", ".join(name for name in wanted if name in given):
        raise UsageError(f"{both} can't have a value of its own and be searched for: leave one out.")
    if not wanted:
        raise UsageError(
            f"There is nothing to search for: say --space KNOB=VALUES. {choices.model.name} has {', '.join(known)}."
        )
    checked = {name: _checked(known[name], values, known) for name, values in wanted.items()}
    fixed = {name: value for name, value in fixed.items() if name not in checked}
    return {
        name: values
        for name, values in checked.items()
        if all(fixed[parent] in among for parent, among in values.when.items() if parent in fixed)
    }


def as_said(values: Any) -> str:
    """The plain data of a Choice or a Range as one says it after --space; another value as Python has it."""
    match values:
        case None:
            return AUTO
        case {"values": among}:
            return ",".join(" ".join(map(str, one)) if isinstance(one, (tuple, list)) else str(one) for one in among)
        case {"low": low, "high": high, "log": log, "step": step}:
            return ":".join(map(str, (low, high, *(["log"] if log else []), *([step] if step else []))))
    return repr(values)


def allowed(space: Space, values: Mapping[str, Any]) -> str | None:
    """The rule of the space that the knobs' `values` break; None where they keep all."""
    for name, one in space.items():
        if one.where and name in values and not _holds(one.where, values):
            return one.where
    return None


def points(values: Choice | Range, count: int, whole: bool) -> Choice:
    """A grid of them: a range has `count` points (its steps where it says some), both ends among them.

    Args:
        values: what is searched.
        count: points of a range, 2 or more.
        whole: whether the knob takes whole numbers.
    """
    if isinstance(values, Choice):
        return values
    low, high = values.low, values.high
    if values.step:
        found = [low + number * values.step for number in range(math.floor((high - low) / values.step + 1e-9) + 1)]
    elif values.log:
        found = [low * (high / low) ** (number / (count - 1)) for number in range(count)]
    else:
        found = [low + (high - low) * number / (count - 1) for number in range(count)]
    found = [*found[:-1], high] if not values.step else found
    return Choice(*dict.fromkeys(round(one) if whole else one for one in found), when=values.when, where=values.where)


def size(grid: Mapping[str, Choice], fixed: Mapping[str, Any]) -> int:
    """How many configurations a grid has, those that break a rule left out.

    Args:
        grid: choices by knob.
        fixed: the values of the other knobs.
    """
    count = 0
    for values in itertools.product(*(one.values for one in grid.values())):
        found = dict(zip(grid, values, strict=True))
        active = {name: value for name, value in found.items() if _active(grid[name], {**fixed, **found})}
        first = all(found[name] == grid[name].values[0] for name in grid.keys() - active.keys())
        count += first and allowed(grid, {**fixed, **active}) is None
    return count


def _active(values: Choice | Range, found: Mapping[str, Any]) -> bool:
    return all(found[parent] in among for parent, among in values.when.items())


def _holds(rule: str, values: Mapping[str, Any]) -> bool:
    """Whether a rule is kept; one that can't be computed, such as with a knob that is None, isn't."""
    try:
        return bool(eval(compile(ast.parse(rule, mode="eval"), "rule", "eval"), {"__builtins__": {}}, dict(values)))
    except (TypeError, ArithmeticError):
        return False


def _checked(knob: Knob, values: Choice | Range, known: Mapping[str, Knob]) -> Choice | Range:
    """The same in the knob's type; raises a UsageError that names the knob where it doesn't fit."""

    def need(holds: bool, what: str) -> None:
        if not holds:
            raise UsageError(f"The space of {knob.name}: {what}.")

    need(isinstance(values.when, dict), 'when needs a table, such as {optimizer = ["sgd"]}')
    need(isinstance(values.where, str), "where needs a text, such as 'width % heads == 0'")
    for parent, among in values.when.items():
        need(parent in known, f"there is no knob {parent!r}.{nearest(parent, known)}".rstrip("."))
        for value in among:
            known[parent].check(value)
    if values.where:
        names = _names(values.where)
        need(names is not None, f"{values.where!r} has to compare knobs, such as 'width % heads == 0'")
        need(names <= known.keys(), f"{values.where!r} names what is no knob: {', '.join(names - known.keys())}")
    if isinstance(values, Choice):
        need(len(values.values) > 0, "there is no value to choose")
        checked = dict.fromkeys(knob.check(value) for value in values.values)  # each once
        return Choice(*checked, when=values.when, where=values.where)
    kinds = {kind for kind in (get_args(knob.type) or (knob.type,)) if kind in (int, float)}
    need(len(kinds) == 1, f"a range needs a number, and it takes {knobs.words(knob.type)}: say VALUE,VALUE")
    need(values.step is None or type(values.step) in (int, float), f"a step is a number, not {values.step!r}")
    low, high = knob.check(values.low), knob.check(values.high)
    need(low < high, f"it goes from {low} to {high}: the lower end comes first")
    need(not values.log or low > 0, f"on a log scale it can't begin at {low}")
    need(values.step is None or 0 < values.step <= high - low, f"steps of {values.step} don't fit in")
    need(not (values.log and values.step), "it has either steps or a log scale")
    return Range(low, high, values.log, values.step, values.when, values.where)


def _names(rule: str) -> set[str] | None:
    """The names in a rule; None where it is anything but comparisons and arithmetic of names and numbers."""
    try:
        nodes = list(ast.walk(ast.parse(rule, mode="eval")))
    except SyntaxError:
        return None
    plain = all(isinstance(node, OPERATIONS) for node in nodes)
    return {node.id for node in nodes if isinstance(node, ast.Name)} if plain else None


def _word(word: str, known: Mapping[str, Knob], by_itself: Space) -> Space:
    """One word of --space."""
    name, equals, text = word.partition("=")
    name = name.replace("-", "_")
    _need_knob(name, known, "--space")
    if not equals:
        if found := by_itself.get(name) or DEFAULTS.get(name):
            return {name: found}
        raise UsageError(f"--space {name}: it has no space of its own; say {name}=VALUE,VALUE or {name}=LOW:HIGH.")
    if ":" in text:
        ends = text.split(":")
        numbers = [_value(end) for end in ends if end != "log"]
        if len(numbers) not in (2, 3) or not all(type(number) in (int, float) for number in numbers):
            raise UsageError(f"--space {word}: a range is LOW:HIGH, LOW:HIGH:log or LOW:HIGH:STEP.")
        return {name: Range(*numbers[:2], "log" in ends, numbers[2] if numbers[2:] else None)}
    many = "tuple" in str(known[name].type)
    values = [value for value in text.split(",") if value.strip()]
    return {name: Choice(*(tuple(map(_value, value.split())) if many else _value(value) for value in values))}


def _file(path: str, known: Mapping[str, Knob]) -> Space:
    """A TOML file: knob = [values], or knob = {low, high, log, step, when, where}, or {values, when, where}."""
    try:
        content = tomllib.loads(read_text(Path(path)))
    except OSError as error:
        raise UsageError(f"Can't read the space {path}: {error.strerror}.") from None
    except ValueError as error:
        raise UsageError(f"{path} isn't TOML: {error}.") from None
    found = {}
    for name, said in content.items():
        _need_knob(name, known, path)
        said = dict(said) if isinstance(said, dict) else {"values": said}
        if isinstance(when := said.get("when"), dict):
            said["when"] = {parent: tuple(v) if isinstance(v, list) else (v,) for parent, v in when.items()}
        values = said.pop("values", None)
        try:
            if not isinstance(values, list | None):
                raise TypeError
            found[name] = Range(**said) if values is None else Choice(*map(_tuples, values), **said)
        except TypeError:
            raise UsageError(
                f"{path}: {name} has to be a list of values, or a table of low and high, and log, step, when or where."
            ) from None
    return found


def _need_knob(name: str, known: Mapping[str, Knob], where: str) -> None:
    if name not in known:
        raise UsageError(f"{where}: there is no knob {name!r}.{nearest(name, known)}")


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _value(text: str) -> Any:
    """A number, True, False or None, as Python has them; anything else is a text."""
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        return text.strip()

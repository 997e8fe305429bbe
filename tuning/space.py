"""The search space: by knob a Choice or a Range, from the model file's SPACE, from here, or given by hand.

--space batch dropout=0:0.3 units=64,128 "filters=16 32,32 64" momentum=0.5:0.99 weight_decay=1e-5:1e-1:log
--space space.toml
"""

import ast
import itertools
import math
import tomllib
from collections.abc import Container, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, get_args

from src.errors import UsageError, nearest
from src.settings.config import Choices
from src.settings.knobs import Knob
from src.settings.knobs import words as type_in_words
from src.specs import Choice, Range
from src.system.files import parsed, read_text
from tuning import rules

Space = Mapping[str, Choice | Range]  # by the names of knobs

DEFAULTS: Space = {  # of knobs that aren't the model's own
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


def space_of(choices: Choices, defaults: Mapping[str, Any], given: Container[str], words: Iterable[str]) -> Space:
    """What is searched for a model on a data set; not what depends on another value than a knob's fixed one.

    Args:
        choices: the files that meet.
        defaults: the values of all knobs without a search.
        given: knobs whose values were given by hand; they keep them.
        words: what follows --space: KNOB, KNOB=VALUES, or a TOML file.

    Raises:
        UsageError: for a name that is no knob, values that don't fit it, or none.
    """
    knobs = choices.knobs
    usual = {**{name: DEFAULTS[name] for name in ALWAYS if name in knobs}, **choices.model.space}
    space = {name: values for name, values in usual.items() if name not in given}
    for word in words:
        space |= _file(word, knobs) if word.endswith(".toml") else _word(word, knobs, usual)
    if both := ", ".join(name for name in space if name in given):
        raise UsageError(f"{both} can't have a value of its own and be searched for: leave one out.")
    if not space:
        raise UsageError(
            f"There is nothing to search for: say --space KNOB=VALUES. {choices.model.name} has {', '.join(knobs)}."
        )
    space = {name: _checked(knobs[name], values, knobs) for name, values in space.items()}
    fixed = {name: value for name, value in defaults.items() if name not in space}
    return {
        name: values
        for name, values in space.items()
        if all(fixed[parent] in among for parent, among in values.when.items() if parent in fixed)
    }


def points(values: Choice | Range, count: int) -> Choice:
    """What a grid has of the values: whole numbers between whole ends.

    Args:
        values: what is searched.
        count: points of a range, 2 or more, with both ends; one that says its steps has those.
    """
    if isinstance(values, Choice):
        return values
    low, high = values.low, values.high
    if values.step:
        steps = math.floor((high - low) / values.step + 1e-9)
        numbers = [low + number * values.step for number in range(steps + 1)]
    elif values.log:
        numbers = [*(low * (high / low) ** (number / (count - 1)) for number in range(count - 1)), high]
    else:
        numbers = [*(low + (high - low) * number / (count - 1) for number in range(count - 1)), high]
    distinct = dict.fromkeys(round(number) if isinstance(low, int) else number for number in numbers)
    return Choice(*distinct, when=values.when, where=values.where)


def size(grid: Mapping[str, Choice], defaults: Mapping[str, Any]) -> int:
    """How many configurations a grid has, those that break a rule left out.

    Args:
        grid: choices by knob.
        defaults: the values of the other knobs, for the rules.
    """
    count = 0
    for combination in itertools.product(*(choice.values for choice in grid.values())):
        values = dict(zip(grid, combination, strict=True))
        effective = active(grid, {**defaults, **values})
        # Those that differ only in what has no effect are one, which has the first values there.
        first = all(values[name] == grid[name].values[0] for name in grid.keys() - effective.keys())
        count += first and broken_rule(grid, {**defaults, **effective}) is None
    return count


def active(space: Space, values: Mapping[str, Any]) -> dict[str, Any]:
    """Of the knobs' `values` those that are searched, without what has no effect beside the others."""
    return {
        name: values[name]
        for name, choice in space.items()
        if all(values.get(parent) in among for parent, among in choice.when.items())
    }


def broken_rule(space: Space, values: Mapping[str, Any]) -> str | None:
    """The rule of the space that the knobs' `values` break; None where they keep all."""
    for name, choice in space.items():
        if choice.where and name in values and not _holds(choice.where, values):
            return choice.where
    return None


def as_written(values: Any) -> str:
    """The plain data of a Choice or a Range as one writes it after --space; another value as Python has it."""
    match values:
        case None:
            return AUTO
        case {"values": among}:
            return ",".join(" ".join(map(str, v)) if isinstance(v, (tuple, list)) else str(v) for v in among)
        case {"low": low, "high": high, "log": log, "step": step}:
            return ":".join(map(str, (low, high, *(["log"] if log else []), *([step] if step else []))))
    return repr(values)


def _holds(rule: str, values: Mapping[str, Any]) -> bool:
    """Whether a rule is kept; one that can't be computed, such as with a knob that is None, isn't."""
    try:
        return bool(rules.value(rule, values))
    except (TypeError, ArithmeticError):
        return False


def _checked(knob: Knob, values: Choice | Range, knobs: Mapping[str, Knob]) -> Choice | Range:
    """The same in the knob's type; raises a UsageError that names the knob where it doesn't fit."""
    need = partial(_need, knob.name)
    need(isinstance(values.when, dict), 'when needs a table, such as {optimizer = ["sgd"]}')
    need(isinstance(values.where, str), "where needs a text, such as 'width % heads == 0'")
    for parent, among in values.when.items():
        need(parent in knobs, f"there is no knob {parent!r}.{nearest(parent, knobs)}".rstrip("."))
        for value in among:
            knobs[parent].check(value)
    if values.where:
        names = rules.names(values.where)
        need(names is not None, f"{values.where!r} has to compare knobs, such as 'width % heads == 0'")
        unknown = set(names or ()) - knobs.keys()
        need(not unknown, f"{values.where!r} names what is no knob: {', '.join(unknown)}")
    if isinstance(values, Choice):
        need(len(values.values) > 0, "there is no value to choose")
        distinct = dict.fromkeys(knob.check(value) for value in values.values)
        return Choice(*distinct, when=values.when, where=values.where)
    numeric = {kind for kind in (get_args(knob.type) or (knob.type,)) if kind in (int, float)}
    need(len(numeric) == 1, f"a range needs a number, and it takes {type_in_words(knob.type)}: say VALUE,VALUE")
    need(values.step is None or type(values.step) in (int, float), f"a step is a number, not {values.step!r}")
    low, high = knob.check(values.low), knob.check(values.high)
    need(low < high, f"it goes from {low} to {high}: the lower end comes first")
    need(not values.log or low > 0, f"on a log scale it can't begin at {low}")
    need(values.step is None or 0 < values.step <= high - low, f"steps of {values.step} don't fit in")
    need(not (values.log and values.step), "it has either steps or a log scale")
    return Range(low, high, values.log, values.step, values.when, values.where)


def _need(name: str, holds: bool, problem: str) -> None:
    if not holds:
        raise UsageError(f"The space of {name}: {problem}.")


def _word(word: str, knobs: Mapping[str, Knob], usual: Space) -> dict[str, Choice | Range]:
    """One word of --space."""
    name, equals, text = word.partition("=")
    name = name.replace("-", "_")
    _need_knob(name, knobs, "--space")
    if not equals:
        if values := usual.get(name) or DEFAULTS.get(name):
            return {name: values}
        raise UsageError(f"--space {name}: it has no space of its own; say {name}=VALUE,VALUE or {name}=LOW:HIGH.")
    if ":" in text:
        return {name: _range(word, text.split(":"))}
    in_lists = "tuple" in str(knobs[name].type)
    parts = [part for part in text.split(",") if part.strip()]
    return {name: Choice(*(tuple(map(_value, part.split())) if in_lists else _value(part) for part in parts))}


def _range(word: str, parts: list[str]) -> Range:
    """LOW:HIGH, LOW:HIGH:log or LOW:HIGH:STEP."""
    match [_value(part) for part in parts if part != "log"]:
        case [(int() | float()) as low, (int() | float()) as high]:
            return Range(low, high, "log" in parts)
        case [(int() | float()) as low, (int() | float()) as high, (int() | float()) as step]:
            return Range(low, high, "log" in parts, step)
    raise UsageError(f"--space {word}: a range is LOW:HIGH, LOW:HIGH:log or LOW:HIGH:STEP.")


def _file(path: str, knobs: Mapping[str, Knob]) -> dict[str, Choice | Range]:
    """A TOML file: knob = [values], or knob = {low, high, log, step, when, where}, or {values, when, where}."""
    try:
        content = parsed(tomllib.loads, read_text(Path(path)))
    except OSError as error:
        raise UsageError(f"Can't read the space {path}: {error.strerror}.") from None
    except ValueError as error:
        raise UsageError(f"{path} isn't TOML: {error}.") from None
    space = {}
    for name, entry in content.items():
        _need_knob(name, knobs, path)
        try:
            space[name] = _entry(dict(entry) if isinstance(entry, dict) else {"values": entry})
        except TypeError:
            raise UsageError(
                f"{path}: {name} has to be a list of values, or a table of low and high, and log, step, when or where."
            ) from None
    return space


def _entry(table: dict[str, Any]) -> Choice | Range:
    """What the table of one knob means; raises TypeError where it means nothing."""
    if isinstance(when := table.get("when"), dict):
        table["when"] = {parent: tuple(v) if isinstance(v, list) else (v,) for parent, v in when.items()}
    match table.pop("values", None):
        case None:
            return Range(**table)
        case list(values):
            return Choice(*(tuple(v) if isinstance(v, list) else v for v in values), **table)
    raise TypeError


def _need_knob(name: str, knobs: Mapping[str, Knob], where: str) -> None:
    if name not in knobs:
        raise UsageError(f"{where}: there is no knob {name!r}.{nearest(name, knobs)}")


def _value(text: str) -> Any:
    """A number, True, False or None, as Python has them; anything else is a text."""
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text.strip()

"""Flags of the command line: knobs as words, read and explained by tyro."""

import dataclasses
import io
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, redirect_stderr
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import tyro

from src.errors import UsageError, nearest
from src.settings import catalogue, knobs
from src.settings.knobs import Knob


def read_flags(
    program: str,
    about: str,
    groups: Mapping[str, tuple[Knob, ...]],
    words: list[str],
    defaults: Mapping[str, Any] = {},
    origins: Mapping[str, str] = {},
) -> dict[str, Any]:
    """The flags among `words` that were given, by knob; tyro checks their types and prints the help.

    Args:
        program: what comes before the flags, for messages.
        about: what the command does, for its help.
        groups: the knobs by the name of their group.
        words: what was typed after the program.
        defaults: shown instead of the knobs' own.
        origins: where each of them comes from: "default", "flag", or a file.

    Raises:
        UsageError: for a flag that is no knob here, naming the nearest one, and for a value that it can't take.
        SystemExit: after help.
    """
    known = {knob.name: knob for group in groups.values() for knob in group}
    given = [_name(word, known, program) for word in words if word.startswith("--") and word != "--help"]
    fields = []
    for title, group in groups.items():
        if group:
            kind = dataclasses.make_dataclass(title, [_field(knob, defaults, origins) for knob in group])
            kind.__doc__ = ""
            title_shown = tyro.conf.arg(name=group[0].where.split(":")[0])
            box = Annotated[kind, title_shown]  # type: ignore[valid-type]  # a class that is made here
            fields.append((title, box, dataclasses.field(default_factory=kind)))
    flat = tyro.conf.configure(tyro.conf.OmitArgPrefixes)
    command = dataclasses.make_dataclass("Command", fields)
    asked = "--help" in words or "-h" in words
    try:
        with nullcontext() if asked else redirect_stderr(io.StringIO()):
            parsed: Any = tyro.cli(flat(command), prog=program, description=about, args=words)
    except SystemExit:
        if asked:
            raise
        raise UsageError(f"{_mistake(words, known, program)}\nAll flags: {program} --help") from None
    values = {
        name: value for field in dataclasses.fields(parsed) for name, value in vars(getattr(parsed, field.name)).items()
    }
    return {name: known[name].check(values[name]) for name in given}


def _mistake(words: Sequence[str], known: Mapping[str, Knob], program: str) -> str:
    """What tyro can't read in the words, all of whose flags are known."""
    given: list[tuple[str, list[str]]] = []  # each flag with its values
    for word in words:
        flag, equals, value = word.partition("=")
        if word.startswith("--"):
            given.append((flag, [value] if equals else []))
        elif given:
            given[-1][1].append(word)
        else:
            return f"{word!r} belongs to no flag."
    for flag, values in given:
        kinds = _kinds(known[_name(flag, known, program)])
        takes = f"{flag} takes {knobs.words(Union[tuple(kinds)])}"  # noqa: UP007 - built from values
        most = 0 if kinds == [bool] else len(values) if any(get_origin(kind) is tuple for kind in kinds) else 1
        if len(values) > most:
            return f"{values[most]!r} belongs to no flag."
        if not values and most:
            return f"{takes}: give one."
        for value in values:
            if not any(_can_be(value, kind) for kind in kinds):
                choices = [str(choice) for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)]
                return f"{takes}, not {value!r}.{nearest(value, choices)}"
    return f"Can't read: {' '.join(words)}"


def _kinds(knob: Knob) -> list[Any]:
    """The types of its values but for None, which no flag can say."""
    return [kind for kind in members(knob.type) if kind is not NoneType]


def _can_be(word: str, kind: Any) -> bool:
    """Whether a word can be a value of the kind, or part of one that is a list."""
    if get_origin(kind) is Literal:
        return word in map(str, get_args(kind))
    try:
        (get_args(kind)[0] if get_origin(kind) is tuple else kind)(word)
    except ValueError:
        return False
    return True


def _name(word: str, known: Mapping[str, Knob], program: str) -> str:
    """The knob that a flag sets; `--no-x` sets x."""
    name = word[2:].split("=")[0].replace("-", "_")
    for candidate in (name, name.removeprefix("no_")):
        if candidate in known and (candidate == name or bool in members(known[candidate].type)):
            return candidate
    flag = word.split("=")[0]
    files = [file for read in (catalogue.models, catalogue.datasets, catalogue.tasks) for file in read().values()]
    owners = [file.name for file in files if name in {knob.name for knob in file.knobs}]
    whose = f" It is a knob of {', '.join(owners)}." if owners else ""
    hint = whose or nearest(flag, [knob.flag for knob in known.values()] + ["--help", "--debug"])
    raise UsageError(f"There is no flag {flag!r} here.{hint}\nAll of them: {program} --help")


def _field(knob: Knob, defaults: Mapping[str, Any], origins: Mapping[str, str]) -> tuple[str, Any, Any]:
    """A dataclass field for tyro.

    A knob that may be None is shown by its other type: None means that it isn't given, which no flag can say.
    """
    default = defaults.get(knob.name, knob.default)
    kinds = _kinds(knob)
    kind = Union[tuple(kinds)]  # type: ignore[valid-type]  # noqa: UP007 - built from values
    shown = None if default or default in (0, False) else ""  # for "nothing" the help's own words say more
    if (origin := origins.get(knob.name, "default")) not in ("default", "flag"):
        shown = f"(default of {origin}: {' '.join(map(str, default)) if isinstance(default, tuple) else default})"
    if default is None:
        default = _stand_in(kinds[0])
    help_text = tyro.conf.arg(help=knob.help, help_behavior_hint=shown)
    return knob.name, Annotated[kind, help_text], dataclasses.field(default=default)


def _stand_in(kind: Any) -> Any:
    """Any value of the kind, where tyro wants a default; it is never used."""
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    return (get_origin(kind) or kind)()


def members(kind: Any) -> tuple[Any, ...]:
    """The types of which a value of the kind may be."""
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)

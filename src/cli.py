"""The command line: `python -m src COMMAND …`, each command a function whose keyword parameters are its flags.

Nothing here imports TensorFlow until a command that needs it has been understood completely, so help and errors
answer at once.
"""

import dataclasses
import importlib
import os
import sys
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import tyro

from src import catalogue, config, knobs
from src.errors import UsageError, UserError, unknown
from src.knobs import Knob

# Each command's module and function, what it does, and whether it needs TensorFlow.
COMMANDS = {
    "train": ("train", "train", "train MODEL [--data NAME]: train, evaluate and export a model", True),
    "evaluate": ("evaluate", "evaluate", "measure a trained run on its data set again", True),
    "export": ("export", "export", "publish a trained run as a SavedModel for TensorFlow Serving", True),
    "list": ("listing", "listing", "models, data sets, what goes together, and the knobs of each", False),
    "doctor": ("doctor", "doctor", "check this machine: what is wrong and how to mend it", False),
    "bench": ("bench", "bench", "time the harness against a plain model.fit", True),
}
PROGRAM = "python -m src"


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit code: 0 done, 1 an error, 2 a wrong flag, 130 stopped by Ctrl-C."""
    argv = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in argv
    argv = [word for word in argv if word != "--debug"]
    try:
        return _run(argv, debug)
    except UserError as error:
        message, code = str(error), error.exit_code
    except KeyboardInterrupt:
        message, code = "stopped by Ctrl-C; nothing unfinished was kept or published.", 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.filename is None:
            raise
        message, code = f"{error.filename}: {error.strerror}.", 1
    if debug:
        raise
    print(f"error: {message}" if code != 130 else f"\n{message}", file=sys.stderr)
    return code


def _run(argv: list[str], debug: bool) -> int:
    command, *rest = argv or ["--help"]
    if command in ("-h", "--help"):
        print(_overview())
        return 0
    if command not in COMMANDS:
        raise unknown("command", command, COMMANDS)
    module, function, _, needs_tensorflow = COMMANDS[command]
    if command == "train":
        arguments, flags = _train_arguments(rest)
    else:
        own = knobs.read(catalogue.ROOT / "src" / f"{module}.py", function)
        arguments, flags = [], parse(f"{PROGRAM} {command}", COMMANDS[command][2], {command: own}, rest)
    if needs_tensorflow:
        from src.quiet import import_tensorflow

        import_tensorflow(debug)
    getattr(importlib.import_module(f"src.{module}"), function)(*arguments, **flags)
    return 0


def _train_arguments(words: list[str]) -> tuple[list[str], dict[str, Any]]:
    """The model's name and the flags, whose kinds depend on the files that the words choose."""
    names = ", ".join(path.stem for path in catalogue.files("models"))
    if not words or words[0] in ("-h", "--help"):
        print(f"usage: {PROGRAM} train MODEL [--data NAME] …\n\nMODEL is one of: {names}.")
        print(f"The knobs of one, with their defaults: {PROGRAM} train MODEL --help")
        if words:
            raise SystemExit(0)
        raise UsageError(f"name a model: {names}.")
    model, *rest = words
    if model.startswith("-"):
        raise UsageError(f"the model comes first: {PROGRAM} train MODEL …, with one of: {names}.")
    choices = config.choose(model, **{name: _peek(rest, name) for name in config.CHOOSING})
    program, about = f"{PROGRAM} train {model}", f"{choices.model.summary}\n\nTrained on {choices.data.summary}"
    return [model], parse(program, about, choices.groups, rest, choices.model.fit)


def parse(
    program: str, about: str, groups: Mapping[str, tuple[Knob, ...]], words: list[str], defaults: Mapping[str, Any] = {}
) -> dict[str, Any]:
    """The flags among `words` that were given, by knob; tyro checks their types and prints the help.

    Args:
        program: what comes before the flags, for messages.
        groups: the knobs by the name of their group.
        defaults: shown instead of the knobs' own.

    Raises:
        UsageError: for a flag that is no knob here, naming the nearest one.
        SystemExit: code 0 after help, 2 for a value of the wrong type.
    """
    known = {knob.name: knob for group in groups.values() for knob in group}
    given = [_name(word, known, program) for word in words if word.startswith("--") and word != "--help"]
    fields = []
    for title, group in groups.items():
        if group:
            kind = dataclasses.make_dataclass(title, [_field(knob, defaults) for knob in group])
            kind.__doc__ = group[0].where.split(":")[0]
            fields.append((title, kind, dataclasses.field(default_factory=kind)))
    flat = tyro.conf.configure(tyro.conf.OmitArgPrefixes)
    command = dataclasses.make_dataclass("Command", fields)
    parsed = tyro.cli(flat(command), prog=program, description=about, args=words)
    values = {
        name: value for field in dataclasses.fields(parsed) for name, value in vars(getattr(parsed, field.name)).items()
    }
    return {name: known[name].check(values[name]) for name in given}


def _name(word: str, known: Mapping[str, Knob], program: str) -> str:
    """The knob that a flag sets; `--no-x` sets x."""
    name = word[2:].split("=")[0].replace("-", "_")
    for candidate in (name, name.removeprefix("no_")):
        if candidate in known and (candidate == name or bool in _members(known[candidate].type)):
            return candidate
    owners = [file.name for file in catalogue.models().values() if name in {knob.name for knob in file.knobs}]
    whose = f" It is a knob of {', '.join(owners)}." if owners else ""
    flags = [knob.flag for knob in known.values()] + ["--help", "--debug"]
    raise UsageError(f"{unknown('flag', word.split('=')[0], flags)}{whose}\nHelp: {program} --help")


def _field(knob: Knob, defaults: Mapping[str, Any]) -> tuple[str, Any, Any]:
    """A dataclass field for tyro.

    A knob that may be None is shown by its other type: None means that it isn't given, which no flag can say.
    """
    default = defaults.get(knob.name, knob.default)
    members = [member for member in _members(knob.type) if member is not NoneType]
    kind = Union[tuple(members)]  # noqa: UP007 - built from values
    hint = None
    if default is None:
        default = {bool: False, int: 0, float: 0.0, str: ""}.get(members[0], ())
        hint = "(default: chosen for you)"
    help_text = tyro.conf.arg(help=knob.help, help_behavior_hint=hint)
    return knob.name, Annotated[kind, help_text], dataclasses.field(default=default)


def _members(kind: Any) -> tuple:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _peek(words: list[str], name: str) -> str | None:
    """The value of `--name`, before it is known which flags there are."""
    for position, word in enumerate(words):
        if word.startswith(f"--{name}="):
            return word.partition("=")[2]
        if word == f"--{name}" and position + 1 < len(words):
            return words[position + 1]
    return None


def _overview() -> str:
    lines = [f"usage: {PROGRAM} COMMAND …", ""]
    lines += [f"  {name:<9} {about}" for name, (_, _, about, _) in COMMANDS.items()]
    lines += ["", f"The flags of a command: {PROGRAM} COMMAND --help. --debug shows tracebacks and TensorFlow's log."]
    return "\n".join(lines)

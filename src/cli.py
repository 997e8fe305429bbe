"""The command line: `python -m src COMMAND …`, each command a function whose keyword parameters are its flags.

Nothing here imports TensorFlow until a command that needs it has been understood completely, so help and errors
answer at once.
"""

import errno
import importlib
import io
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from src.errors import UsageError, UserError, unknown
from src.runs import record, resume
from src.settings import catalogue, config, config_files, knobs
from src.settings.flags import members, read_flags
from src.settings.knobs import Knob
from src.system import screen
from src.system.program import PROGRAM, missing
from src.system.signals import CODES, Stopped, Terminated, leave

# Each command's module and function, what it does, and whether it needs TensorFlow.
COMMANDS = {
    "train": (
        "src.crossvalidation",
        "train_command",
        "Train a model on a data set, evaluate it, export it.",
        True,
    ),
    "tune": ("tuning.search", "tune", "Search for the best hyperparameters of a model.", True),
    "evaluate": ("src.evaluate", "evaluate_command", "Evaluate a trained run on its data set again.", True),
    "report": ("src.commands.report", "report", "Write the report of a trained run again.", True),
    "compare": ("src.commands.compare", "compare_command", "Compare runs: is one better by more than chance?", True),
    "export": ("src.export", "export", "Publish a trained run for TensorFlow Serving, as ONNX or LiteRT.", True),
    "serve": ("src.serving.serve", "serve", "Serve exports: TensorFlow Serving, or a local server.", False),
    "ask": ("src.serving.ask", "ask", "Query a served model with a picture, text, table, series or JSON.", False),
    "demo": ("src.demo.demo", "demo", "Try an export in the browser: draw, type, fill in, generate.", False),
    "predict": ("src.commands.predict", "predict", "Ask a trained run about files, folders, texts or rows.", True),
    "generate": ("src.commands.generate", "generate", "Generate text with a trained language model.", True),
    "chat": ("src.commands.chat", "chat", "Talk with a trained run that answers texts with texts.", True),
    "baseline": ("src.commands.baseline", "baseline", "Score simple predictors on a data set.", True),
    "list": ("src.commands.listing", "listing", "List models, data sets and recipes, or show one in detail.", False),
    "doctor": ("src.commands.doctor", "doctor", "Check this machine: what is wrong and how to fix it.", False),
    "bench-serve": ("src.serving.load", "bench_serve", "Measure a served model under load.", False),
    "bench": ("src.commands.bench", "bench", "Time the harness against a plain model.fit.", True),
}

WORDS = {  # which commands take beside flags
    "compare": (
        "RUN is the folder of a run. Each is compared with the first, by a test on the\n"
        "same examples. Beside the table on the screen, a page and a CSV file are written."
    ),
    "ask": "INPUT is a picture, a .csv file, a .json request, a .txt file, or a text.",
    "predict": (
        "INPUT is a picture, a .csv file, a .txt file (of a text or a picture's path a\n"
        "line), a .json request, a folder of pictures or of .txt files, a text, or - for\n"
        "the standard input.\n\n"
        "What can't be answered is named and left out. The exit code is 0 if there is an\n"
        "answer, else 1."
    ),
}


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit code: 0 done, 1 an error, 2 a wrong flag, 130 stopped by Ctrl-C."""
    argv = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in argv
    argv = [word for word in argv if word != "--debug"]
    signal.signal(signal.SIGTERM, leave)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a pipe on Windows can't take every character: "?" instead
    try:
        _run(argv, debug)
        sys.stdout.flush()  # here, where a reader that has gone (`… | head`) can still be noticed
        return 0
    except (UserError, OSError, KeyboardInterrupt) as error:
        if debug:
            raise
        return _failed(error)


def _failed(error: BaseException) -> int:
    """Says in one line what ended the command, and returns its exit code."""
    match error:
        case Stopped():
            message, code = str(error), error.exit_code
        case UserError():
            message, code = f"error: {error}", error.exit_code
        case KeyboardInterrupt():
            code = CODES[signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT]
            message = "\nstopped; nothing unfinished was published."
        case BrokenPipeError():
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        case OSError(filename=str(name), strerror=reason):
            message, code = f"error: {name}: {reason}.", 1
        case OSError(errno=errno.ENOSPC | errno.EROFS, strerror=reason):
            message, code = f"error: {reason}. `make doctor` shows the folders and the space in them.", 1
        case _:
            raise error
    screen.tell(message, sys.stderr)
    return code


def _run(argv: list[str], debug: bool) -> None:
    command, *rest = argv or ["--help"]
    if command in ("-h", "--help"):
        return screen.show(_overview())
    if command not in COMMANDS:
        raise unknown("command", command, COMMANDS)
    module, function, _, needs_tensorflow = COMMANDS[command]
    if command in ("train", "tune"):
        arguments, flags = _model_arguments(command, rest)
    elif command == "baseline":
        arguments, flags = _baseline_arguments(rest)
    elif command == "list":
        arguments, flags = _list_arguments(rest)
    elif command in ("ask", "predict"):
        arguments, flags = _arguments(command, "INPUT", rest)
        if len(arguments) != 1:
            raise UsageError(f"Give one input: {PROGRAM} {command} FILE --model NAME")
    elif command == "compare":
        arguments, flags = _arguments(command, "RUN RUN …", rest)
    else:
        arguments, flags = [], read_flags(f"{PROGRAM} {command}", COMMANDS[command][2], {function: _own(command)}, rest)
    deterministic = command in ("train", "tune") and _is_deterministic(command, arguments[0], flags)
    try:
        if needs_tensorflow:
            from src.system.quiet import import_tensorflow

            import_tensorflow(debug, deterministic)
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise UserError(missing(error.name)) from None
    getattr(found, function)(*arguments, **flags)


def _own(command: str) -> tuple[Knob, ...]:
    """The keyword parameters of the command's function."""
    module, function, _, _ = COMMANDS[command]
    return knobs.read(catalogue.ROOT.joinpath(*module.split(".")).with_suffix(".py"), function)


def _model_arguments(command: str, words: list[str]) -> tuple[list[str], dict[str, Any]]:
    """The model's name and the flags, whose kinds depend on the files that the words choose."""
    names = ", ".join(path.stem for path in catalogue.files("models"))
    if not words or words[0] in ("-h", "--help"):
        screen.show(f"usage: {PROGRAM} {command} MODEL [--data NAME] …\n\n{COMMANDS[command][2]}")
        screen.show(f"MODEL is one of: {names}; or the path of a model file.")
        screen.show(f"Its knobs, with their defaults: {PROGRAM} {command} MODEL --help")
        if words:
            raise SystemExit(0)
        raise UsageError("Name a model.")
    if words[0].startswith("-") and (recipe := _peek(words, "recipe")):
        words = [config_files.model_of_recipe(recipe), *words]
    if words[0].startswith("-") and (resumed := _peek(words, "resume")) not in (None, resume.NEWEST):
        words = [record.model_of(record.of_either(Path(resumed))), *words]
    model, *rest = words
    if model.startswith("-"):
        raise UsageError(f"Name the model first: {PROGRAM} {command} MODEL …, with one of: {names}.")
    chosen = {name: value for name in config.CHOOSING if (value := _peek(rest, name))}
    again: dict[str, Any] = {}
    if command == "train" and (resumed := _peek(rest, "resume")):
        where = {**chosen, "resume": resumed, "runs_dir": _peek(rest, "runs_dir")}
        path = resume.find(model, where, record.CONFIG, record.FOLDS)
        again = {"resume": str(path)}  # the newest run may be another one in a moment
        chosen["config"] = str(_configuration(path))
    settings = config.resolve(model, chosen)
    choices = settings.choices
    about = f"{choices.model.summary}\n\nOn {choices.data.name}: {choices.data.summary}"
    groups = choices.groups
    if own := _own(command):
        groups = {command: own, **groups}
    flags = read_flags(f"{PROGRAM} {command} {model}", about, groups, rest, settings.values, settings.origins)
    return [model], flags | again


def _is_deterministic(command: str, model: str, flags: Mapping[str, Any]) -> bool:
    """Whether trainings will be so, by these flags or by what goes on."""
    own = [knob.name for knob in _own(command)]
    chosen = {name: value for name, value in flags.items() if name not in own}
    if again := flags.get("resume"):
        chosen = {"config": str(_configuration(Path(again)))}
    return config.resolve(model, chosen).values["deterministic"]


def _configuration(run: Path) -> Path:
    """The file of a run, or of folds, that says with what it began."""
    return run / (record.FOLDS if record.is_folds(run) else record.CONFIG)


def _baseline_arguments(words: list[str]) -> tuple[list[str], dict[str, Any]]:
    """The data set's name, and its flags and the command's own."""
    names = ", ".join(path.stem for path in catalogue.files("src/datasets"))
    if not words or words[0].startswith("-"):
        screen.show(f"usage: {PROGRAM} baseline DATA [--test] …\n\n{COMMANDS['baseline'][2]} DATA is one of: {names}.")
        if words and words[0] in ("-h", "--help"):
            raise SystemExit(0)
        raise UsageError("Name a data set.")
    file = catalogue.dataset(words[0])
    groups = {"baseline": _own("baseline"), "data": file.knobs}
    return [file.name], read_flags(f"{PROGRAM} baseline {file.name}", COMMANDS["baseline"][2], groups, words[1:])


def _list_arguments(words: list[str]) -> tuple[list[str], dict[str, Any]]:
    """The name that is asked about, if there is one; the command has no flags."""
    names = [word for word in words if not word.startswith("-")]
    read_flags(f"{PROGRAM} list [NAME]", COMMANDS["list"][2], {}, [word for word in words if word not in names])
    if len(names) > 1:
        raise UsageError(f"One name at a time: {PROGRAM} list {names[0]}")
    return names, {}


def _arguments(command: str, called: str, words: list[str]) -> tuple[list[str], dict[str, Any]]:
    """What is given beside the flags, wherever it stands: each flag has one value, but those of yes or no none."""
    yes = [knob.flag for knob in _own(command) if bool in members(knob.type)]
    alone = {*yes, *(flag.replace("--", "--no-", 1) for flag in yes)}
    places = [place for place, word in enumerate(words) if not word.startswith("--")]
    before = {place: words[place - 1] for place in places if place}
    values = {place for place, word in before.items() if word.startswith("--") and not ({word} & alone or "=" in word)}
    given = [words[place] for place in places if place not in values]
    flags = [word for place, word in enumerate(words) if place not in places or place in values]
    about = f"{COMMANDS[command][2]}\n\n{WORDS[command]}"
    return given, read_flags(f"{PROGRAM} {command} {called}", about, {command: _own(command)}, flags)


def _peek(words: list[str], name: str) -> str | None:
    """The value of the flag of that name, before it is known which flags there are."""
    for position, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if flag.replace("-", "_") == f"__{name}":
            return value if equals else words[position + 1] if position + 1 < len(words) else None
    return None


def _overview() -> str:
    lines = [f"usage: {PROGRAM} COMMAND …", ""]
    lines += [f"  {name:<11} {about}" for name, (_, _, about, _) in COMMANDS.items()]
    lines += [
        "",
        f"Flags of a command:  {PROGRAM} COMMAND --help",
        f"Knobs of a model:    {PROGRAM} train MODEL --help",
    ]
    lines += ["--debug, with any command, shows tracebacks and TensorFlow's log."]
    return "\n".join(lines)

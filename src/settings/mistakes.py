"""Mistakes in files that are plugged in, told in one line that names file and line."""

import inspect
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tensorflow as tf

from src.errors import UserError
from src.settings.catalogue import ROOT, DataFile, PlugIn
from src.settings.knobs import shown


@contextmanager
def mistakes_in(*files: PlugIn) -> Iterator[None]:
    """Turns an exception of the first file's own code, or one that comes from a line of any, into a UserError."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if isinstance(error, ValueError) and isinstance(files[0], DataFile) and files[0].named_by:
            raise UserError(str(error)) from error  # it is about the user's own files, not about the code
        raise UserError(_told(error, files[0], _lines(error, files[0])[-1:])) from error


@contextmanager
def mistakes_while_training(*files: PlugIn) -> Iterator[None]:
    """Turns an exception that comes from a line of one of the files into a UserError; any other passes."""
    try:
        yield
    except (UserError, tf.errors.ResourceExhaustedError):
        raise
    except Exception as error:
        for file in files:
            if lines := _lines(error, file):
                raise UserError(_told(error, file, lines[-1:])) from error
        raise


def need(file: PlugIn, holds: bool, what: str) -> None:
    """Raises a UserError that names the file unless something `holds`."""
    if not holds:
        raise UserError(f"{file.where}: {what}.")


def file_of(plugged_in: object) -> str:
    """The file of its class, as messages name it."""
    return shown(Path(inspect.getfile(type(plugged_in))))


def _lines(error: Exception, file: PlugIn) -> list[int]:
    """The lines of the file that the exception comes through; in a graph, TensorFlow has them in its message."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file.path)]
    told = re.findall(rf'File "{re.escape(str(file.path))}", line (\d+)', str(error))
    return [*(frame.lineno or 0 for frame in frames), *map(int, told)]


def _told(error: Exception, file: PlugIn, lines: list[int]) -> str:
    where = ":".join([file.where, *map(str, lines)])
    match error:
        case OSError(filename=str(name), strerror=str(reason)):
            what = f"{name}: {reason}"
        case ValueError():
            what = _reason(str(error))
        case _:
            what = f"{type(error).__name__}: {_reason(str(error))}"
    if _is_deliberate(error, file):
        return f"{where}: {what}"
    return f"{where}: {what}\nFor the traceback, add --debug (with make: ARGS=--debug)."


def _is_deliberate(error: Exception, file: PlugIn) -> bool:
    """Whether the project's own code raised it to tell what is wrong: its traceback tells nothing more."""
    last = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
    return isinstance(error, ValueError) and (last == file.path or last.is_relative_to(ROOT / "src"))


def _reason(message: str) -> str:
    """What went wrong, without the lines through which TensorFlow and Keras say that it came."""
    if called := re.search(r"^Exception encountered when calling .*\n\s*(\S.*)", message):
        return re.sub(r"\x1b\[\d*m", "", called[1])
    if "in user code:" not in message and "Detected at node" not in message:
        return message
    lines = [line.strip() for line in message.splitlines()]
    return re.sub(r"^\w+: ", "", [line for line in lines if line and not line.startswith("[[{{node")][-1])

"""YAML files, in which each value stays the text that is written: the answers "no" and "007" are no bool and no 7."""

from pathlib import Path
from typing import Any

import yaml

from src.readers.text_files import text_of

Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # written in C, where there is one


def read(file: Path, encoding: str = "") -> tuple[Any, list[str]]:
    """What a file holds, texts in lists and dicts, "" where a value is missing; and what is to be said of it.

    Raises:
        ValueError: for a file that isn't YAML, naming file and line.
    """
    text, notes = text_of(file, encoding)
    try:
        return yaml.load(text, Loader), notes
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"{file}{line}: isn't YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"{file} isn't YAML: {' '.join(str(error).split())}") from None

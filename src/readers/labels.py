"""Classes by their names in a file: which texts name one class, and which name none."""

import math
import re
from collections.abc import Collection, Mapping

from src.numbers import MISSING, number
from src.preprocess.names import composed

PLAIN = re.compile(r"-?(0|[1-9]\d{0,14})(\.0)?", re.ASCII)  # a whole number as it, or a float, is written


def class_names(texts: Collection[str]) -> dict[str, str]:
    """The class that each of the texts names, "" for none.

    1 and 1.0 are one class; other texts are never merged: 007, 1e3 and ids of many digits stay what they are. What
    stands for a missing number, such as NA, names no class among numbers, but is one among texts: see `doubtful`.

    Args:
        texts: without spaces around them.
    """
    values = {text: number(text) for text in texts}
    only_numbers = None not in values.values()
    missing = {text for text, value in values.items() if value is not None and math.isnan(value)}
    return {text: "" if only_numbers and text in missing else _class(text) for text in values}


def ordered(names: Mapping[str, str]) -> tuple[str, ...]:
    """The classes that `class_names` found, numbers first."""
    return tuple(sorted({*names.values()} - {""}, key=_by_number))


def doubtful(classes: Collection[str], what: str) -> list[str]:
    """What is to be said of classes whose names mostly stand for a missing value, or differ in case only.

    Args:
        classes: their names.
        what: the column, or the file, that has them.
    """
    names = ", ".join(name for name in classes if name.lower() in MISSING)
    notes = [f"{what}: {names} is taken for a class; empty the cells to leave such rows out"] if names else []
    spellings: dict[str, list[str]] = {}
    for name in classes:
        spellings.setdefault(name.casefold(), []).append(name)
    alike = [" and ".join(sorted(same)) for same in spellings.values() if len(same) > 1]
    apart = "differ in case only and are taken for different classes; write them alike to merge them"
    return notes + [f"{what}: {names} {apart}" for names in alike]


def _class(text: str) -> str:
    return text.removesuffix(".0") if PLAIN.fullmatch(text) else composed(text)


def _by_number(name: str) -> tuple:
    value = number(name)
    return (1, 0.0, name) if value is None or math.isnan(value) else (0, value, name)

"""Text files that name classes, one a line."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from src.readers.text_files import lines_of


@dataclass(frozen=True)
class Classes:
    """What a file calls the classes.

    Args:
        names: by index.
        colors: RGB of each, where the file that names them says so.
    """

    names: tuple[str, ...]
    colors: tuple[tuple[int, int, int], ...] = ()


def read_classes(file: Path) -> Classes:
    """The classes that a text file names, one a line: a name, or a name and its red, green and blue in any order.

    Raises:
        ValueError: naming the line that can't be.
    """
    if not file.is_file():
        raise ValueError(f"there is no file of classes {file}")
    names: list[str] = []
    colors: list[Sequence[int]] = []
    lines, _ = lines_of(file)
    for number, line in enumerate(lines, 1):
        words = [word for word in re.split(r"[\s,;]+", line.partition("#")[0]) if word]
        if not words:
            continue
        color = [int(word) for word in words if word.isdecimal()]
        color = color if len(color) == 3 else []  # other numbers are a part of the name
        name = " ".join(word for word in words if not (color and word.isdecimal()))
        if not name or any(part > 255 for part in color):
            raise ValueError(f"{file}, line {number}: a class is a name, and perhaps red, green and blue from 0 to 255")
        names.append(name)
        colors.append(color)
    if not names:
        raise ValueError(f"{file} names no class")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise ValueError(f"{file} names {twice[0]} twice")
    if len(set(map(len, colors))) > 1:
        raise ValueError(f"{file}: either all classes have a colour, or none")
    if all(colors) and (same := [color for color, count in Counter(map(tuple, colors)).items() if count > 1]):
        raise ValueError(f"{file} has the colour {same[0]} for two classes")
    return Classes(tuple(names), tuple((red, green, blue) for red, green, blue in colors) if all(colors) else ())

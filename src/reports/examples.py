"""Examples on which a model errs, as people are shown them, in a run's folder: the report needs no data set.

figures/examples/NUMBER.png or .jpg by the number of an example in its split, and figures/examples.json with the texts,
and the names by which people find them.
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypedDict

import numpy as np
from PIL import Image

from src.analysis import predictions
from src.analysis.sections import EXAMPLE, Examples, Table
from src.data import Data, Divisible, Raw, Source
from src.system import records
from src.system.files import whole, write_json
from src.task import Task

SIDE = 224  # pixels of a picture that is kept, at most
SMALL = 64  # pixels of a side, up to which pictures are kept as they are
MOST_CHARACTERS = 1000  # of a text that is kept


class Kept(TypedDict, total=False):
    """What figures/examples.json says of an example."""

    name: str
    text: str


def save_examples(folder: Path, task: Task, data: Data, splits: Mapping[str, Source]) -> None:
    """Keeps those examples of the measured split that the task's `errors` names.

    Args:
        folder: of the run, which has kept its predictions.
        task: says what an error is.
        data: says how its examples are shown.
        splits: by name, the measured one last.
    """
    shutil.rmtree(_pictures(folder), ignore_errors=True)
    source, predicted = list(splits.values())[-1], predictions.load(folder)
    sections = task.errors(predicted) if predicted and source.is_exact else []  # else it has another order each time
    shown = {number for part in sections if isinstance(part, Examples) for number in part.captions}
    listed = {int(row[EXAMPLE]) for part in sections if isinstance(part, Table) for row in part.rows if EXAMPLE in row}
    kept: dict[str, Kept] = {str(number): {"name": source.name_of(number)} for number in sorted(shown | listed)}
    for number, raw in _raw(source, sorted(shown)):
        (example,) = data.show(raw)
        if isinstance(example, str):
            kept[str(number)]["text"] = example[:MOST_CHARACTERS]
        else:
            _save(example, _pictures(folder) / str(number))
    write_json(folder / "figures" / "examples.json", kept)


def read_examples(folder: Path) -> tuple[dict[int, str | Path], dict[int, str]]:
    """The examples that a run keeps, by number, a text or the file of a picture each; and the names that they have."""
    file = folder / "figures" / "examples.json"
    kept = records.read(file, dict[str, Kept]) if file.is_file() else {}
    numbered = {int(number): about for number, about in kept.items() if number.isdecimal()}
    shown: dict[int, str | Path] = {number: about["text"] for number, about in numbered.items() if "text" in about}
    shown |= {int(path.stem): path for path in _pictures(folder).glob("*.*") if path.stem.isdecimal()}
    return shown, {number: about["name"] for number, about in numbered.items() if about.get("name")}


def _pictures(folder: Path) -> Path:
    return folder / "figures" / "examples"


def _raw(source: Source, numbers: list[int]) -> Iterator[tuple[int, Raw]]:
    """The raw examples of these numbers, rising, each as a batch of one."""
    if not numbers:
        return
    if isinstance(source, Divisible):
        raw, _ = source.chosen(np.array(numbers)).examples(len(numbers))
        yield from ((number, _row(raw, row)) for row, number in enumerate(numbers))
        return
    start, wanted = 0, set(numbers)
    for raw, _ in source.read():
        size = len(next(iter(raw.values())))
        for number in range(start, start + size):
            if number in wanted:
                yield number, _row(raw, number - start)
        if (start := start + size) > numbers[-1]:
            return


def _row(raw: Raw, row: int) -> Raw:
    return {name: column[row : row + 1] for name, column in raw.items()}


def _save(pixels: np.ndarray, path: Path) -> None:
    """Writes a picture, uint8 (height, width, 1 or 3): a large one smaller, and as JPEG."""
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    path.parent.mkdir(parents=True, exist_ok=True)
    is_small = max(picture.size) <= SMALL
    picture.thumbnail((SIDE, SIDE))
    with whole(path.with_suffix(".png" if is_small else ".jpg")) as partial:
        picture.save(partial, quality=85)

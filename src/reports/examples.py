"""Examples on which a model errs, as people are shown them, in a run's folder: the report needs no data set.

figures/examples/NUMBER.png or .jpg, or texts in figures/examples.json, by the number of the example in its split.
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from src.analysis import predictions
from src.analysis.sections import Examples
from src.data import Data, Divisible, Raw, Source
from src.system import records
from src.system.files import whole, write_json
from src.task import Task

SIDE = 224  # pixels of a picture that is kept, at most
SMALL = 64  # pixels of a side, up to which pictures are kept as they are
MOST_CHARACTERS = 1000  # of a text that is kept


def save_examples(folder: Path, task: Task, data: Data, splits: Mapping[str, Source]) -> None:
    """Keeps those examples of the measured split that the task's `errors` names.

    Args:
        folder: of the run, which has kept its predictions.
        task: says what an error is.
        data: says how its examples are shown.
        splits: by name, the measured one last.
    """
    shutil.rmtree(_pictures(folder), ignore_errors=True)
    kept, texts = predictions.load(folder), dict[str, str]()
    sections = task.errors(kept) if kept else []
    numbers = sorted({number for part in sections if isinstance(part, Examples) for number in part.captions})
    for number, raw in _raw(list(splits.values())[-1], numbers):
        (shown,) = data.show(raw)
        if isinstance(shown, str):
            texts[str(number)] = shown[:MOST_CHARACTERS]
        else:
            _save(shown, _pictures(folder) / str(number))
    write_json(folder / "figures" / "examples.json", texts)


def read_examples(folder: Path) -> dict[int, str | Path]:
    """The examples that a run keeps, by number: a text, or the file of a picture."""
    file = folder / "figures" / "examples.json"
    texts = records.read(file, dict[str, str]) if file.is_file() else {}
    shown: dict[int, str | Path] = {int(number): text for number, text in texts.items() if number.isdecimal()}
    return shown | {int(path.stem): path for path in _pictures(folder).glob("*.*") if path.stem.isdecimal()}


def _pictures(folder: Path) -> Path:
    return folder / "figures" / "examples"


def _raw(source: Source, numbers: list[int]) -> Iterator[tuple[int, Raw]]:
    """The raw examples of these numbers, rising, each as a batch of one."""
    if not (numbers and source.is_exact):  # a pipeline gives its examples in another order each time
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

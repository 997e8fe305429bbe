"""Examples of a data set as people are shown them, in a run's folder, so that the report needs no data set.

figures/errors has those of the measured split on which the model errs, figures/classes one of each class in training:
NUMBER.png or .jpg by their number in the split, and examples.json with texts, and names by which people find them.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
from keras import tree

from src.analysis import predictions
from src.analysis.sections import CHARACTERS, EXAMPLE, SHOWN, Examples, Table
from src.data import Data, Divisible, Raw, Source, Targets
from src.reports.attributions import Example, Explained, save_attributions
from src.reports.pictures import save_example
from src.specs import Classes
from src.system import records
from src.system.files import write_json

ERRORS, OF_CLASSES = "errors", "classes"  # folders in figures/


class Kept(TypedDict, total=False):
    """What examples.json says of an example."""

    name: str
    text: str
    caption: str


@dataclass(frozen=True)
class Shown:
    """An example as a report shows it.

    Args:
        content: a text, or the file of a picture; None where only its name is kept.
        name: by which people find it; "" where it has none.
        caption: what it shows; "" where somebody else says it.
    """

    content: str | Path | None
    name: str = ""
    caption: str = ""

    @property
    def is_text(self) -> bool:
        """Whether it is shown as a text."""
        return isinstance(self.content, str)


def save_examples(folder: Path, explained: Explained, splits: Mapping[str, Source]) -> None:
    """Keeps those examples of the measured split that the task's `errors` names, and one of each class.

    Args:
        folder: of the run, which has kept its predictions.
        explained: the model; its task, which says what an error is; its data, which say how examples are shown.
        splits: by name, the measured one last.
    """
    task, data = explained.task, explained.data
    source, predicted = list(splits.values())[-1], predictions.load(folder)
    sections = task.errors(predicted) if predicted and source.is_exact else []  # else it has another order each time
    shown = list(dict.fromkeys(n for part in sections if isinstance(part, Examples) for n in part.captions))
    listed = {int(row[EXAMPLE]) for part in sections if isinstance(part, Table) for row in part.rows if EXAMPLE in row}
    about: dict[int, Kept] = {number: {"name": source.name_of(number)} for number in sorted({*shown, *listed})}
    _save(folder / "figures" / ERRORS, about, _examples(source, sorted(shown)), data)
    save_attributions(folder, explained, _examples(source, sorted(shown[:SHOWN])), splits["validation"])
    captions = _of_each_class(data)
    about = {number: {"name": data.train.name_of(number), "caption": name} for number, name in captions.items()}
    _save(folder / "figures" / OF_CLASSES, about, _examples(data.train, sorted(captions)), data)


def read_examples(folder: Path) -> dict[int, Shown]:
    """The examples in a folder that `save_examples` wrote, by number; {} where it is missing."""
    file = folder / "examples.json"
    kept = records.read(file, dict[str, Kept]) if file.is_file() else {}
    pictures = {path.stem: path for ending in ("*.png", "*.jpg") for path in folder.glob(ending)}
    return {
        int(number): Shown(pictures.get(number, about.get("text")), about.get("name", ""), about.get("caption", ""))
        for number, about in kept.items()
        if number.isdecimal()
    }


def _of_each_class(data: Data) -> dict[int, str]:
    """The number of the first training example of each class, of not too many, and the class's name."""
    if not isinstance(data.outputs, Classes) or not data.train.is_exact:
        return {}
    labels, first = np.unique(data.train.targets(), return_index=True)
    return {int(number): data.outputs.names[label] for label, number in zip(labels[:SHOWN], first, strict=False)}


def _save(folder: Path, about: Mapping[int, Kept], examples: Iterable[Example], data: Data) -> None:
    """Writes what is known of examples, and their pictures, in place of those of another time."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number, raw, _ in examples:
        (example,) = data.shown(raw)
        if isinstance(example, str):
            about[number]["text"] = example[:CHARACTERS]
        else:
            save_example(folder / str(number), example)
    write_json(folder / "examples.json", {str(number): of_one for number, of_one in about.items()})


def _examples(source: Source, numbers: list[int]) -> Iterator[Example]:
    """The raw examples of these numbers, rising, each as a batch of one, with their targets."""
    if not numbers:
        return
    if isinstance(source, Divisible):
        raw, target = source.chosen(np.array(numbers)).examples(len(numbers))
        yield from ((number, *_row(raw, target, row)) for row, number in enumerate(numbers))
        return
    start, wanted = 0, set(numbers)
    for raw, target in source.read():
        size = len(next(iter(raw.values())))
        for number in range(start, start + size):
            if number in wanted:
                yield number, *_row(raw, target, number - start)
        if (start := start + size) > numbers[-1]:
            return


def _row(raw: Raw, target: Targets, row: int) -> tuple[Raw, Targets]:
    return tree.map_structure(lambda column: column[row : row + 1], (dict(raw), target))

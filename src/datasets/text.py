"""Your own texts: a folder of classes, a CSV file, or one long text.

--path names it. A folder has a folder for each class, with .txt files; a CSV file has a column with the text (--text)
and one with its class (--target); both are split 60/20/20 by class. In any other file, the next character of its text
is learnt: the first 80% trains, then 10% validate and 10% test. Files are UTF-8.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from src import csvs
from src.sources import split
from src.specs import Classes, Data, NextToken, Tokens
from src.texts import characters, windows, word_counts, words

INPUTS, OUTPUTS = (Tokens,), (Classes, NextToken)
NAMED_BY = "path"
TABLES = (".csv", ".tsv")


def load(
    wanted: type | None = None,
    *,
    path: str = "",
    text: str = "text",
    target: str = "label",
    length: int = 256,
    vocabulary: int = 20_000,
) -> Data:
    """The texts, as word indices, or as characters where the next one is learnt.

    Args:
        wanted: what is to be predicted, where that is known; what the texts are for decides.
        path: folder or file.
        text: column of a CSV file that has the texts.
        target: column of a CSV file that has the classes.
        length: words of a text that are read, the rest is cut off; or characters that a model sees at a time.
        vocabulary: words that are told apart, the commonest ones.

    Raises:
        ValueError: for what can't be read, naming file, row or column.
    """
    if not path:
        raise ValueError("say which texts: --path FOLDER, FILE.csv or FILE.txt")
    place = Path(path)
    if place.is_dir():
        texts, labels = _folder(place)
    elif place.suffix.lower() in TABLES:
        columns = csvs.read(place)
        texts, labels = (csvs.column(columns, name, place) for name in (text, target))
        labels = [label.strip() for label in labels]
        if "" in labels:
            raise ValueError(f"{place}, row {labels.index('') + 1}: {target} is empty")
    else:
        return _whole(place, length)
    return _classes(place, texts, labels, length, vocabulary)


def _classes(place: Path, texts: Sequence[str], labels: Sequence[str], length: int, vocabulary: int) -> Data:
    names = sorted(set(labels))
    if len(names) < 2:
        raise ValueError(f"{place} has one class only: {names[0]!r}")
    indices = {name: index for index, name in enumerate(names)}
    raw = {"text": np.array([text.encode() for text in texts], object)}
    target = np.array([indices[label] for label in labels], "int32")
    train, validation, test = split(raw, target, stratify=True, lengths=word_counts)
    adapt = partial(words, vocabulary=vocabulary, length=length)
    return Data.adapted(adapt, train, validation=validation, test=test, outputs=Classes(tuple(names)))


def _folder(place: Path) -> tuple[list[str], list[str]]:
    """The texts of all class folders, and their classes."""
    texts, labels = [], []
    folders = sorted(path for path in place.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not folders:
        raise ValueError(f"{place} has no folders, one for each class")
    for folder in folders:
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".txt")
        if not files:
            raise ValueError(f"the class folder {folder} has no .txt files")
        texts += [_text(file) for file in files]
        labels += [folder.name] * len(files)
    return texts, labels


def _whole(place: Path, length: int) -> Data:
    text = _text(place)
    first, last = len(text) * 8 // 10, len(text) * 9 // 10
    if first < length:
        raise ValueError(f"{place} has {len(text)} characters, too few for a length of {length}")
    train, validation, test = (windows(part, length) for part in (text[:first], text[first:last], text[last:]))
    inputs, outputs, preprocess = characters(train, length)
    return Data(train, validation, test, inputs, outputs, preprocess)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} isn't UTF-8 text: {error.reason} at byte {error.start}") from None

"""Your own texts: a folder of classes, a table, or one long text.

--path names it. A folder has a folder for each class, with .txt files, or folders train, validation and test with class
folders inside. A table has a column with the texts (--text) and one with their classes (--target): a CSV file, or lines
with tabs. Both are split 60/20/20 by class. In any other file, the next character of its text is learnt: the first 80%
trains, then 10% validate and 10% test.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from src.data import Data
from src.preprocess.names import composed
from src.preprocess.texts import characters, windows, word_counts, words
from src.readers import csv_files, folders
from src.readers.csv_files import Table
from src.readers.labels import class_names, doubtful, ordered
from src.readers.text_files import text_of
from src.sources.memory import InMemory
from src.sources.splits import check_classes, cut
from src.specs import Classes, NextToken, Tokens

INPUTS, OUTPUTS = (Tokens,), (Classes, NextToken)
NAMED_BY = "path"
ENDINGS = (".txt", "")  # of the files in class folders
SHOWN = 40  # characters of a name or a text in a message
COUNTED = 20  # classes whose texts are counted one by one


def load(
    wanted: type | None = None,
    *,
    path: str = "",
    text: str = "",
    target: str = "",
    header: bool | None = None,
    encoding: str = "",
    follow_links: bool = False,
    length: int = 256,
    vocabulary: int = 20_000,
) -> Data:
    """The texts, as word indices, or as characters where the next one is learnt.

    Args:
        wanted: Classes or NextToken, where it is known what is to be predicted; else what is there decides.
        path: folder or file; .gz, .bz2, .xz and .zip are decompressed.
        text: column of a table with the texts. The default is "text", or of two columns the one with many different
            values.
        target: column of a table with the classes. The default is "label", or of two columns the one with few different
            values.
        header: whether the first row of a table contains the column names. The default is to detect it.
        encoding: encoding, such as cp1251. The default is UTF-8, or else cp1252.
        follow_links: whether to follow links to folders or out of the folder.
        length: number of words read from each text, the rest is cut off; or context length in characters.
        vocabulary: vocabulary size: the most frequent words.

    Raises:
        ValueError: for what can't be used, naming file, row or column.
    """
    if not path:
        raise ValueError("say which texts: --path FOLDER, FILE.csv or FILE.txt")
    source = Path(path)
    if source.is_dir():
        examples = _folder(source, encoding, follow_links)
    elif text or target or header is not None or (wanted is not NextToken and csv_files.is_table(source)):
        examples = _table(source, text, target, header, encoding)
    else:
        return _whole(source, encoding, length)
    return _classes(source, examples, length, vocabulary)


def sample(folder: Path) -> dict:
    """Writes some texts, and gives the knobs that load them."""
    for name, word in {"praise": "good", "blame": "bad"}.items():
        (folder / name).mkdir()
        for number in range(20):
            (folder / name / f"{number}.txt").write_text(f"a {word} film, {number} times {word}!")
    return {"path": str(folder)}


@dataclass(frozen=True)
class _Examples:
    """Texts with their classes, and the numbers of those of each split that there is, "train" among them."""

    texts: Sequence[str]
    labels: Sequence[str]
    splits: Mapping[str, np.ndarray]
    notes: Sequence[str]
    columns: Mapping[str, str] = field(default_factory=dict)


def _classes(path: Path, examples: _Examples, length: int, vocabulary: int) -> Data:
    counts = Counter(examples.labels)
    names = ordered({name: name for name in counts})
    if len(names) < 2:
        raise ValueError(f"{path} has one class only: {names[0]!r}" if names else f"{path} has no classes")
    indices = {name: index for index, name in enumerate(names)}
    texts = np.array([composed(text).encode(errors="replace") for text in examples.texts], object)
    labels = np.array([indices[name] for name in examples.labels], "int32")
    try:
        parts = cut(examples.splits, labels, stratify=True)
        check_classes(parts, labels, names)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    train, validation, test = (InMemory.of({"text": texts[rows]}, labels[rows], word_counts) for rows in parts.values())
    each = ", ".join(f"{name} {counts[name]:,}" for name in names)
    fewest, most = min(counts.values()), max(counts.values())
    long = sum(len(text.split()) > length for text in examples.texts)  # punctuation counts as words, too
    cut_off = [f"cut off after {length} words (--length): at least {long:,} of {len(texts):,} texts"] if long else []
    first = f"{path}: {len(texts):,} texts of {len(names)} classes: " + (
        each if len(names) <= COUNTED else f"{fewest:,} to {most:,} of each"
    )
    return Data.adapted(
        partial(words, vocabulary=vocabulary, length=length),
        train,
        validation=validation,
        test=test,
        outputs=Classes(names),
        notes="\n  ".join([first, *cut_off, *examples.notes]),
        columns=examples.columns,
    )


def _folder(folder: Path, encoding: str, follow_links: bool) -> _Examples:
    """The texts of all class folders."""
    by_split, left_out = folders.find(folder, ENDINGS, follow_links=follow_links)
    texts: list[str] = []
    labels: list[str] = []
    splits: dict[str, np.ndarray] = {}
    odd: dict[Path, list[str]] = {}  # what is said of each file that isn't plain text
    empty: list[Path] = []
    for split, classes in by_split.items():
        first = len(texts)
        for name, files in classes.items():
            for file in files:
                text, remarks = text_of(file, encoding)
                texts.append(text)
                labels.append(name)
                odd |= {file: remarks} if remarks else {}
                empty += [] if text.strip() else [file]
        splits[split] = np.arange(first, len(texts))
    notes = [left_out] if left_out else []
    for what, files in (("not plain text", list(odd)), ("empty", empty)):
        if files:
            why = f": {'; '.join(odd[files[0]])}" if files[0] in odd else ""
            notes.append(f"{what}: {len(files):,} of {len(texts):,} files, the first is {files[0]}{why}")
    return _Examples(texts, labels, splits, notes)


def _table(path: Path, text: str, target: str, header: bool | None, encoding: str) -> _Examples:
    """The texts of a table; rows without a class are left out."""
    table, text, target = _columns(csv_files.table(path, header, encoding), composed(text), composed(target), header)
    texts: list[str] = []
    cells: list[str] = []
    for chunk in table.chunks():
        columns = dict(zip(table.names, chunk, strict=True))
        texts += columns[text]
        cells += map(str.strip, columns[target])
    names = class_names({*cells})
    labels = [names[cell] for cell in cells]
    there = [row for row, name in enumerate(labels) if name]
    classes = {*labels} - {""}
    if len(classes) > max(2, len(there) / 2):
        what = f"{len(classes):,} different values in {len(there):,} rows, which are no classes"
        raise ValueError(f"{path}: {target} has {what}: name another column, --target and --text")
    notes = [f"texts: {text}; classes: {target} (--text, --target)", *table.notes, *doubtful(classes, target)]
    for what, rows in (
        (f"left out, without {target}", [row for row, name in enumerate(labels) if not name]),
        ("with an empty text", [row for row in there if not texts[row].strip()]),
    ):
        if rows:
            notes.append(f"{what}: {len(rows):,} of {len(texts):,} rows, the first is row {rows[0] + 1}")
    return _Examples(
        [texts[row] for row in there],
        [labels[row] for row in there],
        {"train": np.arange(len(there))},
        notes,
        {} if text == "text" else {"text": text},
    )


def _columns(table: Table, text: str, target: str, header: bool | None) -> tuple[Table, str, str]:
    """The table, and its columns of texts and of classes; without a header where that is what they tell.

    Raises:
        ValueError: for a named column that isn't there, or where it isn't clear which they are.
    """
    named = [name for name in (text, target) if name]
    table = table.with_columns(named) if header is None else table
    for name in named:
        csv_files.check_column(name, table.names, table.path)
    called = {name.lower(): name for name in table.names}
    text, target = text or called.get("text", ""), target or called.get("label", "")
    if text and text == target:
        raise ValueError(f"{table.path}: {text!r} can't have both the texts and the classes: --text, --target")
    others = [name for name in table.names if name not in (text, target)]
    if len(table.names) == 2 and others:
        if not (text or target):
            return _by_values(table, header)
        text, target = text or others[0], target or others[0]
    if not (text and target):
        lacking = " and ".join(flag for flag, name in (("--text", text), ("--target", target)) if not name)
        what = "the texts and which their classes" if not (text or target) else "the classes" if text else "the texts"
        raise ValueError(f"{table.path}: say which column has {what}: {lacking}. It has: {_shown(table, header)}")
    return table, text, target


def _shown(table: Table, header: bool | None) -> str:
    """The names of the columns, with what stands in the first row where they have none."""
    if table.header:
        bare = "; --no-header where these are no names" if header is None else ""
        return ", ".join(name[:SHOWN] for name in table.names) + bare
    first = [column[0] for column in next(table.chunks())]
    each = zip(table.names, first, strict=True)
    return ", ".join(f"{name} ({cell[:SHOWN]})" for name, cell in each)


def _by_values(table: Table, header: bool | None) -> tuple[Table, str, str]:
    """Of two columns the one with few different values has the classes; a name that is such a value is none."""
    columns = csv_files.read(table)
    counts = {name: len({*cells}) for name, cells in columns.items()}
    target, text = sorted(table.names, key=lambda name: counts[name])
    rows = len(columns[text])
    if counts[target] == counts[text] or counts[target] > max(2, rows / 2):
        raise ValueError(
            f"{table.path}: of {table.names[0]!r} and {table.names[1]!r} neither has few different values, as classes "
            "have: say which column has the texts and which their classes, --text and --target; one long text is "
            "learnt with --task language"
        )
    if header is None and table.header and target in map(composed, columns[target]):
        index, table = table.names.index(target), table.without_header()
        text, target = table.names[1 - index], table.names[index]
    return table, text, target


def _whole(path: Path, encoding: str, length: int) -> Data:
    text, remarks = text_of(path, encoding)
    first, last = len(text) * 8 // 10, len(text) * 9 // 10
    if first < length:
        raise ValueError(f"{path} has {len(text):,} characters, too few for --length {length}")
    train, validation, test = (windows(part, length) for part in (text[:first], text[first:last], text[last:]))
    inputs, outputs, preprocess = characters(train, length)
    what = f"{path}: one text of {len(text):,} characters; the next character is learnt"
    notes = "\n  ".join([f"{what} (--text and --target name the columns of a table)", *remarks])
    return Data(train, validation, test, inputs, outputs, preprocess, notes=notes)

"""Pairs of texts as people have them: in two columns of a table, in the lines of two files, or in a folder of these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from src.preprocess.names import composed
from src.readers import csv_files
from src.readers.csv_files import Table
from src.readers.text_files import OPEN, binary, decoded, encoding_of
from src.sources.splits import NAMES

NUMBERED = "--source and --target, by name or number"
SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？")
SHOWN = 40  # characters of a text in a message


@dataclass(frozen=True)
class Pairs:
    """Texts and what each becomes, in the order of their files.

    Args:
        sources, targets: without blanks around them; "" where a file has none.
        places: where each pair stands, such as "row 3".
        splits: of each pair, "train" among them.
        names: what the two sides are called.
        notes: what the files were taken for.
        column: of a table, the one of the sources; "" without one.
        bad: where there is what can't be read as a pair, and why, such as {"row 4": "3 columns instead of 2"}.
        conversations: a number for each pair, the same for those of one conversation; () for pairs that aren't of one.
    """

    sources: Sequence[str]
    targets: Sequence[str]
    places: Sequence[str]
    splits: Sequence[str]
    names: tuple[str, str]
    notes: Sequence[str]
    column: str = ""
    bad: Mapping[str, str] = field(default_factory=dict)
    conversations: Sequence[int] = ()


def read(path: Path, source: str = "", target: str = "", header: bool | None = None, encoding: str = "") -> Pairs:
    """The pairs of a table, of two files, or of a folder.

    Args:
        path: the table; the file of sources; or the folder, with train.en and train.fr and perhaps others.
        source: column of a table, by name or number; or ending of a folder's files, such as "en".
        target: … of the targets; or the file with the target of each line.
        header: whether the first row of a table has names; by itself as its cells tell.
        encoding: of the files; by itself UTF-8, or what a mark at its start says, or cp1252.

    Raises:
        ValueError: for what can't be read, naming file, row or column.
    """
    if path.is_dir():
        return _folder(path, source, target, encoding)
    if target and Path(target).is_file():
        return _files(path, Path(target), encoding)
    if not csv_files.is_table(path):
        raise ValueError(f"{path} is no table: say which file has the target of each line: --target FILE")
    return _table(csv_files.table(path, header, encoding), composed(source), composed(target), header)


def _table(table: Table, source: str, target: str, header: bool | None) -> Pairs:
    is_named = bool({source, target} & {*table.names})
    if header is None and table.header and not is_named:
        if any(name.endswith(SENTENCE_ENDS) for name in table.names):
            table = table.without_header()
        else:
            table = replace(table, notes=(*table.notes, f"header: {', '.join(table.names)} (--no-header)"))
    source, target = _columns(table, source, target)
    at_source, at_target = table.names.index(source), table.names.index(target)
    sources, targets, places, bad = list[str](), list[str](), list[str](), dict[str, str]()
    for number, row in enumerate(table.rows(), 1):
        if mistake := table.mistake_in(row):
            bad[f"row {number}"] = mistake
        else:
            sources.append(row[at_source].strip())
            targets.append(row[at_target].strip())
            places.append(f"row {number}")
    return Pairs(sources, targets, places, ["train"] * len(sources), (source, target), table.notes, source, bad)


def _columns(table: Table, source: str, target: str) -> tuple[str, str]:
    """The names of the two columns: those that are called, or those that are named so, or the only two."""
    named = {name.lower(): name for name in table.names}
    usual = ("", "")
    if {"source", "target"} <= named.keys():
        usual = (named["source"], named["target"])
    elif len(table.names) == 2:
        usual = (table.names[0], table.names[1])
    source, target = _column(table, source), _column(table, target)
    source = source or next((name for name in usual if name != target), "")
    target = target or next((name for name in reversed(usual) if name != source), "")
    if not (source and target):
        first = zip(table.names, next(table.rows()), strict=False)
        shown = ", ".join(f"{name} ({cell[:SHOWN]})" for name, cell in first)
        raise ValueError(f"{table.path}: say which columns have texts and targets: {NUMBERED}. It has: {shown}")
    if source == target:
        raise ValueError(f"{table.path}: {source!r} can't be both the texts and their targets: {NUMBERED}")
    return source, target


def _column(table: Table, column: str) -> str:
    """The name of a column that was called by name or number; "" for none."""
    if column.isdecimal() and column not in table.names and 1 <= int(column) <= len(table.names):
        return table.names[int(column) - 1]
    if column:
        csv_files.check_column(column, table.names, table.path)
    return column


def _files(source: Path, target: Path, encoding: str, split: str = "train") -> Pairs:
    (sources, of_source), (targets, of_target) = (_lines(path, encoding) for path in (source, target))
    if len(sources) != len(targets):
        what = f"{source} has {len(sources):,} lines and {target} {len(targets):,}"
        raise ValueError(f"{what}: each line needs the one that it becomes")
    places = [f"{source.name}, line {number}" for number in range(1, len(sources) + 1)]
    names = (source.name, target.name)
    return Pairs(sources, targets, places, [split] * len(sources), names, [*of_source, *of_target])


def _lines(path: Path, encoding: str) -> tuple[list[str], list[str]]:
    """The lines of a file and what is to be said of it; only a line feed ends one, as in tools for parallel texts."""
    encoding, notes = encoding_of(path, encoding)
    with binary(path) as file:
        lines = [line.strip() for line in decoded(file, encoding, newline="\n")]
    return lines, [f"{path.name}: {note}" for note in notes]


def _folder(folder: Path, source: str, target: str, encoding: str) -> Pairs:
    by_split = _by_split(folder)
    endings = [*by_split["train"]]
    if not (source and target):
        raise ValueError(f"{folder}: say which way: --source and --target; train has: {', '.join(endings)}")
    if missing := [ending for ending in (source, target) if ending not in endings]:
        raise ValueError(f"{folder} has no file train.{missing[0]}; train has: {', '.join(endings)}")
    for split, files in by_split.items():
        if len({source, target} & {*files}) == 1:
            alone = next(iter({source, target} & {*files}))
            raise ValueError(f"{files[alone]} is alone: {split} needs both {source} and {target}")
    parts = [
        _files(files[source], files[target], encoding, split) for split, files in by_split.items() if source in files
    ]
    columns: dict[str, Any] = {
        field: [value for part in parts for value in getattr(part, field)]
        for field in ("sources", "targets", "places", "splits", "notes")
    }
    return Pairs(names=(source, target), **columns)


def _by_split(folder: Path) -> dict[str, dict[str, Path]]:
    """The files of each split by their endings: of train.en.gz, "en"."""
    by_split: dict[str, dict[str, Path]] = {split: {} for split in NAMES}
    for file in sorted(folder.iterdir()):
        name, _, ending = file.name.removesuffix(file.suffix if file.suffix in (*OPEN, ".zip") else "").partition(".")
        split = next((split for split, aliases in NAMES.items() if name.lower() in aliases), "")
        if split and ending and file.is_file():
            by_split[split][ending] = file
    if len(by_split["train"]) < 2:
        raise ValueError(f"{folder} has no train.en and train.fr or the like: name a table, or two files of lines")
    return by_split

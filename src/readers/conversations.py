"""Conversations as people have them, as pairs of what was said and the reply.

They stand in YAML files of lists of lines below "conversations", as ChatterBot's; in a text file with a line for each
utterance and an empty one between conversations; or in a table of questions and answers. There, a row goes on with the
conversation of the row above if its question is that row's answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from src.readers import csv_files, folders, pairs, yaml_files
from src.readers.pairs import Pairs
from src.readers.text_files import lines_of
from src.specs import TURN

YAML = (".yml", ".yaml")
KEY = "conversations"
NAMES = ("what was said", "the reply")

Conversation = list[tuple[str, str]]  # of each utterance, where it stands and what it says


def read(
    path: Path, turns: int, source: str = "", target: str = "", header: bool | None = None, encoding: str = ""
) -> Pairs:
    """Each reply, with what was said before it.

    Args:
        path: YAML file, or folder of such files; text file; or table.
        turns: utterances before the reply, at most, with a line feed between them.
        source, target, header: of a table, see `pairs.read`.
        encoding: of the files; by itself UTF-8, or what a mark at its start says, or cp1252.

    Raises:
        ValueError: for what can't be read, naming the file and the place in it.
    """
    if path.is_dir() or path.suffix.lower() in YAML:
        conversations, bad, notes = _of_yaml(path, encoding)
        return _replies(conversations, turns, NAMES, notes, bad=bad)
    if source or target or header is not None or csv_files.is_table(path):
        rows = pairs.read(path, source, target, header, encoding)
        return _replies(_chained(rows), turns, rows.names, rows.notes, rows.column, rows.bad)
    lines, notes = lines_of(path, encoding)
    return _replies(_of_lines(lines), turns, NAMES, notes)


def _replies(
    conversations: Sequence[Conversation],
    turns: int,
    names: tuple[str, str],
    notes: Sequence[str],
    column: str = "",
    bad: Mapping[str, str] | None = None,
) -> Pairs:
    """The pairs of conversations: all utterances but the first are replies."""
    sources, targets, places, numbers = list[str](), list[str](), list[str](), list[int]()
    for number, conversation in enumerate(conversations):
        said = [text.strip() for _, text in conversation]
        for reply, (place, _) in enumerate(conversation[1:], 1):
            before = said[max(0, reply - turns) : reply]
            sources.append(TURN.join(before) if all(before) else "")
            targets.append(said[reply])
            places.append(place)
            numbers.append(number)
    count = f"{len(conversations):,} conversations; utterances read before a reply: up to {turns} (--turns)"
    alone = [conversation[0][0] for conversation in conversations if len(conversation) == 1]
    without = [f"without a reply: {len(alone):,} conversations, the first is {alone[0]}"] if alone else []
    splits = ["train"] * len(places)
    return Pairs(sources, targets, places, splits, names, [*notes, count, *without], column, bad or {}, numbers)


def _of_yaml(path: Path, encoding: str) -> tuple[list[Conversation], dict[str, str], list[str]]:
    """The conversations of YAML files, what is none and why, and what is to be said of the files."""
    files, left_out = folders.below(path, YAML) if path.is_dir() else ([path], "")
    if not files:
        raise ValueError(f"{path} has no files of conversations: {', '.join(YAML)}")
    conversations, bad, notes = list[Conversation](), dict[str, str](), [left_out] if left_out else []
    for file in files:
        content, remarks = yaml_files.read(file, encoding)
        notes += [f"{file.name}: {remark}" for remark in remarks]
        listed = content.get(KEY) if isinstance(content, dict) else None
        if not isinstance(listed, list):
            raise ValueError(f"{file} has no list {KEY!r}, of lists of utterances")
        for number, lines in enumerate(listed, 1):
            where = f"{file.relative_to(path) if path.is_dir() else file.name}, conversation {number}"
            if isinstance(lines, list) and lines and all(isinstance(line, str) for line in lines):
                conversations.append([(f"{where}, utterance {at}", line) for at, line in enumerate(lines, 1)])
            else:
                bad[where] = "it is no list of texts; one with ': ' in it needs quotes"
    return conversations, bad, notes


def _chained(rows: Pairs) -> list[Conversation]:
    """The conversations of a table; a row's place is that of its answer."""
    conversations: list[Conversation] = []
    said = ""
    for question, answer, place in zip(rows.sources, rows.targets, rows.places, strict=True):
        if not question or question != said:
            conversations.append([("", question)])
        conversations[-1].append((place, answer))
        said = answer
    return conversations


def _of_lines(lines: Iterator[str]) -> list[Conversation]:
    """The conversations of a text file."""
    conversations: list[Conversation] = [[]]
    for number, line in enumerate(lines, 1):
        if line.strip():
            conversations[-1].append((f"line {number}", line))
        elif conversations[-1]:
            conversations.append([])
    return [conversation for conversation in conversations if conversation]

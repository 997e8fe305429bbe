"""What a model is asked about: pictures, texts, a table's rows, a series or JSON, as columns of a signature.

It is the same for a run (src/commands/predict.py) and for a server (src/serving/ask.py).
"""

import base64
import os
import re
import struct
import sys
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import PIL.Image

from src.errors import UserError, nearest
from src.preprocess.names import composed
from src.readers import csv_files, input_tables
from src.readers.csv_files import Table
from src.readers.requests import DEFAULT, PICTURES, STRINGS, Asked, Examples, Inputs, Reading, Signatures
from src.readers.text_files import lines_of, text_of
from src.system.files import read_json
from src.system.screen import tell

ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp")  # of pictures
STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM")  # of pictures, whatever the file is called
FILES = (*ENDINGS, ".csv", ".tsv", ".txt", ".json")  # what ends in one of these is no text
FILE = "file"  # the column beside the answers with the files that are asked about
PICTURES_AT_ONCE, TEXTS_AT_ONCE = 32, 256
MOST_PIXELS = 2**24  # of the pictures that are asked about at once


def read(what: str, signature: str, signatures: Signatures, reading: Reading) -> Asked:
    """What is asked about a file, a folder or a text.

    Args:
        what: a file, a folder of pictures or of texts, or a text.
        signature: that is meant; "" for the one that fits.
        signatures: the inputs of each, by name.
        reading: how a file is read.

    Raises:
        UserError: for what can't be read, or doesn't go with the model; now, or as the pieces are read.
    """
    path = Path(what)
    is_path = bool(what) and os.path.exists(what)  # pathlib fails on a text that is too long for a name
    if not is_path and path.suffix.lower() in FILES and not re.search(r"\s", what):
        raise UserError(f"There is no file {what}.")
    try:
        if is_path and path.suffix.lower() == ".json":
            asked = _json(path, signature, signatures)
        elif is_path and _has_pictures(path, signature, signatures):
            asked = _pictures(path, signature, signatures, reading)
        else:
            asked = _others(what, path if is_path else None, signature, signatures, reading)
            asked = asked._replace(pieces=map(_as_learnt, asked.pieces))
    except ValueError as error:
        pictures = f" A picture ends in {', '.join(ENDINGS)}." if PICTURES in signatures else ""
        raise UserError(f"{_named(str(error), path, reading)}.{pictures}") from None
    return asked._replace(pieces=_read_on(asked.pieces, path, reading))


def _has_pictures(path: Path, signature: str, signatures: Signatures) -> bool:
    """Whether a file, or a folder, is a picture or says where pictures are."""
    return path.suffix.lower() in ENDINGS or (PICTURES in signatures and signature in ("", PICTURES))


def _pictures(path: Path, signature: str, signatures: Signatures, reading: Reading) -> Asked:
    """A picture, those below a folder, or those whose paths stand in a column of a table or in the lines of a text."""
    asked = signature or PICTURES
    if asked not in signatures:
        raise UserError(f"The model takes no pictures; its signatures are: {', '.join(signatures)}.")
    (name,) = _inputs(signatures, asked)
    if path.is_dir():
        files = _files_below(path, ENDINGS)
        pieces = _opened(_few_pixels(_of(files, PICTURES_AT_ONCE)), name, Path.read_bytes)
        return Asked(asked, pieces, len(files), FILE)
    with path.open("rb") as file:
        is_picture = file.read(4).startswith(STARTS)
    if is_picture or path.suffix.lower() in ENDINGS:
        return Asked(asked, _opened(_of([path], 1), name, Path.read_bytes), 1, FILE)
    if csv_files.is_table(path):
        column, paths = _paths_in_table(path, reading)
    else:
        column, paths = FILE, _lines(path, FILE, reading, PICTURES_AT_ONCE)
    paths = _few_pixels(paths, lambda file: _near(path, file))
    return Asked(asked, _opened(paths, name, lambda file: _near(path, file).read_bytes()), files=column)


def _others(what: str, path: Path | None, signature: str, signatures: Signatures, reading: Reading) -> Asked:
    """A table's rows, a series, or texts: one, or of the files below a folder, or of the lines of a file."""
    asked = signature or DEFAULT
    inputs = _inputs(signatures, asked)
    takes_text = len(inputs) == 1 and bool(input_tables.texts_of(inputs))
    if path and path.is_file() and (not takes_text or reading.text or csv_files.is_table(path)):
        asked = signature or (STRINGS if STRINGS in signatures else DEFAULT)
        inputs = _inputs(signatures, asked)
        table = _table(path, [reading.text] if reading.text else [*reading.called(inputs).values()], inputs, reading)
        dtypes = {name: spec.dtype for name, spec in signatures.get(DEFAULT, inputs).items()}
        if dtypes.keys() == inputs.keys():  # a saved signature has lost the order of the columns
            inputs = {name: inputs[name] for name in dtypes}
        pieces, notes = input_tables.examples_of(table, inputs, reading, dtypes)
        _tell(path, notes, reading)
        return Asked(asked, pieces)
    if not takes_text:
        takes = ", ".join(f"{name} ({spec.dtype})" for name, spec in inputs.items())
        kind = "a folder" if path else "no file, so a text"
        raise UserError(f"{what!r:.60} is {kind}; {asked} takes {takes}.")
    (name,) = inputs
    if not path:
        text = what.encode(errors="replace").decode()  # without the bytes that were no text on a command line
        return Asked(asked, iter([Examples({name: [text]}, [""], {name: [text]})]), 1)
    if path.is_dir():
        files = _files_below(path, (".txt",))
        texts = _opened(_of(files, TEXTS_AT_ONCE), name, lambda file: text_of(file, reading.encoding)[0])
        return Asked(asked, texts, len(files), FILE)
    if reading.by_line:
        return Asked(asked, _lines(path, name, reading, TEXTS_AT_ONCE))
    text, notes = text_of(path, reading.encoding)
    _tell(path, notes, reading)
    return Asked(asked, iter([Examples({name: [text]}, [str(path)], {name: [text]})]), 1)


def _as_learnt(examples: Examples) -> Examples:
    """The same examples; a text that is all that is asked about is composed and without blanks around it, as those of
    the files that were learnt."""
    if len(examples.request) != 1:
        return examples
    ((name, column),) = examples.request.items()
    texts = [composed(value).strip() if isinstance(value, str) else value for value in column]
    return replace(examples, request={name: texts})


def _json(path: Path, signature: str, signatures: Signatures) -> Asked:
    """A request of rows or columns, as TensorFlow Serving takes it."""
    content = read_json(path)
    meant = content.get("signature_name") if isinstance(content, dict) else None
    asked = signature or meant or DEFAULT
    inputs = _inputs(signatures, asked)
    if not isinstance(content, dict) or not {"inputs", "instances"} & content.keys():
        raise UserError('A request is {"inputs": {NAME: column}} or {"instances": [row]}.')

    def named(value: Any) -> dict[str, Any]:
        return value if isinstance(value, dict) and value.keys() & inputs.keys() else {next(iter(inputs)): value}

    if "inputs" in content:
        columns = named(content["inputs"])
    else:
        rows = [named(row) for row in content["instances"]]
        columns = {name: [row.get(name) for row in rows] for name in inputs}
    if strange := [name for name, column in columns.items() if not isinstance(column, list)]:
        raise ValueError(f"{path}: {strange[0]} has to be a list, an example each")
    size = len(next(iter(columns.values())))
    where = [f"{path}, example {number}" for number in range(1, size + 1)]
    return Asked(asked, iter([Examples(_decoded(columns), where)]), size)


def _decoded(value: Any) -> Any:
    """JSON with bytes for {"b64": …}."""
    if isinstance(value, dict):
        if value.keys() == {"b64"}:
            return base64.b64decode(value["b64"])
        return {name: _decoded(item) for name, item in value.items()}
    return [_decoded(item) for item in value] if isinstance(value, list) else value


def _inputs(signatures: Signatures, name: str) -> Inputs:
    if name not in signatures:
        raise UserError(
            f"The model has no signature {name!r}.{nearest(name, signatures)} It has: {', '.join(signatures)}."
        )
    return signatures[name]


def _table(path: Path, columns: Collection[str], inputs: Collection[str], reading: Reading) -> Table:
    """A file's table, without a header where it has those columns only so, and none called as an input."""
    table = csv_files.table(path, reading.header, reading.encoding)
    if reading.header is None and not {*inputs} & {*table.names}:
        table = table.with_columns(columns)
    _tell(path, table.notes, reading)
    return table


def _paths_in_table(path: Path, reading: Reading) -> tuple[str, Iterator[Examples]]:
    """The first column of a table that begins with the path of a picture, and the rows, of which it is asked about."""
    table = csv_files.table(path, reading.header, reading.encoding)
    first = next(table.rows())
    named = [name for name, cell in zip(table.names, first, strict=False) if cell.lower().endswith(ENDINGS)]
    if not named:
        raise ValueError(f"{path} has no column with the paths of pictures; it has: {', '.join(table.names)}")
    _tell(path, [f"pictures: {named[0]}", *table.notes], reading)
    return named[0], input_tables.rows(table, {named[0]: "string"}, {}, at_once=PICTURES_AT_ONCE)


def _lines(path: Path, name: str, reading: Reading, at_once: int) -> Iterator[Examples]:
    """The lines of a file that aren't empty, also as a column of that name."""
    lines, notes = lines_of(path, reading.encoding)
    _tell(path, notes, reading)
    filled = ((number, line) for number, line in enumerate(lines, 1) if line.strip())

    def pieces() -> Iterator[Examples]:
        while piece := list(islice(filled, at_once)):
            texts = [line for _, line in piece]
            yield Examples({name: texts}, [f"{path}, line {number}" for number, _ in piece], {name: texts})

    return pieces()


def _of(files: Sequence[Path], at_once: int) -> Iterator[Examples]:
    """Files, some at a time, by their paths."""
    for start in range(0, len(files), at_once):
        names = [str(file) for file in files[start : start + at_once]]
        yield Examples({FILE: names}, names, {FILE: names})


def _few_pixels(pieces: Iterable[Examples], path_of: Callable[[Path], Path] = Path) -> Iterator[Examples]:
    """Paths of pictures, of which only so many go together that they, and masks of their size, fit into memory."""
    for piece in pieces:
        (files,) = piece.request.values()
        yield from piece.split([_pixels(path_of(Path(file))) for file in files], MOST_PIXELS)


def _pixels(file: Path) -> int:
    """The pixels of a picture by its header; 0 of one that can't be read, which is told where it is decoded."""
    try:
        with PIL.Image.open(file) as picture:
            return picture.width * picture.height
    except (OSError, ValueError, SyntaxError, IndexError, struct.error, PIL.Image.DecompressionBombError):
        return 0


def _opened(pieces: Iterable[Examples], name: str, read: Callable[[Path], Any]) -> Iterator[Examples]:
    """Examples that are paths, with what their files hold instead."""
    for piece in pieces:
        (files,) = piece.request.values()
        contents, whole, unread = [], list[int](), [*piece.unread]
        for index, file in enumerate(files):
            try:
                contents.append(read(Path(file)))
            except (OSError, ValueError) as error:
                unread.append((index, f"{file}: {error.strerror}" if isinstance(error, OSError) else str(error)))
            else:
                whole.append(index)
        beside = {column: [cells[index] for index in whole] for column, cells in piece.beside.items()}
        yield replace(
            piece,
            request={name: contents},
            where=[str(files[index]) for index in whole],
            beside=beside,
            unread=[(bisect_left(whole, index), reason) for index, reason in sorted(unread, key=itemgetter(0))],
        )


def _near(path: Path, file: Path) -> Path:
    """A file that another one names: as it is, or beside that one."""
    return file if file.exists() else path.parent / file


def _files_below(folder: Path, endings: Collection[str]) -> list[Path]:
    """All such files in a folder and its folders, by path; hidden ones and those of the system are left out."""
    from src.readers import folders  # with scikit-learn, which nothing else has use for

    files, left_out = folders.below(folder, endings)
    if not files:
        raise ValueError(f"{folder} has no file of {', '.join(endings)}")
    if left_out:
        tell(left_out, sys.stderr)
    return files


def _read_on(pieces: Iterator[Examples], path: Path, reading: Reading) -> Iterator[Examples]:
    """The same pieces; raises UserError where a file can't be read on."""
    try:
        yield from (_renamed(piece, path, reading) for piece in pieces) if reading.alias else pieces
    except ValueError as error:
        raise UserError(f"{_named(str(error), path, reading)}.") from None


def _renamed(piece: Examples, path: Path, reading: Reading) -> Examples:
    """The same examples, in which the input is called as people are told that it is."""
    named = partial(_named, path=path, reading=reading)
    beside = {name: [*map(named, cells)] for name, cells in piece.beside.items()}
    unread = [(before, named(reason)) for before, reason in piece.unread]
    return replace(piece, where=[*map(named, piece.where)], beside=beside, unread=unread)


def _tell(path: Path, notes: Iterable[str], reading: Reading) -> None:
    """Says how a file was read, beside the answers."""
    for note in notes:
        tell(f"{reading.alias or path}: {note}", sys.stderr)


def _named(text: str, path: Path, reading: Reading) -> str:
    """A text in which the input is called as people are told that it is."""
    return text.replace(str(path), reading.alias) if reading.alias else text

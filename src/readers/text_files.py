"""Text files as people have them: compressed or not, in any encoding."""

import bz2
import codecs
import gzip
import io
import lzma
import math
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from src.system.files import MARKS

BLOCK = 2**20  # bytes read at a time
OPEN: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
CONTROL = rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]"
SEQUENCE = rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"  # of UTF-8
MOST_CONTROL = 1e-3  # share of such characters in a text; what has more is no text


def text_of(path: Path, encoding: str = "") -> tuple[str, list[str]]:
    """The text of a file, unpacked, and what is to be said of it; see `encoding_of`."""
    encoding, notes = encoding_of(path, encoding)
    with binary(path) as file:
        return decoded(file, encoding).read(), notes


def lines_of(path: Path, encoding: str = "") -> tuple[Iterator[str], list[str]]:
    """The lines of a file, unpacked, without their ends, and what is to be said of it; see `encoding_of`."""
    encoding, notes = encoding_of(path, encoding)

    def lines() -> Iterator[str]:
        with binary(path) as file:
            for line in decoded(file, encoding):
                yield line.removesuffix("\n")

    return lines(), notes


def decoded(file: IO[bytes], encoding: str, newline: str | None = None) -> io.TextIOWrapper:
    """The text of a file whose `encoding_of` is known, U+FFFD where it is damaged; see `open` for `newline`."""
    return io.TextIOWrapper(file, encoding=encoding, errors="replace", newline=newline)


@contextmanager
def binary(path: Path) -> Iterator[IO[bytes]]:
    """The file, unpacked; raises ValueError where that fails, then or later."""
    try:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive, archive.open(_only(archive.namelist(), path)) as file:
                yield file
        else:
            with OPEN.get(path.suffix.lower(), open)(path, "rb") as file:
                yield file
    except FileNotFoundError:
        raise ValueError(f"there is no file {path}") from None
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged, or not what its ending says: {error}") from None


def _only(names: Iterable[str], path: Path) -> str:
    """The file in an archive that has the data; `_about.txt` and what is in `__MACOSX` only come with it."""
    files = [name for name in names if not name.endswith("/")]
    if len(files) > 1:
        files = [name for name in files if not any(part.startswith(("_", ".")) for part in name.split("/"))]
    if len(files) != 1:
        raise ValueError(f"{path} has {len(files)} files inside, not one: unpack it and name one")
    return files[0]


def encoding_of(path: Path, given: str = "", most_line: float = math.inf) -> tuple[str, list[str]]:
    """The encoding of a text file, and what is to be said of it.

    Args:
        path: the file; it is read once, a block at a time.
        given: the encoding, where it is known; else what a mark at the start says; else UTF-8, perhaps with damaged
            bytes, which are to be read as U+FFFD; or Windows' or ISO's for western Europe.
        most_line: bytes that a line may have.

    Raises:
        ValueError: for a file that isn't text, or not in the given encoding, or has a longer line.
    """
    with binary(path) as file:
        start = file.read(BLOCK)
        marked = next((encoding for mark, encoding in MARKS.items() if start.startswith(mark)), "")
        named = given or marked
        try:
            decoder = codecs.getincrementaldecoder(named or "utf-8")()
        except LookupError:
            raise ValueError(f"there is no encoding {given!r}; some are utf-8, cp1252, cp1251, shift_jis") from None
        wide = re.match(r"utf[-_]?(16|32)", named, re.IGNORECASE)
        western, size, lines, control, first = "cp1252", 0, 0, 0, 0
        damaged, sequences, others = 0, 0, 0  # the first line that isn't UTF-8; what looks like UTF-8, and what doesn't
        for block in _with_lines(_blocks(start, file), path, most_line):
            if not damaged:
                try:
                    decoder.decode(block, final=not block)
                except UnicodeDecodeError as error:
                    damaged = lines + block.count(b"\n", 0, error.start) + 1
                    if named:
                        what = f"isn't {named}: {error.reason} (--encoding)"
                        raise ValueError(f"{path}, line {damaged}, {what}") from None
            if not (named or block.isascii()):
                rest, count = re.subn(SEQUENCE, b"", block)
                sequences, others = sequences + count, others + len(re.findall(rb"[\x80-\xff]", rest))
                western = "latin-1" if re.search(rb"[\x81\x8d\x8f\x90\x9d]", block) else western
            if not wide and (match := re.search(CONTROL, block)):
                first = first or lines + block.count(b"\n", 0, match.start()) + 1
                control += len(re.findall(CONTROL, block))
            size, lines = size + len(block), lines + block.count(b"\n")
            if control > max(1, MOST_CONTROL * size):
                way = f"; it looks like UTF-16, --encoding {_wide_of(start)}" if _wide_of(start) else ""
                raise ValueError(f"{path} isn't text: it has control characters, the first in line {first}{way}")
    notes = [f"{control:,} control characters, the first in line {first}"] if control else []
    if not damaged:
        return named or "utf-8", notes
    if sequences > others:
        return "utf-8", [f"damaged bytes, read as U+FFFD, the first in line {damaged:,} (--encoding)", *notes]
    return western, [f"not UTF-8, read as {western} (--encoding)", *notes]


def _with_lines(blocks: Iterable[bytes], path: Path, most: float) -> Iterator[bytes]:
    """The blocks of a file; raises ValueError for a longer line: a small file may unpack to one of gigabytes."""
    lines = length = 0  # that have ended, and of the one that goes on
    for block in blocks:
        end = max(block.rfind(b"\n"), block.rfind(b"\r")) + 1
        length = len(block) - end + (0 if end else length)
        lines += block.count(b"\n")
        if length > most:
            raise ValueError(f"{path}, line {lines + 1}, has more than {most:,} bytes, which no line of a table has")
        yield block


def _wide_of(start: bytes) -> str:
    """The UTF-16 that bytes without a mark look like, as every other one is 0; "" where they look like none."""
    for encoding, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[0::2])):
        if len(zeros) > 1 and zeros.count(0) > len(zeros) / 2 and start.count(0) < 1.1 * zeros.count(0):
            return encoding
    return ""


def _blocks(start: bytes, file: IO[bytes]) -> Iterator[bytes]:
    while start:
        yield start
        start = file.read(BLOCK)
    yield b""

"""What a file of weights may claim: no more than it can hold, so that a small one can't fill the memory."""

import zipfile

from src.errors import UserError

MOST_COMPRESSED = 100  # times, as for Keras' own reader; weights hardly compress


def member(archive: zipfile.ZipFile, name: str) -> bytes:
    """A file of an archive; raises UserError where it isn't there, or is said to be larger than it can be."""
    if name not in archive.namelist():
        raise UserError(f"it has no {name}")
    info = archive.getinfo(name)
    check_size(name, info.file_size, info.compress_size)
    return archive.read(info)


def check_size(name: str, claimed: int, stored: int) -> None:
    """Raises UserError where `claimed` bytes can't come out of those that are stored."""
    if claimed > MOST_COMPRESSED * stored:
        raise UserError(f"{name} claims {claimed:,} bytes, of which no more than {stored:,} are in the file")

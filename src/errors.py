"""Errors that a user can cause: they end in one clear line, never in a traceback."""

import difflib
from collections.abc import Iterable

# Formats of pictures, by what TensorFlow says of one that it can't decode.
DAMAGED = {
    "Invalid PNG": "PNG",
    "Invalid JPEG": "JPEG",
    "jpeg::Uncompress": "JPEG",
    "Invalid GIF": "GIF",
    "Incomplete bmp": "BMP",
    "Input size should match (header_size": "BMP",
    "Failed to decode WebP": "WebP",
}


class UserError(Exception):
    """What is wrong, where, and what to do about it. The command line prints it and exits with `exit_code`."""

    exit_code = 1


class UsageError(UserError):
    """A name or a flag that doesn't exist, or a value of the wrong type."""

    exit_code = 2


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """An error for a misspelt `name` that points to the nearest of the `known` ones."""
    known = sorted(known)
    return UsageError(
        f"There is no {kind} {name!r}.{nearest(name, known)} Choose from: {', '.join(known) or '(none)'}."
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence with the one of the `known` names that `name` looks like; "" where none does."""
    spelled = {word.lower(): word for word in known}
    near = difflib.get_close_matches(name.lower(), spelled, n=1, cutoff=0.6)
    return f" Did you mean {spelled[near[0]]!r}?" if near else ""


def refusal(message: str) -> str:
    """Why a graph refused, of what TensorFlow says: without nodes, and in plain words where it is about a picture."""
    if kind := next((kind for beginning, kind in DAMAGED.items() if beginning in message), ""):
        return f"it is a damaged {kind} picture, perhaps cut off"
    if "Unknown image file format" in message:
        return "it is no picture, or has another format than PNG, JPEG, GIF and BMP"
    if "Input is empty" in message:
        return "it is empty"
    return message.rpartition("<stack traces unavailable>")[2].partition("[[{{")[0].strip()

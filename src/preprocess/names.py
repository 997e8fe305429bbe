"""What columns are called: in files, in any of Unicode's forms, and in requests, where every server takes the name."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import count
from typing import Any

RESERVED = ("self", "b64")  # inputs that TensorFlow, and TensorFlow Serving's JSON, take for something else


def request_names(names: Sequence[str]) -> tuple[str, ...]:
    """What the inputs of a model are called: ASCII letters, digits and underscores, a letter first; none twice.

    A column that shares its plain name with another one, or that loses letters by it, is told by a mark that follows
    from its own name alone: it has that name in any file.
    """
    plain = [_plain(name) for name in names]
    shared = Counter(name.lower() for name in plain)  # TensorFlow writes them in lower case
    requests: dict[str, str] = {}  # by their lower case
    for name, short in zip(names, plain, strict=True):
        new = marked(name) if shared[short.lower()] > 1 or not name.isascii() else short
        if new.lower() in requests:  # of a name that is there twice
            numbered = (f"{new}_{number}" for number in count(2))
            new = next(request for request in numbered if request.lower() not in requests)
        requests[new.lower()] = new
    return tuple(requests.values())


def renamed(requests: Mapping[str, str]) -> dict[str, str]:
    """What a file calls the inputs of a model that aren't called as its columns are, of {column: input}."""
    return {request: name for name, request in requests.items() if request != name}


def input_of(name: str, inputs: Collection[str]) -> str | None:
    """The input of a model that a column of that name is meant for, of those that there are."""
    return next((request for request in (marked(name), _plain(name)) if request in inputs), None)


def marked(name: str) -> str:
    """The plain name of a column with a mark that no other column has."""
    return f"{_plain(name)}_{hashlib.blake2b(composed(name).encode(), digest_size=3).hexdigest()}"


def columns_of(table: Any) -> dict[str, Any] | None:
    """The columns by name of a dict, or of a frame such as a pandas.DataFrame; None for what has none."""
    names = table if isinstance(table, Mapping) else getattr(table, "columns", None)
    return None if names is None else {str(name): table[name] for name in names}


def composed(name: str) -> str:
    """A name, or any text, in Unicode's composed form: "é" is one character, as most keyboards write it."""
    return unicodedata.normalize("NFC", name)


def _plain(name: str) -> str:
    """ASCII letters, digits and underscores, a letter first."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()  # without accents
    plain = re.sub(r"\W+", "_", plain).strip("_")
    return plain if plain[:1].isalpha() and plain.lower() not in RESERVED else f"column_{plain}".rstrip("_")

"""Under what a training runs, kept in config.json: a resume says what has changed, and what is then still the same.

src/system/device.py has what depends on the machine.
"""

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from src.settings import catalogue, knobs, modules
from src.settings.config import Choices

PACKAGES = ("tensorflow", "keras", "numpy")


def versions() -> dict[str, str]:
    """Those of Python and of the packages that compute."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}}


def files(choices: Choices) -> dict[str, str]:
    """A hash of each file that a training runs through: those of model, data set and task, and the harness' own."""
    plugged_in = (path for file in (choices.model, choices.data, choices.task) for path in catalogue.code(file))
    digests = {knobs.shown(path): _sha256(modules.source(path)) for path in plugged_in}
    return digests | {knobs.shown(path): _as_imported(path) for path in modules.imported()}


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What has changed since a training began, and what is then still the same; "" where all is as it was.

    Args:
        before: its config.json; what one of an older version of this project lacks isn't compared.
        now: what would be written now.
    """
    code = [name for name, digest in before.get("files", {}).items() if digest != _digest(name, now["files"])]
    was, is_now = _flat(before), _flat(now)
    others = [name for name in was if was[name] != is_now.get(name)]
    names = [*code, *(f"{name} ({was[name] or 'unset'}, now {is_now.get(name) or 'unset'})" for name in others)]
    if not names:
        return ""
    if code:
        so = "repeat it for comparable figures"
    else:
        so = "the figures stay comparable" + ", the bits don't stay the same" * now["knobs"]["deterministic"]
    return f"{', '.join(names)} changed since the training began: {so}"


def _digest(name: str, now: Mapping[str, str]) -> str | None:
    """The hash of a file now, which may be one that this process hasn't imported."""
    path = catalogue.ROOT / name
    return now.get(name) or (_sha256(path.read_bytes()) if path.is_file() else None)


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """Versions and conditions, by what a reader calls each."""
    flat = {**config.get("versions", {}), **config.get("conditions", {})}
    threads, environment = flat.pop("threads", {}), flat.pop("environment", {})
    return {**flat, **({"threads": threads["intra_op"]} if threads else {}), **environment}  # others change no bits


@cache
def _as_imported(path: Path) -> str:
    """The hash of a file that is imported once, as it was at the first training of this process."""
    return _sha256(path.read_bytes())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

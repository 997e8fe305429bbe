"""How a run is asked: the commands that fit its signatures, with what they are for."""

import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeAlias

from src.signatures import DEFAULT

Takes: TypeAlias = Mapping[str, Collection[str]]  # the inputs of each signature


def ways(path: Path, takes: Takes) -> dict[str, str]:
    """The commands by which the run in the folder `path` is asked, with what they are for."""
    run = f"RUN={shlex.quote(str(path))}"
    if "text" in takes.get("generate", ()):
        return {f"make generate {run}": "generate text"}
    if "generate" in takes:
        python = f'load_run({str(path)!r}).predict({{…}}, signature="generate")'
        return {python: f"make new examples, of {' and '.join(takes['generate'])}, in Python"}
    found = {f"make predict {run} INPUT=FILE": "answer a file, a folder or a text"}
    return {**found, f"make chat {run}": "talk with it"} if converses(takes) else found


def instead(path: Path, takes: Takes) -> str:
    """The same commands in a sentence, for those who have asked in another way."""
    return f"Instead: {', or '.join(ways(path, takes))}"


def converses(takes: Takes) -> bool:
    """Whether a run answers one text with another, the best one or one that is drawn."""
    return "sample" in takes and len(takes.get(DEFAULT, ())) == 1

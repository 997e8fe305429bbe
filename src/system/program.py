"""How this program was started, so that what it prints can be pasted into a shell. Needs no package."""

import os
import shlex
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _python() -> str:
    """The running Python as a shell finds it in this folder."""
    here = Path(sys.executable)
    for name in ("python", "python3"):
        if shutil.which(name) == str(here):
            return name
    if here.is_relative_to(Path.cwd()):
        here = here.relative_to(Path.cwd())
    return here.as_posix() if os.name == "nt" else shlex.quote(str(here))


PYTHON = _python()  # such as .venv/bin/python
PROGRAM = f"{PYTHON} -m src"


def missing(module: str | None) -> str:
    """What is wrong where a module can't be imported, and what to do."""
    package = (module or "").split(".")[0]
    if Path(sys.prefix) == ROOT / ".venv":
        return f"The package {package!r} isn't installed. Install the packages again: make -B setup"
    return f"The package {package!r} isn't installed for {PYTHON}. Install all packages into .venv: make setup"

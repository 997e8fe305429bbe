"""A copy of the project in which a test can plant, break and delete files."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PICTURES = '''"""Toy pictures: for tests."""

from src.data import Data
from src.specs import Classes, Image

INPUTS, OUTPUTS = (Image,), (Classes,)
DOWNLOAD = "7 MB"


def load(*, grain: float = 0.5) -> Data:
    """The pictures.

    Args:
        grain: how noisy they are.
    """
'''

TABLE = '''"""Toy table: for tests."""

from src.data import Data
from src.specs import Columns, Values

INPUTS, OUTPUTS = (Columns,), (Values,)


def load() -> Data:
    """The table."""
'''

PAINTER = '''"""Toy painter: for tests."""

from typing import Literal

from src.specs import Choice, Classes, Image, Range

TAKES, GIVES, DATA = (Image,), (Classes,), "pictures"
FIT = {"learning_rate": 0.25, "epochs": 7}
SPACE = {"brushes": Choice((1,), (2, 3)), "wet": Range(0.0, 0.5)}


def build(
    inputs,
    outputs,
    *,
    brushes: tuple[int, ...] = (16, 32),
    wet: float = 0.1,
    framed: bool = False,
    style: Literal["plain", "rich"] = "plain",
    sold: int | None = None,
    coats: tuple[float, ...] | None = None,
    finish: Literal["matt", "gloss"] | None = None,
):
    """Returns a model.

    Args:
        inputs: spec of the pictures.
        outputs: spec of the target.
        brushes: width of each brush,
            from first to last.
        wet: share of water.
    """
'''

CLERK = '''"""Toy clerk: for tests."""

from src.specs import Columns, Values

TAKES, GIVES = (Columns,), (Values,)


def build(inputs, outputs, *, pencils: int = 3):
    """Returns a model.

    Args:
        pencils: how many.
    """
'''


def copied(tmp_path: Path) -> Path:
    """A copy of what the program needs, under `tmp_path`."""
    root = tmp_path / "project"
    for folder in ("src", "models", "recipes"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ROOT.glob("requirements*"):
        shutil.copy(file, root)
    return root


def toys(tmp_path: Path) -> Path:
    """A copy whose only models and data sets are toys, so that a test knows each name in it."""
    root = copied(tmp_path)
    for pattern in ("models/[!_]*.py", "src/datasets/[!_]*.py", "recipes/*.toml"):
        for file in root.glob(pattern):
            file.unlink()
    (root / "models/painter.py").write_text(PAINTER)
    (root / "models/clerk.py").write_text(CLERK)
    (root / "src/datasets/pictures.py").write_text(PICTURES)
    (root / "src/datasets/table.py").write_text(TABLE)
    return root


def run(root: Path, *words: str, **environment: str) -> subprocess.CompletedProcess:
    """`python -m src …` in a process of its own, on a screen 80 columns wide."""
    return subprocess.run(
        [sys.executable, "-m", "src", *words],
        cwd=root,
        env={**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )

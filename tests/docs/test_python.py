"""The Python of the README and of docs/python.md: it runs from top to bottom, as in a notebook."""

import re

import pytest

from src.exporting.publish import Destination
from tests.docs.test_commands import TEXTS

BLOCKS = {
    name: re.findall(r"^```python\n(?!# \S+\.py)(.*?)^```", TEXTS[name], re.DOTALL | re.MULTILINE)
    for name in ("README.md", "python.md")
}


@pytest.mark.parametrize(
    ("name", "exported"),
    [
        pytest.param("python.md", False, marks=pytest.mark.long),
        pytest.param("python.md", True, marks=pytest.mark.long),
        pytest.param("README.md", True, marks=pytest.mark.long),
    ],
)
def test_every_block_runs(name, exported, tmp_path, monkeypatch):
    if not exported:
        monkeypatch.setattr(Destination, "folder", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    cells = {}
    for block in BLOCKS[name]:
        exec(compile(block, name, "exec"), cells)

"""The Python of the README and of docs/python.md: it runs from top to bottom, as in a notebook."""

import re

import pytest

from tests.docs.test_commands import TEXTS

BLOCKS = {
    name: re.findall(r"^```python\n(?!# \S+\.py)(.*?)^```", TEXTS[name], re.DOTALL | re.MULTILINE)
    for name in ("README.md", "python.md", "report.md")
}


@pytest.mark.long
@pytest.mark.parametrize("name", BLOCKS)
def test_every_block_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = {}
    for block in BLOCKS[name]:
        exec(compile(block, name, "exec"), cells)

"""Notebooks: they run from top to bottom, and what they show was made so, and is small."""

import json
import re
import sys

import matplotlib
import pytest

from src.settings import catalogue
from tests.tree import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MOST_BYTES = 150_000


def cells(path):
    """The cells of code, with what each shows."""
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_it_shows_comes_from_one_run_and_is_small(path):
    code = cells(path)
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    kinds = {output["output_type"] for cell in code for output in cell["outputs"]}
    assert kinds <= {"stream", "display_data", "execute_result"}, "no errors"
    assert not [output for cell in code for output in cell["outputs"] if output.get("name") == "stderr"]
    text = path.read_text(encoding="utf-8")
    assert len(text) < MOST_BYTES and str(ROOT) not in text and "/tmp/" not in text


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_runs(path, tmp_path, monkeypatch):
    trained = re.findall(r'train\(\\"(\w+)\\", data=\\"(\w+)\\"', path.read_text(encoding="utf-8"))
    if missing := {name for pair in trained for name in pair} - {*catalogue.models(), *catalogue.datasets()}:
        pytest.skip(f"there is no {' and no '.join(sorted(missing))}")
    matplotlib.use("agg")
    (tmp_path / "models").mkdir()  # by which a notebook knows the project's folder
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    names = {}
    for cell in cells(path):
        exec(compile("".join(cell["source"]), path.name, "exec"), names)

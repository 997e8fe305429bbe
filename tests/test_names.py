"""Names are text everywhere: of folders, columns and classes; never patterns, markup, HTML or terminal commands."""

import csv
import json
import random
from pathlib import Path

import numpy as np
import pytest

from src.exporting.assets import CARD
from src.runs.run import load_run
from src.serving.local.servable import Servable
from src.train import train

# What rich takes for the end of a style, a browser for HTML, matplotlib for a formula, Markdown for a table's edge.
CLASSES = ["[/z]", "\x1b[2Jred", "<img src=x onerror=alert(1)>", r"$\frac$ | `a` *b* :smile:"]
COLUMNS = ["[bold]a[/bold]", "<i>b</i> | \x1b]0;c\x07"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, lasting_verifier):
    """A run in folders with brackets, on such classes and columns, and what was printed meanwhile."""
    folder = tmp_path_factory.mktemp("a [b] c?*")
    rows = random.Random(0)
    with open(folder / "tab [le].csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS, "kind"])
        writer.writerows([rows.gauss(place, 1), rows.gauss(0, 1), name] for place, name in enumerate(CLASSES * 30))
    places = {"runs_dir": str(folder / "runs"), "exports_dir": str(folder / "exports")}
    return train("mlp", data="csv", path=str(folder / "tab [le].csv"), target="kind", epochs=1, **places)


def test_a_run_in_a_folder_with_brackets_is_exported_and_opened(trained):
    export = Path(json.loads((trained.path / "export.json").read_text(encoding="utf-8"))["path"])
    assert {"serving_default", "strings"} <= set(Servable(export).signatures)
    again = load_run(trained.path)
    row = {name: np.array([0.5], "float32") for name in COLUMNS}
    assert again.predict(row)["label"][0] in CLASSES
    assert set(again.signatures) == {"serving_default", "strings"}


def test_pages_show_names_as_they_are(trained):
    page = (trained.path / "report.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page and "<i>b" not in page
    assert "&lt;i&gt;b&lt;/i&gt; |" in page
    export = Path(json.loads((trained.path / "export.json").read_text(encoding="utf-8"))["path"])
    text = (export / CARD).read_text(encoding="utf-8")
    assert r"\<i\>b\</i\> \|" in text and "<i>" not in text and "\x1b" not in text
    assert "in the order of its answers: " in text and "`[/z]`" in text

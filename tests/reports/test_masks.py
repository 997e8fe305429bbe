"""Pictures with masks say which colour is which class: in the report, on the model card, and in the demo."""

import json
from pathlib import Path

import pytest

from src.specs import Image, Mask
from tests.samples import PAIRS, catalogue


@pytest.fixture(scope="module")
def run(short_run):
    for model, data in PAIRS:
        file = catalogue.dataset(data)
        if file.inputs == (Image,) and catalogue.tasks_of(catalogue.model(model), file)[0].spec is Mask:
            return short_run(model, data)
    pytest.skip("nothing learns masks")


def squares(run):
    """What stands for each class on a page."""
    outputs = run.config["outputs"]
    colors = [", ".join(map(str, color)) for color in outputs["colors"]]
    return [f"rgb({color})" for color in colors], [f"</span> {name}</span>" for name in outputs["names"]]


def test_the_report_says_it_above_the_worst_masks(run):
    page = (run.path / "report.html").read_text(encoding="utf-8")
    worst = page[page.index("<h3>Worst masks") :]
    assert all(part in worst for parts in squares(run) for part in parts)


def test_the_model_card_names_the_colours(run):
    folder = Path(json.loads((run.path / "export.json").read_text())["path"])
    card = (folder / "assets.extra" / "model_card.md").read_text(encoding="utf-8")
    for name, color in zip(run.config["outputs"]["names"], run.config["outputs"]["colors"], strict=True):
        assert f"`{name}` (drawn in #{bytes(color).hex()})" in card


def test_the_demo_shows_them_below_its_answer(run):
    pytest.importorskip("gradio")
    from src.demo.exported import Exported
    from src.demo.page import page_of

    page = page_of(Exported(Path(json.loads((run.path / "export.json").read_text())["path"])))
    shown = [block.value for block in page.blocks.values() if isinstance(getattr(block, "value", None), str)]
    assert any(all(part in text for parts in squares(run) for part in parts) for text in shown)

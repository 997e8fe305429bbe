"""Examples that a run keeps for its report: those that are named, as people are shown them and know them."""

import csv
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from src.analysis.predictions import Predictions
from src.analysis.sections import EXAMPLE, Examples, Table
from src.data import text
from src.reports import examples
from src.reports.attributions import Explained
from src.reports.examples import ERRORS, OF_CLASSES, read_examples, save_examples
from src.settings import catalogue

TASK = SimpleNamespace(
    errors=lambda kept: [Examples("Mistakes", {3: "a", 1: "b"}), Table("All", [{EXAMPLE: 4}, {EXAMPLE: 1}])]
)


@pytest.fixture(autouse=True)
def _without_a_model(monkeypatch):
    monkeypatch.setattr(examples, "save_attributions", lambda *_: None)


def loaded(name, folder, **knobs):
    """The data set made of a sample of users' files."""
    if name not in catalogue.datasets():
        pytest.skip(f"there is no {name}")
    module = catalogue.load(catalogue.dataset(name))
    return module.load(**{**module.sample(folder), **knobs})


def kept(data, folder):
    """What is kept of a run on the data."""
    (folder / "figures").mkdir(parents=True)
    Predictions("test", len(data.test), np.arange(len(data.test)), {}).save(folder)
    save_examples(
        folder, Explained(None, TASK, data), {"train": data.train, "validation": data.validation, "test": data.test}
    )
    return read_examples(folder / "figures" / ERRORS), read_examples(folder / "figures" / OF_CLASSES)


def test_pictures_are_called_by_their_file(tmp_path):
    (tmp_path / "data").mkdir()
    data = loaded("images", tmp_path / "data", image_size=(9, 12))
    shown, classes = kept(data, tmp_path / "run")
    assert {number for number, example in shown.items() if example.content} == {1, 3}
    assert set(shown) == {1, 3, 4}, "those of a table have names alone"
    raw, labels = data.test.examples(5)
    for number in (1, 3):
        np.testing.assert_array_equal(np.asarray(Image.open(shown[number].content)), raw["image"][number])
    names = [data.outputs.names[label] for label in labels]
    assert all(Path(example.name).parent.name == names[number] for number, example in shown.items())
    assert all((tmp_path / "data" / example.name).is_file() for example in shown.values())
    assert [example.caption for example in classes.values()] == list(data.outputs.names)
    assert all(Path(example.name).parent.name == example.caption for example in classes.values())


def test_rows_are_called_by_their_number_in_the_table(tmp_path):
    data = loaded("csv", tmp_path)
    shown, _ = kept(data, tmp_path / "run")
    with open(tmp_path / "days.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for example in (shown[1], shown[3]):
        row = rows[int(example.name.removeprefix("row ")) - 1]
        assert f"weather: {row['weather']}" in example.content.splitlines()
        assert f"weekday: {row['weekday']}" in example.content


def test_columns_are_called_as_in_the_file_and_numbers_are_short(tmp_path):
    rows = [f"{'' if n % 5 == 3 else n % 9},{n + 0.68456:.5f},{'' if n % 3 else 'a'},{n % 2}" for n in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["x (m2),b,side,y", *rows]))
    data = loaded("csv", tmp_path, path=str(tmp_path / "t.csv"), target="y")
    shown, _ = kept(data, tmp_path / "run")
    for example in (shown[1], shown[3]):
        x, b, side, _ = rows[int(example.name.removeprefix("row ")) - 1].split(",")
        assert set(example.content.splitlines()) == {f"x (m2): {x}", f"b: {float(b):.4f}", f"side: {side}"}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.float32(37), "37"),
        (np.float32(54.684), "54.684"),
        (1 / 3, "0.3333"),
        (1732500000.0, "1732500000"),
        (1e-8, "1e-08"),
        (1e30, "1e+30"),
        (np.nan, ""),
        (np.int64(3), "3"),
        (np.float32([1, 2.5]), "[1 2.5]"),
        (b"1.0", "1.0"),
    ],
)
def test_values_are_written_as_people_write_them(value, said):
    assert text(value) == said


def test_a_pipeline_whose_order_changes_has_none(tmp_path):
    data = loaded("csv", tmp_path)
    data.test.is_exact = data.train.is_exact = False
    assert kept(data, tmp_path / "run") == ({}, {})

"""Data sets of TensorFlow Datasets that can't be fetched."""

import json

import numpy as np
import pytest

from src.errors import UserError
from src.readers import tfds


def test_a_set_that_can_not_be_fetched_says_so_quickly(tmp_path, monkeypatch):
    library = pytest.importorskip("tensorflow_datasets")
    monkeypatch.setattr(library.core.constants, "DATA_DIR", str(tmp_path))
    monkeypatch.setattr(tfds, "_unreachable", lambda address: "no network")
    with pytest.raises(UserError, match=r"(?s)mnist.*no network.*TFDS_DATA_DIR"):
        tfds.prepared("mnist")


def test_an_address_that_nobody_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(tfds, "PROBE_S", 0.2)
    assert "refused" in tfds._unreachable("http://127.0.0.1:9/")
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert tfds._unreachable(address) is not None


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The folder of a small set in a folder with brackets."""
    library = pytest.importorskip("tensorflow_datasets")
    folder = tmp_path / "data [sets]"
    monkeypatch.setenv("TFDS_DATA_DIR", str(folder))
    library.dataset_builders.store_as_tfds_dataset(
        "toy",
        version="1.0.0",
        features=library.features.FeaturesDict({"age": np.float32}),
        data_dir=str(folder),
        split_datasets={"train": [(number, {"age": float(number)}) for number in range(3)]},
        disable_shuffling=True,
    )
    return folder / "toy" / "1.0.0"


def test_a_set_is_found_whatever_its_folder_is_called(toy):
    batches = tfds.examples(tfds.prepared("toy"), "age")
    assert [batch["age"].tolist() for batch in batches] == [[0, 1, 2]]


@pytest.mark.parametrize("key", ["type", "pythonClassName"])
def test_a_set_imports_no_code_of_its_own(toy, tmp_path, monkeypatch, key):
    (tmp_path / "planted.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    file = toy / "features.json"
    content = json.loads(file.read_text())
    content["featuresDict"]["features"]["age"] = {key: "planted.Feature", "content": {}}
    file.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"features\.json names the Python class 'planted\.Feature'"):
        tfds.prepared("toy")
    assert not (tmp_path / "executed").exists()

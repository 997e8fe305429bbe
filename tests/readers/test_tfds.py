"""Data sets of TensorFlow Datasets that can't be fetched."""

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

"""Where things are kept for users who have a folder, and for those who have none."""

import os
import tempfile
from pathlib import Path

import pytest

from src.system import places


@pytest.fixture(autouse=True)
def user(tmp_path, monkeypatch):
    """Nobody says where; the user has a folder."""
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))


def test_things_are_kept_in_the_users_folder(tmp_path):
    assert places.decoded() == tmp_path / ".keras" / "datasets" / "decoded"
    assert places.weights() == tmp_path / ".keras" / "models"
    assert places.data_sets() == tmp_path / "tensorflow_datasets"


def test_variables_move_them(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", "/fast")
    monkeypatch.setenv("TFDS_DATA_DIR", "~/sets")
    assert places.decoded() == Path("/fast/datasets/decoded")
    assert places.weights() == Path("/fast/models")
    assert places.data_sets() == tmp_path / "sets"


def test_a_user_without_a_folder_has_one_for_temporary_files(monkeypatch):
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as it does for a user that nobody knows
    assert places.decoded().is_relative_to(tempfile.gettempdir())
    assert places.data_sets().is_relative_to(tempfile.gettempdir())


def test_sets_are_read_where_nothing_can_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(places.os, "access", lambda path, mode: False)
    assert places.decoded().is_relative_to(tempfile.gettempdir())
    assert places.data_sets().is_relative_to(tempfile.gettempdir())
    (tmp_path / "tensorflow_datasets").mkdir()
    assert places.data_sets() == tmp_path / "tensorflow_datasets"

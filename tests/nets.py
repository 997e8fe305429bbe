"""A small model file, outside models/, for tests that train."""

from pathlib import Path

NET = '''"""Linear net: for tests."""

import keras

from src.layers import features, flat, head
from src.specs import Classes, Columns, Image, Series, Values, Vector

TAKES, GIVES = (Vector, Columns, Image, Series), (Classes, Values)
FIT = {"learning_rate": 0.03, "epochs": 2}


def build(inputs, outputs, *, units: int = 4) -> keras.Model:
    """Returns a small net.

    Args:
        units: of its hidden layer.
    """
    tensors = features(inputs)
    return keras.Model(tensors, head(outputs)(keras.layers.Dense(units)(flat(inputs, tensors))))
'''


def written(folder: Path) -> Path:
    """The path of the file, in a folder."""
    path = folder / "small_net.py"
    path.write_text(NET)
    return path

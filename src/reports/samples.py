"""Samples of a model's work in a run's folder, figures/samples/, for the report."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from src.system.files import whole, write_json

KEPT = "kept"  # pictures by the weights that were kept

Sample: TypeAlias = str | np.ndarray  # a text, or a picture, uint8 (height, width, channels)


def save_samples(folder: Path, samples: Mapping[str, Sample]) -> None:
    """Keeps samples of the finished model."""
    write_json(folder / "figures" / "samples.json", {k: v for k, v in samples.items() if isinstance(v, str)})
    save_pictures(folder, samples, KEPT)


def save_pictures(folder: Path, samples: Mapping[str, Sample], file: str) -> None:
    """Pictures as figures/samples/NAME/`file`.png."""
    for name, picture in samples.items():
        if not isinstance(picture, str):
            save_picture(folder / "figures" / "samples" / folder_of(name) / f"{file}.png", picture)


def save_picture(path: Path, picture: np.ndarray) -> None:
    """Writes a picture, uint8 (height, width, channels), as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as partial:
        partial.write_bytes(tf.io.encode_png(picture).numpy())


def folder_of(picture: str) -> str:
    """The folder of the pictures of that name."""
    return picture.replace(" ", "_")

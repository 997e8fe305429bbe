"""From what was filled in to a request: the values of a field's inputs, or one line that says what is wrong."""

import io
import json
import math
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from src.demo.components import Field
from src.errors import UserError
from src.generation.latents import arc, latents
from src.readers import csv_files, input_tables
from src.readers.requests import Reading
from src.readers.text_files import text_of

FLAGS = re.compile(r"(, or say --|: say which is the decimal mark, --| \(--decimal\)).*")  # at the end of a message
MOST_BYTES = 2**20  # of a file of series: only its last rows are looked at


def picture(field: Field, path: str | None) -> dict[str, Any]:
    """The bytes of a file as it is: the graph decodes it, and says what it can't."""
    if not path:
        raise UserError("There is no picture: drop one.")
    return {name: Path(path).read_bytes() for name in field.inputs}


def sketch(field: Field, drawing: Mapping[str, Any] | None) -> dict[str, Any]:
    """A drawing as PNG: ink on paper, in the greys and the size of the training's pictures."""
    layers = drawing["layers"] if drawing else []
    ink = np.max([layer[..., 3] for layer in layers], axis=0) if layers else np.zeros((1, 1), "uint8")
    if not ink.any():
        raise UserError("The sketch is empty: draw something.")
    (name,) = field.inputs
    picture = Image.fromarray(ink if is_bright_on_dark(field) else 255 - ink)
    if field.sample:
        picture = picture.resize(grey(field).shape[::-1], Image.Resampling.BOX)
    written = io.BytesIO()
    picture.save(written, "PNG")
    return {name: written.getvalue()}


def is_bright_on_dark(field: Field) -> bool:
    """Whether the sample's picture is bright on a dark ground, by its edge."""
    if not field.sample:
        return False
    pixels = grey(field)
    return bool(np.median([*pixels[0], *pixels[-1], *pixels[:, 0], *pixels[:, -1]]) < 128)


def grey(field: Field) -> np.ndarray:
    """The sample's picture, of one channel, in 8 bits: uint8 (height, width)."""
    (encoded,) = field.sample.values()
    pixels = np.asarray(Image.open(io.BytesIO(encoded)))
    return pixels if pixels.dtype == np.uint8 else (255 * (pixels / max(1, pixels.max()))).astype("uint8")


def text(field: Field, value: str | None) -> dict[str, Any]:
    """A text of several lines, or a single word."""
    if not value and not field.may_be_empty:
        raise UserError(f"{field.label} is empty: write something.")
    return dict.fromkeys(field.inputs, value or "")


def number(field: Field, value: float | str | None) -> dict[str, Any]:
    """A number as it is; NaN where it may be missing, and is."""
    ((name, spec),) = field.inputs.items()
    if value is None or value == "":
        if field.may_be_empty and "float" in spec.dtype:
            return {name: math.nan}
        raise UserError(f"{field.label} is empty: give a number.")
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise UserError(f"{field.label} is {value!r:.60}, not a number.")
    if "int" in spec.dtype and value != int(value):
        raise UserError(f"{field.label} is {value:g}, not a whole number.")
    return {name: int(value) if "int" in spec.dtype else value}


def latent(field: Field, first: float | None, last: float | None, way: float) -> dict[str, Any]:
    """A vector on the way from that of one seed to that of another."""
    ((name, spec),) = field.inputs.items()
    seed = spec._replace(dtype="int32")
    seeds = [
        number(Field("number", {label: seed}, {}, {}), value)[label]
        for label, value in (("From seed", first), ("To seed", last))
    ]
    start, end = latents(tf.constant(seeds, tf.int32), spec.shape[1]).numpy()
    return {name: arc(start, end, np.array([way]))[0]}


def series(field: Field, table: str | None) -> dict[str, Any]:
    """The last values of the series in a CSV table, as many as the model looks at."""
    called = {name: field.called.get(name, name) for name in field.inputs}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "The table"
        path.write_text(table or "", encoding="utf-8")
        try:
            parsed = csv_files.table(path).with_columns(called.values())
            dtypes = {name: spec.dtype for name, spec in field.inputs.items()}
            pieces, _ = input_tables.examples_of(parsed, field.inputs, Reading(columns=called), dtypes)
            examples = next(pieces)
        except ValueError as error:
            raise UserError(_reason(str(error), path)) from None
    if examples.unread:
        ((_, reason), *_) = examples.unread
        raise UserError(_reason(reason, path))
    return {name: column[0] for name, column in examples.request.items()}


def table_of(path: Path) -> str:
    """The text of an uploaded table."""
    if path.stat().st_size > MOST_BYTES:
        raise UserError(f"{path.name} is larger than {MOST_BYTES // 2**20} MB: keep its header and last rows.")
    try:
        return text_of(path)[0]
    except ValueError as error:
        raise UserError(_reason(str(error), path)) from None


def _reason(message: str, path: Path) -> str:
    """What a reader of files says of one, without its folder, and without flags, which a page hasn't."""
    return f"{FLAGS.sub('', message.replace(str(path), path.name))}."


def as_json(field: Field, value: str | None) -> dict[str, Any]:
    """An array of any shape."""
    try:
        return dict.fromkeys(field.inputs, json.loads(value or ""))
    except ValueError:
        raise UserError(f"{field.label} isn't JSON, such as [[1, 2], [3, 4]].") from None


READ: Mapping[str, Callable[..., dict[str, Any]]] = {
    "picture": picture,
    "sketch": sketch,
    "choice": text,
    "text": text,
    "word": text,
    "slider": number,
    "number": number,
    "latent": latent,
    "series": series,
    "json": as_json,
}

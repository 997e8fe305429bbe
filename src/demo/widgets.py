"""Gradio's components, by the names that the tables of components.py give them: to fill in, and to show."""

import csv
import html
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from src.demo import reading
from src.demo.components import SLIDERS, Field
from src.demo.exported import About
from src.errors import UserError

CANVAS, PEN = 320, 13  # pixels of a sketch's longer side, and of the radius of its pen
TALLEST = 420  # pixels of a list, which is scrolled then
TOOLS = 120  # … of the height of what is around it
MOST_BARS = 10
MOST_CHARACTERS = 100_000  # of a sample as JSON


def refusal(error: Exception) -> gr.Error:
    """An error as Gradio shows it in a corner of the page, which lives on."""
    return gr.Error(html.escape(str(error), quote=False), title="No answer", print_exception=False)


def _picture(field: Field, about: About) -> list[gr.Image]:
    sample = next(iter(field.sample.values()), None)
    image = Image.open(io.BytesIO(sample)) if sample else None
    part = gr.Image(
        image,
        label="Picture",
        image_mode=None,
        format="png",
        height=CANVAS,
        min_width=CANVAS,
        buttons=[],
        elem_classes="picture",
    )
    # The file as it is, and not read by Gradio: what is wrong with it, the graph says better.
    setattr(part, "preprocess", lambda upload: upload and upload.path)  # noqa: B010 (a method, to mypy)
    return [part]


def _sketch(field: Field, about: About) -> list[gr.ImageEditor]:
    """Ink on paper; the sample's picture is ink, too, which can be wiped away."""
    shades = reading.grey(field) if field.sample else np.full((CANVAS, CANVAS), 255, "uint8")
    scale = max(1, CANVAS // max(shades.shape))  # pixels of the sketch for one of the model's
    ink = (shades if reading.is_bright_on_dark(field) else 255 - shades).repeat(scale, axis=0).repeat(scale, axis=1)
    height, width = ink.shape
    pad = gr.ImageEditor(
        _drawing(ink),
        label="Sketch",
        sources=(),
        brush=gr.Brush(default_size=max(PEN, 3 * scale // 4), colors=["#000000"], color_mode="fixed"),
        layers=False,
        transforms=(),
        format="png",
        buttons=[],
        canvas_size=(width, height),
        fixed_canvas=True,
        height=height + TOOLS,
    )
    blank = _drawing(np.zeros_like(ink))  # Gradio's own has to be told to draw again
    pad.clear(lambda: blank, outputs=pad, show_progress="hidden", api_visibility="private")
    return [pad]


def _drawing(ink: np.ndarray) -> Any:
    """Ink, uint8 (height, width), on white paper."""
    paper, black = np.full((*ink.shape, 3), 255, "uint8"), np.zeros((*ink.shape, 3), "uint8")
    return {"background": paper, "layers": [np.dstack([black, ink])], "composite": np.dstack([255 - ink] * 3)}


def _choice(field: Field, about: About) -> list[gr.Dropdown]:
    return [gr.Dropdown([*about.names], value=_sample(field), label=field.label)]


def _text(field: Field, about: About) -> list[gr.Textbox]:
    return [gr.Textbox(_sample(field), label=field.label, lines=6, max_lines=20, min_width=320)]


def _word(field: Field, about: About) -> list[gr.Textbox]:
    return [gr.Textbox(_sample(field), label=field.label, placeholder=_placeholder(field))]


def _number(field: Field, about: About) -> list[gr.Number]:
    return [gr.Number(_sample(field), label=field.label, placeholder=_placeholder(field))]


def _slider(field: Field, about: About) -> list[gr.Slider]:
    (name,) = field.inputs
    least, most, step = SLIDERS[name]
    return [gr.Slider(least, most, _sample(field), step=step, label=field.label, min_width=210)]


def _latent(field: Field, about: About) -> list[gr.Number | gr.Slider]:
    ends = [gr.Number(seed, label=label) for seed, label in enumerate(("From seed", "To seed"))]
    return [*ends, gr.Slider(0, 1, 0, step=0.01, label="Way between them", min_width=320)]


def _series(field: Field, about: About) -> list[gr.Textbox]:
    """A table with a column for each series, pasted or uploaded."""
    columns = {field.called.get(name, name): column for name, column in field.sample.items()}
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([[*columns], *zip(*columns.values(), strict=True)])
    with gr.Column(min_width=320):
        label = "Table (CSV), oldest row first"
        table = gr.Textbox(written.getvalue(), label=label, lines=10, max_lines=20, elem_classes="table")
        upload = gr.UploadButton("Upload a CSV file")
    upload.upload(_uploaded, upload, table, api_visibility="private")
    return [table]


def _uploaded(path: str) -> str:
    try:
        return reading.table_of(Path(path))
    except UserError as error:
        raise refusal(error) from None


def _json(field: Field, about: About) -> list[gr.Textbox]:
    sample = "".join(json.dumps(value.tolist()) for value in field.sample.values())
    shown = sample if len(sample) <= MOST_CHARACTERS else ""
    return [gr.Textbox(shown, label=f"{field.label} (JSON)", lines=6, max_lines=20, min_width=320)]


def _sample(field: Field) -> Any:
    """The sample of a field's only input, as JSON has it; None where there is none."""
    sample = next(iter(field.sample.values()), None)
    if isinstance(sample, bytes):
        return sample.decode(errors="replace")
    if isinstance(sample, np.generic):
        return float(str(sample)) if isinstance(sample, np.floating) else sample.item()  # 0.1 of float32 as 0.1
    return sample


def _placeholder(field: Field) -> str | None:
    return "missing" if field.may_be_empty else None


def _table(label: str) -> gr.HTML:
    return gr.HTML(
        label=label, show_label=True, container=True, padding=True, max_height=TALLEST, apply_default_css=False
    )


# From a field to the components in which it is filled in.
FIELDS: Mapping[str, Callable[[Field, About], list[Any]]] = {
    "picture": _picture,
    "sketch": _sketch,
    "choice": _choice,
    "text": _text,
    "word": _word,
    "number": _number,
    "slider": _slider,
    "latent": _latent,
    "series": _series,
    "json": _json,
}
PARTS = {"latent": 3}  # components of a field that has more than one
# From what stands above an answer to the component that shows it.
SHOWN: Mapping[str, Callable[[str], Any]] = {
    "picture": lambda label: gr.Image(
        label=label, format="png", interactive=False, buttons=["download", "fullscreen"], elem_classes="picture"
    ),
    "bars": lambda label: gr.Label(label=label, num_top_classes=MOST_BARS),
    "shares": lambda label: gr.Label(label=label, num_top_classes=MOST_BARS, show_heading=False),
    "number": lambda label: gr.Label(label=label),
    "word": lambda label: gr.Label(label=label),
    "text": lambda label: gr.Textbox(label=label, lines=8, max_lines=30, interactive=False, buttons=["copy"]),
    "things": _table,
    "texts": _table,
    "values": lambda label: gr.Textbox(label=label, lines=4, interactive=False),
    "json": lambda label: gr.Textbox(label=label, lines=8, max_lines=20, interactive=False),
}

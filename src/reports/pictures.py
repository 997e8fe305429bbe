"""Pictures within a page: a plot as SVG, a file as a data URL, so that the page is one file."""

import base64
import io
import re
import warnings
from pathlib import Path

import markupsafe
from matplotlib.figure import Figure
from PIL import Image

from src.analysis.plots import INK

LARGE, WIDEST = 200_000, 1000  # bytes of a picture that is made smaller, and pixels that a page is wide
KINDS = {".png": "image/png", ".jpg": "image/jpeg"}


def svg(figure: Figure) -> markupsafe.Markup:
    """The plot, drawn `in_ink`, as an element of a page, in whose colour of texts it has its ink."""
    written = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the browser's fonts have it
        figure.savefig(written, format="svg", metadata={"Date": None})
    text = written.getvalue()
    element = text[text.find("<svg") :].replace(INK, "currentColor")  # names and titles are escaped by matplotlib
    return markupsafe.Markup(re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL))


def data_url(file: Path) -> str:
    """The content of a picture's file; of a large one, as JPEG and no larger than a page shows it."""
    content, kind = file.read_bytes(), KINDS[file.suffix]
    if len(content) > LARGE:
        written = io.BytesIO()
        with Image.open(file) as picture:
            smaller = picture.convert("RGB")
        smaller.thumbnail((WIDEST, 2 * WIDEST))
        smaller.save(written, "JPEG", quality=85)
        content, kind = written.getvalue(), KINDS[".jpg"]
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"

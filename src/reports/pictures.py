"""Pictures within a page: a plot as SVG, a file as a data URL, so that the page is one file; and examples as files."""

import base64
import io
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import markupsafe
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from src.analysis.plots import INK
from src.system.files import whole

LARGE, WIDEST = 200_000, 1000  # bytes of a picture that is made smaller, and pixels that a page is wide
SIDE = 224  # pixels of an example that is kept, at most
SMALL = 64  # pixels of a side, up to which examples are kept as they are
# A point with a name, as src/analysis/plots.py has it drawn.
NAMED = re.compile(
    r"""<a xlink:href=(["'])(.*?)\1 target="_blank">\s*(?:<g [^>]*>\s*)?<use [^>]*x="([-\d.]+)" y="([-\d.]+)"[^>]*/>"""
    r"\s*(?:</g>\s*)?</a>"
)
KINDS = {".png": "image/png", ".jpg": "image/jpeg"}


def svg(figure: Figure) -> markupsafe.Markup:
    """The plot, drawn `in_ink`, as an element of a page, in whose colour of texts it has its ink."""
    written = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the browser's fonts have it
        figure.savefig(written, format="svg", metadata={"Date": None})
    text = written.getvalue()
    element = text[text.find("<svg") :].replace(INK, "currentColor")  # names and titles are escaped by matplotlib
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    return markupsafe.Markup(
        NAMED.sub(r'<circle class="named" cx="\3" cy="\4" r="4"><title>\2</title></circle>', element)
    )


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


def legend(names: Sequence[str], colors: Sequence[Sequence[int]]) -> markupsafe.Markup:
    """A square in the colour of each class, RGB, and its name: an element of any page, light or dark."""
    square = markupsafe.Markup(
        '<span style="white-space: nowrap; margin-right: 1em"><span style="display: inline-block; width: .8em; '
        'height: .8em; border: 1px solid #888; background: rgb({}, {}, {})"></span> {}</span> '
    )
    squares = (square.format(*color, name) for name, color in zip(names, colors, strict=True))
    return markupsafe.Markup("<p>{}</p>").format(markupsafe.Markup("").join(squares))


def save_example(path: Path, pixels: np.ndarray, side: int = SIDE) -> None:
    """Writes a picture, uint8 (height, width, 1 or 3), to `path` with an ending: a large one as JPEG, up to `side`."""
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    is_small = max(picture.size) <= SMALL
    picture.thumbnail((side, side))
    with whole(path.with_suffix(".png" if is_small else ".jpg")) as partial:
        picture.save(partial, quality=85)

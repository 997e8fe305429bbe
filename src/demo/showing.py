"""From the answers of a signature to what their components show."""

import html
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from src.analysis.plots import in_ink, panel
from src.demo.exported import About
from src.reports.pictures import svg
from src.system.screen import drawn

LARGE = 256  # pixels of a picture's width below which it is shown larger
MOST_CHARACTERS = 4_000  # of an answer that has no better component
MOST_CURVES = 12
SIDES = ("top", "left", "bottom", "right")


def picture(answer: bytes, about: About) -> Image.Image:
    """A PNG, each pixel of a small one as a square."""
    image = Image.open(io.BytesIO(answer))
    scale = max(1, LARGE // image.width)
    return image.resize((scale * image.width, scale * image.height), Image.Resampling.NEAREST)


def bars(answer: np.ndarray, about: About) -> dict[str, float]:
    """Probabilities by the names of what they are of; blanks can be seen."""
    labels = [label if label.strip() else repr(label) for label in _names(about, len(answer))]
    return {label: float(share) for label, share in zip(labels, answer, strict=True)}


def number(answer: Any, about: About) -> str:
    """A number in its unit."""
    return f"{digits(answer)} {about.unit}".rstrip()


def values(answer: np.ndarray, about: About) -> str:
    """A line for each value."""
    lines = zip(_names(about, len(answer)), answer, strict=True)
    return "\n".join(f"{label}: {number(value, about)}" for label, value in lines)


def text(answer: str, about: About) -> str:
    """A text as it is."""
    return answer


def as_json(answer: Any, about: About) -> str:
    """The beginning of anything else."""
    written = json.dumps(answer.tolist() if isinstance(answer, np.ndarray) else answer, default=repr)
    return written if len(written) <= MOST_CHARACTERS else f"{written[:MOST_CHARACTERS]} …"


SHOW: Mapping[str, Callable[[Any, About], Any]] = {
    "picture": picture,
    "bars": bars,
    "shares": bars,
    "values": values,
    "number": number,
    "text": text,
    "word": text,
    "json": as_json,
}


def things(answers: Mapping[str, Any]) -> str:
    """HTML with a row for each thing that was found in a picture: what it is, how certain, and where, in pixels."""
    columns = (answers[name][: answers["count"]] for name in ("label", "score", "boxes"))
    rows = [
        [label, f"{score:.2f}", *(f"{edge:.0f}" for edge in box)] for label, score, box in zip(*columns, strict=True)
    ]
    return _table(["", "score", *SIDES], rows)


def texts(answers: Mapping[str, Any]) -> str:
    """HTML with a row for each text that was found: the text, and its score, -inf where there is none."""
    found = zip(answers["texts"], answers["scores"], strict=True)
    return _table(["", "score"], [[text, f"{score:.2f}"] for text, score in found if np.isfinite(score)])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "<p>nothing</p>"
    titles = "".join(f"<th>{name}</th>" for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<table class="things"><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>'


# What shows several answers at once.
TABLES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {"things": things, "texts": texts}


def curves(past: Mapping[str, Sequence[float]], ahead: Mapping[str, Sequence[float]], called: Mapping[str, str]) -> str:
    """HTML with a plot for each series, and the numbers that are forecast.

    Args:
        past: the values of each series that the model looks at, (window,), oldest first.
        ahead: the values after them, (horizon,), of those that are forecast.
        called: the names of the series where they aren't those of the inputs.
    """
    names = list(dict.fromkeys([*past, *ahead]))
    with in_ink():
        plots = [
            _curve(called.get(name, name), past.get(name, []), ahead.get(name, [])) for name in names[:MOST_CURVES]
        ]
    more = f"<p>and {len(names) - MOST_CURVES} more series</p>" if len(names) > MOST_CURVES else ""
    return f'<div class="curves">{"".join(plots)}</div>{more}'


def _curve(title: str, past: Sequence[float], ahead: Sequence[float]) -> str:
    figure, axes = panel(height=2.2, title=drawn(title))
    axes.plot(range(1 - len(past), 1), past)
    if not len(ahead):
        return f"<figure>{svg(figure)}</figure>"
    joined = [*past[-1:], *ahead]
    axes.plot(range(1 + len(ahead) - len(joined), 1 + len(ahead)), joined, color="C1", marker=".")
    return f"<figure>{svg(figure)}<figcaption>next: {', '.join(map(digits, ahead))}</figcaption></figure>"


def digits(value: Any) -> str:
    """A number with all digits that its type has."""
    value = np.asarray(value)
    return str(value) if value.dtype.kind in "iub" else np.format_float_positional(value, 7, fractional=False, trim="-")


def _names(about: About, count: int) -> Sequence[str]:
    """Names of so many numbers; their places where the export doesn't say them."""
    return about.names if len(about.names) == count else [str(place) for place in range(count)]

"""What a model looks at, kept in a run's folder, so that the report needs neither model nor data set.

figures/attributions has NUMBER.png or .jpg, the picture of an example with what spoke for its answer and against it, or
with its target and prediction drawn on it; texts.json, the words of examples; and columns.json, the importance of each
column of a table.
"""

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias, TypedDict

import keras
import numpy as np
import tensorflow as tf
from PIL import Image as Picture

from src.analysis.attribution import REPEATS, erased_words, importances, integrated_gradients
from src.analysis.intervals import Scores
from src.analysis.plots import panel
from src.analysis.predictions import Predictions
from src.analysis.sections import CHARACTERS, Plot, Section, Table
from src.data import Data, Divisible, Raw, Source, Targets
from src.reports.pictures import SMALL, save_example
from src.signatures import features_of, predictor
from src.specs import Columns, Image, Tokens, Vector
from src.system import records
from src.system.files import write_json
from src.system.screen import drawn, shortened
from src.task import Task

FOLDER = "attributions"
GRID = 16  # cells a side, to which the attributions of a large picture's pixels are averaged
FOR, AGAINST = (31, 119, 180), (230, 97, 1)  # RGB of what speaks for an answer and against it
FULL = 99  # percentile of the pixels, from which on a colour is full
AT_A_TIME = 64  # texts
MOST_ROWS, MOST_ANSWERS = 1000, 300_000  # of validation, and what importance may ask of a model
MOST_SCORES = 500  # by which columns are judged; each is shuffled twice at least
DRAWN = 15  # columns
OVERLAY = 720  # pixels of the longer side of a picture above itself, with what was predicted, at most

Example: TypeAlias = tuple[int, Raw, Targets]  # number in the split, and a batch of one
Examples: TypeAlias = Iterable[Example]
Marked: TypeAlias = list[tuple[str, float]]  # words, each with what it adds to the evidence, from -1 to 1


class Changed(TypedDict):
    """A column's part of columns.json: how much worse the figure gets."""

    column: str
    mean: records.Finite
    deviation: records.Finite


class Importances(TypedDict):
    """The content of columns.json: the figure on so many validation examples, and its change by column."""

    figure: str
    value: records.Finite
    examples: int
    repeats: int
    columns: list[Changed]


@dataclass(frozen=True)
class Explained:
    """A model that is asked why it answers as it does.

    Args:
        model: from features to prediction.
        task: says what of a prediction is evidence for an answer.
        data: has the way to the features.
    """

    model: keras.Model
    task: Task
    data: Data

    @cached_property
    def predict(self) -> Any:
        """From features to prediction."""
        return predictor(self.model)

    @cached_property
    def _preprocess(self) -> Any:
        """From raw examples to features, traced: a table may have hundreds of inputs, and is asked many times."""
        return tf.function(lambda raw: features_of(self.data.preprocess, raw), reduce_retracing=True)

    def features(self, raw: Mapping[str, Any]) -> Any:
        """The features of raw examples."""
        return self._preprocess({name: tf.constant(column) for name, column in raw.items()})

    def evidence(self, raw: Raw) -> Callable[[Any], tf.Tensor]:
        """From features to the evidence that they give for the answer to a raw example."""
        assert self.task.evidence
        ask, answered = self.task.evidence, self.predict(self.features(raw))
        return lambda features: ask(self.predict(features), answered)

    def scores(self, raw: Raw, target: Any) -> Scores | None:
        """How examples are scored; None where the task scores none."""
        features, target, *_ = self.task.supervise(self.features(raw), tf.constant(target))
        kept = self.task.keep(features, target, self.predict(features))
        columns = {name: np.asarray(column) for name, column in kept.items()}
        if not columns:
            return None
        size = len(next(iter(columns.values())))
        return self.task.scores(Predictions("validation", size, np.arange(size), columns))


def save_attributions(folder: Path, explained: Explained, examples: Examples, validation: Source) -> None:
    """Keeps what the features of examples show of a model, in place of what was kept at another time.

    Args:
        folder: of the run.
        explained: the model, its task and its data.
        examples: that the report shows.
        validation: the split on which the columns of a table are judged.
    """
    place = folder / "figures" / FOLDER
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    match explained.data.inputs:
        case Image() if explained.task.overlay:
            _save_overlays(place, explained, examples)
        case Image() if explained.task.evidence:
            _save_pictures(place, explained, examples)
        case Tokens() if explained.task.evidence:
            _save_texts(place, explained, examples)
        case Columns() | Vector():
            _save_columns(place, explained, validation)


def pictures_of(folder: Path) -> dict[int, Path]:
    """By the number of an example, its picture with what is drawn on it."""
    files = sorted((folder / "figures" / FOLDER).glob("*.*g"))
    return {int(file.stem): file for file in files if file.stem.isdecimal()}


def texts_of(folder: Path) -> dict[int, Marked]:
    """By the number of an example, its words with what each speaks for."""
    file = folder / "figures" / FOLDER / "texts.json"
    texts = records.read(file, dict[str, list[list]]) if file.is_file() else {}
    return {int(number): [(str(word), float(weight)) for word, weight in words] for number, words in texts.items()}


def sections_of(folder: Path) -> list[Section]:
    """The importance of each column of a table; nothing where the features are none."""
    file = folder / "figures" / FOLDER / "columns.json"
    if not file.is_file():
        return []
    found = records.read(file, Importances)
    columns, figure, value = found["columns"], found["figure"], found["value"]
    drawing, axes = panel(6, 1.1 + 0.28 * min(len(columns), DRAWN), xlabel=f"how much worse {drawn(figure)} gets")
    shown = columns[:DRAWN][::-1]
    means, deviations = ([column[part] for column in shown] for part in ("mean", "deviation"))
    axes.set_axisbelow(True)
    axes.barh([drawn(shortened(column["column"])) for column in shown], means, xerr=deviations, color="C0", ecolor="C7")
    text = (
        f"How much worse {figure}, {value:.4g} on {found['examples']:,} validation examples, gets when a column's "
        f"values are shuffled among them: mean and deviation of {found['repeats']} times. Columns that tell the same "
        "share what they count; a little may be chance."
    )
    first = f"Importance of the first {DRAWN} of {len(columns):,} columns" if len(columns) > DRAWN else ""
    rows: list[dict[str, str | int | float]] = [
        {"column": c["column"], f"{figure} worse by": c["mean"], "deviation": c["deviation"]} for c in columns
    ]
    title = "Importance of each column"
    return [Plot(first or title, drawing, text), Table(title, rows, is_folded=True)]


def _save_pictures(place: Path, explained: Explained, examples: Examples) -> None:
    for number, raw, _ in examples:
        (pixels,) = explained.data.shown(raw)
        if not isinstance(pixels, str):
            (image,) = tf.convert_to_tensor(explained.features(raw))
            attributions = integrated_gradients(explained.evidence(raw), image)
            save_example(place / str(number), _coloured(pixels, attributions))


def _save_overlays(place: Path, explained: Explained, examples: Examples) -> None:
    assert explained.task.overlay
    for number, raw, target in examples:
        (pixels,) = explained.data.shown(raw)
        if not isinstance(pixels, str):
            features, target, *_ = explained.task.supervise(explained.features(raw), target)
            drawn_on = explained.task.overlay(pixels, target, explained.predict(features))
            save_example(place / str(number), drawn_on, OVERLAY)


def _coloured(pixels: np.ndarray, attributions: np.ndarray) -> np.ndarray:
    """A grey picture, uint8 (height, width, 3), in the colours of what its attributions speak for."""
    grey = Picture.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).convert("L")
    cells = Picture.fromarray(attributions.astype("float32"))
    if max(attributions.shape) > SMALL:
        cells = cells.resize((GRID, GRID), Picture.Resampling.BOX)
    smooth = Picture.Resampling.NEAREST if max(grey.size) <= SMALL else Picture.Resampling.BICUBIC
    values = np.asarray(cells.resize(grey.size, smooth))[..., None]
    strength = np.abs(values) / max(np.percentile(np.abs(values), FULL), 1e-12)
    colour = np.where(values > 0, FOR, AGAINST)
    light = 0.4 * np.asarray(grey, float)[..., None] + 120  # so that both colours show on black and on white
    return (light + (colour - light) * np.minimum(strength, 1)).astype("uint8")


def _save_texts(place: Path, explained: Explained, examples: Examples) -> None:
    texts = {str(number): _marked(explained, raw) for number, raw, _ in examples if len(raw) == 1}
    write_json(place / "texts.json", texts)


def _marked(explained: Explained, raw: Raw) -> Marked:
    """The words of a text, or of the beginning that is shown of it."""
    ((name, (encoded,)),) = raw.items()
    text, evidence = encoded.decode(errors="replace"), explained.evidence(raw)

    def of(beginnings: Sequence[str]) -> np.ndarray:
        whole = [beginning + text[CHARACTERS:] for beginning in beginnings]
        parts = [whole[start : start + AT_A_TIME] for start in range(0, len(whole), AT_A_TIME)]
        return np.concatenate([evidence(explained.features({name: part})) for part in parts])

    words = erased_words(of, text[:CHARACTERS])
    most = max((abs(weight) for _, weight in words), default=0) or 1
    return [(word, round(weight / most, 3)) for word, weight in words]


def _save_columns(place: Path, explained: Explained, validation: Source) -> None:
    raw, target = _sample(validation)
    table = {
        f"{explained.data.columns.get(name, name)}{'' if column.ndim == 1 else f'[{at}]'}": values
        for name, column in raw.items()
        for at, values in enumerate([column] if column.ndim == 1 else column.T)
    }
    if not (whole := explained.scores(raw, target)):
        return

    def score(columns: Mapping[str, np.ndarray]) -> float:
        left = iter(columns.values())
        again = {k: next(left) if c.ndim == 1 else np.stack([next(left) for _ in c.T], 1) for k, c in raw.items()}
        scores = explained.scores(again, target)
        return 0.0 if not scores else scores.mean if scores.is_more_better else -scores.mean

    repeats = min(REPEATS, max(2, MOST_SCORES // len(table)))
    columns = [asdict(importance) for importance in importances(score, table, repeats)]
    about = {"figure": whole.name, "value": whole.mean, "examples": len(whole.values), "repeats": repeats}
    write_json(place / "columns.json", {**about, "columns": columns})


def _sample(validation: Source) -> tuple[Raw, Any]:
    """Examples of the split, at random where they can be chosen; the fewer, the more columns there are."""
    raw, _ = validation.examples(1)
    columns = sum(np.asarray(column).size for column in raw.values())
    most = max(1, min(len(validation), MOST_ROWS, MOST_ANSWERS // (REPEATS * columns)))
    if isinstance(validation, Divisible):
        validation = validation.chosen(np.sort(np.random.default_rng(0).permutation(len(validation))[:most]))
    return validation.examples(most)

"""report.html: one file with everything that a reader is shown of a run, its pictures inside it."""

import shlex
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, TypedDict

import jinja2
import numpy as np

from src.analysis import predictions
from src.analysis.plots import in_ink
from src.analysis.sections import Plot, Section, Table
from src.reports.attributions import pictures_of, sections_of, texts_of
from src.reports.curves import kept_epoch, panels
from src.reports.examples import ERRORS, OF_CLASSES, read_examples
from src.reports.numbers import duration, number
from src.reports.pictures import data_url, legend, svg
from src.reports.samples import KEPT, folder_of
from src.reports.stages import stages
from src.reports.verdict import verdict
from src.runs import record
from src.runs.manifest import remarks
from src.runs.run import Run
from src.system import records

EXAMPLES = "examples.png"
EPOCHS = 12  # of whose pictures a page has room
MANY = 12  # rows, from which a table is closed at first


class Cost(TypedDict):
    """The content of cost.json."""

    seconds: float
    processor_seconds: float
    peak_bytes: float
    resumed: bool


def rendered(run: Run, names: list[str]) -> str:
    """The page.

    Args:
        run: the run.
        names: of the figures of a split, in the order in which they are shown.
    """
    knobs, origins = run.config["knobs"], run.config["origins"]
    colors = run.config["outputs"].get("colors", ())  # of masks
    with in_ink():
        return template("report.html").render(
            run=run,
            config=run.config,
            manifest=run.manifest,
            names=names,
            splits={name: figures for name, figures in run.metrics.items() if name != "baseline"},
            baseline=run.metrics["baseline"],
            curves=panels(run.history, kept_epoch(run.history, run.task.monitor, run.task.direction)),
            remarks=remarks(run.manifest),
            counts=_counts(run.manifest, run.config.get("columns", {})),
            stages=stages(run.model) if (run.path / "model.keras").is_file() else [],  # a search deletes it
            cost=cost_of(run.path),
            repeat=_repeat(run),
            chosen={name: value for name, value in knobs.items() if origins.get(name) != "default"},
            usual={name: value for name, value in knobs.items() if origins.get(name) == "default"},
            legend=legend(run.config["outputs"]["names"], colors) if colors else "",
            **_errors(run),
            **_samples(run),
        )


def template(name: str) -> jinja2.Template:
    """The page of that name in this folder, in which texts are texts, whatever is in them."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,  # names of classes, columns and files
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = {"number": number, "duration": duration, "svg": svg, "data_url": data_url, "cell": _cell}
    environment.filters |= filters
    environment.tests["path"] = lambda shown: isinstance(shown, Path)
    return environment.get_template(name)


def cost_of(path: Path) -> Cost | None:
    """What the training took; None of older runs, which don't say it."""
    file = path / "cost.json"
    return records.read(file, Cost) if file.is_file() else None


def _errors(run: Run) -> dict[str, Any]:
    """The verdict, and what the model gets wrong: plots side by side, and the other sections by kind."""
    kept, task = predictions.load(run.path), run.task.called(run.config.get("columns", {}))
    drawn = run.of_figures(task.draw) or {}
    plots = [Plot(_title(name), figure) for name, figure in drawn.items()]
    of_figures = run.of_figures(task.sections) or []
    sections: list[Section] = [*plots, *of_figures, *(task.errors(kept) if kept else [])]
    return {
        "verdict": verdict(run, kept),
        "errors": _by_kind(sections),
        "sample": f"{len(kept):,} of {kept.examples:,}" if kept and len(kept) < kept.examples else "",
        "shown": read_examples(run.path / "figures" / ERRORS),
        "attributions": pictures_of(run.path),
        "has_overlays": task.overlay is not None,
        "marked": texts_of(run.path),
        "importance": _by_kind(sections_of(run.path)),
    }


def _by_kind(sections: Sequence[Section]) -> list[tuple[str, list[Section]]]:
    """The sections in their order, neighbours of one kind together, with the name of the kind."""
    return [(kind, list(of_kind)) for kind, of_kind in groupby(sections, lambda section: type(section).__name__)]


def _title(name: str) -> str:
    """Of a plot; behind a blank may stand the name of a column, which stays as it is."""
    kind, blank, column = name.partition(" ")
    return kind[:1].upper() + kind[1:].replace("_", " ") + blank + column


def _samples(run: Run) -> dict[str, Any]:
    """Samples of the model's work, and training examples."""
    figures, task, texts = run.path / "figures", run.task, run.path / "figures" / "samples.json"
    meanings = {folder_of(name): text for name, text in task.meanings.items()}
    folders = sorted((figures / "samples").glob("*/"), key=lambda path: (*meanings, path.name).index(path.name))
    return {
        "samples": records.read(texts, dict[str, str]) if texts.is_file() else {},
        "pictures": {folder.name: _over_epochs(folder) for folder in folders},
        "side_by_side": [folder_of(name) for name in task.side_by_side],
        "meanings": meanings,
        "classes": (classes := read_examples(figures / OF_CLASSES)),
        "captions": {number: example.caption for number, example in classes.items()},
        "examples": data_url(figures / EXAMPLES) if (figures / EXAMPLES).is_file() else "",
    }


def _over_epochs(folder: Path) -> dict[str, Any]:
    """The picture by the weights that were kept, and those of epochs, evenly, the first and the last among them."""
    files = sorted(file for file in folder.glob("*.png") if file.stem != KEPT)
    places = sorted({round(place) for place in np.linspace(0, len(files) - 1, EPOCHS)}) if files else []
    epochs = {files[place].stem.lstrip("0"): data_url(files[place]) for place in places}
    kept = folder / f"{KEPT}.png"
    return {"kept": data_url(kept) if kept.is_file() else "", "epochs": epochs}


def _counts(manifest: Mapping[str, Any], columns: Mapping[str, str]) -> list[Table]:
    """Examples of each class in each split; or mean, least and largest of each value in training.

    Args:
        manifest: of the run.
        columns: what the user's file calls a value, where that isn't the same.
    """
    splits, tables = manifest["splits"], []
    for name, parts in splits["train"].items():
        if not isinstance(parts, dict) or not parts:
            continue
        if all(isinstance(count, int) for count in parts.values()):
            rows = [{name: part, **{split: _at(splits[split], name, part) for split in splits}} for part in parts]
        elif all(isinstance(about, dict) for about in parts.values()):
            rows = [{name: columns.get(part, part), **about} for part, about in parts.items()]
        else:
            continue
        tables.append(Table(f"{name.capitalize()} in {'each split' if 'train' in rows[0] else 'train'}", rows))
    return [Table(table.title, table.rows, is_folded=len(table.rows) > MANY) for table in tables]


def _at(split: Mapping[str, Any], name: str, part: str) -> int | str:
    about = split.get(name)
    return about.get(part, "") if isinstance(about, dict) else ""


def _repeat(run: Run) -> str:
    """The command, or the Python, that repeats it."""
    model, file = record.model_of(run.config), str(run.path / record.CONFIG)
    if by_hand := run.config.get("by_hand"):
        return f"train({model!r}, config={file!r}{''.join(f', {name}=…' for name in by_hand)})"
    return "make train " + shlex.join([f"MODEL={model}", f"ARGS=--config {shlex.quote(file)}"])


def _cell(value: Any) -> str:
    """A value of a table."""
    return number(value) if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)

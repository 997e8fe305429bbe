"""The judge: a trained model in whose features made examples are compared with a data set's own.

The file of a model that makes things names it, as JUDGE. It is trained once for a data set, kept in RUNS/judges, and
copied into each run that it measures, so that a run is complete in itself.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras

from src import catalogue, config
from src.config import Config
from src.files import whole
from src.loading import load_model
from src.locks import owned

FILE = "judge.keras"  # in a run's folder
PATIENCE_S = 3600  # for another process that trains the same one


def of(run: Path) -> keras.Model | None:
    """The judge of a run that has one."""
    return load_model(run / FILE) if (run / FILE).is_file() else None


def trained(
    settings: Config, manifest: Mapping[str, Any], folder: Path, teach: Callable, say: Callable[[str], None]
) -> keras.Model:
    """The judge of what `settings` train, trained now where there is none yet.

    Args:
        settings: of the model that will be judged; its file names the judge, and the judge gets its data set's knobs.
        manifest: of the data set: another content needs another judge.
        folder: of the runs.
        teach: trains a model of that name and those knobs, and gives back its run.
        say: is told that a judge is trained.
    """
    choices, wanted = settings.choices, dict(settings.choices.model.judge)
    name = wanted.pop("model")
    digests = {split: part["sha256"] for split, part in manifest["splits"].items() if split != "test"}
    of_what = [choices.data.name, name, wanted, catalogue.model(name).path.read_text(encoding="utf-8"), digests]
    digest = hashlib.sha256(json.dumps(of_what).encode()).hexdigest()
    place = folder / "judges" / f"{name}-{choices.data.name}-{digest[:12]}"
    place.mkdir(parents=True, exist_ok=True)
    with owned(place / ".lock", f"the judge {place}", PATIENCE_S):
        path = config.newest_run(place, name, None, "metrics.json")
        if path is None:
            say(f"{choices.model.name} is judged by {name}, which is trained once on {choices.data.name}:")
            shared = {knob: settings.values[knob] for knob in ("deterministic", "limit", "verbose")}
            knobs = {**settings.of("data"), **shared, **wanted, "data": choices.data.name, "runs_dir": str(place)}
            path = teach(name, **knobs, test=False, export=False, tensorboard=False).path
            say("")
    return load_model(path / "model.keras")


def keep(judge: keras.Model, run: Path) -> None:
    """Puts the judge into the folder of a run."""
    with whole(run / FILE) as partial:
        judge.save(partial)

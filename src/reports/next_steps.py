"""What to do with a run that has just ended: the commands that fit what it can do, with what they are for."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from src.errors import UserError
from src.runs import record
from src.runs.run import Run
from src.runs.ways import ways
from src.settings import catalogue
from src.specs import Image, Tokens, from_json

RUNS, EXPORTS = "runs", "saved_models"  # where commands look by default
# Examples of which features are hard to learn, by what they are, and pixels a side of pictures that have many.
FEW, LARGE = {Image: 5_000, Tokens: 1_000}, 64


def next_steps(run: Run, published: Path | None) -> dict[str, str]:
    """Commands, with what they are for.

    Args:
        run: the run.
        published: its export, if there is one.
    """
    return dict([*_uses(run, published), *_published_weights(run), *_comparison(run), *_views(run)])


def _uses(run: Run, published: Path | None) -> Iterator[tuple[str, str]]:
    if published:
        exports = published.parent.parent
        elsewhere = f" ARGS={shlex.quote(f'--exports-dir {shlex.quote(str(exports))}')}" * (exports != Path(EXPORTS))
        yield f"make serve MODEL={shlex.quote(published.parent.name)}{elsewhere}", "answer requests"
    yield from ways(run.path, run.requests).items()


def _published_weights(run: Run) -> Iterator[tuple[str, str]]:
    """Where few pictures or texts of one's own were learnt from scratch: how to begin with weights that know many."""
    inputs, examples = from_json(run.config["inputs"]), run.manifest["splits"]["train"]["examples"]
    if isinstance(inputs, Image) and (min(inputs.height, inputs.width) < LARGE or inputs.channels != 3):
        return
    if examples > FEW.get(type(inputs), 0) or "init" in run.config or "data" in run.config.get("by_hand", {}):
        return
    data, task, own = catalogue.dataset(run.config["data"]), catalogue.task(run.config["task"]), run.config["model"]
    if not data.named_by:
        return
    for model in sorted(catalogue.models().values(), key=lambda model: model.name != own):
        if model.pretrained and type(inputs) in model.takes and task.spec in model.gives:
            chosen = run.config["knobs"] if model.name == own else {knob.name: knob.default for knob in model.knobs}
            flags = shlex.join([*_flags(run, data), *_with_weights(model, chosen), "--pretrained"])
            words = [f"MODEL={model.name}", f"DATA={data.name}", f"ARGS={flags}"]
            yield f"make train {shlex.join(words)}", "published weights: often far better (docs/fine-tuning.md)"
            return


def _with_weights(model: catalogue.ModelFile, knobs: Mapping[str, Any]) -> Iterator[str]:
    """The flag that makes it a model that weights are published for, where with those knobs it is none."""
    if all(knobs.get(name) not in sources for name, sources in model.pretrained.items()):
        name, sources = next(iter(model.pretrained.items()))
        yield from (f"--{name.replace('_', '-')}", str(next(iter(sources))))


def _flags(run: Run, data: catalogue.DataFile) -> Iterator[str]:
    """Those that say which data and how they are read, and where runs and exports are."""
    for name in (*(knob.name for knob in data.knobs), "runs_dir", "exports_dir"):
        if run.config["origins"].get(name) == "flag":
            value, words = run.config["knobs"][name], name.replace("_", "-")
            yield f"--no-{words}" if value is False else f"--{words}"
            if not isinstance(value, bool):
                yield from map(str, value if isinstance(value, list) else [value])


def _comparison(run: Run) -> Iterator[tuple[str, str]]:
    """With the run before it in its folder, where that learnt the same and was measured on the same examples."""
    others = [file for file in run.path.parent.glob("*/metrics.json") if file.parent != run.path]
    if not others:
        return
    before = max(others, key=lambda file: file.stat().st_mtime).parent
    try:
        task, splits = record.of_run(before)["task"], record.manifest_of(before)["splits"]
    except UserError:  # whoever names it is told what is wrong with it
        return
    if task == run.config["task"] and _measured_on(splits) == _measured_on(run.manifest["splits"]):
        runs = shlex.join([str(before), str(run.path)])
        yield f"make compare {shlex.quote(f'RUNS={runs}')}", "is it better than the run before?"


def _measured_on(splits: Mapping[str, record.Split]) -> dict[str, str]:
    """The hashes of the examples that weren't learnt, by split."""
    return {name: split["sha256"] for name, split in splits.items() if name != "train"}


def _views(run: Run) -> Iterator[tuple[str, str]]:
    runs = run.path.parent
    elsewhere = f" ARGS={shlex.quote(f'--logdir {shlex.quote(str(runs))}')}" * (runs != Path(RUNS))
    yield f"make tensorboard{elsewhere}", "view the curves of all runs"
    model, data = record.model_of(run.config), run.config["data"]
    if "data" not in run.config.get("by_hand", {}):
        yield f'make train {shlex.join([f"MODEL={model}", f"DATA={data}"])} ARGS="--help"', "show all flags"

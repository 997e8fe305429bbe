"""What to do with a run that has just ended: the commands that fit what it can do, with what they are for."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from src.runs import record
from src.runs.run import Run
from src.settings import catalogue
from src.specs import Image, from_json

RUNS, EXPORTS = "runs", "saved_models"  # where commands look by default
FEW, LARGE = 5_000, 64  # pictures from which features are hard to learn; pixels a side where there is much to learn


def next_steps(run: Run, published: Path | None) -> dict[str, str]:
    """Commands, with what they are for.

    Args:
        run: the run.
        published: its export, if there is one.
    """
    return dict([*_uses(run, published), *_published_weights(run), *_views(run)])


def _uses(run: Run, published: Path | None) -> Iterator[tuple[str, str]]:
    if published:
        exports = published.parent.parent
        elsewhere = f" ARGS={shlex.quote(f'--exports-dir {shlex.quote(str(exports))}')}" * (exports != Path(EXPORTS))
        yield f"make serve MODEL={shlex.quote(published.parent.name)}{elsewhere}", "answer requests"
    if "generate" not in run.requests:
        yield f"make predict RUN={shlex.quote(str(run.path))} INPUT=FILE", "answer a file, a folder or a text"
    if "text" in run.requests.get("generate", {}):
        yield f"make generate RUN={shlex.quote(str(run.path))}", "generate text"


def _published_weights(run: Run) -> Iterator[tuple[str, str]]:
    """Where few photographs were learnt from scratch: how to begin with weights that know many."""
    inputs, examples = from_json(run.config["inputs"]), run.manifest["splits"]["train"]["examples"]
    if not isinstance(inputs, Image) or min(inputs.height, inputs.width) < LARGE or inputs.channels != 3:
        return
    if examples > FEW or "init" in run.config or "data" in run.config.get("by_hand", {}):
        return
    data, task = catalogue.dataset(run.config["data"]), catalogue.task(run.config["task"])
    own = run.config["model"]
    for model in sorted(catalogue.models().values(), key=lambda model: model.name != own):
        if model.pretrained and Image in model.takes and task.spec in model.gives:
            which = [(knob.flag, run.config["knobs"][knob.name]) for knob in data.knobs if knob.name == data.named_by]
            flags = shlex.join([word for flag, value in which for word in (flag, str(value))] + ["--pretrained"])
            words = shlex.join([f"MODEL={model.name}", f"DATA={data.name}", f"ARGS={flags}"])
            yield f"make train {words}", "published weights: 0.99 instead of 0.8 with some hundred photographs"
            return


def _views(run: Run) -> Iterator[tuple[str, str]]:
    runs = run.path.parent
    elsewhere = f" ARGS={shlex.quote(f'--logdir {shlex.quote(str(runs))}')}" * (runs != Path(RUNS))
    yield f"make tensorboard{elsewhere}", "view the curves of all runs"
    model, data = record.model_of(run.config), run.config["data"]
    if "data" not in run.config.get("by_hand", {}):
        yield f'make train {shlex.join([f"MODEL={model}", f"DATA={data}"])} ARGS="--help"', "show all flags"

"""The main job: load a data set, fit a model to it, measure it, save it, export it.

from src.train import train

run = train("cnn", data="digits", epochs=3)
run.predict(images)
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import Any

import keras
import tensorflow as tf

from src.errors import UserError
from src.exporting.compatibility import check_signatures
from src.exporting.publish import Destination, publish
from src.exporting.requests import sample_requests
from src.exporting.verifier import Verifier
from src.readers.given import given, is_name
from src.reports import knobs as knob_table
from src.reports import report
from src.reports.attributions import Explained
from src.reports.examples import save_examples
from src.reports.page import EXAMPLES
from src.reports.samples import save_picture, save_samples
from src.runs import judges, record
from src.runs.resume import by_hand_of, check_same, knobs_of_run
from src.runs.run import Run, load_run
from src.runs.save import Requests, RunFolder, answering, save
from src.settings import catalogue
from src.settings.config import Config, as_names, origins_told, resolve
from src.settings.given import NOT_RESUMED, GivenData
from src.settings.mistakes import mistakes_while_training
from src.settings.modules import held
from src.system import device, records
from src.system.cost import Meter
from src.system.files import write_json
from src.system.locks import owned
from src.system.signals import Stop, Stopped, Terminated
from src.training import state
from src.training.augmentation import examples
from src.training.by_hand import ByHand, told_apart
from src.training.fit import Fitted, fit
from src.training.learning import Learning
from src.training.measure import Measurement, compare, figures
from src.training.options import Options
from src.training.prepare import prepare
from src.training.state import State
from src.training.tensorboard import LOGS


@held()
def train(
    model: str | Path,
    *,
    data: Any = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    optimizer: str | keras.Optimizer | None = None,
    metrics: Sequence[keras.metrics.Metric] = (),
    summary: bool = True,
    **knobs: Any,
) -> Run:
    """Trains a model, and returns the run: its `history`, `metrics`, `predict(…)`, `evaluate(…)` and folder, `path`.

    Args:
        model: a file of models/, by name, or by path where it is elsewhere.
        data: a data set, by name; or (x, y), arrays, texts or columns, or a tf.data.Dataset of them, or a Data. The
            default is the model's own.
        callbacks: Keras callbacks beside the harness' own.
        optimizer: a Keras optimiser, or the name of one, which further knobs describe.
        metrics: Keras metrics beside the task's.
        summary: whether to show, where `verbose`, what came of it and what to do next.
        knobs: what differs from the defaults, such as epochs=3; show_knobs("cnn") lists all of them. `resume` may be
            a Run, too.

    Raises:
        UserError: for what a user can fix.
    """
    if isinstance(resumed := knobs.get("resume"), Run):
        knobs["resume"] = resumed.path
    model, knobs, objects = told_apart(model, data, callbacks, optimizer, metrics, knobs)
    if knobs.get("resume"):
        knobs = knobs_of_run(model, knobs, objects.data)
    if knobs.get("config"):
        objects.check_repeats(by_hand_of(Path(knobs["config"])), knobs["config"])
    settings = resolve(model, knobs, objects.data)
    if settings.values["folds"] and not settings.values["fold"]:
        raise UserError("folds trains a model for each fold: use cross_validate of src/crossvalidation.py, or fold=1.")
    return _train(settings, objects, summary)


def show_knobs(model: str | Path, data: Any = None) -> None:
    """Prints every knob of a training: its name, its type, its value where none is given, and what it does.

    Args:
        model: a file of models/, by name or by path.
        data: as of `train`.
    """
    model, knobs = as_names(model, {"data": data} if is_name(data) else {})
    given_data = None if is_name(data) else given(data, catalogue.model(model).takes)
    knob_table.show(resolve(model, knobs, given_data))


def _train(settings: Config, by_hand: ByHand, summary: bool) -> Run:
    """The whole job, under the lock of the run where one goes on; of one that is finished, nothing."""
    with origins_told(settings):
        options, place = Options(**settings.of("fit")), RunFolder(**settings.of("run"))
    destination = Destination(**settings.of("export"))
    destination.folder(settings.choices.model.name, settings.data_name)  # what can't be published ends here
    place.check()
    if not place.resume:
        return _learn(settings, by_hand, options, place, destination, summary)
    path = Path(place.resume)
    with _owned(path):
        if (path / "metrics.json").is_file():
            return _finish(path, destination, settings.choices.model.name, options)
        return _learn(settings, by_hand, options, place, destination, summary)


def _learn(
    settings: Config,
    by_hand: ByHand,
    options: Options,
    place: RunFolder,
    destination: Destination,
    summary: bool,
) -> Run:
    """Prepare, fit, measure, publish."""
    say, meter = options.say, Meter()
    plugged_in = (*settings.choices.tasks, settings.choices.model, settings.choices.data)
    with mistakes_while_training(*plugged_in), origins_told(settings):
        learning, settings = prepare(settings, by_hand, say)
        requests = sample_requests(learning.data, learning.task, learning.signatures)  # what can't be served ends here
    if options.pause and not learning.is_exact:
        raise UserError(f"pause has no effect: {NOT_RESUMED}.")
    versions = destination.folder(settings.choices.model.name, settings.data_name)
    if versions:
        check_signatures(versions, learning.signatures)
    judge = _judge(settings, learning, by_hand.data, place, say) if learning.task.is_judged else None
    path = place.path(settings.choices.model.name, settings.data_name)
    how = record.how_to_resume(settings.choices.model.reference, path, by_hand.described())
    goes_on = f"resume with:\n  {how}" if learning.is_exact else NOT_RESUMED
    with (
        mistakes_while_training(*plugged_in),
        nullcontext() if place.resume else _owned(path),
        Verifier(wanted=versions is not None) as verifier,
        _kept_if_of_use(path, bool(place.resume), goes_on),
    ):
        start = _begin(path, learning, bool(place.resume), say)
        if judge:
            judges.keep(judge, path)
        fitted = fit(learning, path, options, start=start, stop=Stop(f"stopped; {goes_on}"), soon=verifier.start)
        write_json(path / "cost.json", {**meter.read(), "resumed": bool(place.resume)})
        verifier.start()  # where training was too short to tell
        _measure(learning, fitted, requests, path, options.report)
        run = load_run(path)
        published = publish(run, versions, verifier) if versions else None
    if options.verbose and summary:
        report.summary(run, fitted.best_epoch, fitted.stopped_epoch, published)
    return run


def _judge(
    settings: Config, learning: Learning, data: GivenData | None, place: RunFolder, say: Callable[[str], None]
) -> keras.Model:
    """What measures the examples that the model makes; a run that goes on has it."""

    def teach(model: str, **knobs) -> Run:
        return _train(resolve(model, knobs, data), ByHand(data=data), summary=False)

    judge = judges.of(Path(place.resume)) if place.resume else None
    judge = judge or judges.trained(settings, learning.manifest, Path(place.runs_dir), teach, say)
    compare(learning.task, judge, learning.model, learning.data)
    device.start(**settings.of("device"))  # again: it may have been trained, which draws random numbers
    return judge


def _begin(path: Path, learning: Learning, resumed: bool, say: Callable[[str], None]) -> State | None:
    """Writes what a new run starts with, or finds the state from which a run goes on."""
    if resumed and (path / "manifest.json").is_file():
        changed = check_same(path, learning.facts, learning.manifest)
        if start := state.newest(path / "state", say):
            epoch = start.facts["epoch"] + 1
            say(f"Resuming {path} at epoch {epoch}, step {start.facts['step']}")
            if changed:
                _warn_of(changed, epoch, path / "warnings.json", say)
            return start
    if resumed:
        say(f"{path} was cut off before its first state: it starts over")
        shutil.rmtree(path / LOGS, ignore_errors=True)
    write_json(path / "config.json", dict(learning.facts))
    write_json(path / "manifest.json", dict(learning.manifest))
    picture = examples(learning.data, learning.augment, learning.seed, learning.task.drawn)
    if picture is not None:
        save_picture(path / "figures" / EXAMPLES, picture)
    return None


def _warn_of(changed: str, epoch: int, file: Path, say: Callable[[str], None]) -> None:
    """Says, and keeps for the report, that a training goes on under other conditions than it began with."""
    text = f"epoch {epoch}: {changed}"
    say(f"warning: {text}")
    write_json(file, [*(records.read(file, list[str]) if file.exists() else []), text])


def _measure(learning: Learning, fitted: Fitted, requests: Requests, path: Path, reported: bool) -> None:
    """Saves the trained model, and writes its figures, samples and, where it is to be `reported`, the report."""
    model, task, data = learning.model, learning.task, learning.data
    save(path, model, data, learning.signatures, requests)
    measure = fitted.measure if task.loss else Measurement(answering(model), task, learning.steps)
    metrics = figures(path, measure, data, learning.splits)
    save_samples(path, learning.samples())
    if reported:
        save_examples(path, Explained(model, task, data), learning.splits)
    write_json(path / "metrics.json", metrics)
    shutil.rmtree(path / "state", ignore_errors=True)  # nothing goes on from there any more
    if reported:
        report.write(path)


def _finish(path: Path, destination: Destination, model: str, options: Options) -> Run:
    """Does for a run what it lacks that was cut off after it was measured: the report, and the export if it has one."""
    run, say = load_run(path), options.say
    if options.report:
        report.write(path)
    versions = destination.folder(model, run.config["data_name"])
    if versions and not (path / "export.json").exists():
        say(f"{path} was cut off before it was wholly published")
        with Verifier() as verifier:
            published = publish(run, versions, verifier, once=True)
        say(f"export  {published}  (verified in a clean process)")
    else:
        say(f"{path} is finished: there is nothing to resume")
    shutil.rmtree(path / "state", ignore_errors=True)
    return run


def _owned(path: Path) -> AbstractContextManager[None]:
    """Keeps other processes from the run in the folder `path`."""
    return owned(path / ".lock", f"the run {path}")


@contextmanager
def _kept_if_of_use(path: Path, resumed: bool, goes_on: str) -> Iterator[None]:
    """Removes a new run's folder when training ends before there is anything to go on with.

    Args:
        path: the folder.
        resumed: whether it isn't new; then it stays.
        goes_on: for a user who ended it and can go on.
    """
    try:
        yield
    except BaseException as error:
        if resumed or state.exists(path / "state") or (path / "metrics.json").exists():
            if isinstance(error, KeyboardInterrupt):
                raise Stopped(f"\nstopped; {goes_on}", SIGTERM if isinstance(error, Terminated) else SIGINT) from None
            if isinstance(error, OSError) and error.strerror:
                place = error.filename or path
                raise UserError(f"{place}: {error.strerror}. When that is fixed, {goes_on}") from error
            if isinstance(error, tf.errors.ResourceExhaustedError):
                raise UserError(f"{error.message.splitlines()[0]}\nWhen that is fixed, {goes_on}") from error
        else:
            shutil.rmtree(path, ignore_errors=True)
        raise

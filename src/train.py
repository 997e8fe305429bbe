"""The main job: load a data set, fit a model to it, measure it, save it, export it.

from src.train import train

run = train("cnn", data="digits", epochs=3)
run.predict(images)
"""

import dataclasses
import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from signal import SIGINT, SIGTERM

import keras
import tensorflow as tf

from src import crossvalidation
from src.errors import UserError
from src.evaluate import compare, figures, splits
from src.export import Verifier, publish
from src.exporting.compatibility import check_signatures
from src.exporting.requests import sample_requests
from src.reports import report
from src.runs import judges
from src.runs import run as runs
from src.runs.manifest import manifest, remarks
from src.runs.resume import check_same, knobs_of_run
from src.runs.run import Run
from src.settings import catalogue
from src.settings.config import Config, as_names, resolve, served_as
from src.settings.contract import check_examples, check_model, check_targets, load_data, mistakes_in, unexplained
from src.settings.modules import held
from src.signatures import Signature, traced
from src.specs import Data
from src.system import device
from src.system.files import check_name, check_writable, write_json
from src.system.locks import owned
from src.system.signals import Stop, Stopped, Terminated
from src.training import state
from src.training.augmentation import augmentation, suggestion
from src.training.callbacks import Measurement
from src.training.fit import compile, fit
from src.training.optimizers import optimizer
from src.training.plan import plan
from src.training.state import State
from src.training.tensorboard import LOGS, save_samples


@held()
def train(model: str, **knobs) -> Run | list[Run]:
    """Trains the model of that name, and gives back the run; with `folds`, that of each fold.

    Args:
        model: a file of models/.
        knobs: values that differ from the defaults, such as data="digits" or epochs=3; `make train MODEL=cnn
            ARGS=--help` explains them.

    Raises:
        UserError: for what a user can fix.
    """
    knobs = as_names(model, knobs)
    if knobs.get("resume"):
        knobs = knobs_of_run(model, knobs)
    settings = resolve(model, knobs)
    crossvalidation.check(settings.values["folds"], settings.values["fold"])
    if settings.values["folds"] and not settings.values["fold"]:
        if knobs.get("export_name"):
            raise UserError("export_name has no effect with folds: none of their models is exported.")
        return crossvalidation.train_each(lambda **changes: _teach(model, **{**knobs, **changes}), settings)
    return _train(settings, report.summary, **settings.of("run"))


def _teach(model: str, **knobs) -> Run:
    """Trains without a summary: a part of a larger job."""
    settings = resolve(model, knobs)
    return _train(settings, _nothing, **settings.of("run"))


def _train(
    settings: Config,
    show: Callable[[Run, int, int, Path | None], None],
    *,
    data: str | None = None,
    task: str | None = None,
    recipe: str | None = None,
    config: str | None = None,
    resume: str | None = None,
    seed: int = 0,
    deterministic: bool = False,
    mixed_precision: bool = False,
    limit: int | None = None,
    folds: int = 0,
    fold: int = 0,
    test: bool = True,
    export: bool = True,
    export_name: str | None = None,
    tag: str = "",
    verbose: bool = True,
    runs_dir: str = "runs",
    exports_dir: str = "saved_models",
) -> Run:
    """The whole job, step by step.

    Args:
        settings: every knob's value.
        show: shows, where `verbose`, what came of it.
        data: data set. The default is the one named in the model file.
        task: task. The default follows from the data set's target.
        recipe: start from the knobs of this file in recipes/.
        config: start from a run's config.json or a TOML file of knobs; flags override it.
        resume: folder of an interrupted run to continue; 1 for the newest of this model and data set.
        seed: seed of all random numbers.
        deterministic: whether two trainings give bit-identical weights; some ops get slower.
        mixed_precision: whether to compute in half precision, bfloat16 if the device supports it.
        limit: use only this many examples of each split; for a quick try, with --no-export.
        folds: k-fold cross-validation on train and validation together, without test and export; 0 for the data set's
            own split.
        fold: train only the model that is validated on this fold, from 1; 0 for all folds in turn.
        test: whether to evaluate on the test split, once, at the end.
        export: whether to publish the model as a SavedModel.
        export_name: name under which the model is served. The default is MODEL-DATA, or MODEL-FILE for your own data.
        tag: suffix of the run's name.
        verbose: whether to show progress and a summary.
        runs_dir: folder of the runs.
        exports_dir: folder of the SavedModels.
    """
    export_name = _check_names(settings, export, export_name, tag)
    if limit is not None and limit < 1:
        raise UserError(f"limit has to be 1 or more, not {limit}.")
    check_writable(Path(runs_dir), *([Path(exports_dir)] if export else []))
    say = print if verbose else _nothing
    if resume and (Path(resume) / "metrics.json").is_file():
        return _finish(Path(resume), export_name if export else None, Path(exports_dir), say)
    device.seed(seed, deterministic)
    settings, loaded = _load(settings, fold, folds)
    choices = settings.choices
    if loaded.notes:
        say(loaded.notes)
    say(f"{choices.model.name} on {settings.data_name}: {choices.task.name}, on {device.name()}")
    for text in unexplained(choices.model, choices.data, choices.task):
        say(text)
    parts = splits(loaded, limit, test)
    loaded = dataclasses.replace(loaded, **parts)
    warnings = [*loaded.warnings, *check_examples(choices.data, loaded.preprocess, parts)]
    adapted = check_targets(choices.data, catalogue.load(choices.task).adapt, loaded.outputs, parts)
    with mistakes_in(choices.task):
        learnt = catalogue.load(choices.task).Task(adapted, **settings.of(choices.task.name))
    loaded = dataclasses.replace(loaded, outputs=adapted, augment=augmentation(**settings.of("augmentation")))
    with mistakes_in(choices.data):
        described = manifest(parts, learnt, loaded.notes, warnings)
    warned = [f"warning: {text}" for text in described["warnings"]]
    for text in filter(None, [*remarks(described), *warned, suggestion(loaded)]):
        say(text)
    precision = device.precision_policy(mixed_precision)
    model = _build(settings, loaded, precision)
    signatures = _signatures(choices.model.name, model, learnt, loaded)
    requests = sample_requests(loaded, learnt, signatures)
    if export:
        check_signatures(Path(exports_dir) / export_name, signatures)
    chosen = plan(
        model, loaded.inputs, len(loaded.train), deterministic, settings.chosen("epochs"), **settings.of("plan")
    )
    settings.values["epochs"] = chosen.epochs  # by which the run is repeated
    made, schedule = optimizer(chosen.steps * chosen.epochs, learnt, **settings.of("optimizer"))
    say(
        f"{len(loaded.train):,} training examples, {model.count_params():,} parameters; batch size {chosen.batch}, "
        f"{chosen.steps} steps per epoch, {chosen.steps_per_execution} per execution"
    )

    if judge := hasattr(learnt, "compare_with") and _judge(settings, described, resume, Path(runs_dir), say):
        compare(learnt, judge, model, loaded)
        device.seed(seed, deterministic)  # again: it may have been trained, which draws random numbers
    compile(model, learnt, chosen, made)
    resolved = {"jit": model.jit_compile, "precision": precision, "augmented": loaded.augment is not None}
    facts = runs.describe(settings, loaded, vars(chosen) | resolved)
    path = Path(resume) if resume else runs.new_folder(Path(runs_dir), settings, tag)
    with owned(path / ".lock", f"the run {path}"), Verifier(wanted=export) as verifier:
        goes_on = f"resume with: make train MODEL={choices.model.name} RESUME={shlex.quote(str(path))}"
        with _kept_if_of_use(path, bool(resume), goes_on):
            start = _begin(path, facts, described, bool(resume), say)
            report.draw_examples(path, loaded, seed)
            if judge:
                judges.keep(judge, path)
            stop = Stop(f"stopped; {goes_on}")
            samples = partial(learnt.samples, traced(signatures)) if hasattr(learnt, "samples") else dict
            fitted = fit(
                model,
                learnt,
                loaded,
                chosen,
                schedule,
                path,
                seed,
                start,
                stop,
                samples,
                verifier.start,
                verbose,
                **settings.of("fit"),
            )
            verifier.start()  # where training was too short to tell
            runs.save(path, model, loaded, signatures, requests)
            measure = fitted.measure if learnt.loss else Measurement(runs.answering(model), learnt)
            metrics = figures(path, model, measure, learnt, loaded.inputs, loaded.preprocess, parts)
            save_samples(path, samples())
            write_json(path / "metrics.json", metrics)
            shutil.rmtree(path / "state", ignore_errors=True)  # nothing goes on from there any more
            report.write(path)
            run = runs.load_run(path)
            published = publish(run, export_name, Path(exports_dir), verifier) if export else None
    if verbose:
        show(run, fitted.best_epoch, fitted.stopped_epoch, published)
    return run


def _check_names(settings: Config, export: bool, export_name: str | None, tag: str) -> str:
    """The name of the export; raises UserError for names that can't be folders'."""
    if export_name and not export:
        raise UserError("export_name has no effect with --no-export.")
    if tag:
        check_name("tag", tag)
    name = served_as(export_name, settings.choices.model.name, settings.data_name)
    check_name("export_name", name)
    return name


def _begin(path: Path, facts: dict, described: dict, resumed: bool, say: Callable[[str], None]) -> State | None:
    """Writes what a new run starts with, or finds the state from which a run goes on."""
    if resumed and (path / "manifest.json").is_file():
        check_same(path, facts, described)
        if start := state.newest(path / "state", say):
            say(f"going on with {path}, epoch {start.facts['epoch'] + 1}, step {start.facts['step']}")
            return start
    if resumed:
        for left in path.glob(".[0-9]*-*"):  # half-written files of a process that was killed
            left.unlink()
        say(f"{path} was cut off before its first state: it starts over")
        shutil.rmtree(path / LOGS, ignore_errors=True)
    write_json(path / "config.json", facts)
    write_json(path / "manifest.json", described)
    return None


def _finish(path: Path, export_name: str | None, exports: Path, say: Callable[[str], None]) -> Run:
    """Does for a run what it lacks that was cut off after it was measured: the report, and the export if it has one."""
    run = runs.load_run(path)
    if export_name and not (path / "export.json").exists():
        say(f"{path} was cut off before it was published")
        with owned(path / ".lock", f"the run {path}"), Verifier() as verifier:
            report.write(path)
            published = publish(run, export_name, exports, verifier)
        say(f"export  {published}  (verified in a clean process)")
    else:
        report.write(path)
        say(f"{path} is finished: there is nothing to resume")
    shutil.rmtree(path / "state", ignore_errors=True)
    return run


def _load(settings: Config, fold: int, folds: int) -> tuple[Config, Data]:
    """The data set, or a fold of it, and the configuration now that it is known what it is for."""
    data = load_data(settings.choices.data, settings.of("data"), [task.spec for task in settings.choices.tasks])
    data = crossvalidation.part(data, fold, folds)
    settings = settings.decided(type(data.inputs), type(data.outputs))
    return settings, data.predicting(settings.choices.task.spec)


def _build(settings: Config, data: Data, precision: str) -> keras.Model:
    """The model under a precision policy, which is put back: preprocessing stays in float32."""
    file = settings.choices.model
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        with mistakes_in(file):
            model = catalogue.load(file).build(data.inputs, data.outputs, **settings.of("model"))
    finally:
        keras.config.set_dtype_policy(before)
    check_model(file, model, data.outputs)
    return model


def _judge(
    settings: Config, described: dict, resume: str | None, folder: Path, say: Callable[[str], None]
) -> keras.Model:
    """What measures the examples that the model makes; a run that goes on has it."""
    return (resume and judges.of(Path(resume))) or judges.trained(settings, described, folder, _teach, say)


def _signatures(name: str, model: keras.Model, task, data: Data) -> dict[str, Signature]:
    """What the model can be asked, by its weights of the moment; see src/signatures.py."""
    return task.signatures(model, data.preprocess, data.doors, partial(runs.step_of, name, model, data.inputs))


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
        if resumed or state.exists(path / "state") or (path / "metrics.json").exists() or isinstance(error, Stopped):
            if isinstance(error, KeyboardInterrupt):
                raise Stopped(f"stopped; {goes_on}", SIGTERM if isinstance(error, Terminated) else SIGINT) from None
            if isinstance(error, OSError) and error.strerror:
                place = error.filename or path
                raise UserError(f"{place}: {error.strerror}. When that is fixed, {goes_on}") from error
            if isinstance(error, tf.errors.ResourceExhaustedError):
                raise UserError(f"{error.message.splitlines()[0]}\nWhen that is fixed, {goes_on}") from error
        else:
            shutil.rmtree(path, ignore_errors=True)
        raise


def _nothing(*_) -> None:
    """Says nothing."""

"""Training: one fit for every model, with the callbacks that go with it; first of the new layers alone, if any are."""

import dataclasses
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT

import keras
import tensorflow as tf

from src.layers import SelfTrained
from src.system.signals import Stop, Stopped
from src.training import pipeline, tensorboard
from src.training.backup import Backup, Training, check_fits
from src.training.callbacks import (
    Continued,
    HistoryFile,
    LearningRate,
    NearTheEnd,
    StopOnDivergence,
    Validation,
    Warnings,
)
from src.training.learning import Learning
from src.training.measure import Measurement
from src.training.options import Options
from src.training.plan import Plan
from src.training.progress import EpochLines
from src.training.state import State
from src.training.variables import check_pipeline, check_step, step_of, variables

SOON_S = 5.0  # before the end: about what another process takes to import TensorFlow


@dataclass(frozen=True)
class Fitted:
    """What training left beside the model, which has the weights of its best epoch.

    Args:
        history: each epoch's figures, by name.
        best_epoch: the one whose weights were kept, from 1.
        stopped_epoch: the one after which training ended early, from 1; 0 where it didn't.
        measure: from batches to the model's loss and metrics on them.
    """

    history: dict[str, list[float]]
    best_epoch: int
    stopped_epoch: int
    measure: Measurement


def fit(
    learning: Learning,
    folder: Path,
    options: Options,
    *,
    start: State | None = None,
    stop: Stop | None = None,
    soon: Callable[[], None] = lambda: None,
) -> Fitted:
    """Trains the model, which has been compiled, and leaves it with the weights of its best epoch.

    Args:
        learning: what is learnt.
        folder: the run's; history.csv and logs/ are written there.
        options: how it is shown, saved and ended.
        start: the state to go on from; None starts anew.
        stop: set when the training is to end.
        soon: called some seconds before training ends.

    Raises:
        UserError: when a figure isn't finite.
        Stopped: when it was to end, after its state has been saved.
    """
    stop, frozen = stop or Stop("stopped"), learning.frozen
    shows = tensorboard.callbacks(folder, learning, options)
    if not frozen:
        return _fit(learning, folder, options, shows, start, stop, soon)
    before, ends = None, (frozen.epochs.stop, 0)
    reached = (start.facts["epoch"], start.facts["step"]) if start else (0, 0)
    if reached <= ends:
        if reached < ends:
            options.say("\nOnly the new layers are trained.")
        frozen.compile()
        before, start = _fit(frozen, folder, options, shows, start, stop, soon), None
        if reached < ends and options.pause == frozen.epochs.stop < learning.plan.epochs:
            raise Stopped(stop.message, SIGINT)
    learning.compile()
    if before and not learning.epochs:
        return dataclasses.replace(before, measure=Measurement(learning.model, learning.task, learning.steps))
    options.say("\nNow all layers are trained.")
    return _fit(learning, folder, options, shows, start, stop, soon, before)


def _fit(
    learning: Learning,
    folder: Path,
    options: Options,
    shows: Sequence[keras.callbacks.Callback],
    start: State | None,
    stop: Stop,
    soon: Callable[[], None],
    before: Fitted | None = None,
) -> Fitted:
    """One of the two trainings; see `fit`. `shows` are TensorBoard's callbacks, `before` what the first one left."""
    model, measure, epochs = learning.model, Measurement(learning.model, learning.task, learning.steps), learning.epochs
    plan = dataclasses.replace(learning.plan, epochs=epochs.stop)
    validation = measure.batches(learning.data, learning.data.validation)
    with _fixed(learning.fixed):
        _build(model, measure, validation)
        base = tf.Variable(epochs.start * plan.steps, dtype=tf.int64, trainable=False)
        batches = pipeline.training(learning, base)
        step = step_of(model, batches)
        check_step(step)
        if learning.is_exact:
            check_pipeline(batches)
        best, history = _best(learning, options), keras.callbacks.History()
        watching = _callbacks(learning, folder, best, history)
        callbacks = [Validation(measure, validation, stop.obey), *watching, *shows]
        lines = EpochLines(learning.plan.epochs, plan.steps, best)
        around = [Continued(before.history, before.best_epoch, best, history)] if before else []  # not in the state
        around += [NearTheEnd(soon, SOON_S, learning.plan.epochs, best), *([lines] if options.verbose else [])]
        training = Training(model, variables(model, step), callbacks)
        backup = Backup(folder / "state" if learning.is_exact else None, training, plan, base, options, stop, start)
        if start:
            check_fits(start, training)
        with stop, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Your input ran out of data")  # Backup cuts a resumed epoch short
            try:
                model.fit(
                    batches,
                    initial_epoch=plan.epochs if start and start.facts["stop_training"] else backup.epoch,
                    epochs=plan.epochs,
                    steps_per_epoch=plan.steps,
                    shuffle=False,  # the pipeline does it
                    callbacks=[*callbacks, *around, backup],
                    verbose=0,  # see EpochLines
                )
            except Stopped:
                backup.save()
                raise
            finally:
                lines.close()
    stop.obey()
    return Fitted(history.history, best.best_epoch + 1, _ended_early(best, plan), measure)


@contextmanager
def _fixed(layers: Sequence[keras.Layer]) -> Iterator[None]:
    """Keeps layers from being trained; normalisation in them uses the averages that it has."""
    before = [layer.trainable for layer in layers]
    try:
        for layer in layers:
            layer.trainable = False
        yield
    finally:
        for layer, was in zip(layers, before, strict=True):
            layer.trainable = was


def _ended_early(best: keras.callbacks.EarlyStopping, plan: Plan) -> int:
    """The epoch, from 1, after which no better one was waited for; 0 where all were trained."""
    return best.stopped_epoch + 1 if 0 < best.stopped_epoch < plan.epochs - 1 else 0


def _best(learning: Learning, options: Options) -> keras.callbacks.EarlyStopping:
    """Finds the best epoch, keeps its weights, and ends a training that gets no better."""
    is_last = learning.epochs.stop == learning.plan.epochs
    task, patience = learning.task, (options.patience if is_last else 0) or learning.plan.epochs
    return keras.callbacks.EarlyStopping(
        task.monitor, mode=task.direction, patience=patience, restore_best_weights=True
    )


def _callbacks(
    learning: Learning,
    folder: Path,
    best: keras.callbacks.EarlyStopping,
    history: keras.callbacks.History,
) -> list[keras.callbacks.Callback]:
    """Those whose attributes are part of a saved state, in the order in which they are called."""
    watchers = [*_watchers(learning.model), learning.task.warnings]
    return [
        StopOnDivergence(),
        LearningRate(),
        *learning.schedule,
        *learning.callbacks,
        best,
        history,
        HistoryFile(folder / "history.csv", history),
        Warnings(folder / "warnings.json", watchers, history),
    ]


def _build(model: keras.Model, measure: Measurement, batches: tf.data.Dataset) -> None:
    """Makes every variable of the training, which else come up in its first step: a state has to find them."""
    measure.means(batches.take(1))
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def _watchers(model: keras.Model) -> list[Callable]:
    """What a model with a training loop of its own finds wrong in the figures so far."""
    return [model.warnings] if isinstance(model, SelfTrained) else []

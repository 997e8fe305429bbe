"""Training: one compile and one fit for every model, with the callbacks that go with them."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from src.errors import UserError
from src.specs import Data
from src.system.signals import Stop, Stopped
from src.training import pipeline
from src.training.backup import Backup, check_fits
from src.training.callbacks import (
    HistoryFile,
    LearningRate,
    Measurement,
    NearTheEnd,
    StopOnDivergence,
    Validation,
    Warnings,
)
from src.training.plan import Plan, measured_at_once
from src.training.progress import EpochLines
from src.training.state import State
from src.training.tensorboard import Samples
from src.training.tensorboard import callback as tensorboard_callback
from src.training.variables import check_randomness, step_of, variables

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


def compile(model: keras.Model, task, plan: Plan, optimizer: keras.Optimizer) -> None:
    """Gives the model its loss, metrics and optimiser; `model.jit_compile` then says whether XLA is used."""
    model.compile(
        optimizer,
        loss=task.loss,
        metrics=task.metrics(),
        steps_per_execution=plan.steps_per_execution,
        jit_compile=plan.jit,
    )


def fit(
    model: keras.Model,
    task,
    data: Data,
    plan: Plan,
    schedule: Sequence[keras.callbacks.Callback],
    folder: Path,
    seed: int,
    start: State | None,
    stop: Stop,
    samples: Callable[[], dict[str, str | np.ndarray]],
    soon: Callable[[], None],
    verbose: bool,
    *,
    save_every: float = 60.0,
    pause: int = 0,
    patience: int = 10,
    tensorboard: bool = True,
    histograms: bool = False,
) -> Fitted:
    """Trains `model` and leaves it with the weights of its best epoch.

    Args:
        model: from features to prediction, compiled.
        task: what is learnt, and the figure that decides which epoch is best.
        data: the splits; test isn't read.
        plan: batches, steps and epochs.
        schedule: callbacks of its learning-rate schedule.
        folder: the run's; history.csv and logs/ are written there.
        seed: decides the order of the examples, and how they are changed.
        start: the state to go on from; None starts anew.
        stop: set when the training is to end.
        samples: makes samples of the model's work, texts or pictures by name, for TensorBoard and the report.
        soon: called some seconds before training ends.
        verbose: whether to show each epoch.
        save_every: seconds between two saved states, from which an interrupted training can be resumed.
        pause: stop after this epoch as Ctrl-C does, to be continued with --resume; 0 for never.
        patience: stop after this many epochs without a better validation metric; 0 trains all epochs.
        tensorboard: whether to write metrics, graph, configuration and samples for TensorBoard.
        histograms: whether to write histograms of the weights for TensorBoard, too.

    Raises:
        UserError: when a figure isn't finite, or for knobs that don't fit together.
    """
    if pause < 0:
        raise UserError(f"pause has to be 0 or more, not {pause}.")
    if patience < 0:
        raise UserError(f"patience has to be 0 or more, not {patience}.")
    if histograms and not tensorboard:
        raise UserError("histograms have no effect with --no-tensorboard.")
    if save_every < 0:
        raise UserError(f"save_every has to be 0 or more, not {save_every}.")
    measure = Measurement(model, task)
    validation = pipeline.measuring(
        data.validation, data.preprocess, task.supervise, measured_at_once(model, data.inputs)
    )
    _build(model, measure, validation)
    base = tf.Variable(0, dtype=tf.int64, trainable=False)
    batches = pipeline.training(data, task.supervise, plan, seed, base)
    step = step_of(model, batches)
    check_randomness(step, batches)
    touched = variables(model, step)
    best = keras.callbacks.EarlyStopping(
        task.monitor, mode=task.direction, patience=patience or plan.epochs, restore_best_weights=True
    )
    history = keras.callbacks.History()
    callbacks = [
        Validation(measure, validation, stop.obey),
        StopOnDivergence(),
        LearningRate(),
        *schedule,
        best,
        history,
        HistoryFile(folder / "history.csv", history),
        Warnings(folder / "warnings.json", [part for part in (model, task) if hasattr(part, "warnings")], history),
    ]
    if tensorboard:
        callbacks += [tensorboard_callback(folder, model, data, seed, histograms)]
    callbacks += [Samples(folder, samples, tensorboard)]
    around = [NearTheEnd(soon, SOON_S, plan.epochs, best)]  # no part of the state
    around += [EpochLines(plan.epochs, plan.steps, best)] if verbose else []
    backup = Backup(folder / "state", touched, callbacks, plan.epochs, plan.steps, base, save_every, pause, stop, start)
    if start:
        check_fits(start, touched, callbacks)
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
    stop.obey()
    return Fitted(history.history, best.best_epoch + 1, best.stopped_epoch + 1 if best.stopped_epoch else 0, measure)


def _build(model: keras.Model, measure: Measurement, batches: tf.data.Dataset) -> None:
    """Makes every variable of the training, which else come up in its first step: a state has to find them."""
    measure.means(batches.take(1))
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)

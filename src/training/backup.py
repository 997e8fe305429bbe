"""Exact resume: what a training consists of, taken at a step and given back.

Keras' own BackupAndRestore keeps weights and epoch, not the seeds of Dropout, the optimiser's moments in the middle of
an epoch, the sums of metrics and what callbacks remember. Here a state is every variable that training touches, and the
plain attributes of every callback.
"""

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from signal import SIGINT
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from src.errors import UserError
from src.system.signals import Stop
from src.training import state
from src.training.options import Options
from src.training.plan import Plan
from src.training.state import State

NOT_OURS = ("params", "_model")  # of a callback: Keras sets them anew in each fit
MOST_TIME = 0.02  # share of the training time that states may take


@dataclass(frozen=True)
class Training:
    """What a state is taken of.

    Args:
        model: that is trained.
        variables: all that training touches.
        callbacks: all whose attributes are part of the state, the History among them.
    """

    model: keras.Model
    variables: Sequence[keras.Variable | tf.Variable]
    callbacks: Sequence[keras.callbacks.Callback]


class Backup(keras.callbacks.Callback):
    """Writes the state of a training, and continues from one; has to be the last of the callbacks.

    Args:
        folder: where states are kept; None where none is, as the training can't be resumed.
        training: what they are taken of.
        plan: its epochs, and the steps of each.
        base: the step of the whole training at which the pipeline's next iterator starts.
        options: how often a state is written, less often where that takes over MOST_TIME, unless it is 0; and the epoch
            after which the training is to pause.
        stop: set when somebody wants the training to end.
        start: the state to go on from.
    """

    def __init__(
        self,
        folder: Path | None,
        training: Training,
        plan: Plan,
        base: tf.Variable,
        options: Options,
        stop: Stop,
        start: State | None,
    ):
        super().__init__()
        self.folder = folder
        self.training = training
        self.epochs, self.steps = plan.epochs, plan.steps
        self.base = base
        self.every_s, self.pause = options.save_every, options.pause
        self.stop = stop
        self.start = start
        self.epoch: int = start.facts["epoch"] if start else int(base) // plan.steps
        self.skipped: int = start.facts["step"] if start else 0
        self.reached = self.epoch, self.skipped
        self.next = time.monotonic() + self.every_s

    def on_train_begin(self, logs=None):
        if self.start:
            restore(self.start, self.training)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        if self.start:
            restore(self.start, self.training)  # again: fit has reset metrics since on_train_begin
            if not self.skipped:
                self.model.reset_metrics()  # those of the epoch before
            self.start = None
            self.base.assign(epoch * self.steps + self.skipped)
        elif self.skipped:
            self.skipped = 0
            self.base.assign(epoch * self.steps)  # as an epoch that was cut short is followed by a new iterator

    def on_train_batch_begin(self, batch, logs=None):
        if self.skipped + batch >= self.steps:
            raise StopIteration  # the rest of an epoch that was resumed in its middle is done

    def on_train_batch_end(self, batch, logs=None):
        self._reach(self.epoch, self.skipped + batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self.pause < self.epochs and not self.model.stop_training:
            self.stop.wanted = SIGINT
        self._reach(epoch + 1, 0)

    def save(self) -> None:
        """Writes the state that was reached last; before the callbacks of the next one have begun."""
        if self.folder is None:
            return
        begun = time.monotonic()
        state.write(self.folder, take(self.training, *self.reached))
        ended = time.monotonic()
        self.next = ended + (self.every_s and max(self.every_s, (ended - begun) / MOST_TIME))

    def _reach(self, epoch: int, step: int) -> None:
        self.reached = epoch, step
        self.stop.waits = True
        self.stop.obey()
        if time.monotonic() >= self.next or epoch == self.epochs or (self.model.stop_training and not step):
            self.save()


def take(training: Training, epoch: int, step: int) -> State:
    """The state of a training before step `step` of epoch `epoch`, both from 0; after the last step: validation."""
    arrays, remembered = {}, []
    for number, variable in enumerate(training.variables):
        arrays[f"variable/{number}"] = _array(keras.ops.convert_to_numpy(variable))
    for number, callback in enumerate(training.callbacks):
        plain = {}
        for name, value in vars(callback).items():
            if _is_arrays(value):
                plain[name] = {"arrays": len(value)}
                arrays |= {f"callback/{number}/{name}/{i}": _array(array) for i, array in enumerate(value)}
            elif name not in NOT_OURS and _is_plain(value):
                plain[name] = {"value": value}
        remembered.append({"class": type(callback).__name__, "attributes": plain})
    facts = {
        "epoch": epoch,
        "step": step,
        "stop_training": bool(training.model.stop_training),
        "variables": describe(training.variables),
        "callbacks": remembered,
    }
    return State(arrays, json.loads(json.dumps(facts, default=_number)))


def restore(saved: State, training: Training) -> None:
    """Gives a model and its callbacks what `take` took from others of the same kind."""
    for number, variable in enumerate(training.variables):
        variable.assign(saved.arrays[f"variable/{number}"])
    for number, (callback, remembered) in enumerate(zip(training.callbacks, saved.facts["callbacks"], strict=True)):
        for name, kept in remembered["attributes"].items():
            if "arrays" in kept:
                value = [saved.arrays[f"callback/{number}/{name}/{i}"] for i in range(kept["arrays"])]
            else:
                value = json.loads(json.dumps(kept["value"]))  # a copy: the callback will change it
            setattr(callback, name, value)
    training.model.stop_training = saved.facts["stop_training"]


def describe(variables: Sequence) -> list[list]:
    """Path, shape and type of each."""
    return [[getattr(v, "path", v.name), list(v.shape), getattr(v.dtype, "name", v.dtype)] for v in variables]


def check_fits(saved: State, training: Training) -> None:
    """Raises a UserError that names the first difference between a state and the training that would go on from it."""
    before = [_words(*variable) for variable in saved.facts["variables"]]
    before += [f"callback {callback['class']}" for callback in saved.facts["callbacks"]]
    now = [_words(*variable) for variable in describe(training.variables)]
    now += [f"callback {type(callback).__name__}" for callback in training.callbacks]
    for old, new in zip_longest(before, now, fillvalue="nothing"):
        if _unnumbered(old) != _unnumbered(new):
            raise UserError(f"The state is of another training: it has {old} where this one has {new}.")


def _array(array: np.ndarray) -> np.ndarray:
    """numpy has no bfloat16 and would keep mere bytes of it; float32 holds each of its numbers."""
    return array.astype("float32") if array.dtype.kind == "V" else array


def _is_arrays(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, np.ndarray) for item in value)


def _is_plain(value: Any) -> bool:
    """Whether it is made of numbers, and of texts only as keys: a text may be a path, which can change."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, np.number))


def _number(value: np.number) -> Any:
    return value.item()


def _unnumbered(words: str) -> str:
    """Without the numbers by which Keras tells names of one process apart."""
    return re.sub(r"_\d+(?=[/ _])", "", words)


def _words(path: str, shape: Sequence[int], kind: str) -> str:
    return f"{path} {kind} {tuple(shape)}"

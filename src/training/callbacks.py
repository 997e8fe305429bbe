"""What happens around training's epochs, where Keras has no callback for it or a slow one."""

import csv
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import keras
import tensorflow as tf

from src.errors import UserError, nearest
from src.settings.mistakes import file_of
from src.system import records
from src.system.files import whole, write_json
from src.system.screen import tell
from src.task import History
from src.training.measure import Measurement
from src.training.optimizers import schedule_of

Watcher: TypeAlias = Callable[[History], list[str]]


class Validation(keras.callbacks.Callback):
    """Adds the validation split's figures to an epoch's logs. It has to come first, as others read them there.

    Args:
        measure: measures the model.
        batches: of the validation split.
        between: called after each batch; may raise.
    """

    def __init__(self, measure: Measurement, batches: tf.data.Dataset, between: Callable[[], None]):
        super().__init__()
        self.measure = measure
        self.batches = batches
        self.between = between
        self.last: Mapping[str, float] | None = None

    def on_train_batch_end(self, batch, logs=None):
        self.last = logs

    def on_epoch_end(self, epoch, logs=None):
        if not logs:  # training was cut off after the epoch's last step, and went on from there
            logs.update(self.last)
        figures = self.measure(self.batches, self.between)
        logs.update({f"val_{name}": value for name, value in figures.items()})
        if (monitor := self.measure.task.monitor) not in logs:
            raise UserError(
                f"{file_of(self.measure.task)}: monitor is {monitor!r}, which isn't measured; there are: "
                f"{', '.join(f'val_{name}' for name in figures)}.{nearest(monitor, logs)}"
            )


class LearningRate(keras.callbacks.Callback):
    """Adds the learning rate of an epoch's last step to its logs."""

    def on_train_begin(self, logs=None):
        self.schedule = schedule_of(self.model.optimizer)

    def on_epoch_end(self, epoch, logs=None):
        made = self.model.optimizer
        logs["learning_rate"] = float(self.schedule(made.iterations - 1) if self.schedule else made.learning_rate)


class NearTheEnd(keras.callbacks.Callback):
    """Calls a function when training is about to end: what then needs a process can have it ready.

    Args:
        soon: called once or more often.
        seconds: before the end, about.
        epochs: of the training.
        best: ends it earlier.
    """

    def __init__(self, soon: Callable[[], None], seconds: float, epochs: int, best: keras.callbacks.EarlyStopping):
        super().__init__()
        self.soon, self.seconds, self.epochs, self.best = soon, seconds, epochs, best

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        left = min(self.epochs - epoch - 1, self.best.patience - self.best.wait)
        if left * (time.monotonic() - self.began) < self.seconds:
            self.soon()


class Continued(keras.callbacks.Callback):
    """Goes on with the history, and the best epoch, of a training that came before in the same run.

    Args:
        before: its figures by name.
        best_epoch: its best one, from 1, whose weights the model has.
        best, history: of this training.
    """

    def __init__(
        self,
        before: History,
        best_epoch: int,
        best: keras.callbacks.EarlyStopping,
        history: keras.callbacks.History,
    ):
        super().__init__()
        self.before, self.best_epoch, self.best, self.history = before, best_epoch, best, history

    def on_train_begin(self, logs=None):
        self.history.history = {name: list(column) for name, column in self.before.items()}
        self.history.epoch = list(range(len(next(iter(self.before.values())))))
        self.best.best_epoch = self.best_epoch - 1
        self.best.best = self.before[self.best.monitor][self.best.best_epoch]
        self.best.best_weights = self.model.get_weights()


class HistoryFile(keras.callbacks.Callback):
    """Writes history.csv, whole each time, from what the History callback has: a resumed training goes on with it."""

    def __init__(self, path: Path, history: keras.callbacks.History):
        super().__init__()
        self.path = path
        self.source = history

    def on_epoch_end(self, epoch, logs=None):
        columns = {"epoch": self.source.epoch, **self.source.history}
        with whole(self.path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))


class StopOnDivergence(keras.callbacks.Callback):
    """Ends training with a UserError when the loss, or any figure, is no longer a finite number."""

    def on_train_batch_end(self, batch, logs=None):
        self._check(logs)

    def on_epoch_end(self, epoch, logs=None):
        self._check(logs)

    def _check(self, logs: Mapping[str, float]) -> None:
        for name, value in logs.items():
            if not math.isfinite(value):
                raise UserError(
                    f"{name} became {float(value)}: training has diverged, and nothing was exported.\n"
                    "Try a smaller --learning-rate or --clip-norm 1, and look for infinite numbers in the data."
                )


class Warnings(keras.callbacks.Callback):
    """Says, each thing once, what looks wrong in the figures so far, and keeps it in a file.

    Args:
        path: the file, a list of texts; what stands there was said before.
        watchers: from the history, each epoch's figures by name, to texts, such as a task's `warnings`.
        history: has the figures.
    """

    def __init__(
        self, path: Path, watchers: Sequence[Callable[[History], list[str]]], history: keras.callbacks.History
    ):
        super().__init__()
        self.path = path
        self.watchers = watchers
        self.source = history

    def on_epoch_end(self, epoch, logs=None):
        for watcher in self.watchers:
            for text in watcher(self.source.history):
                said = records.read(self.path, list[str]) if self.path.exists() else []
                if not any(before.partition(": ")[2].startswith(text.partition(":")[0]) for before in said):
                    write_json(self.path, [*said, text := f"epoch {epoch + 1}: {text}"])
                    tell(f"\nwarning: {text}", sys.stderr)

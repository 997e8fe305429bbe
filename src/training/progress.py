"""What the screen shows of a training: a line an epoch, and on a terminal a bar while it runs."""

import sys
import time
from itertools import groupby

import keras

from src.reports.curves import by_split, loss_is_another
from src.system import screen

ROOM = 46  # characters for figures, of a line of 80
WIDE = 11  # of one, with the space before it
SPLITS = {"": "train", "val_": "validation"}


class EpochLines(keras.callbacks.Callback):
    """Prints a line an epoch: the deciding figure and others, in training and validation, the rate and the time.

    It comes after the callbacks that find the best epoch and add to the logs.

    Args:
        epochs, steps: of the training.
        best: finds the best epoch, by the figure that decides.
    """

    def __init__(self, epochs: int, steps: int, best: keras.callbacks.EarlyStopping):
        super().__init__()
        self.epochs, self.steps, self.best = epochs, steps, best
        self.widths: dict[str, int] = {}
        self.bar: screen.Bar | None = None

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.monotonic()
        if sys.stdout.isatty():
            self.bar = screen.Bar(f"epoch {epoch + 1}/{self.epochs}", self.steps, "steps")
            self.bar.start()

    def on_train_batch_end(self, batch, logs=None):
        if self.bar:
            self.bar.reach(batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        self.close()
        if not self.widths:
            self.widths = _widths(logs, self.best.monitor)
            screen.show(_header(self.widths))
        figures = "".join(f"{_figure(logs[name]):>{width}}" for name, width in self.widths.items())
        rate, took = f"{logs['learning_rate']:.2g}", f"{time.monotonic() - self.began:.1f} s"
        best = "  best" if self.best.best_epoch == epoch else ""
        screen.show(f"{f'{epoch + 1}/{self.epochs}':>9}{figures}{rate:>10}{took:>9}{best}")

    def close(self) -> None:
        """Takes the bar off the screen, however training ended."""
        if self.bar:
            self.bar.stop()
            self.bar = None


def _widths(logs: dict[str, float], monitor: str) -> dict[str, int]:
    """The figures for which there is room, by name in the logs, and how wide each is shown.

    The one that decides comes first and the loss last, each in training and in validation.
    """
    widths: dict[str, int] = {}
    names = dict.fromkeys([monitor.removeprefix("val_"), *(name.removeprefix("val_") for name in logs)])
    loss = [] if loss_is_another(by_split(logs)) else ["loss"]
    for name in [*(name for name in names if name not in ("learning_rate", "loss")), *loss]:
        group = [split + name for split in SPLITS if split + name in logs]
        if group:
            width = max(WIDE, -(-(len(name) + 1) // len(group)))
            widths |= dict.fromkeys(group, width)
        if sum(widths.values()) > ROOM:
            return {name: width for name, width in widths.items() if name not in group}
    return widths


def _header(widths: dict[str, int]) -> str:
    """Two lines: the name of each figure over its columns, and the split of each."""
    names = splits = ""
    for name, group in groupby(widths, lambda column: column.removeprefix("val_")):
        columns = list(group)
        names += f"{name:>{sum(widths[column] for column in columns)}}"
        splits += "".join(f"{SPLITS[column.removesuffix(name)]:>{widths[column]}}" for column in columns)
    return f"\n{'':>9}{names}{'learning':>10}\n{'epoch':>9}{splits}{'rate':>10}{'time':>9}"


def _figure(value: float) -> str:
    return f"{value:#.4g}" if abs(value) < 1e5 else f"{value:.3e}"

"""What TensorBoard is shown: figures of both splits, learning rate, graph, configuration, samples, histograms."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from src.data import LONGEST, Data, text
from src.reports.samples import Sample, save_pictures
from src.signatures import predictor
from src.training.augmentation import examples
from src.training.learning import Learning
from src.training.options import Options

ROWS = 10  # of the table of training examples
LOGS = "logs"  # the folder in a run's; TensorBoard shows it in each run's name, in a narrow column


def callbacks(folder: Path, learning: Learning, options: Options) -> list[keras.callbacks.Callback]:
    """Keras' callback and the samples; graph, configuration and a few training examples are written at once.

    Args:
        folder: the run's.
        learning: what is trained.
        options: whether TensorBoard is shown anything, and whether histograms of all weights, which take longer than a
            small epoch. Pictures are kept for the report in any case.
    """
    logs = folder / LOGS
    keeps_samples = Samples(folder, learning.samples, options.tensorboard)
    if not options.tensorboard:
        return [keeps_samples]
    with tf.summary.create_file_writer(str(logs / "train")).as_default(step=0):
        tf.summary.text("config", f"```\n{json.dumps(learning.facts, indent=2)}\n```")
        tf.summary.graph(predictor(learning.model).get_concrete_function().graph)  # the one of Keras 3 can't be opened
        _show_examples(learning)
    return [keras.callbacks.TensorBoard(logs, histogram_freq=int(options.histograms), write_graph=False), keeps_samples]


class Samples(keras.callbacks.Callback):
    """Shows samples of the model's work after each epoch.

    Args:
        folder: the run's.
        samples: makes them, texts or pictures by name.
        tensorboard: whether TensorBoard gets them; pictures are kept for the report in any case.
    """

    def __init__(self, folder: Path, samples: Callable[[], Mapping[str, Sample]], tensorboard: bool):
        super().__init__()
        self.folder = folder
        self.samples = samples
        self.tensorboard = tensorboard

    def on_epoch_end(self, epoch, logs=None):
        samples = self.samples()
        save_pictures(self.folder, samples, f"{epoch + 1:04d}")
        if samples and self.tensorboard:
            with tf.summary.create_file_writer(str(self.folder / LOGS / "train")).as_default(step=epoch):
                for name, sample in samples.items():
                    if isinstance(sample, str):
                        tf.summary.text(f"samples/{name}", f"```\n{sample}\n```")
                    else:
                        tf.summary.image(f"samples/{name}", sample[np.newaxis])


def _show_examples(learning: Learning) -> None:
    """A picture of training examples, or a table."""
    picture = examples(learning.data, learning.augment, learning.seed, learning.task.drawn)
    if picture is not None:
        tf.summary.image("training examples", picture[np.newaxis])
    else:
        tf.summary.text("training examples", _table(learning.data))


def _table(data: Data) -> str:
    """Raw examples and their targets, a column each, or a row each where there are many inputs."""
    raw, target = data.train.examples(ROWS)
    targets = target if isinstance(target, dict) else {"target": target}
    named = {data.columns.get(name, name): column for name, column in raw.items()}
    columns = [[name, *map(_cell, column)] for name, column in [*named.items(), *targets.items()]]
    rows = columns if len(raw) > ROWS else [list(row) for row in zip(*columns, strict=True)]  # longer than wide
    rows.insert(1, ["---"] * len(rows[0]))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(value) -> str:
    return text(value).replace("|", "\\|").replace("\n", " ")[:LONGEST]

"""What TensorBoard is shown: figures of both splits, learning rate, graph, configuration, samples, histograms."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from src.data import LONGEST, Data, text
from src.reports.samples import Sample, save_pictures
from src.signatures import features_of, predictor
from src.training.augmentation import examples
from src.training.learning import Learning
from src.training.options import Options

ROWS = 10  # of the table of training examples
OVERLAYS = 3  # pictures of the validation split
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
    of_keras = keras.callbacks.TensorBoard(logs, histogram_freq=int(options.histograms), write_graph=False)
    overlays = [Overlays(logs / "validation", learning)] if learning.task.overlay else []
    return [of_keras, keeps_samples, *overlays]


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


class Overlays(keras.callbacks.Callback):
    """Shows, on pictures of the validation split, what is true and what is predicted, as the report does.

    After the epochs 1, 2, 4, 8 and so on, as pictures take more room than figures, and after the last one.

    Args:
        logs: the folder.
        learning: what is trained; its task draws.
    """

    def __init__(self, logs: Path, learning: Learning):
        super().__init__()
        self.logs, self.learning = logs, learning
        self.last = 0

    def on_epoch_end(self, epoch, logs=None):
        self.last = epoch
        if not epoch & (epoch + 1):
            self._show()

    def on_train_end(self, logs=None):
        if self.last & (self.last + 1):
            self._show()

    def _show(self) -> None:
        task, data = self.learning.task, self.learning.data
        raw, target = data.validation.examples(OVERLAYS)
        shown = data.shown(raw)
        if not (task.overlay and isinstance(shown, np.ndarray)):
            return
        features = tf.convert_to_tensor(features_of(data.preprocess, raw))
        _, target, *_ = task.supervise(features, tf.nest.map_structure(tf.constant, target))
        prediction = self.learning.model(features, training=False)
        pictures = [
            task.overlay(picture, target[row : row + 1], prediction[row : row + 1]) for row, picture in enumerate(shown)
        ]
        with tf.summary.create_file_writer(str(self.logs)).as_default(step=self.last):
            tf.summary.image("true above predicted", np.stack(pictures), max_outputs=OVERLAYS)


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

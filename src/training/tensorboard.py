"""What TensorBoard is shown: figures of both splits, learning rate, graph, configuration, samples, histograms."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from src.signatures import predictor
from src.specs import Data, Image
from src.system.files import whole, write_json
from src.training import augmentation

EXAMPLES = 10
LOGS = "logs"  # the folder in a run's; TensorBoard shows it in each run's name, in a narrow column
KEPT = "kept"  # pictures by the weights that were kept


def callback(folder: Path, model: keras.Model, data: Data, seed: int, histograms: bool) -> keras.callbacks.TensorBoard:
    """Keras' callback; the graph, the run's configuration and a few training examples are written at once.

    Args:
        folder: the run's, where config.json is.
        model: whose graph is drawn. The one that Keras 3 writes can't be opened.
        data: whose training split the samples are from.
        seed: of the training, by which some of them are changed.
        histograms: whether to write histograms of all weights each epoch, which takes longer than a small epoch.
    """
    logs = folder / LOGS
    with tf.summary.create_file_writer(str(logs / "train")).as_default(step=0):
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        tf.summary.text("config", f"```\n{json.dumps(config, indent=2)}\n```")
        tf.summary.graph(predictor(model).get_concrete_function().graph)
        _examples(data, seed)
    return keras.callbacks.TensorBoard(logs, histogram_freq=int(histograms), write_graph=False)


class Samples(keras.callbacks.Callback):
    """Shows samples of the model's work after each epoch.

    Args:
        folder: the run's.
        samples: makes them, texts or pictures by name.
        tensorboard: whether TensorBoard gets them; pictures are kept for the report in any case.
    """

    def __init__(self, folder: Path, samples: Callable[[], dict[str, str | np.ndarray]], tensorboard: bool):
        super().__init__()
        self.folder = folder
        self.samples = samples
        self.tensorboard = tensorboard

    def on_epoch_end(self, epoch, logs=None):
        samples = self.samples()
        _save_pictures(self.folder, samples, f"{epoch + 1:04d}")
        if samples and self.tensorboard:
            with tf.summary.create_file_writer(str(self.folder / LOGS / "train")).as_default(step=epoch):
                for name, sample in samples.items():
                    if isinstance(sample, str):
                        tf.summary.text(f"samples/{name}", f"```\n{sample}\n```")
                    else:
                        tf.summary.image(f"samples/{name}", sample[np.newaxis])


def save_samples(folder: Path, samples: Mapping[str, str | np.ndarray]) -> None:
    """Keeps samples of the finished model for the report."""
    write_json(folder / "figures" / "samples.json", {k: v for k, v in samples.items() if isinstance(v, str)})
    _save_pictures(folder, samples, KEPT)


def file_of(picture: str) -> str:
    """The name of a picture as a folder's."""
    return picture.replace(" ", "_")


def _save_pictures(folder: Path, samples: Mapping[str, str | np.ndarray], file: str) -> None:
    """Pictures as figures/samples/NAME/`file`.png."""
    for name, picture in samples.items():
        if not isinstance(picture, str):
            place = folder / "figures" / "samples" / file_of(name)
            place.mkdir(parents=True, exist_ok=True)
            with whole(place / f"{file}.png") as partial:
                partial.write_bytes(tf.io.encode_png(picture).numpy())


def _examples(data: Data, seed: int) -> None:
    if isinstance(data.inputs, Image):
        tf.summary.image("training examples", augmentation.shown(data, seed)[np.newaxis])
    else:
        raw, target = data.train.examples(EXAMPLES)
        table = [[name, *map(_text, column)] for name, column in {**raw, "target": target}.items()]
        rows = table if len(raw) > EXAMPLES else list(zip(*table, strict=True))  # the longer side goes down
        rows.insert(1, ["---"] * len(rows[0]))
        tf.summary.text("training examples", "\n".join(f"| {' | '.join(row)} |" for row in rows))


def _text(value) -> str:
    text = (
        value.decode(errors="replace") if isinstance(value, bytes) else np.array2string(np.asarray(value), precision=4)
    )
    return text.replace("|", "\\|").replace("\n", " ")[:200]

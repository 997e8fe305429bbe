"""The contract of a task: what is learnt from prediction and target, how it is measured, and what is answered.

A file of src/tasks/ has a class `Task` that derives from this one.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from src.analysis.intervals import Scores
from src.analysis.predictions import Predictions
from src.analysis.sections import SHOWN, Examples, Section
from src.data import Door, Features, Raw, Targets
from src.signatures import DEFAULT, Request, Signature, Steps, features_of, request_of

History: TypeAlias = Mapping[str, Sequence[float]]  # each epoch's figures, by name
GivenPicture: TypeAlias = Callable[[tf.Tensor], tf.Tensor]  # from the number of an example in a request
Predict: TypeAlias = Any  # a tf.function from the features of a batch to the prediction


class Task(ABC):
    """What a model learns; its only positional argument is the output's spec, its keyword arguments are knobs."""

    monitor: str  # the figure that decides which epoch is best, such as "val_log_loss"
    direction: Literal["min", "max"]
    loss: Callable[[Any, Any], tf.Tensor] | None = None  # one number per example; None where models have their own
    # How much predictions (batch, …) speak for the answer of another (1, …), float32 (batch,). The report shows which
    # parts of an example add to it; None where none do.
    evidence: Callable[[Any, Any], tf.Tensor] | None = None
    # From a picture, uint8 (height, width, 1 or 3), and target and prediction of a batch of one: both drawn on it, one
    # below the other, uint8 (2 height, width, 3). None where they can't be drawn.
    overlay: Callable[[np.ndarray, Any, Any], np.ndarray] | None = None
    # From a picture, uint8 (height, width, 1 or 3), and its target, of a batch of one as the data set gives it: the
    # target drawn on it, uint8 (height, width, 3). None where it can't be drawn.
    drawn: Callable[[np.ndarray, Any], np.ndarray] | None = None
    # Brings answers of a batch, which are about places of the image that the model sees, to the picture that was given:
    # from `answers` and a graph function from the number of an example, int32 (), to its picture, uint8 (height,
    # width, 3). None where answers are about no places.
    on_picture: Callable[..., dict[str, tf.Tensor]] | None = None
    border: ClassVar[Literal["reflection", "black"]] = "reflection"  # what comes into an image that augmentation moves
    is_judged: ClassVar[bool] = False  # whether its models have a JUDGE, which `compare_with` receives
    meanings: ClassVar[Mapping[str, str]] = {}  # by name of a metric or a picture, a sentence for the report
    limits: ClassVar[str] = ""  # of a request, a sentence for the model card
    usual: Mapping[str, float] = {}  # by name of an input that says how to answer, such as a threshold, its usual value
    side_by_side: ClassVar[Sequence[str]] = ()  # samples that the report shows for several epochs side by side

    def supervise(self, features: Features, target: Any) -> tuple:
        """The training example that the model sees: (x, y) or (x, y, weight). By graph ops."""
        return features, target

    def move(self, target: Any, transforms: tf.Tensor) -> Any:
        """The target of images that augmentation moves; a class or a number stays what it is.

        Args:
            target: of a batch.
            transforms: float32 (batch, 8): the pixel (x, y) of a moved image is the one that was at
                (a x + b y + c, d x + e y + f), of [a, b, c, d, e, f, 0, 0], as tf.raw_ops.ImageProjectiveTransformV3
                takes them.
        """
        return target

    def metrics(self) -> list[keras.metrics.Metric]:
        """Means over examples, for training and measuring."""
        return []

    def watch(self, predict: Predict, batches: tf.data.Dataset) -> dict[str, float]:
        """Metrics of a whole split that aren't means over examples; `predict.input_signature` is the model's."""
        return {}

    def compare_with(self, judge: keras.Model, train: tf.data.Dataset) -> None:
        """Receives the trained judge and the training split, where the task `is_judged`."""
        raise NotImplementedError

    @abstractmethod
    def answers(self, prediction: tf.Tensor) -> dict[str, tf.Tensor]:
        """Named answers, batch first, by TensorFlow ops only."""

    def signatures(
        self, model: keras.Model, preprocess: keras.Model, doors: Mapping[str, Door], steps: Steps
    ) -> dict[str, Signature]:
        """The signatures of an export: `serving_default` from the raw request, and one for each door.

        Args:
            model: from features to prediction.
            preprocess: from the raw request, its named Inputs, to features.
            doors: other ways in, by name.
            steps: makes the model's single step, for tasks that predict step by step.

        Returns:
            By name, a function from a dict of tensors to a dict of tensors, and the spec of each input.
        """

        others = {name: (self.asked(model, preprocess, door), door.request) for name, door in doors.items()}
        return {DEFAULT: (self.asked(model, preprocess), request_of(preprocess)), **others}

    def asked(self, model: keras.Model, preprocess: keras.Model, door: Door | None = None) -> Callable[..., dict]:
        """The way from a request, raw or of a door, to the answers; further arguments are those of `on_picture`."""

        def ask(request, **arguments):
            features = features_of(preprocess, door(request) if door else request)
            answers = self.answers(model(features, training=False))
            if self.on_picture is None:
                return answers
            picture = partial(door.picture, request) if door and door.picture else _picture_of(features)
            return self.on_picture(answers, picture, **arguments)

        return ask

    def requests(self, raw: Raw, specs: Mapping[str, Request]) -> Mapping[str, Raw]:
        """A sample request for each signature but the doors', to verify the export.

        Args:
            raw: columns of raw examples, and what doors make of them.
            specs: of each signature's inputs; columns of a request that it hasn't are left out.
        """
        return {DEFAULT: raw}

    def samples(self, ask: Mapping[str, Callable]) -> Mapping[str, str | np.ndarray]:
        """Samples of the model's work by name: texts, or pictures uint8 (height, width, channels).

        Args:
            ask: the functions of `signatures` by name.
        """
        return {}

    def warnings(self, history: History) -> list[str]:
        """What looks wrong in the figures so far: `what: why, and what to change`."""
        return []

    def called(self, columns: Mapping[str, str]) -> "Task":
        """The same task for people, where it is about inputs: they are called as in the user's file.

        Args:
            columns: what the file calls an input, where that isn't the same.
        """
        return self

    @abstractmethod
    def summarize(self, targets: Iterable[Targets]) -> dict:
        """Summary of one split's targets, given in batches, for the manifest."""

    @abstractmethod
    def figures(self, predict: Predict, batches: Iterable[tuple]) -> dict:
        """Detailed figures of a split, read as a stream; those of a simple predictor under "baseline"."""

    def keep(self, features: Features, target: Any, prediction: tf.Tensor) -> Mapping[str, Any]:
        """What a run keeps of a measured batch for `errors` and `scores`: arrays by name, the examples first.

        Called for each batch whose prediction `figures` asks for, where the task has a loss; {} keeps nothing.
        """
        return {"loss": self.loss(target, prediction)} if self.loss else {}

    def errors(self, predictions: Predictions) -> Sequence[Section]:
        """What the model gets wrong, in the order in which it is read; what `sections` has comes before it."""
        if "loss" not in predictions.columns:
            return []
        worst = np.argsort(-predictions["loss"])[:SHOWN]
        captions = dict(zip(predictions.numbers[worst].tolist(), self.captions(predictions, worst), strict=True))
        return [Examples("Largest losses", captions)]

    def captions(self, predictions: Predictions, rows: np.ndarray) -> list[str]:
        """What was answered to examples, and what is true, each in a few words; the default is its score.

        Args:
            predictions: what was kept.
            rows: of them, whose examples are meant.
        """
        scores = self.scores(predictions)
        return [f"{scores.name} {scores.values[row]:.4g}" if scores else "" for row in rows]

    def scores(self, predictions: Predictions) -> Scores | None:
        """The figure that sums a model up, one value for each example; None where there is none."""
        return Scores("loss", predictions["loss"]) if "loss" in predictions.columns else None

    def remarks(self, figures: dict) -> list[str]:
        """What looks wrong in the detailed figures, which a file holds: `what: why, and what to change`."""
        return []

    def simple(self, train: tf.data.Dataset, batches: tf.data.Dataset) -> dict | None:
        """The "baseline" where it is fitted to the training split; None where `figures` has it."""
        return None

    def draw(self, figures: dict) -> dict[str, Figure]:
        """Plots of the figures, by name."""
        return {}

    def sections(self, figures: dict) -> Sequence[Section]:
        """What else the report shows of the figures, which a file holds; what `draw` draws comes before it."""
        return []


def _picture_of(features: tf.Tensor) -> GivenPicture:
    """Pictures of a request that has images as the model sees them, (batch, height, width, channels) in [0, 1]."""

    def picture(number):
        image = features[number]
        colors = image if image.shape[-1] == 3 else tf.repeat(image[..., :1], 3, axis=-1)
        return tf.image.convert_image_dtype(colors, tf.uint8, saturate=True)

    return picture

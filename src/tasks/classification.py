"""Classification: one of several classes, by a softmax over logits and cross-entropy.

Goodfellow, Bengio and Courville, Deep Learning (2016), section 6.2.2.3; label smoothing: Szegedy et al. (2016),
Rethinking the inception architecture, section 7. Two classes are two logits: binary and multi-class are one thing.

The log-loss decides which epoch is best: it is a proper score (Gneiting and Raftery, 2007, Strictly proper scoring
rules). Accuracy, the share of right answers, doesn't tell how sure they are, and on a small split is mostly chance.
"""

import dataclasses
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from src import task
from src.analysis import classes
from src.analysis.intervals import Scores
from src.analysis.plots import INK, SHADES
from src.analysis.sections import Section
from src.data import Source
from src.sources import summaries
from src.sources.splits import check_labels
from src.specs import Classes
from src.system import screen

SPEC = Classes
MOST_NAMES_DRAWN = 30
UNEVEN, MISSED = 5, 0.1  # most examples of a class beside the fewest, and accuracy above mean recall: a warning
NAMED = 3


def adapt(outputs: Classes, train: Source) -> Classes:
    """The spec with the number of training examples of each class.

    Raises:
        ValueError: for fewer than two classes, or labels that aren't int32 indices into their names, one an example.
    """
    if outputs.size < 2:
        raise ValueError(f"a classifier needs two classes or more; there is only {', '.join(outputs.names) or 'none'}")
    labels = train.targets()
    check_labels(labels)
    if strange := sorted({*labels.tolist()} - set(range(outputs.size))):
        raise ValueError(f"there is a label {strange[0]}; those of {outputs.size} classes are 0 to {outputs.size - 1}")
    return dataclasses.replace(outputs, counts=tuple(np.bincount(labels, minlength=outputs.size).tolist()))


class Task(task.Task):
    """Classification into `outputs.names`.

    Args:
        outputs: the classes and how often each stands in the training split.
        class_weights: whether to weight classes by inverse frequency: n / (classes x examples of the class).
        label_smoothing: fraction of the target's probability spread over all classes, in [0, 1).

    Raises:
        ValueError: for a label smoothing out of its range.
    """

    monitor, direction = "val_log_loss", "min"
    meanings: ClassVar = {
        "log_loss": "how improbable the model took the right class for: 0 where it is sure and right, 0.69 for a "
        "throw of a coin, and without bound where it is sure and wrong. Less is better.",
        "accuracy": "the share of examples whose likeliest class is the right one.",
    }

    def __init__(self, outputs: Classes, *, class_weights: bool = False, label_smoothing: float = 0.0):
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing has to be in [0, 1), not {label_smoothing}.")
        self.outputs = outputs
        self.label_smoothing = label_smoothing
        counts = np.maximum(outputs.counts or 1, 1)
        self.weights = (np.sum(counts) / (outputs.size * counts)).astype("float32") if class_weights else None

    def supervise(self, features, target):
        """What the model is trained on: features, labels (batch,) and, with class weights, a weight for each."""
        if self.weights is None:
            return features, target
        return features, target, tf.gather(self.weights, target)

    def loss(self, target, logits):
        """Cross-entropy (batch,) of labels (batch,) and logits (batch, classes)."""
        return keras.losses.categorical_crossentropy(
            tf.one_hot(tf.cast(target, tf.int32), self.outputs.size),
            logits,
            from_logits=True,
            label_smoothing=self.label_smoothing,
        )

    def metrics(self) -> list[keras.metrics.Metric]:
        """Log-loss, which is the loss without weights, smoothing and penalties, and accuracy."""
        return [
            keras.metrics.SparseCategoricalCrossentropy("log_loss", from_logits=True),
            keras.metrics.SparseCategoricalAccuracy("accuracy"),
        ]

    def answers(self, logits) -> dict[str, tf.Tensor]:
        """The likeliest class, its probability (batch,), and all probabilities (batch, classes) in order of names."""
        probabilities = tf.nn.softmax(logits)
        return {
            "label": tf.gather(tf.constant(self.outputs.names), tf.argmax(probabilities, axis=-1)),
            "probability": tf.reduce_max(probabilities, axis=-1),
            "probabilities": probabilities,
        }

    def summarize(self, targets) -> dict:
        """One split's targets, in batches, for the manifest: the number of examples of each class."""
        return {"classes": summaries.counts(targets, self.outputs.names)}

    def figures(self, predict, batches) -> dict:
        """Log-loss and accuracy beside those of answering by the classes' shares in training; figures of each class.

        Args:
            predict: from features to logits.
            batches: (features, labels, …) of one split, each example once.
        """
        confusion = np.zeros((self.outputs.size, self.outputs.size), int)  # (true, predicted)
        log_loss = 0.0
        for features, target, *_ in batches:
            logits = predict(features)
            np.add.at(confusion, (target.numpy(), np.argmax(logits, axis=-1)), 1)
            log_loss += float(tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(target, logits)))
        right, true, predicted = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
        commonest = int(np.argmax(self.outputs.counts))
        shares = np.maximum(self.outputs.counts, 0.5) / np.maximum(self.outputs.counts, 0.5).sum()
        by_class = {
            name: {"precision": _ratio(r, p), "recall": _ratio(r, t), "f1": _ratio(2 * r, p + t), "examples": int(t)}
            for name, r, t, p in zip(self.outputs.names, right, true, predicted, strict=True)
        }
        return {
            "log_loss": _ratio(log_loss, true.sum()),
            "accuracy": _ratio(right.sum(), true.sum()),
            "baseline": {
                "log_loss": _ratio(-(true * np.log(shares)).sum(), true.sum()),
                "accuracy": _ratio(true[commonest], true.sum()),
                "predictor": f"always {self.outputs.names[commonest]}",
            },
            "classes": by_class,
            "confusion": confusion.tolist(),
        }

    def remarks(self, figures: dict) -> list[str]:
        """Whether rare classes are missed, which accuracy doesn't tell."""
        recalls = {name: about["recall"] for name, about in figures["classes"].items() if about["examples"]}
        counts = dict(zip(self.outputs.names, self.outputs.counts, strict=False))
        mean = sum(recalls.values()) / max(1, len(recalls))
        if figures["accuracy"] - mean < MISSED or max(counts.values(), default=0) < UNEVEN * min(counts.values()):
            return []
        missed = sorted((name for name in recalls if recalls[name] < mean), key=lambda name: recalls[name])[:NAMED]
        cure = "get more examples of them" + ", or try --class-weights" * (self.weights is None)
        return [
            f"accuracy is {figures['accuracy']:.3g}, the mean recall of the classes {mean:.3g}: rare classes are "
            f"missed, most of all {', '.join(missed)}; {cure}"
        ]

    def keep(self, features, target, logits) -> dict:
        """Label (batch,) and logits (batch, classes) of each example."""
        return {"label": target, "logits": logits}

    def scores(self, predictions) -> Scores:
        """Accuracy."""
        return Scores("accuracy", predictions["logits"].argmax(axis=1) == predictions["label"])

    def evidence(self, logits, answered):
        """The log-probability (batch,) of the class that was answered."""
        likeliest = tf.one_hot(tf.argmax(answered, axis=-1), self.outputs.size)
        return tf.reduce_sum(likeliest * tf.nn.log_softmax(tf.cast(logits, "float32")), axis=-1)

    def captions(self, predictions, rows) -> list[str]:
        """The answers, how sure they are, and the true classes where they are wrong."""
        probabilities = tf.nn.softmax(predictions["logits"][rows].astype(float)).numpy()
        return classes.captions(predictions["label"][rows], probabilities, self.outputs.names)

    def errors(self, predictions) -> list[Section]:
        """Figures of each class, how sure the answers are, and mistakes, unsure answers and likely wrong labels."""
        numbers, labels, names = predictions.numbers, predictions["label"], self.outputs.names
        probabilities = tf.nn.softmax(predictions["logits"].astype(float)).numpy()
        predicted = probabilities.argmax(axis=1)
        rarer = classes.rarer(self.outputs.counts) if len(names) == 2 else None
        return [
            classes.reliability(labels, probabilities),
            *classes.curves(labels, probabilities, names, rarer),
            *classes.confused(labels, predicted, names),
            *classes.mistakes(numbers, labels, probabilities, names),
            *classes.suspicious(numbers, labels, probabilities, names),
            classes.by_class(labels, predicted, names),
            *([] if rarer is None else [classes.thresholds(labels == rarer, probabilities[:, rarer], names[rarer])]),
        ]

    def draw(self, figures: dict) -> dict[str, Figure]:
        """The confusion matrix, each row as shares of a true class."""
        confusion = np.array(figures["confusion"])
        shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
        names = [screen.drawn(screen.shortened(name)) for name in self.outputs.names]
        side = 1.9 + 0.27 * len(names) if len(names) <= MOST_NAMES_DRAWN else 5.4
        room = 0.6 + 0.08 * max(map(len, names))  # for names beside it, and slanted below it
        figure = Figure(figsize=(side + room, side + room), layout="constrained")
        axes = figure.subplots()
        axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1)
        axes.set(xlabel="predicted class", ylabel="true class", title=f"Accuracy {figures['accuracy']:.3f}")
        if self.outputs.size <= MOST_NAMES_DRAWN:
            positions = range(self.outputs.size)
            slanted: dict = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
            short = max(map(len, names)) <= 3
            axes.set_xticks(positions, names, **({} if short else slanted))
            axes.set_yticks(positions, names)
            for row, column in zip(*np.nonzero(confusion), strict=True):
                color = "white" if shares[row, column] > 0.5 else INK
                axes.text(column, row, confusion[row, column], ha="center", va="center", color=color, fontsize=8)
        return {"confusion": figure}


def _ratio(part, whole) -> float:
    return float(part / whole) if whole else 0.0

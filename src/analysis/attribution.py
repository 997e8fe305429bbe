"""Attribution: how much each part of an example, or each column of a table, matters to what a model answers.

Pictures: integrated gradients, Sundararajan et al. (2017), Axiomatic attribution for deep networks, section 3. Texts:
erasure, Li et al. (2016), Understanding neural networks through representation erasure, section 2. Tables: permutation
importance, Breiman (2001), Random forests, section 10.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import tensorflow as tf

STEPS = 24  # from the black picture to the one that is explained
REPEATS = 5  # permutations of each column
# A word with the blanks behind it; scripts that set none are read by characters.
WORD = re.compile(
    r"(?:[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|[^\W_]+(?:['’.][^\W_]+)*|\S)\s*|\s+"
)


def integrated_gradients(evidence: Callable[[tf.Tensor], tf.Tensor], image: tf.Tensor) -> np.ndarray:
    """What each pixel adds to the evidence for an answer, beside a black picture, float32 (height, width).

    The sum over all pixels is the difference of the evidence of both pictures, but for the steps' width.

    Args:
        evidence: from images (n, height, width, channels) to float32 (n,), differentiable.
        image: that was answered, (height, width, channels).
    """
    midpoints = (tf.range(STEPS, dtype=image.dtype) + 0.5) / STEPS
    path = midpoints[:, None, None, None] * image
    with tf.GradientTape() as tape:
        tape.watch(path)
        total = tf.reduce_sum(evidence(path))
    gradients = tf.reduce_mean(tape.gradient(total, path), axis=0)
    return tf.reduce_sum(gradients * image, axis=-1).numpy()


def erased_words(evidence: Callable[[Sequence[str]], np.ndarray], text: str) -> list[tuple[str, float]]:
    """The words of a text, each with how much of the evidence for an answer is lost without it.

    Args:
        evidence: from texts to float32 (texts,).
        text: that was answered.
    """
    words = WORD.findall(text)
    whole, *erased = evidence([text, *("".join(words[:place] + words[place + 1 :]) for place in range(len(words)))])
    return [(word, float(whole - without)) for word, without in zip(words, erased, strict=True)]


@dataclass(frozen=True)
class Importance:
    """How much a mean score changes when a column's values are dealt out anew among the examples.

    Args:
        column: its name.
        mean: change of the score, over `REPEATS` permutations.
        deviation: standard deviation of the change.
    """

    column: str
    mean: float
    deviation: float


def importances(
    score: Callable[[Mapping[str, np.ndarray]], float], table: Mapping[str, np.ndarray]
) -> list[Importance]:
    """The importance of each column, the largest change first.

    Args:
        score: a figure of the examples whose columns are given.
        table: by name, the columns (examples,).
    """
    from sklearn.inspection import permutation_importance  # here, as it takes long and only tables need it

    names, examples = list(table), len(next(iter(table.values())))
    # What is permuted are numbers of rows, so a column may be of any type.
    rows = np.repeat(np.arange(examples)[:, None], len(names), axis=1)

    def scoring(_: Any, permuted: np.ndarray, __: Any) -> float:
        return score({name: table[name][permuted[:, place]] for place, name in enumerate(names)})

    estimator = SimpleNamespace(fit=lambda: None)  # scikit-learn asks for one, and uses `scoring` alone
    found = permutation_importance(estimator, rows, None, scoring=scoring, n_repeats=REPEATS, random_state=0)
    changes = [
        Importance(name, 0.0 - float(mean), float(deviation))
        for name, mean, deviation in zip(names, found.importances_mean, found.importances_std, strict=True)
    ]
    return sorted(changes, key=lambda change: -abs(change.mean))

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

STEPS = 16  # from each baseline to the picture that is explained
BASELINES = (0.0, 1.0)  # black and white: beside one of them alone, pixels of its colour could never count
REPEATS = 5  # permutations of each column
# A word with the blanks behind it; scripts that set none are read by characters.
WORD = re.compile(
    r"(?:[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|[^\W_]+(?:['’.][^\W_]+)*|\S)\s*|\s+"
)


def integrated_gradients(evidence: Callable[[tf.Tensor], tf.Tensor], image: tf.Tensor) -> np.ndarray:
    """What each pixel adds to the evidence for an answer, float32 (height, width), the mean over `BASELINES`.

    All pixels add up to the difference between the evidence of the picture and of a baseline, but for the steps' width.

    Args:
        evidence: from images (n, height, width, channels) to float32 (n,), differentiable.
        image: that was answered, (height, width, channels).
    """
    midpoints = (tf.range(STEPS, dtype=image.dtype) + 0.5) / STEPS
    added = tf.zeros_like(image)
    for baseline in BASELINES:
        change = image - baseline
        path = baseline + midpoints[:, None, None, None] * change
        with tf.GradientTape() as tape:
            tape.watch(path)
            total = tf.reduce_sum(evidence(path))
        added += tf.reduce_mean(tape.gradient(total, path), axis=0) * change / len(BASELINES)
    return tf.reduce_sum(added, axis=-1).numpy()


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
    """How much a score falls when a column's values are dealt out anew among the examples.

    Args:
        column: its name.
        mean: fall of the score, over several permutations.
        deviation: its standard deviation.
    """

    column: str
    mean: float
    deviation: float


def importances(
    score: Callable[[Mapping[str, np.ndarray]], float], table: Mapping[str, np.ndarray], repeats: int = REPEATS
) -> list[Importance]:
    """The importance of each column, the largest first.

    Args:
        score: of the examples whose columns are given, higher is better.
        table: by name, the columns (examples,).
        repeats: permutations of each column.
    """
    from sklearn.inspection import permutation_importance  # here, as it takes long and only tables need it

    names, examples = list(table), len(next(iter(table.values())))
    # What is permuted are numbers of rows, so a column may be of any type.
    rows = np.repeat(np.arange(examples)[:, None], len(names), axis=1)

    def scoring(_: Any, permuted: np.ndarray, __: Any) -> float:
        return score({name: table[name][permuted[:, place]] for place, name in enumerate(names)})

    estimator = SimpleNamespace(fit=lambda: None)  # scikit-learn asks for one, and uses `scoring` alone
    found = permutation_importance(estimator, rows, None, scoring=scoring, n_repeats=repeats, random_state=0)
    parts = zip(names, found.importances_mean.tolist(), found.importances_std.tolist(), strict=True)
    return sorted((Importance(*part) for part in parts), key=lambda importance: -importance.mean)

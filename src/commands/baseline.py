"""Strong simple predictors, against which a network has to show what it is for; tuned on validation as it is.

Texts: TF-IDF with logistic regression (Manning, Raghavan and Schütze, 2008, sections 6.2 and 14.7). Series: a linear
autoregression, the last value, and the value one season before (Hyndman and Athanasopoulos, 2021, sections 5.2, 9.3).
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import tensorflow as tf
from rich.table import Table

from src.data import Data, Source
from src.errors import UserError
from src.settings import catalogue
from src.settings.contract import load_data
from src.sources.folds import splits_of
from src.specs import Classes, Horizon, Series, Tokens
from src.system.screen import PlainConsole, track
from src.training import pipeline

TOKENS = {"words": r"\w\w+", "words and punctuation": r"\w+|[^\w\s]+"}
MOST_TERMS = 50_000  # that TF-IDF knows
Figures = dict[str, dict[str, float]]  # of each predictor, by split


def baseline(name: str, *, test: bool = False, **knobs) -> Figures:
    """Fits simple predictors to a data set, and shows how good they are.

    Args:
        name: of the data set.
        test: whether to evaluate on the test split, too.
        knobs: of the data set's `load`.

    Raises:
        UserError: for data for which there are none.
    """
    data = load_data(catalogue.dataset(name), knobs)
    kinds = (type(data.inputs), type(data.outputs))
    if kinds not in BASELINES:
        raise UserError(
            f"There is no baseline for {kinds[0].__name__} and {kinds[1].__name__}; the report of a training has one."
        )
    figure, results = BASELINES[kinds](*splits_of(data, test=test))
    table = Table(title=f"{name}: {figure}", title_justify="left")
    for column in ("predictor", "validation", *(["test"] if test else [])):
        table.add_column(column)
    for predictor, figures in results.items():
        table.add_row(predictor, *(f"{number:.4f}" for number in figures.values()))
    PlainConsole().print(table)
    return results


def _tfidf(data: Data, parts: dict[str, Source]) -> tuple[str, Figures]:
    """Accuracy of logistic regression over words and pairs of words, the best of sixteen by validation."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    def texts(source):
        raw, target = source.examples(len(source))
        return [text.decode(errors="replace") for text in raw["text"]], target

    read = {split: texts(source) for split, source in parts.items()}
    best: Any = None
    highest, name = -1.0, ""
    choices = list(product(TOKENS.items(), (1, 2), (1, 4, 16, 64)))
    for (what, pattern), longest, strength in track(choices, "fitting"):
        spread = {"ngram_range": (1, longest), "sublinear_tf": True, "max_features": MOST_TERMS, "min_df": 2}
        weigh = TfidfVectorizer(token_pattern=pattern, **spread)
        model = make_pipeline(weigh, LogisticRegression(C=strength, max_iter=300)).fit(*read["train"])
        if (accuracy := model.score(*read["validation"])) > highest:
            highest, best = accuracy, model
            name = f"TF-IDF of 1 to {longest} {what}, logistic regression, C={strength}"
    return "accuracy", {name: {split: best.score(*read[split]) for split in read if split != "train"}}


def _linear(data: Data, parts: dict[str, Source]) -> tuple[str, Figures]:
    """MASE of a linear autoregression, its ridge penalty the best of six by validation, and of simple forecasts."""
    from sklearn.linear_model import Ridge

    outputs = data.outputs
    assert isinstance(outputs, Horizon), "as BASELINES says"
    file = next(task for task in catalogue.tasks().values() if task.spec is Horizon)
    task = catalogue.load(file).Task(outputs)
    read = {}
    for split, source in parts.items():
        batches = list(pipeline.measuring(source, data.preprocess, task.supervise, batch=4096))
        read[split] = [tf.concat(column, axis=0) for column in zip(*batches, strict=True)]

    def changes(features, target):
        last = features[:, -1:]
        return np.reshape(features - last, (len(last), -1)), np.reshape(target[:, 0] - last, (len(last), -1))

    def figures(model, split):
        def predict(features):
            last = np.tile(features[:, -1], outputs.length)
            return last + model.predict(changes(features, read[split][1])[0]).reshape(last.shape)

        return task.figures(predict, [read[split]])

    models = {penalty: Ridge(penalty).fit(*changes(*read["train"])) for penalty in (1e-2, 1e-1, 1, 10, 100, 1000)}
    best = min(models, key=lambda penalty: figures(models[penalty], "validation")["mase"])
    measured = {split: figures(models[best], split) for split in read if split != "train"}
    table = {f"linear autoregression, ridge penalty {best}": {split: f["mase"] for split, f in measured.items()}}
    for name in measured["validation"]["simple"]:
        table[name] = {split: f["simple"][name]["mase"] for split, f in measured.items()}
    return "MASE", table


BASELINES: dict[tuple[type, type], Callable] = {(Tokens, Classes): _tfidf, (Series, Horizon): _linear}

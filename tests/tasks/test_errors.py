"""What each task says of its errors, recomputed by hand from what a run keeps."""

import numpy as np
import pytest
import tensorflow as tf

from src.analysis.predictions import Predictions
from src.analysis.sections import Examples, Passages, Plot, Table
from src.settings import catalogue
from src.specs import Horizon, NextToken, Values
from src.task import Task

RANDOM = np.random.default_rng(0)


def made(outputs):
    """The task that serves the output."""
    (file,) = [file for file in catalogue.tasks().values() if file.spec is type(outputs)]
    return catalogue.load(file).Task(outputs)


def kept(**columns):
    size = len(next(iter(columns.values())))
    return Predictions("test", size, np.arange(size), columns)


def table(sections, title):
    (found,) = [part for part in sections if isinstance(part, Table) and part.title == title]
    return found.rows


def test_regression_shows_where_the_errors_are():
    true = np.sort(RANDOM.uniform(0, 100, (50, 1)), axis=0)
    predictions = kept(true=true, predicted=true + np.where(true > 80, 30.0, RANDOM.normal(size=true.shape)))
    task = made(Values(("price",), "EUR", (50.0,), (30.0,)))
    sections = task.errors(predictions)
    last = table(sections, "Error by price")[-1]
    assert last["mean error"] == pytest.approx((predictions["predicted"] - true)[-10:].mean())
    (worst,) = [part for part in sections if isinstance(part, Examples)]
    errors = np.abs(predictions["predicted"] - true)[:, 0]
    assert next(iter(worst.captions)) == errors.argmax()
    assert task.scores(predictions).mean == pytest.approx(errors.mean())


@pytest.mark.parametrize("steps", [1, 3])
def test_forecasting_shows_the_error_by_step_and_series(steps):
    outputs = Horizon(("a", "b"), steps, 1, False, (0.0, 0.0), (1.0, 1.0), (2.0, 4.0), (2.0, 4.0))
    true, forecast = RANDOM.normal(size=(2, 20, steps, 2))
    predictions = kept(true=true, predicted=forecast, last=np.zeros((20, 2)))
    task = made(outputs)
    sections = task.errors(predictions)
    assert len([part for part in sections if isinstance(part, Plot)]) == (steps > 1)
    rows = table(sections, "Error by series")
    assert rows[1]["mean absolute error"] == pytest.approx(np.abs(forecast - true)[..., 1].mean())
    scores = task.scores(predictions)
    assert scores.mean == pytest.approx((np.abs(forecast - true) / [2, 4]).mean()) and scores.together == steps


def test_language_shows_the_most_surprising_passages_as_they_are_written():
    tokens, bits = np.full((3, 100), 2, "uint8"), np.ones((3, 100), "float16")
    tokens[1, 40], bits[1, 40:50] = 3, 9
    task = made(NextToken(("", "?", "a", "<b>")))
    (section,) = task.errors(kept(tokens=tokens, bits=bits))
    assert isinstance(section, Passages)
    caption, parts = next(iter(section.passages.items()))
    assert caption.startswith("text 1, ") and ("<b>", 1.0) in parts
    scores = task.scores(kept(tokens=tokens, bits=bits))
    assert scores.mean == pytest.approx((300 + 80) / (299 + 3), rel=1e-3), "bits a character"


def test_a_task_that_says_nothing_of_errors_shows_the_largest_losses():
    class Other(Task):
        loss = staticmethod(lambda target, prediction: tf.abs(target - prediction))
        answers = summarize = figures = None

    task = Other()
    columns = task.keep(None, tf.constant([1.0, 5.0, 2.0]), tf.zeros(3))
    predictions = kept(**{name: np.asarray(column) for name, column in columns.items()})
    (section,) = task.errors(predictions)
    assert next(iter(section.captions.items())) == (1, "loss 5")
    assert task.scores(predictions).mean == pytest.approx(8 / 3)

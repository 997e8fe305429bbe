"""Errors of a classifier, recomputed by hand from what was predicted."""

import io

import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from src.analysis import classes
from src.analysis.labels import likely_wrong
from src.analysis.predictions import Predictions
from src.analysis.sections import Examples, Plot, Table
from src.specs import Classes
from src.tasks.classification import Task

RANDOM = np.random.default_rng(0)


def predicted(size, examples=600, missing=()):
    """Predictions of so many classes, better than chance; none of the `missing` ones is a label."""
    labels = RANDOM.choice([place for place in range(size) if place not in missing], examples)
    logits = RANDOM.normal(size=(examples, size)).astype("float32")
    logits[np.arange(examples), labels] += 2
    return Predictions("test", examples, np.arange(examples), {"label": labels.astype("int32"), "logits": logits})


def sections(size, predictions):
    names = tuple(f"<b>{place}</b> 类" for place in range(size))
    return Task(Classes(names, (5,) * size)).errors(predictions), names


def test_figures_of_each_class_are_those_of_scikit_learn():
    predictions = predicted(5, missing=(3,))
    found, names = sections(5, predictions)
    labels, answers = predictions["label"], predictions["logits"].argmax(axis=1)
    (table,) = [part for part in found if isinstance(part, Table) and part.title == "By class"]
    expected = metrics.precision_recall_fscore_support(labels, answers, labels=range(5), zero_division=0)
    for row, name, *values, examples in zip(table.rows, names, *expected, strict=True):
        assert (row["class"], row["examples"]) == (name, examples)
        for head, value in zip(("precision", "recall", "F1"), values, strict=True):
            text = row[head]
            if text == "–":
                assert value == 0
                continue
            low, high = map(float, text.partition("(")[2].rstrip(")").split("–"))
            assert float(text.split()[0]) == pytest.approx(value, abs=5e-4) and low - 0.01 <= value <= high + 0.01
    assert table.rows[3]["recall"] == "–", "a class without an example has none"


def test_the_calibration_error_is_the_mean_gap_of_bins():
    predictions = predicted(3)
    probabilities = softmax(predictions["logits"].astype(float), axis=1)
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == predictions["label"]
    error = 0.0
    for low in range(classes.BINS):
        inside = (sure >= low / classes.BINS) & (sure < (low + 1) / classes.BINS)
        error += inside.mean() * abs(right[inside].mean() - sure[inside].mean()) if inside.any() else 0
    assert classes.expected_calibration_error(predictions["label"], probabilities) == pytest.approx(error)


def test_the_curves_of_two_classes_are_of_the_rarer_one():
    predictions = predicted(2)
    labels, probabilities = predictions["label"], softmax(predictions["logits"].astype(float), axis=1)
    task = Task(Classes(("spam", "ham"), (10, 90)))
    found = {part.title: part for part in task.errors(predictions)}
    label = found["Precision and recall"].figure.legends[0].texts[0].get_text()
    assert label == f"spam, average precision {metrics.average_precision_score(labels == 0, probabilities[:, 0]):.3f}"
    half = next(row for row in found["Thresholds"].rows if row["threshold"] == "0.50")
    assert half["misses"] == ((labels == 0) & (probabilities[:, 0] < 0.5)).sum()
    assert half["precision"] == pytest.approx(metrics.precision_score(labels == 0, probabilities[:, 0] >= 0.5))


def test_the_surest_mistakes_come_first():
    predictions = predicted(4)
    found, names = sections(4, predictions)
    (shown,) = [part for part in found if isinstance(part, Examples) and part.title == "Most confident mistakes"]
    probabilities = softmax(predictions["logits"].astype(float), axis=1)
    wrong = probabilities.argmax(axis=1) != predictions["label"]
    first = next(iter(shown.captions))
    assert first == np.argmax(np.where(wrong, probabilities.max(axis=1), 0))
    assert names[predictions["label"][first]] in shown.captions[first]


@pytest.mark.parametrize(("size", "missing"), [(2, (0,)), (200, (7, 150)), (12, ())])
def test_any_number_of_classes_has_sections_that_can_be_drawn(size, missing):
    found, _ = sections(size, predicted(size, missing=missing))
    for part in found:
        if isinstance(part, Plot):
            part.figure.savefig(io.BytesIO(), format="svg")
    assert {"Reliability", "By class"} <= {part.title for part in found}


def test_half_of_flipped_labels_are_among_the_first_listed():
    x, y = load_digits(return_X_y=True)
    random = np.random.default_rng(1)
    flipped = random.permutation(len(y))[: len(y) // 20]
    noisy = y.copy()
    noisy[flipped] = (y[flipped] + random.integers(1, 10, len(flipped))) % 10
    held_out = np.arange(len(y)) % 2 == 1
    model = LogisticRegression(C=0.01, max_iter=200).fit(x[~held_out] / 16, noisy[~held_out])
    rows, rather = likely_wrong(noisy[held_out], model.predict_proba(x[held_out] / 16))
    is_flipped = np.isin(np.flatnonzero(held_out), flipped)
    first = rows[: held_out.sum() // 20]
    assert is_flipped[first].sum() >= is_flipped.sum() / 2
    assert (rather[: len(first)] == y[held_out][first]).mean() > 0.5, "and what they rather are is told"


def test_right_labels_are_not_suspected():
    labels = np.arange(40) % 4
    probabilities = np.full((40, 4), 0.05)
    probabilities[np.arange(40), labels] = 0.85
    assert len(likely_wrong(labels, probabilities)[0]) == 0


def test_a_label_is_suspected_only_beside_a_likelier_class_and_by_a_model_that_is_mostly_right():
    labels, names = np.array([0] * 80 + [1] * 20), ("no", "yes")
    probabilities = np.where(labels[:, None] == (0, 1), 0.9, 0.1)
    probabilities[80:, 1] = 0.3  # of the rare class hardly any is found, so 0.44 is much for it
    probabilities[80:, 0] = 0.7
    probabilities[:5] = 0.56, 0.44
    rows, rather = likely_wrong(labels, probabilities)
    assert not np.isin(np.arange(5), rows).any() and (rather == 0).all()
    weak = np.random.default_rng(0).dirichlet((1, 1), 100)
    assert len(likely_wrong(labels, weak)[0]) and classes.suspicious(np.arange(100), labels, weak, names) == []


@pytest.mark.parametrize("count", [2, 3, 30])
def test_long_names_leave_room_for_the_plots(count):
    names = tuple(f"Chronic obstructive pulmonary disease, stage {number}, $uncontrolled$" for number in range(count))
    task = Task(Classes(names, (10,) * count))
    found = {part.title: part.figure for part in task.errors(predicted(count)) if isinstance(part, Plot)}
    found["confusion"] = task.draw({"confusion": np.eye(count).tolist(), "accuracy": 1.0})["confusion"]
    for title, figure in found.items():
        figure.draw_without_rendering()
        inches = figure.axes[0].get_window_extent().width / figure.dpi
        assert inches > (1.4 if title == "confusion" else 2.5), title


def test_rare_classes_that_are_missed_are_told():
    task = Task(Classes(("common", "rare"), (90, 10)))
    by_class = {"common": {"recall": 1.0, "examples": 90}, "rare": {"recall": 0.0, "examples": 10}}
    figures = {"accuracy": 0.9, "classes": by_class}
    assert "rare classes are missed, most of all rare; get more" in " ".join(task.remarks(figures))
    even = Task(Classes(("common", "rare"), (50, 50)))
    assert even.remarks(figures) == []

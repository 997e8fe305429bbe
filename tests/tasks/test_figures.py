"""Losses, metrics and figures of the tasks against scikit-learn and hand-made numbers."""

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf

from src.sources.memory import InMemory
from src.specs import Classes, Values
from src.tasks import classification, regression

LABELS = np.array([0, 1, 1, 2, 2, 2, 0, 1], "int32")
LOGITS = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
CLASSES = Classes(("a", "b", "c"), (2, 3, 5))
TRUE = np.array([[100.0, 1.0], [200.0, 3.0], [400.0, 8.0]], "float32")
VALUES = Values(("price", "rooms"), "EUR", (150.0, 2.0), (50.0, 2.0))


def batches(task, target):
    return tf.data.Dataset.from_tensor_slices((np.arange(len(target)), target)).batch(3).map(task.supervise)


def predictor(rows):
    return lambda positions: tf.gather(rows, positions)


def test_cross_entropy_is_scikit_learns():
    loss = classification.Task(CLASSES).loss(LABELS.astype("float32"), tf.constant(LOGITS))
    expected = sklearn.metrics.log_loss(LABELS, tf.nn.softmax(LOGITS).numpy())
    assert np.mean(loss) == pytest.approx(expected, rel=1e-5)


def test_label_smoothing_spreads_its_share():
    share = 0.3
    loss = classification.Task(CLASSES, label_smoothing=share).loss(LABELS, tf.constant(LOGITS))
    wanted = np.eye(3)[LABELS] * (1 - share) + share / 3
    np.testing.assert_allclose(loss, -(wanted * tf.nn.log_softmax(LOGITS).numpy()).sum(axis=1), rtol=1e-5)


def test_class_weights_give_each_class_the_same_sum():
    task = classification.Task(CLASSES, class_weights=True)
    _, _, weights = task.supervise({}, tf.constant([0, 1, 2]))
    np.testing.assert_allclose(weights * np.array(CLASSES.counts), [10 / 3] * 3, rtol=1e-6)


@pytest.mark.parametrize("names", [("no", "yes"), ("a", "b", "c")])
def test_log_loss_and_accuracy_are_those_of_scikit_learn_for_any_number_of_classes(names):
    metrics = classification.Task(Classes(names, (1,) * len(names)), label_smoothing=0.1).metrics()
    labels, logits = LABELS % len(names), LOGITS[:, : len(names)]
    for metric in metrics:
        metric.update_state(labels, logits)
    accuracy = sklearn.metrics.accuracy_score(labels, logits.argmax(axis=1))
    log_loss = sklearn.metrics.log_loss(labels, tf.nn.softmax(logits).numpy(), labels=range(len(names)))
    found = {metric.name: float(metric.result()) for metric in metrics}
    assert found == pytest.approx({"log_loss": log_loss, "accuracy": accuracy}, rel=1e-5)


def test_figures_of_classes_are_scikit_learns():
    task = classification.Task(CLASSES)
    figures = task.figures(predictor(LOGITS), batches(task, LABELS))
    predicted = LOGITS.argmax(axis=1)
    assert figures["accuracy"] == pytest.approx(sklearn.metrics.accuracy_score(LABELS, predicted))
    assert figures["confusion"] == sklearn.metrics.confusion_matrix(LABELS, predicted).tolist()
    precision, recall, f1, _ = sklearn.metrics.precision_recall_fscore_support(LABELS, predicted, zero_division=0)
    for k, name in enumerate(CLASSES.names):
        assert figures["classes"][name] == pytest.approx(
            {"precision": precision[k], "recall": recall[k], "f1": f1[k], "examples": (k == LABELS).sum()}
        )
    expected = sklearn.metrics.log_loss(LABELS, tf.nn.softmax(LOGITS).numpy(), labels=range(3))
    assert figures["log_loss"] == pytest.approx(expected, rel=1e-5)
    shares = np.tile(np.array(CLASSES.counts) / sum(CLASSES.counts), (len(LABELS), 1))
    assert figures["baseline"] == {
        "log_loss": pytest.approx(sklearn.metrics.log_loss(LABELS, shares, labels=range(3))),
        "accuracy": pytest.approx(3 / 8),
        "predictor": "always c",
    }


def test_classes_are_counted_in_training():
    source = InMemory.of({"x": LABELS}, LABELS)
    assert classification.adapt(Classes(("a", "b", "c", "d")), source).counts == (2, 3, 3, 0)


def test_targets_are_standardised_by_the_training_split():
    random = np.random.default_rng(0).normal((1e6, 5.0), (3.0, 0.1), (10_000, 2)).astype("float32")
    outputs = regression.adapt(Values(("large", "small")), InMemory.of({"x": random}, random))
    np.testing.assert_allclose(outputs.mean, random.mean(axis=0, dtype="float64"), rtol=1e-6)
    np.testing.assert_allclose(outputs.scale, random.std(axis=0, dtype="float64"), rtol=1e-4)


def test_a_constant_target_has_no_scale_of_zero():
    constant = np.full((10, 1), 4.0, "float32")
    assert regression.adapt(Values(("x",)), InMemory.of({"x": constant}, constant)).scale == (1.0,)


def test_figures_of_values_are_scikit_learns_in_their_unit():
    task = regression.Task(VALUES)
    predicted = TRUE + np.array([[10.0, -1.0], [-20.0, 0.5], [5.0, 2.0]], "float32")
    standardised = ((predicted - VALUES.mean) / VALUES.scale).astype("float32")
    figures = task.figures(predictor(standardised), batches(task, TRUE))
    for k, name in enumerate(VALUES.names):
        true, value = TRUE[:, k], predicted[:, k]
        assert figures["values"][name] == pytest.approx(
            {
                "mae": sklearn.metrics.mean_absolute_error(true, value),
                "rmse": sklearn.metrics.root_mean_squared_error(true, value),
                "r2": sklearn.metrics.r2_score(true, value),
            },
            rel=1e-4,
        )
    assert figures["baseline"]["mae"] == pytest.approx(np.abs(TRUE - VALUES.mean).mean(), rel=1e-5)


def test_metrics_of_values_are_in_their_unit():
    task = regression.Task(VALUES)
    _, standardised = task.supervise({}, tf.constant(TRUE))
    off = standardised + 1.0  # by one deviation: 50 and 2
    results = {}
    for metric in task.metrics():
        metric.update_state(standardised, off)
        results[metric.name] = float(metric.result())
    assert results == pytest.approx({"mae": 26.0, "rmse": np.sqrt((50**2 + 2**2) / 2)}, rel=1e-5)


def test_answers_are_in_the_unit():
    one = regression.Task(Values(("price",), "EUR", (150.0,), (50.0,)))
    np.testing.assert_allclose(one.answers(tf.constant([[0.0], [1.0]]))["value"], [150.0, 200.0])
    two = regression.Task(VALUES)
    np.testing.assert_allclose(two.answers(tf.constant([[0.0, 1.0]]))["value"], [[150.0, 4.0]])

"""Attribution, where its right value is known: linear models, and words and columns that count or don't."""

import numpy as np
import pytest
import tensorflow as tf

from src.analysis.attribution import erased_words, importances, integrated_gradients

RANDOM = np.random.default_rng(0)


def test_of_a_linear_model_each_pixel_adds_its_weight():
    weights, image = RANDOM.normal(size=(2, 4, 5, 3)).astype("float32")
    found = integrated_gradients(lambda images: tf.reduce_sum(images * weights, axis=(1, 2, 3)), tf.constant(image))
    beside = image - 0.5  # the mean of black and white
    np.testing.assert_allclose(found, (weights * beside).sum(axis=-1), rtol=1e-3, atol=1e-5)


def test_all_pixels_add_up_to_the_difference_from_black_and_white():
    weights, image = 0.4 * RANDOM.normal(size=(2, 4, 5, 1)).astype("float32")

    def evidence(images):
        return tf.tanh(tf.reduce_sum(images * weights, axis=(1, 2, 3)))

    shown, black, white = evidence(tf.stack([image, np.zeros_like(image), np.ones_like(image)])).numpy()
    total = integrated_gradients(evidence, tf.constant(image)).sum()
    assert total == pytest.approx(shown - (black + white) / 2, rel=2e-2)


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_pixel_counts_whether_it_is_black_or_white(level):
    image = np.full((4, 5, 1), 0.5, "float32")
    image[1, 2] = level
    sign = 2 * level - 1
    found = integrated_gradients(lambda images: sign * images[:, 1, 2, 0], tf.constant(image))
    assert found[1, 2] == pytest.approx(0.5) and np.count_nonzero(found) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I don't know, 3.14!", ["I ", "don't ", "know", ", ", "3.14", "!"]),
        ("我喜欢 it\n\n", ["我", "喜", "欢 ", "it\n\n"]),
        ("  <b>é</b> 😀", ["  ", "<", "b", ">", "é", "<", "/", "b", "> ", "😀"]),
        ("", []),
    ],
)
def test_words_are_told_apart_and_make_up_the_text(text, words):
    marked = erased_words(lambda texts: np.zeros(len(texts), "float32"), text)
    assert [word for word, _ in marked] == words and "".join(words) == text


def test_a_word_has_what_is_lost_without_it():
    def evidence(texts):
        return np.array([text.count("good") - 2 * text.count("bad") for text in texts], "float32")

    assert erased_words(evidence, "good and bad") == [("good ", 1), ("and ", 0), ("bad", -2)]


def test_a_column_counts_if_the_score_needs_it():
    kind = np.array(["a", "b"] * 50, object)
    table = {"noise": RANDOM.normal(size=100), "half": np.arange(100) % 4, "kind": kind}
    first, *others = importances(lambda columns: float(np.mean(columns["kind"] == kind)), table)
    assert first.column == "kind" and first.mean == pytest.approx(0.5, abs=0.1) and 0 < first.deviation < 0.1
    assert [(other.mean, other.deviation) for other in others] == [(0, 0), (0, 0)]

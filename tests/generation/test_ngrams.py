"""The n-gram model beside one that counts word for word."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest

from src.generation.ngrams import ORDER, NGrams

TEXTS = np.array([[2, 3, 2, 3, 4, 2, 3, 0], [3, 4, 3, 4, 2, 0, 0, 0]], "int32")
COUNTS = np.bincount(TEXTS[TEXTS > 0], minlength=6)


def by_the_book(texts, text, place):
    """The probability of one token: Witten and Bell, method C, interpolated down to the single token."""
    smoothed = np.maximum(COUNTS, 0.5)
    probability = smoothed[text[place]] / smoothed.sum()
    for length in range(1, ORDER):
        followed = defaultdict(Counter)
        for one in texts:
            padded = [0] * length + [token for token in one if token]
            for start in range(len(padded) - length):
                followed[tuple(padded[start : start + length])][padded[start + length]] += 1
        context = tuple(([0] * length + list(text[:place]))[-length:])
        if context in followed:
            times, kinds = sum(followed[context].values()), len(followed[context])
            probability = (followed[context][text[place]] + kinds * probability) / (times + kinds)
    return probability


def test_probabilities_are_those_of_the_formula():
    asked = np.array([[2, 3, 4, 4, 5, 2, 0]], "int32")
    expected = [by_the_book(TEXTS.tolist(), asked[0].tolist(), place) for place in range(6)]
    found = np.exp(-NGrams([TEXTS], len(COUNTS)).nats(asked))
    assert found == pytest.approx(expected)


def test_probabilities_of_all_tokens_are_one_together():
    model = NGrams([TEXTS], len(COUNTS))
    for start in ([2, 3], [5, 5], []):
        ends = [model.nats(np.array([[*start, token]], "int32"))[-1] for token in range(1, 6)]
        missing = 0.5 / np.maximum(COUNTS, 0.5).sum()  # of padding, which is never asked for
        assert sum(math.exp(-nats) for nats in ends) == pytest.approx(1, abs=missing)

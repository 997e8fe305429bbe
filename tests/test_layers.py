"""Vectors of tokens: those that others have trained, read from a file; words that are dropped in training."""

import keras
import numpy as np
import pytest

from src.layers import embedded
from src.specs import Tokens

SPEC = Tokens(4, 5, ("", "[UNK]", "film", "good", "rare"))
GLOVE = "good 1 2 3\nunrelated 9 9 9\nfilm -1 0.5 2e-1\n"


def layer_of(tmp_path, content, size=None, trainable=True):
    path = tmp_path / "vectors.txt"
    path.write_text(content, encoding="utf-8")
    model = keras.Model(
        tokens := keras.Input((None,), dtype="int32"), embedded(SPEC, tokens, size, str(path), trainable)
    )
    return model.get_layer("embedding")


@pytest.mark.parametrize("content", [GLOVE, "3 3\n" + GLOVE])
def test_known_words_start_with_their_vectors(tmp_path, content, capsys):
    vectors = layer_of(tmp_path, content).get_weights()[0]
    np.testing.assert_allclose(vectors[2:4], [[-1, 0.5, 0.2], [1, 2, 3]])
    assert np.isfinite(vectors).all()
    assert "vectors for 66.7% of the vocabulary" in capsys.readouterr().out


def test_they_may_stay_as_they_are(tmp_path):
    assert not layer_of(tmp_path, GLOVE, trainable=False).trainable
    assert layer_of(tmp_path, GLOVE).trainable


@pytest.mark.parametrize(
    ("content", "size", "said"),
    [
        ("other 1 2 3\n", None, "holds no vectors of these words"),
        ("good 1 2 x\n", None, "line 1: 'good' isn't followed by numbers alone"),
        ("good 1 2\nfilm 1 2 3\n", None, "vectors of 2 and 3 numbers"),
        (GLOVE, 7, "have 3 numbers, not 7"),
    ],
)
def test_a_file_that_does_not_fit_is_named(tmp_path, content, size, said):
    with pytest.raises(ValueError, match=said):
        layer_of(tmp_path, content, size)


def test_a_word_is_dropped_at_all_its_places_or_at_none():
    tokens = keras.Input((None,), dtype="int32")
    model = keras.Model(tokens, embedded(Tokens(8, 100), tokens, 3, dropout=0.5))
    texts = np.tile(np.arange(2, 100), (2, 3))
    usual = model(texts).numpy()
    dropped = model(texts, training=True).numpy() / usual
    words = dropped.reshape(6, 98, 3)
    assert (words == words[0, :, :1]).all()
    assert set(np.round(dropped.ravel(), 3)) == {0, 2}
    assert 30 < (words[0, :, 0] == 0).sum() < 70

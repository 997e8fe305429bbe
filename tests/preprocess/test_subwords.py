"""Byte-pair encoding beside one that joins pair by pair, and texts of all kinds there and back."""

from collections import Counter
from functools import partial
from itertools import pairwise

import keras
import numpy as np
import pytest
import tensorflow as tf

from src.exporting.verify import served
from src.preprocess import subwords as module
from src.preprocess.byte_pairs import learn_merges
from src.preprocess.subwords import BYTES, END, MOST_BYTES, Subwords, learn, subwords, token_counts, words
from src.runs.loading import load_model
from src.signatures import features_of
from src.sources.memory import InMemory
from src.specs import OR, NextToken

LEARNT = [
    "the cat sat on the mat",
    "Va\u202f! Où\xa0? l'été, aaaa aaaaaaa",
    "漢字かな 漢字 🎉🎉 banana bananas",
    "a_b\t\n  c",
] * 3
ODD = [
    "",
    " ",
    "\0",
    "a\0b\0",
    "\ufeffx\x1e\x7f\x85",
    "l’été d'Ànna, où\u202f? «\xa0là\xa0»",
    "e\u0301 é",
    "👩‍👩‍👧🎉 हिन्दी 漢字",
    "\t\r\n  two  blanks ",
    "\ufdd0\uffff_\\0",
    "ab" * 500,
]
NOT_UTF_8 = [b"\xff\xfeab\xc3", b"\xed\xa0\x80", b"\xf0\x9f\x8e"]


def source(texts, targets=None):
    columns = [np.array([text.encode() for text in column], object) for column in (texts, targets or texts)]
    return InMemory.of({"text": columns[0]}, columns[1])


@pytest.fixture(scope="module")
def tokens():
    return learn(source(LEARNT), 340)


def by_the_book(tokens, text):
    """The tokens of a text: again and again, of all pairs in a word that make a token, the one of the lowest index."""
    index = {token.encode("latin-1"): number for number, token in enumerate(tokens) if number >= BYTES}
    found = []
    for word in words(np.array([text], object)):
        pieces = [bytes([byte]) for byte in word]
        while joined := [(index[one + other], one + other) for one, other in pairwise(pieces) if one + other in index]:
            whole, at = min(joined)[1], 0
            while at < len(pieces) - 1:
                if pieces[at] + pieces[at + 1] == whole:
                    pieces[at : at + 2] = [whole]
                at += 1
        found += [index[piece] for piece in pieces]
    return found


def test_learnt_is_the_commonest_pair_of_all_words_again_and_again():
    counts = Counter({b"aaaa": 5, b" banana": 4, b"ban": 6, b"nab": 3, "été".encode(): 2, b"rare": 1})
    pieces = {word: [bytes([byte]) for byte in word] for word in counts}
    expected = []
    number = {bytes([byte]): byte for byte in range(256)}
    while True:
        pairs = Counter()
        for word, times in counts.items():
            for pair in pairwise(pieces[word]):
                pairs[pair] += times
        pair = min(pairs, key=lambda pair: (-pairs[pair], number[pair[0]], number[pair[1]]))
        if pairs[pair] < 2:
            break
        whole = b"".join(pair)
        number.setdefault(whole, len(number))
        expected += [whole] * (whole not in expected)
        for word in pieces.values():
            for at in range(len(word) - 1):
                if tuple(word[at : at + 2]) == pair:
                    word[at : at + 2] = [whole]
    assert learn_merges(counts, 100) == expected
    assert learn_merges(counts, 3) == expected[:3]


def test_tokens_are_those_of_pair_after_pair(tokens):
    random = np.random.default_rng(0)
    texts = LEARNT + ODD + ["".join(random.choice([*"aab nté漢"], 30)) for _ in range(50)]
    encoded = Subwords(tokens, 2000)(tf.constant(texts)).numpy()
    for text, row in zip(texts, encoded, strict=True):
        assert row[row > 0].tolist() == by_the_book(tokens, text), text


def test_every_text_comes_back_exactly_alone_and_in_a_batch(tokens):
    layer = Subwords(tokens, 2000)
    encode = tf.function(layer, input_signature=[tf.TensorSpec([None], tf.string)])
    encoded = encode(tf.constant(ODD + LEARNT))
    assert [text.decode() for text in layer.texts(encoded).numpy()] == ODD + LEARNT
    for text, row in zip(ODD + LEARNT, encoded.numpy(), strict=True):
        alone = encode(tf.constant([text])).numpy()[0]
        assert alone.tolist() == (row[row > 0].tolist() or [0])
    assert encode(tf.constant([], tf.string)).shape == (0, 1)
    assert not np.isin(encoded, [1, END]).any()


def test_what_is_no_utf_8_is_read_and_written_as_the_replacement_character(tokens):
    layer = Subwords(tokens, 20)
    expected = [text.decode(errors="replace") for text in NOT_UTF_8[:1]]
    assert [text.decode() for text in layer.texts(layer(tf.constant(NOT_UTF_8[:1]))).numpy()] == expected
    cut = [[*(BYTES + byte for byte in text), END, BYTES + 65] for text in NOT_UTF_8[1:]]
    for text in layer.texts(tf.constant([[1, 0, 0, 0, 0], *cut])).numpy():
        assert set(text.decode()) == {"\ufffd"}


def test_a_piece_is_what_it_adds_and_a_character_stands_at_its_last_byte():
    layer = Subwords(learn(source(["ab é"]), BYTES + 256), 20, ends=True)
    (encoded,) = layer(tf.constant(["a é漢"])).numpy()
    assert layer.pieces(encoded) == ["a", " ", "…", "é", "…", "…", "漢", ""]
    assert layer.pieces([BYTES + byte for byte in b"\xc3a"]) == ["…", "\ufffda"]


def test_a_text_is_cut_or_ends(tokens):
    plain, ending = Subwords(tokens, 6), Subwords(tokens, 6, ends=True)
    texts = tf.constant(["xyz", "uvwxyz", "uvwxyzx", ""])
    rows = [[BYTES + byte for byte in text] for text in (b"xyz", b"uvwxyz")]
    assert plain(texts).numpy().tolist() == [rows[0] + [0] * 3, rows[1], rows[1], [0] * 6]
    assert ending(texts).numpy().tolist() == [[*rows[0], END, 0, 0], rows[1], rows[1], [END] + [0] * 5]
    assert ending.texts(ending(texts)).numpy().tolist() == [b"xyz", b"uvwxyz", b"uvwxyz", b""]


def test_what_is_cut_off_is_not_read(tokens):
    layer, whole = Subwords(tokens, 3), Subwords(tokens, 100_000)
    for text in ("the " * 90, "a" * 400, "漢" * 400, "🎉" * 200, "\xa0" * 300):
        assert layer(tf.constant([text])).numpy().tolist() == whole(tf.constant([text])).numpy()[:, :3].tolist()
    layer(tf.constant(["a" * 10_000_000]))  # or it would take hours


def test_the_newest_tokens_are_the_last_ones(tokens):
    layer, whole = Subwords(tokens, 3, newest=True), Subwords(tokens, 100_000)
    for text in ("", "x", "the cat", "the " * 90 + "mat", "漢字 " * 90, "🎉" * 200):
        assert layer(tf.constant([text])).numpy().tolist() == whole(tf.constant([text])).numpy()[:, -3:].tolist()
    (text,) = layer.texts(layer(tf.constant(["b" + "a" * 10_000_000]))).numpy()
    assert text.strip(b"a") == b""
    assert layer(tf.constant(["uvwxyz", "x"])).numpy().tolist() == [
        [BYTES + byte for byte in b"xyz"],
        [BYTES + 120, 0, 0],
    ]


def test_a_long_word_is_in_pieces():
    pieces = words(np.array([b"a" * 100, b" " + "漢".encode() * 21], object))
    assert [len(piece) for piece in pieces] == [MOST_BYTES, MOST_BYTES, 4, MOST_BYTES, 16]


def test_both_sides_are_learnt_and_rare_words_are_forgotten(monkeypatch):
    assert {"qui", " the"} <= {*learn(source(["the the"] * 5, ["qui qui"] * 5), 300)}
    monkeypatch.setattr(module, "MOST_WORDS", 2)
    assert "ui" not in learn(source(["the the", "the a a", "a a a"], ["qui", "xx yy", "zz qui"]), 300)


def test_the_tokens_of_a_split_are_learnt_once():
    train = source(LEARNT)
    assert learn(train, 300) is learn(train, 300)
    assert len(learn(train, 290)) == 290


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: learn(source(["a"]), 258), "vocabulary has to be 259 or more"),
        (lambda: Subwords(["a"], 5), "tokens have to begin with"),
        (lambda: Subwords(learn(source(["a"]), 259), 0), "length is too small"),
    ],
)
def test_what_can_not_be_is_said(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_a_language_model_can_write_them():
    spec, _ = subwords(source(LEARNT), 300, 8)
    written = NextToken.of(spec, None)
    assert written.between == ""
    assert written.tokens[BYTES + ord("a")] == "a"
    assert written.size == spec.vocabulary == 300


def test_pairs_are_in_order_of_the_targets_tokens_and_then_of_the_sources():
    text = np.array(["abcabc", "ab", "é", "", "a" * 99], object)
    target = np.array(["", f"a{OR}{'b' * 50}", "abc", "ba", "b"], object)
    counts = token_counts(InMemory.of({"text": text}, target), 259, 9)
    assert counts.argsort().tolist() == [0, 1, 4, 3, 2], "the first right target is the one that is learnt"


def test_a_batch_of_pairs_is_padded_little():
    random = np.random.default_rng(0)
    text, target = (np.array(["a" * int(n) for n in random.integers(1, 40, 640)], object) for _ in "st")
    lengths = partial(token_counts, vocabulary=259, length=40)
    padding = {}
    for way in (None, lengths):
        batches = InMemory.of({"text": text}, target, way).shuffled(0, 16, 40).take(40)
        counts = [tf.strings.length(texts) for _, texts in batches]
        padding[way] = np.mean([np.max(count) - np.mean(count) for count in counts])
    assert padding[lengths] < 0.1 * padding[None]


def test_it_is_saved_and_opened(tmp_path):
    _, preprocess = subwords(source(LEARNT), 340, 30)
    preprocess.save(tmp_path / "preprocess.keras")
    again = load_model(tmp_path / "preprocess.keras")
    request = {"text": tf.constant([*LEARNT, *ODD, *NOT_UTF_8])}
    assert np.array_equal(features_of(again, request), features_of(preprocess, request))
    assert keras.tree.flatten(again.output)[0].dtype == "int32"


def test_a_server_reads_and_writes_the_same(tokens, tmp_path):
    layer, newest = Subwords(tokens, 40, ends=True), Subwords(tokens, 5, newest=True)

    def serve(text):
        return {"tokens": layer(text), "newest": newest(text), "text": layer.texts(layer(text))}

    exported = tf.Module()
    exported.serve = tf.function(serve, input_signature=[tf.TensorSpec([None], tf.string, "text")])
    tf.saved_model.save(exported, str(tmp_path), {"serving_default": exported.serve})
    texts = np.array([text.encode() for text in ODD + LEARNT] + NOT_UTF_8, object)
    expected = serve(tf.constant(texts))
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        meta = tf.compat.v1.saved_model.loader.load(session, [tf.saved_model.SERVING], str(tmp_path))
        ask = served(session, meta.signature_def["serving_default"])
        for size in (len(texts), 1, 0):
            answers = ask({"text": texts[:size]})
            for name in ("tokens", "newest"):
                rows = answers[name]
                np.testing.assert_array_equal(rows, expected[name].numpy()[:size, : rows.shape[1]])
            np.testing.assert_array_equal(answers["text"], expected["text"].numpy()[:size])

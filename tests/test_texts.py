"""Texts, from what users have to what a model sees: languages, emptiness, length, files of all kinds."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from src import csvs
from src.signatures import features_of
from src.sources import InMemory
from src.specs import Classes, NextToken
from src.texts import UNKNOWN, characters, separated, windows, word_counts, words

text_set = pytest.importorskip("src.datasets.text")
TEXTS = ["Good film!", "", "漢字 かな 🎉🎉", "don't", "a" * 5000, "Ünïcode ÄRGER", "x " * 900]


def source(texts):
    return InMemory.of({"text": np.array([text.encode() for text in texts], object)}, np.zeros(len(texts), "int32"))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Don't stop!!! (ever)", ["don't", "stop", "!!!", "(", "ever", ")"]),
        ("a<br /><br/>b <b>c</b>", ["a", "b", "c"]),
        ("漢字かな🎉🎉", ["漢", "字", "か", "な", "🎉", "🎉"]),
        ("ÄRGER x_y 'quoted'", ["ärger", "x", "_", "y", "'", "quoted", "'"]),
        ("3 < 4 > 2", ["3", "<", "4", ">", "2"]),
        ("a\u3000b\u00a0c\x85d\u2028e\x1ff\0g", ["a", "b", "c", "d", "e", "f", "g"]),
        ("“Don’t”—¿qué? «мир» مرحبا؟", ["“", "don't", "”—¿", "qué", "?", "«", "мир", "»", "مرحبا", "؟"]),
        ("", []),
    ],
)
def test_words_and_punctuation_are_told_apart(text, tokens):
    found = tf.strings.split(separated(tf.constant([text])))[0].numpy()
    assert [token.decode() for token in found] == tokens


def test_words_are_padded_to_the_longest_of_a_batch_and_cut_at_the_length():
    spec, preprocess = words(source(TEXTS), 50, 12)
    tokens = features_of(preprocess, {"text": tf.constant(TEXTS)}).numpy()
    assert tokens.shape == (len(TEXTS), 12)
    assert tokens.max() < spec.vocabulary == len(spec.tokens)
    assert features_of(preprocess, {"text": tf.constant(["", "film"])}).shape == (2, 2)
    assert features_of(preprocess, {"text": tf.constant([""])}).numpy().tolist() == [[0]]
    assert features_of(preprocess, {"text": tf.constant(["never seen"])}).numpy().tolist() == [[1, 1, 0]]


def test_characters_are_the_last_ones_and_can_be_written_again():
    spec, outputs, preprocess = characters(source(TEXTS), 9)
    assert isinstance(outputs, NextToken)
    assert outputs.tokens[:2] == ("", UNKNOWN)
    assert outputs.size == spec.vocabulary == len(outputs.counts)
    tokens = features_of(preprocess, {"text": tf.constant(["Good film!", "漢字🎉", ""])}).numpy()
    assert tokens.shape == (3, 9)
    assert ["".join(outputs.tokens[token] for token in row) for row in tokens] == ["ood film!", "漢字🎉", ""]
    assert features_of(preprocess, {"text": tf.constant(["Ω"])}).numpy()[0, 0] == 1


@pytest.mark.parametrize("kind", [lambda train: words(train, 50, 12)[-1], lambda train: characters(train, 12)[-1]])
def test_what_was_saved_reads_unusual_characters_as_before(kind, tmp_path):
    text = "".join(f"it{separator}well " for separator in "\x1c\x1d\x1e\x85\u2028\u2029\u200b\ufeff\r\v\f")
    preprocess = kind(source([text, text]))
    preprocess.save(tmp_path / "preprocess.keras")
    again = keras.saving.load_model(tmp_path / "preprocess.keras")
    request = {"text": tf.constant([text.encode(), b"\xff it\0 \xc3"])}
    assert np.array_equal(features_of(again, request), features_of(preprocess, request))


def test_windows_hold_every_character_once():
    text = "".join(chr(0x400 + number % 60) for number in range(103))
    raw, sizes = windows(text, 10).examples(99)
    assert "".join(piece.decode() for piece in raw["text"]) == text
    assert sizes.tolist() == [10] * 10 + [3]


def test_windows_of_a_training_begin_elsewhere_in_each_epoch():
    text = "".join(map(chr, range(0x400, 0x400 + 640)))
    drawn = windows(text, 10).shuffled(0, 8, 8).take(24)
    offsets = [{(ord(piece.decode()[0]) - 0x400) % 10 for piece in raw["text"].numpy()} for raw, _ in drawn]
    assert len(set().union(*offsets)) > 1


def test_a_batch_holds_texts_of_like_length():
    random = np.random.default_rng(0)
    texts = ["w " * int(count) for count in random.integers(1, 200, 640)]
    raw = {"text": np.array(texts, object)}
    target = np.arange(640, dtype="int32")
    spread = {}
    for lengths in (None, word_counts):
        batches = list(InMemory.of(raw, target, lengths).shuffled(0, 16, 40).take(40))
        counts = [[len(text.split()) for text in batch["text"].numpy()] for batch, _ in batches]
        spread[lengths] = np.mean([max(found) - min(found) for found in counts])
        assert sorted(np.concatenate([rows for _, rows in batches])) == target.tolist()
        first = [found[0] for found in counts]
        assert abs(np.corrcoef(range(40), first)[0, 1]) < 0.5, "short batches come first"
    assert spread[word_counts] < 0.2 * spread[None]


def folder_of(path, **classes):
    for name, texts in classes.items():
        (path / name).mkdir()
        for number, text in enumerate(texts):
            (path / name / f"{number}.txt").write_text(text, encoding="utf-8")
    return str(path)


def test_a_folder_of_classes(tmp_path):
    path = folder_of(tmp_path, left=TEXTS * 4, rare=["two", "examples"], right=["other words"] * 30)
    data = text_set.load(path=path)
    assert data.outputs == Classes(("left", "rare", "right"))
    counts = {
        split: np.bincount(getattr(data, split).examples(99)[1], minlength=3)
        for split in ("train", "validation", "test")
    }
    assert counts["train"].tolist() == [17, 1, 18]
    assert sum(counts.values()).tolist() == [28, 2, 30]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table(tmp_path, separator):
    rows = [f'"{"long " * number}; quoted, {number}"{separator}{"yes" if number % 3 else "no"}' for number in range(30)]
    file = tmp_path / "opinions.csv"
    file.write_text("\ufeff" + "\n".join([f"opinion{separator}agrees", *rows]), encoding="utf-8")
    data = text_set.load(path=str(file), text="opinion", target="agrees")
    assert data.outputs == Classes(("no", "yes"))
    assert len(data.train) + len(data.validation) + len(data.test) == 30


def test_one_text(tmp_path):
    (tmp_path / "book.txt").write_text("Once upon a time, 漢字. " * 200, encoding="utf-8")
    data = text_set.load(path=str(tmp_path / "book.txt"), length=32)
    assert isinstance(data.outputs, NextToken)
    raw, _ = data.train.examples(1)
    assert raw["text"][0].decode().startswith("Once upon")


@pytest.mark.parametrize(
    ("files", "path", "said"),
    [
        ({}, "", "--path"),
        ({}, "gone", "gone"),
        ({"a/1.txt": b"x"}, ".", "one class only: 'a'"),
        ({"a/1.txt": b"x", "b/1.md": b"y"}, ".", "has no .txt files"),
        ({"1.txt": b"x"}, ".", "has no folders"),
        ({"a/1.txt": b"\xff\xfe", "b/1.txt": b"y"}, ".", "1.txt isn't UTF-8"),
        ({"t.csv": b"text,label\na,b,c\n"}, "t.csv", "row 1: 3 columns instead of 2"),
        ({"t.csv": b"text,label\n"}, "t.csv", "no rows"),
        ({"t.csv": b""}, "t.csv", "no rows"),
        ({"t.csv": b"text,text\na,b\n"}, "t.csv", "two columns called 'text'"),
        ({"t.csv": b"texts,label\na,b\n"}, "t.csv", "no column 'text'. Did you mean 'texts'"),
        ({"t.csv": b"text,label\na,\x00\n"}, "t.csv", "isn't text"),
        ({"t.csv": b"text,label\na,b\nc, \n"}, "t.csv", "row 2: label is empty"),
        ({"t.csv": b"text,label\n" + b",b\n,c\n" * 9}, "t.csv", "no word in any text"),
        ({"t.txt": b"short"}, "t.txt", "too few"),
    ],
    ids=str,
)
def test_what_can_not_be_read_is_named(tmp_path, monkeypatch, files, path, said):
    monkeypatch.chdir(tmp_path)
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    with pytest.raises((ValueError, OSError)) as error:
        text_set.load(path=path)
    assert said in str(error.value)


@pytest.mark.parametrize("content", ['\n\n"text, long";label\na;b\n', '"text, long"\tlabel\n"a\u2028\nb"\tb\n'])
def test_the_separator_is_that_of_the_header(tmp_path, content):
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    assert list(csvs.read(tmp_path / "t.csv")) == ["text, long", "label"]


def test_a_cell_may_be_of_any_length(tmp_path):
    (tmp_path / "t.csv").write_text("text,label\n" + "w " * 200_000 + ",a\nshort,b\n")
    assert len(csvs.read(tmp_path / "t.csv")["text"][0]) == 400_000

"""Texts, from what users have to what a model sees: languages, emptiness, length, files of all kinds."""

import gzip

import keras
import numpy as np
import pytest
import tensorflow as tf

from src.preprocess.texts import characters, separated, windows, word_counts, words
from src.readers import csv_files
from src.signatures import features_of
from src.sources.memory import InMemory
from src.specs import UNKNOWN, Classes, NextToken

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
    assert outputs.size == spec.vocabulary
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


def split_sizes(data):
    return [len(source) for source in (data.train, data.validation, data.test)]


def test_a_folder_of_classes(tmp_path):
    path = folder_of(tmp_path, left=TEXTS * 4, right=["other words"] * 30)
    data = text_set.load(path=path)
    assert data.outputs == Classes(("left", "right"))
    counts = {
        split: np.bincount(getattr(data, split).examples(99)[1], minlength=2)
        for split in ("train", "validation", "test")
    }
    assert counts["train"].tolist() == [17, 18]
    assert sum(counts.values()).tolist() == [28, 30]
    assert "58 texts of 2 classes: left 28, right 30" in data.notes
    assert "empty: 4 of 58 files, the first is " in data.notes


def test_folders_of_splits_and_files_without_ending(tmp_path):
    for split, number in (("train", 20), ("test", 5)):
        (tmp_path / split).mkdir()
        folder_of(tmp_path / split, pos=["good"] * number, neg=["bad"] * number)
    for file in tmp_path.rglob("*.txt"):
        file.rename(file.with_suffix(""))
    assert split_sizes(text_set.load(path=str(tmp_path))) == [32, 8, 10]


def test_files_that_are_not_utf_8_are_counted_and_the_first_is_named(tmp_path):
    folder_of(tmp_path, left=["some words"] * 9, right=["other words"] * 9)
    (tmp_path / "left" / "3.txt").write_bytes("café 5 £".encode("latin-1"))
    (tmp_path / "right" / "5.txt").write_bytes(b"a \x01 control character")
    data = text_set.load(path=str(tmp_path))
    assert "not plain text: 2 of 18 files, the first is " in data.notes
    assert "left/3.txt: not UTF-8, read as cp1252 (--encoding)" in data.notes
    texts = {text for part in (data.train, data.validation, data.test) for text in part.examples(99)[0]["text"]}
    assert "café 5 £".encode() in texts
    with pytest.raises(ValueError, match=r"3\.txt, line 1, isn't ascii"):
        text_set.load(path=str(tmp_path), encoding="ascii")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table(tmp_path, separator):
    rows = [f'"{"long " * number}; quoted, {number}"{separator}{"yes" if number % 3 else "no"}' for number in range(30)]
    file = tmp_path / "opinions.csv"
    file.write_text("\ufeff" + "\n".join([f"opinion{separator}agrees", *rows]), encoding="utf-8")
    data = text_set.load(path=str(file), text="opinion", target="agrees")
    assert data.outputs == Classes(("no", "yes"))
    assert len(data.train) + len(data.validation) + len(data.test) == 30


WORDS = ["free", "cash", "now,", "call", "me;", "ok", '"hello"', "'tis"]


def messages(number=120):
    """Class and text of short messages."""
    random = np.random.default_rng(0)
    return [(["ham", "spam"][row % 5 == 0], " ".join(random.choice(WORDS, 6))) for row in range(number)]


def test_lines_with_a_tab_are_a_table_whatever_the_file_is_called(tmp_path):
    rows = messages()
    rows[7] = ("ham", '"a quote that is never closed')
    rows[9] = ("ham", '" and another one')
    (tmp_path / "SMSSpamCollection").write_text("".join(f"{label}\t{text}\n" for label, text in rows))
    data = text_set.load(path=str(tmp_path / "SMSSpamCollection"))
    assert data.outputs == Classes(("ham", "spam"))
    assert sum(split_sizes(data)) == 120
    assert data.columns == {"text": "column_2"}
    for said in (
        "texts: column_2; classes: column_1 (--text, --target)",
        "no header",
        "quotes are read literally",
    ):
        assert said in data.notes


@pytest.mark.parametrize(
    ("header", "knobs", "texts"),
    [
        ("label,text", {}, 120),
        ("Label,Text", {}, 120),
        ("mood,review", {}, 120),
        ("mood,review", {"target": "mood"}, 120),
        ("mood,review", {"text": "review", "target": "mood"}, 120),
        ("", {}, 120),
        ("", {"text": "column_2", "target": "column_1"}, 120),
        ("", {"header": False}, 120),
        ("", {"header": True}, 119),
    ],
    ids=str,
)
def test_the_columns_of_a_table_are_found(tmp_path, header, knobs, texts):
    rows = [f'{label},"{text.replace(chr(34), "")}"' for label, text in messages()]
    (tmp_path / "t.csv").write_text("\n".join([header] * bool(header) + rows))
    data = text_set.load(path=str(tmp_path / "t.csv"), **knobs)
    assert data.outputs == Classes(("ham", "spam"))
    assert sum(split_sizes(data)) == texts
    first = header or (rows[0] if knobs.get("header") else "column_1,column_2")
    name = first.split(",", 1)[1].strip('"')
    assert data.columns == ({} if name == "text" else {"text": name})


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1251", "gzip"])
def test_a_table_may_be_compressed_and_of_any_encoding(tmp_path, encoding):
    content = "text,label\n" + "".join(f"{'плохо' if n % 2 else 'хорошо'} {n},{n % 2}\n" for n in range(40))
    file = tmp_path / ("t.csv.gz" if encoding == "gzip" else "t.csv")
    file.write_bytes(gzip.compress(content.encode()) if encoding == "gzip" else content.encode(encoding))
    data = text_set.load(path=str(file), encoding="cp1251" if encoding == "cp1251" else "")
    assert {text.decode().split()[0] for text in data.train.examples(99)[0]["text"]} == {"плохо", "хорошо"}


def test_rows_without_a_class_are_left_out_and_doubtful_ones_told(tmp_path):
    rows = [f"{'' if n == 8 else 'words'},{['ZA', 'NA', ' ', 'BW'][n % 4]}" for n in range(80)]
    (tmp_path / "t.csv").write_text("\n".join(["text,label", *rows]))
    data = text_set.load(path=str(tmp_path / "t.csv"))
    assert data.outputs == Classes(("BW", "NA", "ZA"))
    assert "label: NA is taken for a class" in data.notes
    assert "left out, without label: 20 of 80 rows, the first is row 3" in data.notes
    assert "with an empty text: 1 of 80 rows, the first is row 9" in data.notes


def test_classes_that_differ_in_case_only_are_told(tmp_path):
    rows = [f"words {n},{['yes', 'Yes', 'no'][n % 3]}" for n in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["text,label", *rows]))
    data = text_set.load(path=str(tmp_path / "t.csv"))
    assert "label: Yes and yes differ in case only and are taken for different classes" in data.notes


def test_texts_that_are_cut_off_are_counted(tmp_path):
    rows = [f"{'words ' * (n % 10)}end,{['a', 'b'][n % 2]}" for n in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["text,label", *rows]))
    path = str(tmp_path / "t.csv")
    assert "cut off after 8 words (--length): at least 12 of 60 texts" in text_set.load(path=path, length=8).notes
    assert "cut off" not in text_set.load(path=path).notes


def test_ids_as_classes_stay_apart(tmp_path):
    ids = ("123456789012345678", "123456789012345679", "1_1", "11")
    (tmp_path / "t.csv").write_text("\n".join(["text,label", *(f"word,{ids[n % 4]}" for n in range(60))]))
    assert set(text_set.load(path=str(tmp_path / "t.csv")).outputs.names) == set(ids)


@pytest.mark.parametrize("name", ["book.txt", "book.txt.gz"])
def test_one_text(tmp_path, name):
    content = ("Once upon a time, 漢字. " * 200).encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    data = text_set.load(path=str(tmp_path / name), length=32)
    assert isinstance(data.outputs, NextToken)
    raw, _ = data.train.examples(1)
    assert raw["text"][0].decode().startswith("Once upon")
    assert "one text of 4,400 characters" in data.notes


def test_a_table_is_one_text_where_that_is_wanted(tmp_path):
    (tmp_path / "t.csv").write_text("text,label\n" + "some words,a\nothers,b\n" * 60)
    assert isinstance(text_set.load(NextToken, path=str(tmp_path / "t.csv"), length=32).outputs, NextToken)


@pytest.mark.parametrize(
    ("files", "path", "said"),
    [
        ({}, "", "--path"),
        ({}, "gone", "gone"),
        ({"a/1.txt": b"x"}, ".", "one class only: a"),
        ({"a/b/1.txt": b"x", "a/c/1.txt": b"y"}, ".", "one class only: a; where the classes are b, c, give --path"),
        ({"a/1.txt": b"x", "b/1.md": b"y"}, ".", "has no file of .txt"),
        ({"1.txt": b"x"}, ".", "has no folder, one for each class"),
        ({"a/1.txt": b"x", "a/2.txt": b"\x00\x01", "b/1.txt": b"y"}, ".", "2.txt isn't text"),
        ({"a/1.txt": b"x", "a/2.txt": b"x", "b/1.txt": b"y"}, ".", "3 examples are too few"),
        ({"t.csv": b"text,label\na,b,c\n"}, "t.csv", "row 1: 3 columns instead of 2; a text with ',' in it needs"),
        ({"t.csv": "text,label\na,b\n".encode("utf-16-le")}, "t.csv", "it looks like UTF-16, --encoding utf-16-le"),
        ({"t.csv": b"text,label\n"}, "t.csv", "no rows"),
        ({"t.csv": b""}, "t.csv", "no rows"),
        ({"t.csv": b"text,text\na,b\n"}, "t.csv", "two columns called 'text'"),
        ({"t.csv": b"text,label\na,\x00\x01\n"}, "t.csv", "isn't text: it has control characters, the first in line 2"),
        ({"t.csv": b"text,label\na,b\nc, \n"}, "t.csv", "one class only: 'b'"),
        ({"t.csv": b"text,label\n" + b"a,b\n" * 9 + b"a,c\n" * 2}, "t.csv", "the class 'c' has 2 examples"),
        (
            {"t.csv": b"id,review,stars\n1,a,b\n"},
            "t.csv",
            "which their classes: --text and --target. It has: id, review",
        ),
        ({"t.csv": b"3,Wall St.,Bears\n"}, "t.csv", "It has: column_1 (3), column_2 (Wall St.), column_3 (Bears)"),
        ({"t.csv": b"id,text,stars\n1,a,b\n"}, "t.csv", "say which column has the classes: --target. It has: id, text"),
        ({"t.csv": b"q,a\n" + b"".join(b"q%d,a%d\n" % (n, n) for n in range(9))}, "t.csv", "neither has few different"),
        ({"t.csv": b"text,label\n" + b"".join(b"a,b%d\n" % n for n in range(9))}, "t.csv", "9 different values in 9"),
        ({"t.csv": b"text,label\n" + b",b\n,c\n" * 9}, "t.csv", "no word in any text"),
        ({"t.txt": b"short"}, "t.txt", "5 characters, too few for --length 256"),
        ({"t.txt.gz": b"short"}, "t.txt.gz", "is damaged, or not what its ending says"),
    ],
    ids=str,
)
def test_what_can_not_be_read_is_named(tmp_path, monkeypatch, files, path, said):
    monkeypatch.chdir(tmp_path)
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError) as error:
        text_set.load(path=path)
    assert said in str(error.value)


def test_a_named_column_that_is_not_there_is_an_error(tmp_path):
    (tmp_path / "t.csv").write_text("texts,label\na,b\n")
    with pytest.raises(ValueError, match=r"no column 'text'\. Did you mean 'texts'\? It has: texts, label"):
        text_set.load(path=str(tmp_path / "t.csv"), text="text")


@pytest.mark.parametrize("content", ['\n\n"text, long";label\na;b\n', '"text, long"\tlabel\n"a\u2028\nb"\tb\n'])
def test_the_separator_is_that_of_the_header(tmp_path, content):
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    assert csv_files.table(tmp_path / "t.csv").names == ("text, long", "label")


def test_a_cell_may_be_of_any_length(tmp_path):
    (tmp_path / "t.csv").write_text("text,label\n" + "w " * 200_000 + ",a\nshort,b\n")
    assert len(csv_files.read(csv_files.table(tmp_path / "t.csv"))["text"][0]) == 400_000

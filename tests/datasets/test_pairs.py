"""Pairs of texts: what comes into which split, which targets are right, and what is told of the rest."""

import numpy as np
import pytest

from src.preprocess.subwords import END, Subwords
from src.signatures import features_of
from src.sources.folds import splits_of
from src.sources.splits import SPLITS
from src.specs import OR
from tests.samples import all_text_pairs, text_pairs

pair_set = pytest.importorskip("src.datasets.pairs")
ROWS = [(f"Say {number}.", f"Dis {number} !") for number in range(40)]


def table(path, rows, name="fra.tsv"):
    (path / name).write_bytes("".join("\t".join(row) + "\n" for row in rows).encode())
    return path / name


def load(path, **knobs):
    return pair_set.load(path=str(path), **{"vocabulary": 300, "header": False, **knobs})


def written(data, text):
    """What is read of a text, and written again."""
    (layer,) = (layer for layer in data.preprocess.layers if isinstance(layer, Subwords))
    return layer.texts(features_of(data.preprocess, {"text": np.array([text.encode()], object)})).numpy()[0].decode()


def test_every_pair_is_in_one_split(tmp_path):
    data = load(table(tmp_path, ROWS))
    assert all_text_pairs(data) == sorted(ROWS)
    assert [len(text_pairs(data, split)) for split in SPLITS] == [24, 8, 8]
    assert "fra.tsv: 40 pairs, column_1 to column_2 (--source, --target)" in data.notes
    assert data.columns == {"text": "column_1"}


def test_all_targets_of_a_source_are_in_its_split_and_right_in_validation_and_test(tmp_path):
    rows = [*ROWS, *((text, f"{target} Encore.") for text, target in ROWS), *ROWS]
    data = load(table(tmp_path, rows))
    train = text_pairs(data, "train")
    assert len(train) == 3 * len({text for text, _ in train}) == 72, "in train, each pair is an example"
    for split in ("validation", "test"):
        pairs = text_pairs(data, split)
        assert len(pairs) == len({text for text, _ in pairs}) == 8
        assert all(target == f"{dict(ROWS)[text]}{OR}{dict(ROWS)[text]} Encore." for text, target in pairs)
    assert "several targets: 40 of 40 different sources" in data.notes


def test_folds_keep_the_targets_of_a_source_together(tmp_path):
    data = load(table(tmp_path, [*ROWS, *((text, f"{target} Encore.") for text, target in ROWS)]))
    fold, _ = splits_of(data, folds=4, fold=1)
    train, validation = ({text for text, _ in text_pairs(fold, split)} for split in ("train", "validation"))
    assert train and validation and not train & validation


def test_splits_of_a_folder_are_kept_and_what_is_missing_comes_from_train(tmp_path):
    for split, rows in {"train": ROWS[:30], "val": ROWS[30:], "dev": []}.items():
        for ending, side in {"en": 0, "fr": 1}.items() if rows else ():
            (tmp_path / f"{split}.{ending}").write_text("".join(f"{row[side]}\n" for row in rows))
    data = load(tmp_path, source="fr", target="en")
    assert sorted(text_pairs(data, "validation")) == sorted((target, text) for text, target in ROWS[30:])
    assert [len(text_pairs(data, split)) for split in SPLITS] == [24, 10, 6]
    assert data.columns == {}


BAD = {
    "fra.tsv, row 41: it has no target": ("Go.", " "),
    "fra.tsv, row 42: it has no source": ("", "Va !"),
    "fra.tsv, row 43: it has the character U+001E, which stands between targets": ("Go.", f"Va{OR}Pars"),
    "fra.tsv, row 44: it has U+FFFD, which stands for damaged bytes (--encoding)": ("Go.", "All\ufffd"),
    "fra.tsv, row 45: 1 columns instead of 2; fill it up": ("Go.",),
}


def test_rows_that_can_not_be_used_are_told_or_left_out(tmp_path):
    path = table(tmp_path, [*ROWS, *BAD.values()])
    path.write_bytes(path.read_bytes().replace("All\ufffd".encode(), b"Bient\xf4t") + "Été\tSummer\n".encode())
    reasons = {place.split(", ")[1].partition(": ")[::2] for place in BAD}
    with pytest.raises(ValueError, match=r"fra\.tsv has 5 of 46 pairs that can't be used; --skip-bad") as error:
        load(path)
    assert all(f"\n  {place}: {why}" in str(error.value) for place, why in reasons)
    data = load(path, skip_bad=True)
    assert all_text_pairs(data) == sorted([*ROWS, ("Été", "Summer")])
    assert all(f"left out: 1 pairs, the first is {place}: {why}" in data.notes for place, why in reasons)


def test_texts_of_all_scripts_and_lengths_come_back_exactly(tmp_path):
    texts = ["👩‍🚀 à 5\u202f€\u00a0!", "漢字かな交じり文。", "ไม่มีเว้นวรรค", "x", "ab " * 133 + "c"]
    data = load(table(tmp_path, [*ROWS, *zip(texts, texts, strict=True)]), length=400)
    pairs = all_text_pairs(data)
    for text in texts:
        assert (text, text) in pairs
        assert written(data, text) == text


def test_texts_are_brought_to_the_composed_form(tmp_path):
    data = load(table(tmp_path, [*ROWS, ("e\u0301te\u0301", "é"), ("été", "e\u0301")]), vocabulary=259)
    assert {pair for pair in all_text_pairs(data) if pair not in ROWS} == {("été", "é")}


def test_what_is_longer_than_the_length_is_told(tmp_path):
    rows = [*ROWS, ("0123456789", "1"), ("01234567890", "1"), ("a", "012345678"), ("b", "0123456789")]
    data = load(table(tmp_path, rows), length=10, vocabulary=259)
    assert "cut off after 10 tokens (--length): 1 of 44 sources" in data.notes
    assert "too long to be written in 10 tokens (--length): 1 of 44 targets" in data.notes
    ends = Subwords(data.preprocess.get_layer("subwords").tokens, 10, ends=True)
    assert END in ends(np.array(["012345678"]))[0] and END not in ends(np.array(["0123456789"]))[0]


@pytest.mark.parametrize(
    ("rows", "knobs", "said"),
    [
        (ROWS, {"path": ""}, "say which pairs: --path TABLE"),
        (ROWS[:3], {}, "fra.tsv, with what belongs together in a group: there are 3 groups"),
        ([("", "a"), ("b", "")], {"skip_bad": True}, "fra.tsv has no pairs"),
        (ROWS, {"vocabulary": 100}, "vocabulary has to be 259 or more"),
        (ROWS, {"length": 0}, "length is too small"),
    ],
    ids=str,
)
def test_what_can_not_be_is_told(tmp_path, rows, knobs, said):
    with pytest.raises(ValueError, match=said):
        load(**{"path": table(tmp_path, rows), **knobs})

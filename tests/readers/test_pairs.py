"""Pairs of texts in two columns of a table, in the lines of two files, and in a folder of these."""

import gzip
from pathlib import Path

import pytest

from src.readers.pairs import read

ROWS = [(f"Say {number}.", f"Dis {number} !") for number in range(9)]
THREE = [(*row, "CC-BY 2.0") for row in ROWS]  # as Tatoeba has them


def lines(path, name, texts):
    content = "".join(f"{text}\n" for text in texts).encode()
    (path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path / name


@pytest.mark.parametrize(
    ("header", "rows", "knobs", "names"),
    [
        ("", ROWS, {}, ("column_1", "column_2")),
        ("", THREE, {"source": "1", "target": "2"}, ("column_1", "column_2")),
        ("", THREE, {"source": "column_1", "target": "2"}, ("column_1", "column_2")),
        ("english\tfrench", ROWS, {}, ("english", "french")),
        ("english\tfrench", ROWS, {"source": "french"}, ("french", "english")),
        ("english\tfrench", ROWS, {"target": "1"}, ("french", "english")),
        ("id\tTarget\tSource", [("7", *row[::-1]) for row in ROWS], {}, ("Source", "Target")),
        ("target\tsource", [row[::-1] for row in ROWS], {}, ("source", "target")),
        ("What?\tAnswer!", ROWS, {"source": "What?"}, ("What?", "Answer!")),
        ("Say 0.\tDis 0 !", ROWS[1:], {}, ("column_1", "column_2")),
        ("said\tdone", [("said", "done"), *ROWS[2:]], {"header": False}, ("column_1", "column_2")),
    ],
    ids=str,
)
def test_the_columns_of_a_table_are_found(tmp_path, header, rows, knobs, names):
    path = lines(tmp_path, "fra.txt", [header] * bool(header) + ["\t".join(row) for row in rows])
    pairs = read(path, **knobs)
    assert pairs.names == names
    assert pairs.column == names[0]
    assert len(pairs.sources) == len(pairs.targets) == 9
    english = pairs.sources if names[0] != "french" and knobs.get("target") != "1" else pairs.targets
    assert english[3:] == [source for source, _ in ROWS[3:]]
    assert pairs.places[8] == "row 9"


def test_a_first_row_that_is_taken_for_names_is_told(tmp_path):
    rows = ["date\tiso", *(f"{day} May\t05-{day:02}" for day in range(1, 10))]
    path = lines(tmp_path, "a.tsv", rows)
    assert read(path).notes == ("header: date, iso (--no-header)",)
    for knobs in ({"header": True}, {"source": "date"}):
        assert read(path, **knobs).notes == ()


def test_a_row_of_another_length_is_no_pair(tmp_path):
    pairs = read(lines(tmp_path, "a.tsv", ["a\tb", "x\ty", "z", "", "v\tw"]))
    assert [*zip(pairs.sources, pairs.targets, pairs.places, strict=True)] == [("x", "y", "row 1"), ("v", "w", "row 3")]
    assert pairs.bad == {"row 2": "1 columns instead of 2; fill it up"}


def test_lines_of_two_files_end_with_a_line_feed_alone(tmp_path):
    sources, targets = zip(*ROWS, strict=True)
    sources = ["two\rparts\u2028and\x85one", "of Windows\r", "", *sources[3:]]
    path = lines(tmp_path, "all.en", sources)
    pairs = read(path, target=str(lines(tmp_path, "all.fr.gz", targets)))
    assert pairs.sources == [*map(str.strip, sources)]
    assert pairs.targets == [*targets]
    assert pairs.places[2] == "all.en, line 3"
    assert pairs.column == ""


def test_a_folder_of_parallel_files(tmp_path):
    for split, numbers in {"train": range(6), "valid": range(6, 9)}.items():
        lines(tmp_path, f"{split}.en", [ROWS[number][0] for number in numbers])
        lines(tmp_path, f"{split}.fr.gz", [ROWS[number][1] for number in numbers])
        lines(tmp_path, f"{split}.de", ["another language"])
    lines(tmp_path, "README.md", ["words"])
    pairs = read(tmp_path, "fr", "en")
    assert [*zip(pairs.targets, pairs.sources, strict=True)] == ROWS
    assert pairs.splits == ["train"] * 6 + ["validation"] * 3
    assert pairs.places[6] == "valid.fr.gz, line 1"


PARALLEL = {"f/train.en": "x\n", "f/train.fr": "y\n"}


@pytest.mark.parametrize(
    ("files", "arguments", "said"),
    [
        ({}, ["gone.tsv"], "there is no file gone.tsv"),
        ({"a.txt": "one\ntwo\n"}, ["a.txt"], "a.txt is no table: say which file has the target of each line"),
        ({"a.en": "one\ntwo\n", "a.fr": "un\n"}, ["a.en", "", "a.fr"], "a.en has 2 lines and a.fr 1"),
        ({"a.tsv": "a\tb\tc\n1x\t2x\t3x\n"}, ["a.tsv"], r"say which columns .* a \(1x\), b \(2x\), c \(3x\)"),
        ({"a.tsv": "a\tb\nx\ty\n"}, ["a.tsv", "d"], "no column 'd'"),
        ({"a.tsv": "a\tb\nx\ty\n"}, ["a.tsv", "3"], "no column '3'"),
        ({"a.tsv": "a\tb\nx\ty\n"}, ["a.tsv", "a", "1"], "'a' can't be both"),
        (PARALLEL, ["f"], "say which way: --source and --target; train has: en, fr"),
        (PARALLEL, ["f", "en", "de"], "f has no file train.de; train has: en, fr"),
        ({"f/train.en": "x\n"}, ["f", "en", "fr"], "has no train.en and train.fr"),
        ({**PARALLEL, "f/test.en": "z\n"}, ["f", "en", "fr"], "test.en is alone: test needs both en and fr"),
    ],
    ids=str,
)
def test_what_can_not_be_read_is_named(tmp_path, monkeypatch, files, arguments, said):
    monkeypatch.chdir(tmp_path)
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=said):
        read(Path(arguments[0]), *arguments[1:])

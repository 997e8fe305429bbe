"""Conversations of all formats: what is a reply to what, what comes into which split, and what is told of the rest."""

import gzip
import re
from itertools import pairwise

import numpy as np
import pytest

from src.signatures import features_of
from src.sources.splits import SPLITS
from src.specs import OR
from tests.samples import all_text_pairs, text_pairs

dialogue = pytest.importorskip("src.datasets.dialogue")
TALKS = [[f"Hi, {name}!", f"I'm {name}.", "Are you?", f"😀 {name}, oui\u202f!"] for name in "abcdefghijklmnopqrst"]
LINES = "\n".join("".join(f"{line}\n" for line in talk) for talk in TALKS)
ROWS = "Question\tAnswer\n" + "".join(f"{said}\t{reply}\n" for talk in TALKS for said, reply in pairwise(talk))
LISTS = "categories:\n- small talk\nconversations:\n" + "".join(
    "- - {}\n  - {}\n  - {}\n  - {}\n".format(*(f"'{line.replace(chr(39), 2 * chr(39))}'" for line in talk))
    for talk in TALKS
)
FORMATS = {"talks.txt": LINES, "talks.tsv.gz": ROWS, "talks.yml": LISTS}


def write(path, content):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode())
    return path


def load(path, **knobs):
    return dialogue.load(path=str(path), **{"vocabulary": 259, **knobs})


@pytest.mark.parametrize("name", FORMATS)
def test_each_utterance_but_the_first_is_a_reply_to_what_came_before(tmp_path, name):
    data = load(write(tmp_path / name, FORMATS[name]), turns=2)
    expected = [("\n".join(talk[max(0, at - 2) : at]), talk[at]) for talk in TALKS for at in (1, 2, 3)]
    assert all_text_pairs(data) == sorted(expected)
    assert "talks" in data.notes and ": 60 pairs, " in data.notes
    assert "20 conversations; utterances read before a reply: up to 2 (--turns)" in data.notes


def test_a_conversation_is_in_one_split(tmp_path):
    data = load(write(tmp_path / "talks.txt", LINES), turns=3)
    names = [{target[2] for _, target in text_pairs(data, split) if "😀" in target} for split in SPLITS]
    opened = [{text[4] for text, target in text_pairs(data, split) if target[:3] == "I'm"} for split in SPLITS]
    assert [len(of_split) for of_split in opened] == [12, 4, 4]
    assert sum(map(len, names)) == 20 and not names[0] & names[1] | names[0] & names[2] | names[1] & names[2]


def test_what_has_a_question_in_common_is_in_one_split_where_all_replies_are_right(tmp_path):
    talks = [[f"Question {number // 4}?", f"Answer {number}."] for number in range(80)]
    content = "\n".join("".join(f"{line}\n" for line in talk) for talk in talks)
    data = load(write(tmp_path / "talks.txt", content))
    asked = [{text for text, _ in text_pairs(data, split)} for split in SPLITS]
    assert [len(of_split) for of_split in asked] == [12, 4, 4]
    assert not asked[0] & (asked[1] | asked[2]) | asked[1] & asked[2]
    assert len(data.train) == 48
    assert all(target.count(OR) == 3 for split in ("validation", "test") for _, target in text_pairs(data, split))
    assert "left out" not in data.notes


def test_a_question_that_joins_all_conversations_is_asked_in_train_alone(tmp_path):
    data = load(write(tmp_path / "talks.txt", LINES))  # each has "Are you?" after its second utterance
    asked = [[text for text, _ in text_pairs(data, split)] for split in SPLITS]
    replies = [f"{talk[1]}" for talk in TALKS]
    assert sorted(text for of_split in asked for text in of_split if text in replies) == sorted(replies)
    assert [of_split.count("Are you?") for of_split in asked] == [12, 0, 0]
    assert "left out of validation and test: 8 pairs whose source is in another split, too" in data.notes


def test_files_of_a_folder_are_read_together(tmp_path):
    write(tmp_path / "talks" / "one.yml", LISTS)
    write(
        tmp_path / "talks" / "two.yaml",
        "conversations:\n- [No, yes]\n- [007, 'a: b']\n- - |-\n    two\n    lines\n  - ok",
    )
    write(tmp_path / "talks" / "LICENSE.txt", "free")
    data = load(tmp_path / "talks", turns=9)
    assert {("No", "yes"), ("007", "a: b"), ("two\nlines", "ok")} <= {*all_text_pairs(data)}
    assert "left out are files by their endings (1 .txt)" in data.notes


def test_of_a_long_conversation_what_was_said_last_is_read(tmp_path):
    data = load(write(tmp_path / "talks.txt", LINES), turns=3, length=8)
    tokens = features_of(data.preprocess, {"text": np.array([b"Hi, a!\nI'm a.\nAre you?"])}).numpy()
    assert bytes((tokens[0] - 3).tolist()) == b"Are you?"
    assert "cut off after 8 tokens (--length): 40 of 60 sources" in data.notes


@pytest.mark.parametrize(
    ("name", "more", "reason"),
    [
        ("talks.txt", "\nHello\n\nHi\nYes\ufffd\n", "line 104: it has U+FFFD, which stands for damaged bytes"),
        ("talks.tsv.gz", "Hello\t\n", "row 61: it has no target"),
        ("talks.tsv.gz", "Hello\n", "row 61: 1 columns instead of 2"),
        ("talks.yml", "- - Hello\n  - ''\n", "talks.yml, conversation 21, utterance 2: it has no target"),
        ("talks.yml", "- - Hello\n  - so: what\n", "talks.yml, conversation 21: it is no list of texts; one with ': '"),
    ],
    ids=range(5),
)
def test_what_can_not_be_used_is_told_or_left_out(tmp_path, name, more, reason):
    path = write(tmp_path / name, FORMATS[name] + more)
    with pytest.raises(
        ValueError, match=rf"{name} has 1 of 61 pairs that can't be used; --skip-bad .*\n  {re.escape(reason)}"
    ):
        load(path, turns=3)
    data = load(path, turns=3, skip_bad=True)
    assert len(all_text_pairs(data)) == 60
    assert f"left out: 1 pairs, the first is {reason}" in data.notes
    assert ("without a reply: 1 conversations, the first is line 101" in data.notes) == (name == "talks.txt")


@pytest.mark.parametrize(
    ("name", "content", "knobs", "said"),
    [
        ("a.txt", LINES, {"path": ""}, "say which conversations: --path TABLE"),
        ("a.txt", LINES, {"turns": 0}, "turns has to be 1 or more, not 0"),
        ("a.txt", "one\n\ntwo\n", {}, "a.txt has no pairs"),
        ("a.txt", "one\ntwo\n\n" * 9, {}, "a.txt has too few different sources: validation would have none of its own"),
        ("a.yml", "conversations: {a: b}", {}, "a.yml has no list 'conversations', of lists of utterances"),
        ("a.yml", "conversations:\n- [a, b", {}, "a.yml, line 3: isn't YAML"),
        ("a.tsv", "a\tb\tc\n1\t2\t3\n", {}, "say which columns have texts and targets"),
    ],
)
def test_what_can_not_be_is_told(tmp_path, name, content, knobs, said):
    with pytest.raises(ValueError, match=said):
        load(**{"path": write(tmp_path / name, content), **knobs})


def test_a_folder_without_conversations_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"has no files of conversations: \.yml, \.yaml"):
        load(tmp_path)

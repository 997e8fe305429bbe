"""The manifest: what stands in it of the splits."""

import numpy as np

from src.runs.manifest import manifest, remarks
from src.sources.memory import InMemory
from src.specs import Classes
from src.tasks.classification import Task


def test_manifest_finds_examples_that_stand_in_two_splits():
    task = Task(Classes(("a", "b"), (1, 1)))
    one = InMemory.of({"x": np.array([1, 2, 3]), "y": np.array([1, 1, 1])}, np.array([0, 1, 1]))
    other = InMemory.of({"x": np.array([3, 9]), "y": np.array([1, 1])}, np.array([0, 0]))
    found = manifest({"train": one, "test": other}, task)
    assert found["splits"]["train"]["examples"] == 3
    assert found["splits"]["train"]["classes"] == {"a": 1, "b": 2}
    pair = {"splits": ["train", "test"], "examples": 1, "first": "train 2", "share": 0.5}
    assert found["in_two_splits"] == [pair]


def test_what_stands_in_two_splits_is_a_warning_where_it_is_much_and_a_remark_else():
    task = Task(Classes(("a", "b"), (1, 1)))
    train, validation, test = np.arange(100), np.arange(100, 140), np.arange(110, 160)
    train[:3] = test[:3]

    def source(x):
        return InMemory.of({"x": x}, np.arange(len(x), dtype="int32") % 2)

    found = manifest({"train": source(train), "validation": source(validation), "test": source(test)}, task)
    assert [text.partition(":")[0] for text in found["warnings"]] == ["30 of 40 validation examples are also in test"]
    assert remarks(found) == ["3 examples of train are also in validation", "3 examples of train are also in test"]


def test_a_class_without_training_examples_is_a_warning_that_names_it():
    source = InMemory.of({"x": np.arange(4)}, np.array([0, 0, 2, 2], "int32"))
    other = InMemory.of({"x": np.arange(4, 6)}, np.array([0, 1], "int32"))
    found = manifest({"train": source, "test": other}, Task(Classes(("cat", "dog", "owl"))), warnings=["grey"])
    assert found["warnings"] == [
        "grey",
        "train has no example of dog: a class never seen in training can't be predicted; "
        "add some, or leave the class out",
        "test has no example of owl: its figures say nothing about it; add some, or leave the class out",
    ]
    few = manifest({"train": source}, Task(Classes(("cat", "dog", "owl", *"abcdefgh"))))
    assert "of dog, a, b, c, d and 4 more classes: " in few["warnings"][0]


def test_texts_of_any_rank_are_found_in_two_splits():
    texts = np.array([["a", "b"], ["ab", ""], ["c", "d"]])
    source = InMemory.of({"text": texts}, np.array([0, 1, 0], "int32"))
    other = InMemory.of({"text": texts[::-1]}, np.array([0, 1, 0], "int32"))
    found = manifest({"train": source, "test": other}, Task(Classes(("a", "b"))))
    assert found["in_two_splits"][0]["examples"] == 3
    assert len(set(source.digests().tolist())) == 3


def test_manifest_hashes_change_with_examples_targets_and_order():
    task = Task(Classes(("a", "b"), (1, 1)))

    def digest(x, y):
        source = InMemory.of({"x": np.array(x), "text": np.array(["a", "b"])}, np.array(y))
        return manifest({"train": source}, task)["splits"]["train"]["sha256"]

    first = digest([1, 2], [0, 1])
    assert digest([1, 2], [0, 1]) == first
    assert len({first, digest([1, 3], [0, 1]), digest([1, 2], [1, 1]), digest([2, 1], [1, 0])}) == 4

"""How a set of examples is cut into training, validation and test."""

import numpy as np
import pytest

from src.sources.splits import MOST_HELD, cut


def sizes(count: int, given: tuple[str, ...] = (), **options) -> dict[str, int]:
    """The examples of each split of a set, of which a hundred are in each split that is given."""
    rows = np.arange(count)
    held = {split: count + 100 * number + np.arange(100) for number, split in enumerate(given)}
    parts = cut({"train": rows, **held}, np.arange(count + 100 * len(given)) % 2, **options)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(count + 100 * len(given)))
    return {split: len(part) for split, part in parts.items()}


def test_a_split_that_is_not_given_is_a_fifth():
    assert sizes(1000, stratify=True) == {"train": 600, "validation": 200, "test": 200}
    assert sizes(1000, ("test",), stratify=True) == {"train": 800, "validation": 200, "test": 100}


@pytest.mark.parametrize("stratify", [False, True])
def test_of_a_large_set_the_most_is_trained_on(stratify):
    held = {"validation": MOST_HELD, "test": MOST_HELD}
    assert sizes(200_000, stratify=stratify) == {"train": 200_000 - 2 * MOST_HELD, **held}


def test_groups_of_a_large_set_are_held_out_as_rarely():
    found = sizes(200_000, stratify=False, groups=np.arange(200_000) // 3)
    assert found["validation"] == pytest.approx(MOST_HELD, rel=0.05)
    assert found["test"] == pytest.approx(MOST_HELD, rel=0.05)


@pytest.mark.parametrize("count", [100, 200_000])
def test_few_groups_make_three_splits(count):
    assert min(sizes(count, stratify=False, groups=np.arange(count) % 5).values()) == count // 5


def test_splits_that_are_given_need_no_groups():
    groups = np.zeros(1200, int)
    assert sizes(1000, ("validation", "test"), stratify=False, groups=groups)["train"] == 1000

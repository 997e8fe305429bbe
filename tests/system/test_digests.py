"""Hashes of examples."""

from functools import partial

import numpy as np

from src.sources.fetched import Fetched
from src.system import digests


def test_the_hash_of_an_example_is_of_its_contents_alone():
    """Written down: it has to be the same in any process and version."""
    texts = np.array([[b"ab", b"c"], [b"a", b"bc"], [b"ab", b"c"]], object)
    numbers = np.array([[1, 2], [3, 4], [1, 2]], "int16")
    found = digests.of_batch({"text": texts, "number": numbers})
    assert found.tolist() == [17606912443716758734, 14724180480364315425, 17606912443716758734]
    ordered = {"number": numbers.astype(">i2"), "text": texts.astype("S2").astype(object)}
    np.testing.assert_array_equal(digests.of_batch(ordered), found)
    columns = np.asfortranarray(np.arange(12, dtype="float32").reshape(3, 4))
    np.testing.assert_array_equal(digests.of_batch({"x": columns}), digests.of_batch({"x": columns.copy(order="C")}))


def test_fetched_examples_are_hashed_by_what_they_are_made_of_without_being_fetched():
    contents = {3: b"one", 5: b"other", 8: b"one"}

    def fetch(number):
        raise AssertionError("it was fetched")

    hashes = partial(digests.of_contents, contents.get)
    source = Fetched(fetch, np.arange(9, dtype="int32"), np.array([3, 5, 8]), hashes=hashes)
    one, other, same = source.digests().tolist()
    assert one == same != other
    assert source.chosen(np.array([1, 0])).digests().tolist() == [other, one]
    assert source.targets().tolist() == [3, 5, 8]

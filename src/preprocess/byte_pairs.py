"""Which neighbours become one token: the merges of byte-pair encoding, learnt from words and their counts.

Sennrich, Haddow and Birch (2016), Neural machine translation of rare words with subword units, section 3.2 and
algorithm 1; here the counts of pairs are kept, and only words that have the merged pair are looked at again.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import pairwise

LEAST = 2  # times that a pair occurs


def learn_merges(counts: Mapping[bytes, int], most: int) -> list[bytes]:
    """The bytes of the tokens that become one, in the order in which they do: always the commonest pair.

    Args:
        counts: how often each word is there.
        most: tokens.
    """
    pairs = _Pairs(counts)
    while len(pairs.tokens) < most + 256 and (pair := pairs.commonest()):
        pairs.join(*pair)
    return list(pairs.tokens)[256:]


class _Pairs:
    """Words as symbols, and how often each pair of neighbours is in them, kept up to date as pairs become one.

    Args:
        counts: how often each word is there.
    """

    def __init__(self, counts: Mapping[bytes, int]):
        self.tokens = {bytes([byte]): byte for byte in range(256)}  # and the symbol of each, in the order of these
        self._written = list(self.tokens)
        self._words = [list(word) for word in counts]
        self._times = list(counts.values())
        self._counts: Counter[tuple[int, int]] = Counter()
        self._places: defaultdict[tuple[int, int], set[int]] = defaultdict(set)  # words that may have the pair
        for number, word in enumerate(self._words):
            for pair in pairwise(word):
                self._counts[pair] += self._times[number]
                self._places[pair].add(number)
        self._heap = [(-count, pair) for pair, count in self._counts.items()]
        heapq.heapify(self._heap)

    def commonest(self) -> tuple[int, int] | None:
        """The pair that is most often there, of equal ones that of the lowest symbols; None where all are rare."""
        while self._heap:
            count, pair = heapq.heappop(self._heap)
            if -count < LEAST:
                return None
            if -count == self._counts[pair]:
                return pair
            if self._counts[pair]:  # it has changed meanwhile
                heapq.heappush(self._heap, (-self._counts[pair], pair))
        return None

    def join(self, left: int, right: int) -> None:
        """Makes one symbol of that pair in all words."""
        token = self._written[left] + self._written[right]
        symbol = self.tokens.setdefault(token, len(self.tokens))
        if symbol == len(self._written):
            self._written.append(token)
        changed: Counter[tuple[int, int]] = Counter()
        for number in self._places.pop((left, right)):
            before, times = self._words[number], self._times[number]
            after = _joined(before, left, right, symbol)
            if len(after) == len(before):
                continue
            for pair in pairwise(before):
                changed[pair] -= times
            for pair in pairwise(after):
                changed[pair] += times
                self._places[pair].add(number)
            self._words[number] = after
        for pair, change in changed.items():
            self._counts[pair] += change
            if change > 0:
                heapq.heappush(self._heap, (-self._counts[pair], pair))
        del self._counts[left, right]


def _joined(word: list[int], left: int, right: int, symbol: int) -> list[int]:
    """The word with one symbol for each such pair, from the left."""
    joined, index, last = [], 0, len(word) - 1
    while index <= last:
        if index < last and word[index] == left and word[index + 1] == right:
            joined.append(symbol)
            index += 2
        else:
            joined.append(word[index])
            index += 1
    return joined

"""Digits, and the same digits from the end: raw texts as targets."""

import numpy as np

from src.data import Data
from src.preprocess.texts import characters
from src.sources.memory import split
from src.specs import Letters, Tokens

INPUTS, OUTPUTS = (Tokens,), (Letters,)
LENGTH = 4


def load() -> Data:
    """The texts."""
    random = np.random.default_rng(0)
    texts = ["".join(random.choice(list("0123"), LENGTH)) for _ in range(300)]
    source, target = (np.array([text[::way].encode() for text in texts], object) for way in (1, -1))
    train, validation, test = split({"text": source}, target, stratify=False)
    inputs, tokens, preprocess = characters(train, LENGTH)
    return Data(train, validation, test, inputs, Letters(tokens.tokens, LENGTH), preprocess)

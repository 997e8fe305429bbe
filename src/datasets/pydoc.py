"""Python's reference manual, as `help()` shows it: which character comes next?

460,000 characters (topics.py of the standard library's pydoc_data; Python Software Foundation License), which change a
little with Python's version. The topics are in alphabetical order; of each ten the eighth validates and the last tests.
"""

from pydoc_data.topics import topics

from src.data import Data
from src.preprocess.texts import characters, windows
from src.specs import NextToken, Tokens

INPUTS, OUTPUTS = (Tokens,), (NextToken,)


def load(*, length: int = 128) -> Data:
    """The manual, as characters.

    Args:
        length: context length in characters.
    """
    names = sorted(topics)
    held_out = names[7::10], names[9::10]
    parts = [name for name in names if name not in held_out[0] + held_out[1]], *held_out
    train, validation, test = (windows("\n".join(topics[name] for name in part), length) for part in parts)
    inputs, outputs, preprocess = characters(train, length)
    return Data(train, validation, test, inputs=inputs, outputs=outputs, preprocess=preprocess)

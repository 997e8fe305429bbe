"""Shakespeare's plays: which character comes next?

1.1 million characters, 65 of them different, the last tenth of which validates and tests (Karpathy, 2015, The
unreasonable effectiveness of recurrent neural networks), through TensorFlow Datasets.
"""

from src.data import Data
from src.readers.tfds import whole_texts
from src.specs import NextToken, Tokens

INPUTS, OUTPUTS = (Tokens,), (NextToken,)
DOWNLOAD = "1 MB"


def load(*, length: int = 256) -> Data:
    """The plays, as characters.

    Args:
        length: context length in characters.
    """
    return whole_texts("tiny_shakespeare", "text", length)

"""Sentences from film reviews, 2 classes: negative or positive?

67,349 phrases to train on, the last tenth of which validates; the 872 of GLUE's validation split test, as the labels of
its test split are secret (SST-2; Socher et al., 2013; Wang et al., 2019, GLUE). Through TensorFlow Datasets.
"""

from src.data import Data
from src.readers.tfds import labelled_texts
from src.specs import Classes, Tokens

INPUTS, OUTPUTS = (Tokens,), (Classes,)
DOWNLOAD = "7 MB"


def load(*, length: int = 48, vocabulary: int = 15_000) -> Data:
    """The phrases, as word indices.

    Args:
        length: number of words read from each text; the rest is cut off.
        vocabulary: vocabulary size: the most frequent words.
    """
    return labelled_texts("glue/sst2", "sentence", length, vocabulary, test_split="validation")

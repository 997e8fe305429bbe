"""Film reviews, 2 classes: does the writer like the film?

25,000 texts to train on, the last tenth of which validates, and 25,000 to test (Maas et al., 2011, Learning word
vectors for sentiment analysis), through TensorFlow Datasets. 123 of the test reviews stand in the training split, too.
"""

from src.data import Data
from src.readers.tfds import labelled_texts
from src.specs import Classes, Tokens

INPUTS, OUTPUTS = (Tokens,), (Classes,)
DOWNLOAD = "80 MB"


def load(*, length: int = 256, vocabulary: int = 20_000) -> Data:
    """The reviews, as word indices.

    Args:
        length: number of words read from each text; the rest is cut off.
        vocabulary: vocabulary size: the most frequent words.
    """
    return labelled_texts("imdb_reviews", "text", length, vocabulary)

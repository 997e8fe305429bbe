"""Articles of clothing, 28 x 28 grey pixels, 10 classes.

60,000 images to train on, the last tenth of which validates, and 10,000 to test (Xiao, Rasul and Vollgraf, 2017; MIT
licence), through TensorFlow Datasets.
"""

from src.data import Data
from src.readers.tfds import labelled_images
from src.specs import Classes, Image

INPUTS, OUTPUTS = (Image,), (Classes,)
DOWNLOAD = "30 MB"


def load() -> Data:
    """The articles, resident as uint8."""
    return labelled_images("fashion_mnist", Image(28, 28, 1), background=0)

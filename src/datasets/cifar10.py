"""Photographs of animals and vehicles, 32 x 32 colour pixels, 10 classes.

50,000 images to train on, the last tenth of which validates, and 10,000 to test (Krizhevsky, 2009, Learning multiple
layers of features from tiny images), through TensorFlow Datasets.
"""

from src.data import Data
from src.readers.tfds import labelled_images
from src.specs import Classes, Image

INPUTS, OUTPUTS = (Image,), (Classes,)
DOWNLOAD = "163 MB"


def load() -> Data:
    """The photographs, resident as uint8."""
    return labelled_images("cifar10", Image(32, 32, 3))

"""Handwritten digits, 8 x 8 grey pixels, 10 classes.

1,797 images from the UCI repository (Alpaydin and Kaynak, 1998; CC BY 4.0), inside scikit-learn: no download. Split
60/20/20 by class. The 17 grey levels are spread over 0 to 255, so that a request is an ordinary uint8 image.
"""

import numpy as np
from sklearn.datasets import load_digits

from src.data import Data
from src.preprocess.images import Pictures, pixels
from src.sources.memory import split
from src.specs import Classes, Image

INPUTS, OUTPUTS = (Image,), (Classes,)


def load() -> Data:
    """The digits, resident as uint8."""
    digits = load_digits()
    image = np.round(digits.images * (255 / 16)).astype("uint8")[..., None]
    train, validation, test = split({"image": image}, digits.target.astype("int32"), stratify=True)
    spec = Image(8, 8, 1)
    names = tuple(str(name) for name in digits.target_names)
    door = Pictures(spec, background=0)
    return Data(train, validation, test, spec, Classes(names), pixels(spec), {"image_bytes": door})

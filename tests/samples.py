"""Small specs of every kind, features and targets that fit them, and what can be trained without a download."""

import numpy as np

from src import catalogue
from src.specs import Classes, Columns, Image, Series, Tokens, Values, Vector

PAIRS = [  # of a model's and a data set's name
    (model.name, data.name)
    for model in catalogue.models().values()
    for data in catalogue.datasets().values()
    if not data.download and catalogue.tasks_of(model, data)
]
SPECS = {
    Image: Image(9, 7, 2),
    Vector: Vector(5),
    Columns: Columns(("height", "width"), (("color", 4), ("size", 3))),
    Tokens: Tokens(6, 11),
    Series: Series(8, 2),
    Classes: Classes(("low", "middle", "high"), (5, 6, 7)),
    Values: Values(("price", "rent"), "EUR", (1000.0, 10.0), (200.0, 2.0)),
}


def features(spec, examples: int, seed: int = 0):
    """Random features of `examples` examples, as src/specs.py describes them."""
    random = np.random.default_rng(seed)
    match spec:
        case Image(height, width, channels):
            return random.random((examples, height, width, channels), "float32")
        case Vector(size):
            return random.standard_normal((examples, size), "float32")
        case Tokens(length, vocabulary):
            return random.integers(2, vocabulary, (examples, length)).astype("int32")
        case Series(length, channels):
            return random.standard_normal((examples, length, channels), "float32")
        case Columns(numeric, categories):
            columns = [random.integers(0, size, examples) for _, size in categories]
            return {
                "numeric": random.standard_normal((examples, len(numeric)), "float32"),
                "categories": np.stack(columns, axis=1).astype("int32"),
            }


def targets(spec, examples: int, seed: int = 0):
    """Random targets of `examples` examples."""
    random = np.random.default_rng(seed)
    if isinstance(spec, Classes):
        return random.integers(0, len(spec.names), examples).astype("int32")
    return (random.standard_normal((examples, len(spec.names))) * spec.scale + spec.mean).astype("float32")

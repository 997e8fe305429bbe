"""Where specs become Keras tensors: the ends that all model files share."""

import keras
from keras import layers, ops

from src.specs import Classes, Columns, Image, Input, Series, Tokens, Values, Vector


def features(inputs: Input) -> keras.KerasTensor | dict[str, keras.KerasTensor]:
    """The symbolic features of one batch: a tensor, or for Columns a dict of tensors; see src/specs.py for shapes."""
    match inputs:
        case Image(height, width, channels):
            return keras.Input((height, width, channels), name="image")
        case Vector(size):
            return keras.Input((size,), name="vector")
        case Tokens(length):
            return keras.Input((length,), dtype="int32", name="tokens")
        case Series(length, channels):
            return keras.Input((length, channels), name="series")
        case Columns(numeric, categories):
            parts = {}
            if numeric:
                parts["numeric"] = keras.Input((len(numeric),), name="numeric")
            if categories:
                parts["categories"] = keras.Input((len(categories),), dtype="int32", name="categories")
            return parts


def flat(inputs: Input, tensors: keras.KerasTensor | dict[str, keras.KerasTensor]) -> keras.KerasTensor:
    """Features as one float32 vector an example, (batch, size): images and series flattened, categories one-hot."""
    if not isinstance(inputs, Columns):
        return layers.Flatten(name="flatten")(tensors)
    parts = [tensors["numeric"]] if inputs.numeric else []
    for position, (_, vocabulary) in enumerate(inputs.categories):
        parts.append(ops.one_hot(tensors["categories"][:, position], vocabulary))
    return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=-1)


def head(outputs: Classes | Values) -> layers.Dense:
    """The last layer: a logit for each class, or a standardised number for each value.

    float32 under any precision policy, as a softmax in half precision loses the small probabilities.
    """
    return layers.Dense(outputs.size, dtype="float32", name="head")

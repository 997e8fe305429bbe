"""Where specs become Keras tensors: the ends that all model files share."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import overload

import keras
import numpy as np
from keras import layers, ops

from src.specs import Columns, Horizon, Image, Input, Output, Series, Text, Tokens, Vector
from src.system.screen import tell


class SelfTrained(keras.Model):
    """A functional model with a training loop of its own, `train_step` and `test_step`: see docs/contracts.md."""

    def warnings(self, history: Mapping[str, Sequence[float]]) -> list[str]:
        """What looks wrong in each epoch's figures, by name, so far: `what: why, and what to change`."""
        return []


@overload
def features(inputs: Columns) -> dict[str, keras.KerasTensor]: ...
@overload
def features(inputs: Image | Vector | Tokens | Series) -> keras.KerasTensor: ...
def features(inputs: Input) -> keras.KerasTensor | dict[str, keras.KerasTensor]:
    """The symbolic features of one batch: a tensor, or for Columns a dict of tensors; see src/specs.py for shapes."""
    match inputs:
        case Image(height, width, channels):
            return keras.Input((height, width, channels), name="image")
        case Vector(size):
            return keras.Input((size,), name="vector")
        case Tokens():
            return keras.Input((None,), dtype="int32", name="tokens")  # batches of short texts are short
        case Series(length, channels):
            return keras.Input((length, channels), name="series")
        case Columns(numeric, categories):
            parts = {}
            if numeric:
                parts["numeric"] = keras.Input((len(numeric),), name="numeric")
            if categories:
                parts["categories"] = keras.Input((len(categories),), dtype="int32", name="categories")
            return parts
    raise TypeError(f"features, in src/layers.py, makes no tensors of {type(inputs).__name__}")


def colored(image: keras.KerasTensor) -> keras.KerasTensor:
    """Images, (batch, height, width, channels), of which grey ones get three channels, as published weights have."""
    return ops.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image


def strides(inputs: Image, count: int) -> list[int]:
    """The steps of a network that halves images `count` times: the first ones are 1 where an image is too small."""
    halved = min(count, int(math.log2(min(inputs.height, inputs.width))))
    return [1] * (count - halved) + [2] * halved


def last_of_each_size(tensors: Iterable[keras.KerasTensor]) -> list[keras.KerasTensor]:
    """Of tensors of a network that halves images, (batch, height, width, any), the last of each height and width."""
    return list({tensor.shape[1:3]: tensor for tensor in tensors}.values())


def flat(inputs: Input, tensors: keras.KerasTensor | dict[str, keras.KerasTensor]) -> keras.KerasTensor:
    """Features as one float32 vector an example, (batch, size): images and series flattened, categories one-hot."""
    if not isinstance(inputs, Columns):
        return layers.Flatten(name="flatten")(tensors)
    parts = [tensors["numeric"]] if inputs.numeric else []
    for position, (_, vocabulary) in enumerate(inputs.categories):
        parts.append(ops.one_hot(tensors["categories"][:, position], vocabulary))
    return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=-1)


def embedded(
    inputs: Tokens,
    tokens: keras.KerasTensor,
    size: int | None = None,
    vectors: str | None = None,
    trainable: bool = True,
    dropout: float = 0.0,
) -> keras.KerasTensor:
    """A vector for each token, (batch, time, size).

    Args:
        inputs: spec of the tokens.
        tokens: int32 (batch, time).
        size: of a vector, 64 by itself; with `vectors` their own.
        vectors: file of vectors to start from, a word and its numbers a line; the first line may be their count.
        trainable: whether training changes the vectors.
        dropout: share of the vocabulary that is dropped in a step of training, each word at all its places: Gal and
            Ghahramani (2016), section 4.2; by batch as Merity et al. (2018), Regularizing and optimizing LSTM language
            models, section 4.3.

    Raises:
        ValueError: for a file that holds no vectors, or of another size.
    """
    start = None if vectors is None else _start(Path(vectors), inputs.tokens)
    if start is not None and size not in (None, start.shape[1]):
        raise ValueError(f"the vectors of {vectors} have {start.shape[1]} numbers, not {size}")
    size = start.shape[1] if start is not None else size or 64
    layer = layers.Embedding(inputs.vocabulary, size, trainable=trainable, name="embedding")
    x = layer(tokens)
    if start is not None:
        layer.embeddings.assign(np.where(np.isnan(start), layer.embeddings, start))
    if not dropout:
        return x
    ones = ops.repeat(ops.ones_like(tokens[:1, 0], dtype=x.dtype), inputs.vocabulary)
    kept = layers.Dropout(dropout, name="token_dropout")(ones)  # (vocabulary,)
    return x * ops.expand_dims(ops.take(kept, tokens), -1)


def embeddings(
    inputs: Tokens, outputs: Text, size: int
) -> tuple[layers.Embedding | layers.ReversibleEmbedding, layers.ReversibleEmbedding]:
    """What makes a vector, (…, size), of each token of a source, and of each written one; they are one layer where both
    texts are of the same tokens. With `reverse=True` the second makes logits of vectors, float32 (…, tokens).

    Vaswani et al. (2017), section 3.4: vectors are begun small, for the logits' sake; multiply them by sqrt(size).
    """
    written, small = len(outputs.tokens), keras.initializers.RandomNormal(stddev=size**-0.5)
    write = layers.ReversibleEmbedding(written, size, True, small, reverse_dtype="float32", name="embedding")
    if inputs.vocabulary == written:
        return write, write
    return layers.Embedding(inputs.vocabulary, size, small.clone(), name="read"), write


def source_embedding(model: keras.Model) -> keras.Layer:
    """The layer of `embeddings` that a model reads its source by."""
    return model.get_layer("read" if any(layer.name == "read" for layer in model.layers) else "embedding")


def _start(path: Path, tokens: tuple[str, ...]) -> np.ndarray:
    """The vector of each token, NaN for those that the file hasn't, as GloVe and word2vec write them."""
    indices = {token: index for index, token in enumerate(tokens)}
    vectors = {}
    with open(path, encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            word, *numbers = line.rstrip().split(" ")
            if number == 1 and len(numbers) == 1:
                continue  # word2vec's count and size
            if word in indices:
                try:
                    vectors[indices[word]] = np.array(numbers, "float32")
                except ValueError:
                    raise ValueError(f"{path}, line {number}: {word!r} isn't followed by numbers alone") from None
    sizes = {len(vector) for vector in vectors.values()}
    if not sizes:
        raise ValueError(f"{path} holds no vectors of these words")
    if len(sizes) > 1:
        raise ValueError(f"{path} holds vectors of {' and '.join(map(str, sorted(sizes)))} numbers")
    start = np.full((len(tokens), *sizes), np.nan, "float32")
    start[list(vectors)] = list(vectors.values())
    tell(f"{path} has vectors for {len(vectors) / max(1, len(tokens) - 2):.1%} of the vocabulary")
    return start


def over_time(x: keras.KerasTensor, mask: keras.KerasTensor | None, how: str) -> keras.KerasTensor:
    """What is kept of all steps, (batch, time, units): "mean" or "max" of those in `mask`; else `x`, of the last."""
    if how not in ("mean", "max"):
        return x
    # (batch, time, 1)
    here = ops.ones_like(x[:, :, :1]) if mask is None else ops.cast(ops.expand_dims(mask, -1), x.dtype)
    if how == "mean":
        return ops.sum(x * here, axis=1) / ops.maximum(ops.sum(here, axis=1), 1)
    return ops.max(x * here - 1e4 * (1 - here), axis=1) * ops.max(here, axis=1)  # 0 for an empty text


def head(outputs: Output) -> layers.Dense:
    """The last layer: a logit for each class or token, or a standardised number for each value.

    float32 under any precision policy, as a softmax in half precision loses the small probabilities. A forecast begins
    at no change.
    """
    start = "zeros" if isinstance(outputs, Horizon) else "glorot_uniform"
    return layers.Dense(outputs.size, kernel_initializer=start, dtype="float32", name="head")


def forecast(outputs: Output, series: keras.KerasTensor, x: keras.KerasTensor) -> keras.KerasTensor:
    """`x` as the change from the last values where the next ones of `series` are predicted; else as it is."""
    if not isinstance(outputs, Horizon):
        return x
    last = ops.cast(series[:, -1, : len(outputs.names)], x.dtype)  # (batch, names)
    return x + ops.tile(last, (1, outputs.length))

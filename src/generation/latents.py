"""Latent vectors, of which generators make things: one for each seed, and those on the way from one to another."""

import numpy as np
import tensorflow as tf

NEARLY = 1 - 1e-6  # the cosine of vectors on one line, between which the way is straight


@tf.function(reduce_retracing=True)
def latents(seeds: tf.Tensor, size: int) -> tf.Tensor:
    """A normally distributed vector for each seed, (batch, size): the same one wherever and with whom it is drawn."""

    def draw(seed):
        return tf.random.stateless_normal([size], tf.stack([seed, 0]), alg="philox")

    return tf.map_fn(draw, seeds, fn_output_signature=tf.TensorSpec((size,), tf.float32))


def walks(count: int, steps: int, size: int) -> np.ndarray:
    """Ways between the vectors of two seeds each, float32 (count * steps, size), a way's vectors together."""
    ends = latents(tf.range(2 * count), size).numpy().reshape(count, 2, size)
    ways = [arc(first, last, np.linspace(0, 1, steps)) for first, last in ends]
    return np.concatenate(ways)


def arc(first: np.ndarray, last: np.ndarray, way: np.ndarray) -> np.ndarray:
    """Vectors between two, float32 (steps, size), of the part of the way to the last one, (steps,), from 0 to 1.

    On a sphere, where normally distributed vectors are: White (2016), Sampling generative networks, section 2.1.
    """
    way = way[:, np.newaxis]
    cosine = first @ last / (np.linalg.norm(first) * np.linalg.norm(last))
    if abs(cosine) > NEARLY:
        between = (1 - way) * first + way * last
    else:
        angle = np.arccos(cosine)
        between = (np.sin((1 - way) * angle) * first + np.sin(way * angle) * last) / np.sin(angle)
    return between.astype("float32")

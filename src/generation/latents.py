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
    """Ways between the vectors of two seeds each, float32 (count * steps, size), a way's vectors together.

    On a sphere, where normally distributed vectors are: White (2016), Sampling generative networks, section 2.1.
    """
    ends = latents(tf.range(2 * count), size).numpy().reshape(count, 2, 1, size)
    first, last = ends[:, 0], ends[:, 1]  # each (count, 1, size)
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(last, axis=-1)
    cosine = ((first * last).sum(axis=-1) / lengths)[..., np.newaxis]
    angle = np.arccos(np.clip(cosine, -NEARLY, NEARLY))
    way = np.linspace(0, 1, steps)[:, np.newaxis]
    round_it = (np.sin((1 - way) * angle) * first + np.sin(way * angle) * last) / np.sin(angle)
    between = np.where(np.abs(cosine) > NEARLY, (1 - way) * first + way * last, round_it)
    return between.reshape(-1, size).astype("float32")

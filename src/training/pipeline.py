"""From a source of raw examples to what a model is trained and measured on.

Batches are made first and preprocessed as a whole: one vectorised op is far cheaper than one call an example.
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from src.data import Source
from src.signatures import features_of
from src.training.learning import Learning

CACHED_BYTES = 256 * 2**20  # features that are kept rather than made again each epoch


def training(learning: Learning, base: int | tf.Variable) -> tf.data.Dataset:
    """The batches of a training from step `base` on, each epoch in its own order; one iterator serves them all.

    Making an iterator costs more than an epoch of a small data set, so `fit` is to be told `steps_per_epoch`.
    """
    plan, preprocess, supervise = learning.plan, learning.data.preprocess, learning.task.supervise
    augment, seed = learning.augment, learning.seed
    batches = learning.data.train.shuffled(seed, plan.batch, plan.steps, base).take(plan.steps * plan.epochs)
    if not augment:
        return batches.map(_supervised(preprocess, supervise)).prefetch(2)

    def changed(offset, example):
        raw, target = example
        return supervise(*augment(features_of(preprocess, raw), target, seed, base + offset))

    return batches.enumerate().map(changed, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)


def measuring(source: Source, preprocess: keras.Model, supervise: Callable, batch: int) -> tf.data.Dataset:
    """Each example once, in order; kept in memory after the first pass where the features are few."""
    batches = source.in_order(batch).map(_supervised(preprocess, supervise))
    first = tf.nest.flatten(next(iter(batches)))
    if sum(part.dtype.size * int(tf.size(part)) for part in first) / len(first[0]) * len(source) <= CACHED_BYTES:
        batches = batches.cache()
    return batches.prefetch(2)


def _supervised(preprocess: keras.Model, supervise: Callable) -> Callable:
    return lambda raw, target: supervise(features_of(preprocess, raw), target)

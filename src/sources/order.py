"""The order of a training's examples: a pure function of seed and step."""

import tensorflow as tf

POOL = 32  # steps whose examples are sorted by length together


class Order:
    """Which examples come in which step of a training: in each epoch of `steps` steps a permutation of its own.

    Args:
        seed: of the training.
        size: number of examples.
        batch: examples a step.
        steps: of an epoch.

    Raises:
        ValueError: where an epoch needs more examples than there are.
    """

    def __init__(self, seed: int, size: int, batch: int, steps: int):
        if batch * steps > size:
            raise ValueError(f"{steps} steps of {batch} examples need more than the {size} there are.")
        self.seed, self.size, self.batch, self.steps = seed, size, batch, steps

    def of(self, step: tf.Tensor) -> tf.Tensor:
        """What an epoch's random numbers are drawn with."""
        return tf.stack([tf.constant(self.seed, tf.int64), step // self.steps])

    def rows(self, step: tf.Tensor) -> tf.Tensor:
        """The examples of a step, (batch,)."""
        return self._at(step, step % self.steps * self.batch + tf.range(self.batch, dtype=tf.int64))

    def alike(self, step: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """The examples of a step where those of POOL steps are dealt out by their length, (batch,)."""
        number = step % self.steps
        first = number // POOL * POOL
        pool = tf.minimum(tf.constant(POOL, tf.int64), self.steps - first)
        rows = self._at(step, first * self.batch + tf.range(pool * self.batch))
        turn = tf.random.experimental.index_shuffle(number - first, seed=self.of(step), max_index=pool - 1)
        here = turn * self.batch + tf.range(self.batch, dtype=tf.int64)
        return tf.gather(rows, tf.gather(tf.argsort(tf.gather(lengths, rows), stable=True), here))

    def _at(self, step: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        return tf.random.experimental.index_shuffle(positions, seed=self.of(step), max_index=self.size - 1)

"""Text to text: the target is read with the source, a token behind, and is written token by token."""

import keras
import numpy as np
import tensorflow as tf

from src import task
from src.generation.sampling import Drawing, sample
from src.signatures import DEFAULT, features_of, request_of
from src.specs import Letters

SPEC = Letters


def adapt(outputs, train):
    """The spec as it is."""
    return outputs


class Task(task.Task):
    """Translation into texts of `outputs.tokens`."""

    monitor, direction = "val_token_accuracy", "max"

    def __init__(self, outputs):
        self.outputs = outputs

    def supervise(self, features, target):
        letters = tf.strings.unicode_split(target, "UTF-8").to_tensor("", shape=(None, self.outputs.length))
        tokens = tf.argmax(letters[..., None] == tf.constant(self.outputs.tokens), axis=-1, output_type=tf.int32)
        return {"source": features, "written": tf.pad(tokens[:, :-1], [[0, 0], [1, 0]])}, tokens

    def loss(self, target, logits):
        return tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(target, logits, from_logits=True), axis=1)

    def metrics(self):
        return [keras.metrics.SparseCategoricalAccuracy("token_accuracy")]

    def answers(self, tokens):
        return {"text": tf.strings.reduce_join(tf.gather(tf.constant(self.outputs.tokens), tokens), axis=1)}

    def signatures(self, model, preprocess, doors, steps):
        step, start = steps.step(), steps.start()

        def serve(raw):
            source = features_of(preprocess, raw)
            rows = tf.shape(source)[:1]
            whole, number = tf.zeros(rows, tf.int32), tf.zeros(rows)
            greedy = Drawing(whole + self.outputs.length, whole, number, whole, number + 1)
            nothing = tf.zeros([rows[0], 1], tf.int32)
            return self.answers(sample(step, nothing, self.outputs.length, greedy, start(source)))

        return {DEFAULT: (serve, request_of(preprocess))}

    def summarize(self, targets):
        return {"characters": sum(len(text) for batch in targets for text in batch)}

    def figures(self, predict, batches):
        right = [np.mean(np.argmax(predict(x), -1) == y.numpy()) for x, y in batches]
        simple = {"token_accuracy": 1 / (len(self.outputs.tokens) - 2), "predictor": "any token"}
        return {"token_accuracy": float(np.mean(right)), "baseline": simple}

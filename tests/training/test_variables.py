"""What a training step touches: all of it is saved, and what can't be is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from src.errors import UserError
from src.settings import catalogue
from src.training.variables import check_pipeline, check_step, step_of
from tests.training.kills import chaos
from tests.tree import copied, run

TWO_OPTIMIZERS = '''
"""An autoencoder beside a classifier, each with an optimiser of its own, and more state in other places."""
import types
import keras
import tensorflow as tf
from src.layers import features, flat, head
from src.specs import Classes, Columns, Image, Vector

TAKES, GIVES = (Columns, Image, Vector), (Classes,)

class Twofold(keras.Model):
    """A classifier whose features are noisy, and a decoder that is trained against it."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.seeds = keras.random.SeedGenerator(1)
        self.decoder_loss = keras.metrics.Mean("decoder_loss")

    def compile(self, optimizer, **options):
        super().compile(optimizer, **options)
        self.second = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
        self.decoder = keras.Sequential([keras.Input((self.output_shape[-1],)), keras.layers.Dense(4)])
        self.second.build(self.decoder.trainable_variables)
        self.hidden = types.SimpleNamespace(third=keras.optimizers.Adam(use_ema=True))
        self.hidden.third.build(self.decoder.trainable_variables)
        self.count = tf.Variable(1.0)

    def train_step(self, data):
        x, y = data[:2]
        figures = super().train_step(data)
        with tf.GradientTape() as tape:
            logits = self(x, training=True)
            logits = logits + DRAW
            loss = keras.ops.mean(keras.ops.square(self.decoder(logits))) / self.count.assign_add(1.0)
        gradients = tape.gradient(loss, self.decoder.trainable_variables)
        self.second.apply(gradients, self.decoder.trainable_variables)
        self.hidden.third.apply(gradients, self.decoder.trainable_variables)
        self.decoder_loss.update_state(loss)
        return {**figures, "decoder_loss": self.decoder_loss.result()}


def build(inputs, outputs, *, units: int = 8) -> keras.Model:
    """Args:
        units: width.
    """
    tensors = features(inputs)
    x = keras.layers.Dropout(0.3)(keras.layers.Dense(units, "relu")(flat(inputs, tensors)))
    return Twofold(tensors, head(outputs)(x))
'''
KERAS_DRAW = "keras.random.normal(keras.ops.shape(logits), seed=self.seeds)"
TF_DRAW = "tf.random.normal(tf.shape(logits), seed=1)"


def twofold(tmp_path, draw):
    """A copy of the project with the model above."""
    root = copied(tmp_path)
    (root / "models/twofold.py").write_text(TWO_OPTIMIZERS.replace("DRAW", draw))
    data = next(
        (file for file in catalogue.datasets().values() if not file.download and "Classes" in str(file.outputs)), None
    )
    if data is None:
        pytest.skip("no data set of classes")
    return root, data.name


@pytest.mark.long
def test_a_model_with_its_own_step_and_two_optimizers_resumes(tmp_path, monkeypatch):
    root, data = twofold(tmp_path, KERAS_DRAW)
    monkeypatch.setattr(catalogue, "ROOT", root)
    words = ["--steps-per-execution", "2", "--batch", "16"]
    chaos(tmp_path, ("twofold", data), " ".join(words), kills=2, seed=1, epochs=30)


def test_a_random_op_that_can_not_be_saved_is_named(tmp_path):
    root, data = twofold(tmp_path, TF_DRAW)
    done = run(root, "train", "twofold", "--data", data, "--no-export")
    assert done.returncode == 1
    assert "RandomStandardNormal" in done.stderr
    assert not list((root / "runs").glob("*-*"))


def test_a_random_op_in_the_pipeline_is_named():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dropout(0.5), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    batches = tf.data.Dataset.from_tensor_slices((np.zeros((8, 2), "float32"), np.zeros((8, 1), "float32"))).batch(4)
    check_step(step_of(model, batches))
    check_pipeline(batches.prefetch(1))
    noisy = batches.map(lambda x, y: (x + tf.random.uniform(tf.shape(x)), y)).prefetch(1)
    with pytest.raises(UserError, match="data pipeline has RandomUniform"):
        check_pipeline(noisy)

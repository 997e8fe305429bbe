"""Generative adversarial network: a generator learns to make images that a discriminator takes for real ones.

Goodfellow et al. (2014), Generative adversarial nets; convolutions: Radford et al. (2016), DCGAN; classes: Miyato and
Koyama (2018), cGANs with projection discriminator; spectral normalisation: Miyato et al. (2018); moving average of the
generator: Yazıcı et al. (2019), The unusual effectiveness of averaging in GAN training.

    make train MODEL=gan

On the digits: a minute on two cores, a Fréchet distance of 0.43 on validation, of 14 for noise. recipes/gan-*.toml say
what it reaches in more epochs and on other data.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Literal

import keras
import tensorflow as tf
from keras import layers, ops

from src.layers import SelfTrained
from src.specs import Choice, Image, Images, Range

TAKES, GIVES = (Image,), (Images,)
DATA = "digits"
JUDGE = {"model": "cnn", "head_pool": "global"}
FIT = {"batch": 64, "learning_rate": 1e-3, "momentum": 0.0, "schedule": "constant", "epochs": 60, "patience": 0}
SPACE = {
    "discriminator_filters": Choice((32, 64), (64, 128)),
    "latent": Choice(32, 64, 128),
    "discriminator_rate": Range(0.5, 4.0, log=True),
}
SATURATED, SATURATED_EPOCHS = 0.99, 10
PENALTY = 10.0  # on the norm of the critic's gradient: Gulrajani et al. (2017), section 4


def build(
    inputs: Image,
    outputs: Images,
    *,
    loss: Literal["non_saturating", "hinge", "wgan_gp"] = "hinge",
    conditional: bool = True,
    latent: int = 64,
    generator_filters: tuple[int, ...] = (64, 32),
    generator_blocks: int = 2,
    discriminator_filters: tuple[int, ...] = (64, 128),
    kernel: int = 4,
    spectral_norm: bool = True,
    batch_norm: bool = True,
    dropout: float = 0.0,
    smoothing: float = 0.0,
    discriminator_rate: float = 1.0,
    discriminator_steps: int = 1,
    average: float = 0.999,
) -> keras.Model:
    """Returns a model from latent vectors, and classes, to images in [0, 1].

    Args:
        inputs: spec of the images.
        outputs: the same images, and their classes.
        loss: non_saturating, of Goodfellow et al. (2014), section 3; hinge, of Lim and Ye (2017); wgan_gp, of Gulrajani
            et al. (2017), who take 5 discriminator_steps and no spectral_norm.
        conditional: whether to generate images of a given class, if the data set has classes.
        latent: size of the latent vector.
        generator_filters: channels of the generator's stages, each of which doubles height and width.
        generator_blocks: convolutions per stage of the generator, including the one that doubles the size.
        discriminator_filters: channels of the discriminator's stages, each of which halves height and width.
        kernel: height and width of the convolutions that double or halve, in pixels.
        spectral_norm: whether to apply spectral normalisation in the discriminator.
        batch_norm: whether to apply batch normalisation in the generator.
        dropout: fraction of the discriminator's features dropped in training, in [0, 1).
        smoothing: 0.1 makes the discriminator's target for real images 0.9, one-sided label smoothing, in [0, 1);
            non_saturating only. Salimans et al. (2016), section 3.4.
        discriminator_rate: the discriminator's learning rate, as a multiple of the generator's, --learning-rate.
        discriminator_steps: training steps of the discriminator for each step of the generator.
        average: share of the moving average of the generator's weights kept in a step, in [0, 1), reached as the
            training grows, so that about its last tenth counts; 0 for none.

    Raises:
        ValueError: for images whose size the generator's stages can't reach, or a knob out of its range or without
            effect.
    """
    _check_size(inputs, len(generator_filters))
    classes = len(outputs.names) if conditional else 0
    new = partial(generator, outputs.shape, classes, latent, generator_filters, generator_blocks, kernel, batch_norm)
    return GAN(
        new("average"),
        new("generator"),
        discriminator(outputs.shape, classes, discriminator_filters, kernel, spectral_norm, dropout),
        loss=loss,
        smoothing=smoothing,
        discriminator_rate=discriminator_rate,
        discriminator_steps=discriminator_steps,
        decay=average,
    )


def generator(
    shape: tuple[int, int, int],
    classes: int,
    latent: int,
    filters: tuple[int, ...],
    blocks: int,
    kernel: int,
    batch_norm: bool,
    name: str,
) -> keras.Model:
    """From {"latent": (batch, latent)}, and "label" (batch,) where there are classes, to images of that shape."""
    _need(len(filters) > 0 and min(filters) > 0, "generator_filters", "one number or more, each above 0", filters)
    for knob, number in (("generator_blocks", blocks), ("latent", latent), ("kernel", kernel)):
        _need(number > 0, knob, "1 or more", number)
    bias = not batch_norm  # the normalisation has one of its own

    def activate(x, name):
        if batch_norm:
            x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
        return layers.ReLU(name=f"{name}_activation")(x)

    given = {"latent": keras.Input((latent,), name="latent")}
    x = given["latent"]  # (batch, latent)
    if classes:
        given["label"] = keras.Input((), dtype="int32", name="label")
        vector = layers.Embedding(classes, latent, name="label_vector")(given["label"])
        x = layers.Concatenate(name="asked")([x, vector])  # (batch, 2 * latent)
    height, width = (size // 2 ** len(filters) for size in shape[:2])
    x = activate(layers.Dense(height * width * filters[0], use_bias=bias, name="dense")(x), "dense")
    x = layers.Reshape((height, width, filters[0]), name="reshape")(x)  # (batch, height, width, channels), the smallest
    for stage, (channels, next_channels) in enumerate(pairwise([*filters, shape[2]]), 1):
        for block in range(1, blocks):
            here = f"stage_{stage}_{block}"
            x = activate(layers.Conv2D(channels, 3, padding="same", use_bias=bias, name=here)(x), here)
        last = stage == len(filters)
        x = layers.Conv2DTranspose(
            next_channels, kernel, strides=2, padding="same", use_bias=bias or last, name=f"enlarge_{stage}"
        )(x)  # (batch, 2 * height, 2 * width, next_channels)
        if not last:
            x = activate(x, f"enlarge_{stage}")
    image = layers.Activation("sigmoid", dtype="float32", name="image")(x)  # (batch, *shape)
    return keras.Model(given, image, name=name)


def discriminator(
    shape: tuple[int, int, int],
    classes: int,
    filters: tuple[int, ...],
    kernel: int,
    spectral_norm: bool,
    dropout: float,
) -> keras.Model:
    """From {"image"}, and "label" where there are classes, to how real it looks, (batch, 1)."""
    _need(len(filters) > 0 and min(filters) > 0, "discriminator_filters", "one number or more, each above 0", filters)
    _need(0 <= dropout < 1, "dropout", "in [0, 1)", dropout)

    def limited(layer, name):
        # In float32, as it overwrites the weights, which half precision would round.
        return layers.SpectralNormalization(layer, dtype="float32", name=name) if spectral_norm else layer

    given = {"image": keras.Input(shape, name="image")}
    x = layers.Rescaling(2.0, -1.0, name="rescale")(given["image"])  # (batch, height, width, channels), in [-1, 1]
    for stage, channels in enumerate(filters, 1):
        convolution = layers.Conv2D(channels, kernel, strides=2, padding="same", name=f"stage_{stage}")
        x = limited(convolution, name=f"limited_{stage}")(x)  # (batch, height / 2, width / 2, channels)
        x = layers.ReLU(negative_slope=0.2, name=f"activation_{stage}")(x)
        if dropout:
            x = layers.Dropout(dropout, name=f"dropout_{stage}")(x)
    x = layers.Flatten(name="flatten")(x)  # (batch, features)
    score = limited(layers.Dense(1, dtype="float32", name="score"), name="limited_score")(x)  # (batch, 1)
    if classes:
        given["label"] = keras.Input((), dtype="int32", name="label")
        layer = layers.Embedding(classes, x.shape[-1], embeddings_initializer="glorot_uniform", name="label_vector")
        match = layers.Dot(1, dtype="float32", name="match")([x, layer(given["label"])])  # (batch, 1)
        score = layers.Add(dtype="float32", name="conditional_score")([score, match])
    return keras.Model(given, score, name="discriminator")


class GAN(SelfTrained):
    """The moving average of a generator, with the generator and the discriminator that train it.

    Args:
        average, generator: two models of one structure, from latent vectors (and labels) to images in [0, 1].
        discriminator: from {"image"} (and "label") to (batch, 1): the larger, the more real.
        loss, smoothing, discriminator_rate, discriminator_steps: see `build`.
        decay: of the moving average.
    """

    def __init__(
        self,
        average: keras.Model,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        loss: str,
        smoothing: float = 0.0,
        discriminator_rate: float = 1.0,
        discriminator_steps: int = 1,
        decay: float = 0.0,
    ):
        for knob, share in (("smoothing", smoothing), ("average", decay)):
            _need(0 <= share < 1, knob, "in [0, 1)", share)
        _need(discriminator_rate > 0, "discriminator_rate", "above 0", discriminator_rate)
        _need(discriminator_steps > 0, "discriminator_steps", "1 or more", discriminator_steps)
        if smoothing and loss != "non_saturating":
            raise ValueError(f"smoothing has no effect on the loss {loss}; it belongs to non_saturating")
        super().__init__(average.input, average.output, name="gan")
        self.average, self.generator, self.discriminator = average, generator, discriminator
        self.loss_kind, self.smoothing, self.decay = loss, smoothing, decay
        self.discriminator_rate, self.discriminator_steps = discriminator_rate, discriminator_steps
        for mean, weight in zip(average.weights, generator.weights, strict=True):
            mean.assign(weight)
        self.seeds = keras.random.SeedGenerator()
        self.generator_loss = keras.metrics.Mean("generator_loss")
        self.discriminator_loss = keras.metrics.Mean("discriminator_loss")
        self.discriminator_accuracy = keras.metrics.Mean("discriminator_accuracy")

    def compile(self, optimizer: keras.Optimizer, **options) -> None:
        """Gives each side an optimiser of the given kind."""
        super().compile(optimizer, **options)
        self.discriminator_optimizer = keras.optimizers.deserialize(keras.optimizers.serialize(self.optimizer))
        self.discriminator_optimizer.learning_rate = Multiple(self.optimizer, self.discriminator_rate)
        self.optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)

    @property
    def metrics(self) -> list[keras.Metric]:
        return [self.generator_loss, self.discriminator_loss, self.discriminator_accuracy]

    def train_step(self, data: tuple) -> dict[str, tf.Tensor]:
        """One step of the generator, after those of the discriminator, on a batch of (images, labels)."""
        images, labels = data[:2]
        for _ in range(self.discriminator_steps):
            made = self._make(labels, self.seeds, training=True)  # (batch, height, width, channels)
            with tf.GradientTape() as tape:
                scores = self._scores(images, made, labels, training=True)  # real and fake, each (batch, 1)
                loss = self._of_discriminator(*scores)
                penalty = PENALTY * self._gradient_penalty(images, made, labels) if self.loss_kind == "wgan_gp" else 0.0
                scaled = self.discriminator_optimizer.scale_loss(loss + penalty)
            weights = self.discriminator.trainable_variables
            self.discriminator_optimizer.apply(tape.gradient(scaled, weights), weights)
        with tf.GradientTape() as tape:
            made = self._make(labels, self.seeds, training=True)
            generator_loss = self._of_generator(self._score(made, labels, training=True))
            scaled = self.optimizer.scale_loss(generator_loss)
        weights = self.generator.trainable_variables
        self.optimizer.apply(tape.gradient(scaled, weights), weights)
        self._move_average()
        return self._figures(generator_loss, loss, *scores)

    def test_step(self, data: tuple) -> dict[str, tf.Tensor]:
        """The losses of generator and discriminator, not of the average, on a batch; the noise is always the same."""
        images, labels = data[:2]
        made = self._make(labels, seed=0, training=False)
        real, fake = self._scores(images, made, labels, training=False)
        return self._figures(self._of_generator(fake), self._of_discriminator(real, fake), real, fake)

    def warnings(self, history: Mapping[str, Sequence[float]]) -> list[str]:
        """What is wrong where the discriminator tells images apart too well, and what to change."""
        last = history["discriminator_accuracy"][-SATURATED_EPOCHS:]
        if self.loss_kind == "wgan_gp" or len(last) < SATURATED_EPOCHS or min(last) < SATURATED:
            return []  # a critic that is right is what the Wasserstein distance needs
        return [
            f"the discriminator is saturated: for {SATURATED_EPOCHS} epochs it has told {min(last):.1%} of real and "
            "made images apart, and the generator learns little from it. Try to hold it back: a smaller learning rate, "
            "spectral normalisation, dropout, or the loss of WGAN-GP."
        ]

    def _make(self, labels, seed, training):
        """An image for each label, of noise."""
        latent = keras.random.normal((ops.shape(labels)[0], self.input["latent"].shape[1]), seed=seed)
        return self.generator(self._asked({"latent": latent}, labels), training=training)

    def _score(self, images, labels, training):
        return self.discriminator(self._asked({"image": images}, labels), training=training)

    def _scores(self, images, made, labels, training):
        """Of real and of made images: of both at once, which is faster."""
        both = ops.concatenate([images, made])
        return ops.split(self._score(both, ops.concatenate([labels, labels]), training), 2)

    def _asked(self, given, labels):
        return {**given, "label": labels} if "label" in self.input else given

    def _of_discriminator(self, real, fake):
        if self.loss_kind == "hinge":
            return ops.mean(ops.relu(1 - real)) + ops.mean(ops.relu(1 + fake))
        if self.loss_kind == "wgan_gp":
            return ops.mean(fake) - ops.mean(real)
        certain = 1 - self.smoothing
        return ops.mean(certain * ops.softplus(-real) + self.smoothing * ops.softplus(real) + ops.softplus(fake))

    def _of_generator(self, fake):
        return ops.mean(ops.softplus(-fake)) if self.loss_kind == "non_saturating" else -ops.mean(fake)

    def _gradient_penalty(self, images, made, labels):
        """How far the norm of the critic's gradient between real and made images is from 1, squared."""
        share = keras.random.uniform((ops.shape(images)[0], 1, 1, 1), seed=self.seeds)
        between = share * images + (1 - share) * made  # (batch, height, width, channels)
        with tf.GradientTape() as tape:
            tape.watch(between)
            score = self._score(between, labels, training=True)
        squares = ops.sum(ops.square(tape.gradient(score, between)), axis=(1, 2, 3))  # (batch,)
        return ops.mean(ops.square(ops.sqrt(squares + 1e-12) - 1))  # the root of 0 has no gradient

    def _move_average(self):
        step = ops.cast(self.optimizer.iterations, "float32")
        kept = ops.minimum(self.decay, step / (step + 10))  # the first weights are soon forgotten
        for mean, weight in zip(self.average.weights, self.generator.weights, strict=True):
            mean.assign(kept * mean + (1 - kept) * weight)

    def _figures(self, generator_loss, discriminator_loss, real, fake):
        self.generator_loss.update_state(generator_loss)
        self.discriminator_loss.update_state(discriminator_loss)
        self.discriminator_accuracy.update_state(real > fake)  # of pairs, as a critic's scores have no zero
        return {metric.name: metric.result() for metric in self.metrics}


class Multiple(keras.optimizers.schedules.LearningRateSchedule):
    """A multiple of what another optimiser's learning rate is at the moment, whatever its schedule."""

    def __init__(self, optimizer: keras.Optimizer, factor: float):
        self.optimizer, self.factor = optimizer, factor

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        return self.factor * self.optimizer.learning_rate


def _need(holds: bool, knob: str, what: str, value: object) -> None:
    if not holds:
        raise ValueError(f"{knob} has to be {what}, not {value}")


def _check_size(image: Image, stages: int) -> None:
    """Raises a ValueError that names the nearest size for one that isn't doubled so many times."""
    unit = 2**stages
    if image.height % unit or image.width % unit:
        height, width = (max(1, round(side / unit)) * unit for side in (image.height, image.width))
        raise ValueError(
            f"{stages} stages of the generator make heights and widths that are multiples of {unit}, not "
            f"{image.height} x {image.width}; the nearest is {height} x {width}. Or use fewer generator_filters."
        )

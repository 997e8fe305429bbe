"""The losses, the two optimisers and the knobs of models/gan.py, against numbers worked out by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from src.cli import main
from src.errors import UserError
from src.settings import catalogue
from src.specs import Image, Images
from src.tasks.generation import FRECHET
from src.train import train

gan = pytest.importorskip("models.gan")
DATA = catalogue.model("gan").data
IMAGE, IMAGES = Image(8, 12, 1), Images(8, 12, 1, ("a", "b"))
SMALL = {"generator_filters": (8, 4), "discriminator_filters": (4, 8)}


def batch(examples=32):
    """Images, brighter in one class than in the other, and their labels."""
    labels = np.arange(examples, dtype="int32") % 2
    images = np.random.default_rng(0).random((examples, *IMAGES.shape)) * (1 + labels[:, None, None, None]) / 2
    return tf.constant(images, "float32"), tf.constant(labels)


def compiled(learning_rate, **knobs):
    keras.utils.set_random_seed(0)
    model = gan.build(IMAGE, IMAGES, **{"spectral_norm": False, **SMALL, **knobs})
    model.compile(keras.optimizers.Adam(learning_rate, beta_1=0.0))
    return model


def change(network, before):
    """The largest change of a weight."""
    return max(np.abs(one - other).max() for one, other in zip(network.get_weights(), before, strict=True))


def cross_entropy(target, scores):
    return float(keras.losses.BinaryCrossentropy(from_logits=True)(np.full_like(scores, target), scores))


@pytest.mark.parametrize(
    ("knobs", "of_generator", "of_discriminator"),
    [
        (
            {"loss": "hinge"},
            lambda fake: -fake.mean(),
            lambda real, fake: np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean(),
        ),
        ({"loss": "wgan_gp"}, lambda fake: -fake.mean(), lambda real, fake: fake.mean() - real.mean()),
        (
            {"loss": "non_saturating", "smoothing": 0.1},
            lambda fake: cross_entropy(1.0, fake),
            lambda real, fake: cross_entropy(0.9, real) + cross_entropy(0.0, fake),
        ),
    ],
    ids=lambda value: value["loss"] if isinstance(value, dict) else "",
)
def test_losses_are_those_of_the_papers(knobs, of_generator, of_discriminator):
    model, (images, labels) = compiled(1e-3, **knobs), batch()
    model.discriminator.set_weights([4 * weight for weight in model.discriminator.get_weights()])  # beyond the hinge
    found = model.test_step((images, labels))
    noise = keras.random.normal((len(labels), model.input["latent"].shape[1]), seed=0)
    made = model.generator({"latent": noise, "label": labels}, training=False)
    real, fake = (model.discriminator({"image": x, "label": labels}).numpy() for x in (images, made))
    assert max(real.max(), fake.max()) > 1 or min(real.min(), fake.min()) < -1
    assert float(found["generator_loss"]) == pytest.approx(of_generator(fake), rel=1e-4)
    assert float(found["discriminator_loss"]) == pytest.approx(of_discriminator(real, fake), rel=1e-4)
    assert float(found["discriminator_accuracy"]) == pytest.approx((real > fake).mean())


@pytest.mark.parametrize("loss", ["hinge", "wgan_gp", "non_saturating"])
def test_each_side_lowers_its_own_loss(loss):
    for rates, figure in (((3e-3, 1e-6), "generator_loss"), ((1e-9, 3e6), "discriminator_loss")):
        model = compiled(rates[0], loss=loss, discriminator_rate=rates[1], batch_norm=False)
        before = float(model.test_step(batch())[figure])
        for _ in range(10):
            model.train_step(batch())
        model.reset_metrics()
        assert float(model.test_step(batch())[figure]) < before - 0.01, figure


def test_the_penalty_is_that_of_a_slope_other_than_1():
    """A linear critic has the same gradient everywhere: its weights. Gulrajani et al. (2017), equation 3."""
    model, (images, labels) = compiled(1e-3, loss="wgan_gp", conditional=False), batch()
    image = keras.Input(IMAGES.shape, name="image")
    slope = keras.layers.Dense(1)
    critic = keras.Model({"image": image}, slope(keras.layers.Flatten()(image)))
    model = gan.GAN(model.average, model.generator, critic, loss="wgan_gp")
    slope.set_weights([np.full((96, 1), 3 / np.sqrt(96), "float32"), np.ones(1, "float32")])
    assert float(model._gradient_penalty(images, images[::-1], labels)) == pytest.approx((3 - 1) ** 2, rel=1e-4)


def test_each_side_has_its_own_rate_and_steps_along_one_schedule():
    plain = {"batch_norm": False, "conditional": False}
    cosine = keras.optimizers.schedules.CosineDecay(1e-2, 10)
    model = compiled(cosine, discriminator_rate=3.0, discriminator_steps=2, **plain)
    sides = model.generator, model.discriminator
    before = [side.get_weights() for side in sides]
    model.train_step(batch())
    of_generator, of_discriminator = (change(*pair) for pair in zip(sides, before, strict=True))
    assert of_generator == pytest.approx(1e-2, rel=0.01), "Adam's first step is the learning rate"
    assert 1.4 * 3e-2 < of_discriminator < 2.42 * 3e-2, "its second one is up to the root of 2 times as long"
    for _ in range(4):
        model.train_step(batch())
    assert (int(model.optimizer.iterations), int(model.discriminator_optimizer.iterations)) == (5, 10)
    now = float(model.optimizer.learning_rate)
    assert now == pytest.approx(5e-3)
    assert float(model.discriminator_optimizer.learning_rate) == pytest.approx(3 * now)


def test_the_average_is_between_the_generators_so_far():
    model = compiled(1e-2, average=0.999)
    kernel = model.generator.get_layer("dense").kernel
    seen = [np.array(kernel)]
    for _ in range(5):
        model.train_step(batch())
        seen.append(np.array(kernel))
    average = np.array(model.average.get_layer("dense").kernel)
    assert (np.min(seen, axis=0) - 1e-6 <= average).all() and (average <= np.max(seen, axis=0) + 1e-6).all()
    assert not np.allclose(average, seen[-1])
    last = compiled(1e-2, average=0.0)
    last.train_step(batch())
    np.testing.assert_array_equal(last.average.get_weights()[0], last.generator.get_weights()[0])


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_scores_and_images_are_float32_at_any_precision(policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = gan.build(IMAGE, IMAGES, **SMALL)
    finally:
        keras.config.set_dtype_policy("float32")
    assert (model.discriminator.output.dtype, model.output.dtype) == ("float32", "float32")


@pytest.mark.parametrize(("height", "width", "nearest"), [(9, 8, "8 x 8"), (28, 30, "28 x 32")])
def test_a_size_that_the_stages_do_not_make_is_refused_with_the_nearest_that_they_do(height, width, nearest):
    with pytest.raises(ValueError, match=nearest):
        gan.build(Image(height, width, 1), Images(height, width, 1), **SMALL)
    assert gan.build(Image(12, 8, 3), Images(12, 8, 3, ("a", "b")), **SMALL).output.shape == (None, 12, 8, 3)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--smoothing", "0.1"], "no effect on the loss hinge"),
        (["--generator-filters", "4", "4", "4", "4"], "multiples of 16"),
        (["--latent", "0"], "latent has to be 1 or more"),
        (["--discriminator-filters", "8", "0"], "discriminator_filters has to be"),
    ],
    ids=str,
)
def test_a_wrong_knob_is_told_before_a_judge_is_trained(tmp_path, capsys, flags, said):
    assert main(["train", "gan", "--data", DATA, *flags, "--runs-dir", str(tmp_path)]) == 1
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def few_steps(runs, **knobs):
    same = {"data": DATA, "limit": 80, "tensorboard": False, "test": False, "runs_dir": str(runs), "verbose": False}
    return train("gan", **same, **knobs)


@pytest.mark.long
def test_it_makes_images_without_classes_in_half_precision(runs, tmp_path):
    knobs = {"loss": "wgan_gp", "conditional": False, "mixed_precision": True, "average": 0.0, **SMALL}
    run = few_steps(runs, epochs=1, exports_dir=str(tmp_path), **knobs)
    assert np.isfinite(run.metrics["validation"][FRECHET])
    assert "label" not in run.signatures["generate"][1]
    assert "class_accuracy" not in run.metrics["validation"]


@pytest.mark.long
def test_a_saturated_discriminator_is_noticed(runs, capsys):
    alone = {"learning_rate": 1e-8, "discriminator_rate": 2e5, "spectral_norm": False}
    run = few_steps(runs, batch=8, epochs=12, export=False, **alone)
    said = capsys.readouterr().err
    assert said.count("the discriminator is saturated") == 1
    assert [text for text in run.warnings if "the discriminator is saturated" in text]
    assert "the discriminator is saturated" in (run.path / "report.html").read_text(encoding="utf-8")


def test_divergence_names_the_figure(runs):
    with pytest.raises(UserError, match=r"(generator|discriminator)_loss became .*diverged"):
        few_steps(runs, epochs=3, learning_rate=1e30, loss="wgan_gp", export=False)

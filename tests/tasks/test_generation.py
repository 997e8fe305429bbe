"""Models that make images: what can be asked of them, what they are compared with, and what is said when they fail."""

import dataclasses
import html
import json
import re

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from src.cli import main
from src.errors import UserError
from src.evaluate import evaluate
from src.generation.latents import latents, walks
from src.runs import judges
from src.runs.run import load_run
from src.settings import catalogue, config
from src.signatures import DEFAULT, predictor
from src.specs import Image, Images
from src.system.signals import Stop, Stopped
from src.tasks.generation import ALIKE_EPOCHS, FRECHET, Task
from src.train import train
from tests.conftest import FEW
from tests.samples import PAIRS, features, judge, painter
from tests.training.kills import chaos

MAKERS = [(model, data) for model, data in PAIRS if catalogue.model(model).gives == (Images,)]
if not MAKERS:
    pytest.skip("no model makes images of a data set that needs no download", allow_module_level=True)
MODEL, DATA = next((pair for pair in MAKERS if pair[0] == "gan"), MAKERS[0])
SMALL = {"generator_filters": (8, 4), "discriminator_filters": (4, 8)}
SPEC = Images(12, 8, 1, ("low", "middle", "high"))


@pytest.fixture(scope="module", params=MAKERS, ids="-".join)
def run(request, short_run):
    return short_run(*request.param)


def request(run, seeds):
    """What `generate` is asked for images of these seeds."""
    _, asked = run.signatures["generate"]
    names = run.task.outputs.names
    labels = {"label": np.array([names[seed % len(names)] for seed in seeds], object)} if "label" in asked else {}
    return {"seed": np.array(seeds, "int32"), **labels}


def test_a_seed_gives_the_same_image_alone_and_with_others_and_from_the_export(run):
    seeds = [5, 0, 3, -7, 2**31 - 1, 0]
    together = run.predict(request(run, seeds), signature="generate")
    exported = tf.saved_model.load(json.loads((run.path / "export.json").read_text())["path"])
    served = exported.signatures["generate"](**{k: tf.constant(v) for k, v in request(run, seeds).items()})
    for place, seed in enumerate(seeds):
        alone = run.predict(request(run, [seed]), signature="generate")
        for others in (together["image"][place], served["image"].numpy()[place]):
            assert np.abs(alone["image"][0].astype(int) - others).max() <= 1  # rounding
    assert not np.array_equal(together["image"][0], together["image"][1])
    np.testing.assert_array_equal(together["image"][1], together["image"][5])


def test_both_signatures_make_the_same_images(run):
    (size,) = run.signatures[DEFAULT][1]["latent"].shape[1:]
    by_seed = run.predict(request(run, [1, 2]), signature="generate")
    asked = {**request(run, [1, 2]), "latent": latents(tf.constant([1, 2]), size).numpy()}
    del asked["seed"]
    np.testing.assert_array_equal(run.predict(asked)["image"], by_seed["image"])


def test_a_way_leads_from_one_vector_to_another_on_a_sphere():
    (way,) = walks(1, 5, 64).reshape(1, 5, 64)
    np.testing.assert_allclose(way[[0, -1]], latents(tf.constant([0, 1]), 64), atol=1e-5)
    lengths = np.linalg.norm(way, axis=1)
    assert min(lengths) > 0.95 * min(lengths[0], lengths[-1]), "a straight line goes nearer to the middle"


def test_pictures_hold_the_images(run):
    answers = run.predict(request(run, range(4)), signature="generate")
    assert answers["image"].dtype == "uint8"
    for image, picture in zip(answers["image"], answers["png_bytes"], strict=True):
        np.testing.assert_array_equal(tf.io.decode_png(picture), image)


def test_an_unknown_class_is_an_error_that_names_those_there_are(run):
    asked = request(run, [1])
    if "label" not in asked:
        pytest.skip("no class can be asked for")
    with pytest.raises(UserError, match="generate: there is no such class; there are"):
        run.predict({**asked, "label": np.array(["nothing"], object)}, signature="generate")
    with pytest.raises(UserError, match=r"label takes texts; it was given \[3\]"):
        run.predict({**asked, "label": [3]}, signature="generate")


def test_measured_again_it_is_the_same(run):
    before = run.metrics
    again = evaluate(run.path)
    for split, figures in before.items():
        for name, value in figures.items():
            if name == "predictor":
                continue
            assert again[split][name] == pytest.approx(value, rel=1e-3), (split, name)


def test_the_report_and_tensorboard_show_each_epoch(run):
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert page.count('type="range"') == 3
    for epochs in re.findall(r'data-epochs="(.*?)"', page):
        assert [epoch for epoch, _ in json.loads(html.unescape(epochs))] == ["1", "2"], "what the slider reads"
    assert page.index("<h2>Samples</h2>") < page.index("<h2>Same noise</h2>") < page.index("<h2>Interpolation</h2>")
    for figure in run.metrics["validation"]:
        assert f"<b>{figure}</b>: " in page, "each says what it means"
    assert re.findall(r'alt="epoch (\d+)"', page) == ["1", "2"], "side by side, without the finished model's"
    for name in ("samples", "same_noise", "interpolation", "samples_and_their_nearest_training_images"):
        pictures = {path.stem for path in (run.path / "figures" / "samples" / name).iterdir()}
        assert pictures == {"0001", "0002", "kept"}
    events = list((run.path / "logs" / "train").glob("events*"))
    found = [
        e.step
        for f in events
        for e in tf.compat.v1.train.summary_iterator(str(f))
        for v in e.summary.value
        if v.tag == "samples/samples"
    ]
    assert sorted(found) == [0, 1]


def test_the_judge_is_trained_once(runs, short_run):
    knobs = {**FEW, "epochs": 1, "export": False, "tensorboard": False, "runs_dir": str(runs), "seed": 1}
    first, second = short_run(MODEL, DATA), train(MODEL, data=DATA, **knobs)
    name = catalogue.model(MODEL).judge["model"]
    assert len(list((runs / "judges").glob(f"{name}-{DATA}-*/*/metrics.json"))) == 1
    kept = [keras.models.load_model(run.path / "judge.keras").get_weights() for run in (first, second)]
    assert all(map(np.array_equal, *kept))


@pytest.mark.parametrize(
    ("judge", "said"), [({}, "needs a JUDGE"), ({"model": "gone"}, "JUDGE names a model that isn't there.*gone")]
)
def test_a_judge_that_is_not_there_is_told_by_the_file_that_needs_it(tmp_path, judge, said):
    settings = config.resolve(MODEL, {"data": DATA})
    file = dataclasses.replace(settings.choices.model, judge=judge)
    settings = dataclasses.replace(settings, choices=dataclasses.replace(settings.choices, model=file))
    with pytest.raises(UserError, match=f"^models/{MODEL}.py: .*{said}"):
        judges.trained(settings, {"splits": {}}, tmp_path, train, print)


def weights_of(run):
    """All that was saved of the run's best epoch, by name: of the networks that only train it, too."""
    found = {}
    with h5py.File(run.path / "best.weights.h5") as file:
        file.visititems(lambda name, item: found.update({name: item[()]} if isinstance(item, h5py.Dataset) else {}))
    return found


@pytest.mark.long
def test_it_goes_on_as_if_it_was_not_stopped(runs, monkeypatch):
    knobs = {"data": DATA, "epochs": 2, "limit": 80, "batch": 16, "steps_per_execution": 1, "verbose": False}
    knobs |= {"export": False, "tensorboard": False, "test": False, "runs_dir": str(runs)}
    whole = train(MODEL, **knobs)
    calls, obey = [], Stop.obey

    def stopping(self):
        calls.append(None)
        self.wanted = 2 if len(calls) == 8 else self.wanted  # in the second epoch
        obey(self)

    monkeypatch.setattr(Stop, "obey", stopping)
    with pytest.raises(Stopped):
        train(MODEL, **knobs, tag="stopped")
    (path,) = runs.glob(f"{MODEL}-*-stopped")
    resumed = train(MODEL, resume=str(path), runs_dir=str(runs))
    assert resumed.metrics["validation"] == pytest.approx(whole.metrics["validation"], rel=1e-4)
    one, other = (weights_of(run) for run in (resumed, whole))
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-3, atol=1e-5, err_msg=name)


def test_data_without_images_is_refused_before_anything_starts(capsys):
    others = [file.name for file in catalogue.datasets().values() if Image not in file.inputs and not file.named_by]
    assert main(["train", MODEL, "--data", others[0]]) == 2
    assert f"{MODEL} takes Image and gives Images; {others[0]} has" in capsys.readouterr().err


def test_images_that_are_all_alike_are_noticed():
    task = Task(SPEC)
    images, labels = features(Image(12, 8, 1), 40), np.arange(40, dtype="int32") % 3
    batches = tf.data.Dataset.from_tensors((images, labels))
    task.compare_with(judge(SPEC), batches)
    varied = painter(SPEC)
    varied.set_weights([20 * weight for weight in varied.get_weights()])
    constant = keras.Model(varied.input, varied.output * 0.0 + 0.5)
    for model, said in ((varied, False), (constant, True)):
        figures = task.watch(predictor(model), batches)
        history = {f"val_{name}": [value] * ALIKE_EPOCHS for name, value in figures.items()}
        assert bool(task.warnings(history)) == said, history
    assert "collapsed" in task.warnings(history)[0]


def test_training_images_that_are_repeated_are_no_novelty():
    """A generator that has learnt its training images by heart looks perfect in every other figure."""
    images = features(Image(12, 8, 1), 60)
    train_batches, held_out = tf.data.Dataset.from_tensors((images[:40], np.zeros(40, "int32"))), images[40:]
    task = Task(Images(12, 8, 1, ("only",)))
    batches = tf.data.Dataset.from_tensors((held_out, np.zeros(20, "int32")))
    task.compare_with(judge(task.outputs), train_batches)
    repeated, _, _ = task._compare(lambda seeds, labels: images[seeds], batches, asked=False)
    fresh, _, _ = task._compare(lambda seeds, labels: features(Image(12, 8, 1), 20, seed=9), batches, asked=False)
    assert repeated["novelty"] < 0.01
    assert fresh["novelty"] == pytest.approx(1, abs=0.1)


def test_a_training_image_that_is_the_only_one_is_no_end():
    task, images = Task(Images(12, 8, 1)), np.full((3, 12, 8, 1), 0.5, "float32")
    batches = tf.data.Dataset.from_tensors((images, np.zeros(3, "int32")))
    task.compare_with(judge(Images(12, 8, 1, ("a", "b"))), batches)
    found, _, _ = task._compare(lambda seeds, labels: images[seeds] + 0.1, batches, asked=False)
    assert np.isfinite(list(found.values())).all()


@pytest.mark.long
def test_killed_again_and_again_it_ends_as_an_undisturbed_one(tmp_path):
    chaos(tmp_path, (MODEL, DATA), "--limit 200 --discriminator-steps 2 --dropout 0.2", kills=3, seed=1, epochs=30)


@pytest.mark.long
def test_it_learns(tmp_path):
    learnt = train(MODEL, data=DATA, export=False, verbose=False, runs_dir=str(tmp_path))
    figures = load_run(learnt.path).metrics
    assert figures["test"][FRECHET] < 0.2 * figures["baseline"][FRECHET]
    assert figures["test"]["class_accuracy"] > 0.8
    assert figures["test"]["class_coverage"] == 1.0

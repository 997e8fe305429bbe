"""Weights that are taken over: which, by what, and how they are trained on."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from src import specs
from src.errors import UserError
from src.runs.run import load_run
from src.settings import catalogue
from src.system.signals import Stopped
from src.train import train
from src.training import frozen
from src.training.transfer import Transfer
from tests.conftest import BARE
from tests.training.kills import chaos

NET = '''"""Net with a body and a head: for tests."""

import keras
from keras import layers

from src.layers import features, head
from src.specs import Classes, Image

TAKES, GIVES, DATA = (Image,), (Classes,), "digits"
FIT = {"learning_rate": 0.02}


def build(inputs, outputs, *, units: int = 8) -> keras.Model:
    """Returns a small net.

    Args:
        units: before the head.
    """
    image = features(inputs)
    x = layers.Conv2D(4, 3, activation="relu", name="stem")(image)
    x = layers.BatchNormalization(momentum=0.9, name="norm")(x)
    x = layers.Dropout(0.1)(x)
    x = layers.Conv2D(8, 3, activation="relu")(x)
    x = layers.Dropout(0.1)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, head(outputs)(layers.Dense(units, name=f"dense_of_{units}")(x)))
'''
KNOBS = {"data": "digits", "limit": 200, "test": False, **BARE}


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    """A model file, and a run of it."""
    pytest.importorskip("src.datasets.digits")
    folder = tmp_path_factory.mktemp("transfer")
    file = folder / "small_net.py"
    file.write_text(NET)
    return file, train(file, epochs=1, runs_dir=folder, **KNOBS)


def tuned(net, folder, **knobs):
    """A training that begins with the run's weights; its head is another."""
    file, run = net
    return train(file, init=run.path, units=6, epochs=4, runs_dir=folder, **{**KNOBS, **knobs})


@pytest.fixture(scope="module")
def thawed(net, tmp_path_factory):
    """Two frozen epochs, and two of all layers."""
    return tuned(net, tmp_path_factory.mktemp("thawed"), freeze=2, deterministic=True, report=True)


def test_layers_are_taken_over_by_name_and_shape(net, thawed):
    facts = thawed.config["init"]
    assert facts["taken"] == ["stem", "norm", "conv2d"]
    assert facts["new"] == ["dense_of_6", "head"]
    assert facts["left_out"]["head/kernel"] == "(8, 10) there, (6, 10) here"
    assert facts["left_out"]["dense_of_8/kernel"] == "no such weight here"
    assert Path(facts["file"]) == net[1].path / "model.keras"
    assert len(thawed.history["loss"]) == 4
    page = (thawed.path / "report.html").read_text(encoding="utf-8")
    assert f"3 layers began with the weights of <code>{facts['file']}</code>" in page
    assert "new: dense_of_6, head" in page and "head/kernel: (8, 10) there, (6, 10) here" in page


def test_frozen_layers_stay_as_they_were_and_normalisation_also_afterwards(net, thawed, tmp_path):
    before, frozen_throughout = net[1].model, tuned(net, tmp_path, freeze=4, data="digits").model
    for name in ("stem", "norm"):
        layer = frozen_throughout.get_layer(name)
        for old, new in zip(before.get_layer(name).get_weights(), layer.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
    old, new = before.get_layer("norm"), thawed.model.get_layer("norm")
    np.testing.assert_array_equal(old.moving_mean, new.moving_mean)
    assert np.any(before.get_layer("stem").kernel.numpy() != thawed.model.get_layer("stem").kernel.numpy())


@pytest.mark.long
def test_features_that_are_computed_once_train_as_those_of_each_step(net, tmp_path, monkeypatch):
    monkeypatch.setattr(layers.Dropout, "call", lambda self, x, training=False: x)  # frozen layers drop nothing
    once = tuned(net, tmp_path, freeze=3)
    monkeypatch.setattr(frozen, "on_features", lambda learning: learning)
    again = tuned(net, tmp_path, freeze=3, tag="again")
    for name, column in once.history.items():
        np.testing.assert_allclose(column, again.history[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("pause", [pytest.param(1, marks=pytest.mark.long), 2, pytest.param(3, marks=pytest.mark.long)])
def test_it_is_resumed_exactly_across_the_thaw(net, thawed, tmp_path, pause):
    with pytest.raises(Stopped):
        tuned(net, tmp_path / "parts", freeze=2, deterministic=True, pause=pause)
    (path,) = (tmp_path / "parts").iterdir()
    resumed = train(net[0], resume=path, verbose=False, report=False)
    assert resumed.history == thawed.history
    for one, other in zip(thawed.model.get_weights(), resumed.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.long
@pytest.mark.parametrize("freeze", [15, 30], ids=["frozen and thawed", "frozen"])
def test_killed_in_either_part_it_ends_as_an_undisturbed_one(net, tmp_path, freeze):
    file, run = net
    way = f"--init {run.path} --units 6 --freeze {freeze} --limit 200 --batch 16 --steps-per-execution 1"
    chaos(tmp_path, (str(file), "digits"), way, kills=4, seed=freeze, epochs=30)


def test_a_resume_needs_the_same_weights(net, tmp_path):
    file, run = net
    source = shutil.copytree(run.path, tmp_path / "source")
    with pytest.raises(Stopped):
        tuned((file, load_run(source)), tmp_path / "runs", freeze=1, pause=2)
    (path,) = (tmp_path / "runs").iterdir()
    other = load_run(source).model
    other.get_layer("stem").kernel.assign(2 * other.get_layer("stem").kernel)
    other.save(source / "model.keras")
    with pytest.raises(UserError, match="init, sha256 was"):
        train(file, resume=path, verbose=False)


def dense(*units, name="net"):
    """A model of dense layers; those without a name are named by Keras."""
    x = vector = keras.Input((3,))
    for size in units:
        x = layers.Dense(size)(x)
    return keras.Model(vector, x, name=name)


def taken(path, model, inputs=None, outputs=None):
    file = catalogue.ModelFile("net", Path("net.py"), "", (), (), "", {}, {}, {}, ())
    return Transfer(init=str(path)).take_over(model, file, {}, inputs, outputs)


@pytest.mark.parametrize("form", ["net.keras", "net.weights.h5", "export"])
def test_each_form_in_which_a_model_is_kept_gives_all_its_weights(tmp_path, form):
    def net():
        vector = keras.Input((3,))
        return keras.Model(vector, layers.Dense(5, name="last")(layers.Dense(4, name="first")(vector)))

    source, model = net(), net()
    keep = {"net.keras": source.save, "net.weights.h5": source.save_weights}.get(form)
    keep(tmp_path / form) if keep else source.export(tmp_path / form, verbose=False)
    about = taken(tmp_path / form, model)
    assert (about.facts["taken"], about.facts["new"], len(about.facts["sha256"])) == (["first", "last"], [], 64)
    for one, other in zip(source.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_names_that_keras_makes_up_fit_in_any_process(tmp_path):
    source = dense(4, 5)
    source.save(tmp_path / "net.keras")
    dense(1, 1)  # counts on
    model = dense(4, 5)
    assert not taken(tmp_path / "net.keras", model).facts["new"]
    for one, other in zip(source.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_one_wrong_shape_leaves_that_layer_new(tmp_path):
    dense(4, 5).save(tmp_path / "net.keras")
    model = dense(4, 6)
    about = taken(tmp_path / "net.keras", model)
    assert about.facts["new"] == ["dense_1"]
    assert about.facts["left_out"] == {
        "dense_1/kernel": "(4, 5) there, (4, 6) here",
        "dense_1/bias": "(5,) there, (6,) here",
    }
    assert "1 of 2 layers taken over" in about.told()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: dense(7).save(path), r"doesn't fit this model at all.*\(3, 7\) there, \(3, 4\) here"),
        (lambda path: path.write_bytes(b"no zip"), "can't be opened"),
        (lambda path: None, "there is no"),
        (
            lambda path: keras.Sequential([keras.Input((3,)), layers.Lambda(lambda x: 2 * x)]).save(path),
            "it carries code",
        ),
    ],
)
def test_what_can_not_be_taken_over_is_refused(tmp_path, make, said):
    make(tmp_path / "net.keras")
    with pytest.raises(UserError, match=said):
        taken(tmp_path / "net.keras", dense(4))


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"init": "x", "pretrained": True}, "init has no effect with --pretrained"),
        ({"freeze": 2}, "freeze has no effect without"),
        ({"init": "x", "freeze": -1}, "freeze has to be 0 or more"),
        ({"init": "x", "body_rate": 0.0}, "body_rate has to be above 0"),
        ({"init": "x", "body_rate": 1.5}, "body_rate has to be above 0"),
        ({"init": "x", "layer_decay": 0.0}, "layer_decay has to be above 0"),
    ],
)
def test_knobs_that_do_not_fit_together_are_refused(knobs, said):
    with pytest.raises(UserError, match=said):
        Transfer(**knobs)


def test_what_is_not_there_is_told_before_data_is_read(tmp_path):
    with pytest.raises(UserError, match="init: there is no"):
        train("mlp", data="csv", path="gone.csv", init=tmp_path / "gone.keras", runs_dir=tmp_path)


def test_a_generator_without_its_discriminator_is_no_beginning(tmp_path):
    judged = [file for file in catalogue.models().values() if file.judge]
    if not judged or "digits" not in catalogue.datasets():
        pytest.skip("no model has a training of its own")
    data = catalogue.load(catalogue.dataset("digits")).load()
    images = specs.Images.of(data.inputs, data.outputs)
    built = catalogue.load(judged[0]).build(data.inputs, images)
    keras.Model(built.input, built.output).save(tmp_path / "generator.keras")
    with pytest.raises(UserError, match="can't begin with other weights"):
        train(judged[0].name, init=tmp_path / "generator.keras", runs_dir=tmp_path / "runs", **KNOBS)


def test_lower_layers_are_trained_more_slowly():
    assert Transfer(init="x", body_rate=0.2, layer_decay=0.5).shares(3) == pytest.approx([0.05, 0.1, 0.2])
    assert Transfer(init="x").shares(2) == [0.1, 0.1]


def test_a_model_is_built_with_the_files_that_belong_to_its_weights(net, tmp_path):
    source = {"package": "numpy", "file": "numpy/__init__.py"}
    published = {"size": {1: {**source, "knobs": {"words": source}}}}
    file = catalogue.ModelFile("net", Path("net.py"), "", (), (), "", {}, {}, {}, (), pretrained=published)
    knobs = {"size": 1, "words": None}
    assert Transfer(pretrained=True).files(file, knobs) == {"words": np.__file__}
    assert Transfer(pretrained=True).files(file, {**knobs, "words": "my.txt"}) == {}
    assert Transfer().files(file, knobs) == {}
    run = shutil.copytree(net[1].path, tmp_path / "run")
    config = json.loads((run / "config.json").read_text())
    init = {"file": "", "sha256": "", "taken": [], "new": [], "left_out": {}, "files": {"words": "theirs.txt"}}
    (run / "config.json").write_text(json.dumps({**config, "init": init}))
    assert Transfer(init=str(run)).files(file, knobs) == {"words": "theirs.txt"}
    assert Transfer(init=str(run)).files(file, {}) == {}


def test_rows_of_tokens_that_both_know_are_taken_over(tmp_path, monkeypatch):
    def model(tokens, size=2):
        tokens_in = keras.Input((None,), dtype="int32")
        x = layers.Embedding(len(tokens), size, name="embedding")(tokens_in)
        return keras.Model(tokens_in, layers.Dense(3, name="head")(layers.GlobalAveragePooling1D()(x)))

    before, now = ("", specs.UNKNOWN, "a", "b", "c"), ("", "[UNK]", "c", "d", "a", "e")
    source, made = model(before), model(now)
    source.save(tmp_path / "net.keras")
    fresh = made.get_layer("embedding").embeddings.numpy()
    monkeypatch.setattr("src.training.transfer._tokens_of", lambda path: before)
    taken(tmp_path / "net.keras", made, specs.Tokens(5, len(now), now), specs.Classes(("x", "y", "z")))
    rows, old = made.get_layer("embedding").embeddings.numpy(), source.get_layer("embedding").embeddings.numpy()
    np.testing.assert_array_equal(rows, np.stack([old[0], old[1], old[4], fresh[3], old[2], fresh[5]]))
    with pytest.raises(UserError, match=r"embedding/embeddings \(\(5, 2\) there, \(6, 7\) here\)"):
        taken(tmp_path / "net.keras", model(now, 7), specs.Tokens(5, len(now), now), specs.Classes(("x", "y")))

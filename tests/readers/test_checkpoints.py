"""Weights out of files: what Keras writes comes back under the variables' paths, and nothing in a file is run."""

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from src.errors import UserError
from src.readers import checkpoints


def built():
    """A model with layers of many kinds, models in it, and random weights."""
    image, inside = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    nested = keras.Model(inside, layers.DepthwiseConv2D(3, name="depthwise")(inside), name="nested")
    x = layers.Conv2D(4, 3, use_bias=False, name="conv")(nested(image))
    x = layers.BatchNormalization(name="norm")(x)
    x = keras.Sequential([layers.SeparableConv2D(5, 3, name="separable")], name="row")(x)
    x = layers.BatchNormalization(scale=False, name="shift")(x)
    x = layers.Reshape((-1, 5))(x)
    x = x + layers.MultiHeadAttention(2, 3, name="attention")(x, x)
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True, name="lstm"), name="both")(x)
    x = layers.GRU(4, dropout=0.5, name="gru")(layers.LayerNormalization(name="scaled")(x))
    model = keras.Model(image, layers.Dense(2, name="head")(x))
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)  # so that files have its state, too
    random = np.random.default_rng(0)
    model.set_weights([random.random(weight.shape) for weight in model.weights])
    return model


@pytest.fixture(scope="module")
def model():
    return built()


def assert_same(arrays, model):
    expected = {weight.path: np.asarray(weight) for weight in model.weights}
    assert arrays.keys() == expected.keys()
    for path, array in arrays.items():
        np.testing.assert_array_equal(array, expected[path], err_msg=path)


def test_a_saved_model_gives_its_weights(model, tmp_path):
    model.save(tmp_path / "model.h5")
    assert_same(checkpoints.read(tmp_path / "model.h5"), model)


def test_an_export_gives_its_weights(model, tmp_path):
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", lambda image: model(image), [tf.TensorSpec((None, 8, 8, 3))])
    export = tmp_path / "exports [old]" / "1"
    archive.write_out(export, verbose=False)
    assert_same(checkpoints.read(export), model)


def test_a_file_of_weights_gives_all_but_what_it_can_not_tell(model, tmp_path):
    model.save_weights(tmp_path / "best.weights.h5")
    arrays = checkpoints.read(tmp_path / "best.weights.h5")
    for number, name in enumerate(("beta", "moving_mean", "moving_variance")):  # or is it gamma that comes first?
        arrays[f"shift/{name}"] = arrays.pop(f"shift/{number}")
    assert_same(arrays, model)


@pytest.mark.parametrize("names", [("kernel:0", "bias:0"), ("conv_W_1:0", "conv_b_1:0")])
def test_files_of_keras_applications_are_read(tmp_path, names):
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["layer_names"] = [b"input", b"conv", b"wide"]
        prefix = "" if "conv" in names[0] else "conv/"
        file[f"conv/{prefix}{names[0]}"], file[f"conv/{prefix}{names[1]}"] = np.ones((3, 3, 3, 4)), np.ones(4)
        file["wide/wide/depthwise_kernel:0"] = np.ones((3, 3, 4, 1))
    arrays = checkpoints.read(tmp_path / "old.h5")
    assert {path: array.shape for path, array in arrays.items()} == {
        "conv/kernel": (3, 3, 3, 4),
        "conv/bias": (4,),
        "wide/kernel": (3, 3, 4, 1),
    }


def test_layers_are_renamed(model, tmp_path):
    model.save(tmp_path / "model.h5")
    arrays = checkpoints.read(tmp_path / "model.h5", {r"^gru/(\w+)_cell": r"last/\1"})
    assert {path for path in arrays if "gru" in path} == {f"last/gru/{name}" for name in ("kernel", "bias")} | {
        "last/gru/recurrent_kernel"
    }


def damaged(tmp_path, name):
    """A file of that name that was made by hand."""
    path = tmp_path / name.rpartition("/")[2]
    if name.startswith("text/"):
        path.write_text("no weights")
    elif name.startswith("huge/"):
        with h5py.File(path, "w") as file:
            file.create_dataset("layers/dense/vars/0", (1_000_000, 1_000_000), "f4", chunks=(1000, 1000))
    elif name.startswith("elsewhere/"):
        with h5py.File(path, "w") as file:
            file.create_dataset("layers/dense/vars/0", (4,), "f4", external=[("/etc/hostname", 0, 16)])
    elif name.startswith("empty/"):
        with h5py.File(path, "w"):
            pass
    else:
        path.mkdir(exist_ok=True)
    return path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("text/a.h5", "can't be read: "),
        ("text/a.pth", "can't be read: "),
        ("text/a.txt", r"can't be read: weights are in \.keras, \.h5, "),
        ("huge/a.weights.h5", "was not read: layers/dense/vars/0 claims 4,000,000,000,000 bytes"),
        ("elsewhere/a.h5", "was not read: its array layers/dense/vars/0 isn't plain numbers in the file itself"),
        ("empty/a.h5", "holds no weights"),
        ("folder", "was not read: it is a folder, but no SavedModel"),
    ],
)
def test_a_file_that_can_not_be_read_is_named_with_the_reason(tmp_path, name, said):
    path = damaged(tmp_path, name)
    with pytest.raises(UserError, match=f"^{path} {said}") as told:
        checkpoints.read(path)
    assert "\n" not in str(told.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=f"^There is no file or folder {tmp_path}/none.h5"):
        checkpoints.read(tmp_path / "none.h5")

"""Published weights fit the models, by path and shape, and give the features that they were published for."""

import re

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_sample_image

from src.errors import UserError
from src.readers import checkpoints
from src.readers.published import published
from src.settings import catalogue
from src.specs import Classes, Image
from src.training.transfer import Transfer

CLASSES = Classes(tuple(map(str, range(1000))))
LARGE = [
    file for file in catalogue.models().values() if file.pretrained and {Image, Classes} <= {*file.takes, *file.gives}
]


def built(name, size, **knobs):
    """The model of that name for coloured pictures of ImageNet's classes."""
    return catalogue.load(catalogue.model(name)).build(Image(size, size, 3), CLASSES, **knobs)


def assign(model, arrays):
    """Gives each of the model's weights the array of its path; every one has to fit."""
    assert {weight.path: tuple(weight.shape) for weight in model.weights} == {
        path: array.shape for path, array in arrays.items()
    }
    for weight in model.weights:
        weight.assign(arrays[weight.path])


@pytest.mark.parametrize("file", LARGE, ids=lambda file: file.name)
@pytest.mark.parametrize(("height", "width", "channels"), [(1, 9, 1), (17, 40, 4)])
def test_images_may_have_any_size(file, height, width, channels):
    model = catalogue.load(file).build(Image(height, width, channels), Classes(("cat", "dog")))
    assert model(np.zeros((2, height, width, channels), "float32")).shape == (2, 2)


def test_the_package_of_efficientnet_knows_a_temple():
    try:
        file = published(catalogue.model("efficientnet").weights({"variant": "lite0"}))
    except UserError as error:
        pytest.skip(str(error))
    model = built("efficientnet", 128, variant="lite0")
    assign(model, checkpoints.read(file, {"^fc/": "head/"}))
    temple = load_sample_image("china.jpg")[None, :, 106:533] / 255
    probabilities = tf.nn.softmax(model(tf.image.resize(temple, (128, 128), antialias=True)))[0].numpy()
    assert probabilities[[442, 663, 698]].sum() > 0.9, "bell tower, monastery and palace"


def random_weights(model):
    """Other weights than those at the start, of which some layers have the same."""
    random = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(random.uniform(0.5, 1.5, weight.shape))


def save(path, model, called):
    """Writes the weights as keras.applications' files have them, which call layers and weights as `called` says."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name for layer in model.layers]
        for layer in model.layers:
            for weight in layer.weights:
                file[called(layer.name, weight.name)] = np.asarray(weight)


def mobilenet_calls(layer, weight):
    """Such as "mobl1_conv_1_expand" and "bn1_conv_1_bn_expand", as the published files do."""
    layer = re.sub("^expanded_conv", "block_0", layer)
    layer = re.sub(r"^block_(\d+)_([a-z]+)$", r"mobl\1_conv_\1_\2", layer)
    layer = re.sub(r"^block_(\d+)_([a-z]+)_BN$", r"bn\1_conv_\1_bn_\2", layer)
    return f"{layer}/{layer}/{weight}:0".replace("depthwise/kernel", "depthwise/depthwise_kernel")


def resnet_calls(layer, weight):
    return f"{layer}/{layer}/{weight}:0"


def vgg_calls(layer, weight):
    """Such as "block1_conv1_W_1", as Keras 1 did."""
    return f"{layer}/{layer}_{ {'kernel': 'W', 'bias': 'b'}[weight] }_1:0"


@pytest.mark.parametrize(
    ("name", "knobs", "network", "module", "called", "last"),
    [
        ("mobilenet", {"alpha": 0.35}, "MobileNetV2", "mobilenet_v2", mobilenet_calls, "pool"),
        ("vgg", {"depth": 16}, "VGG16", "vgg16", vgg_calls, "pool"),
        pytest.param("vgg", {"depth": 19}, "VGG19", "vgg19", vgg_calls, "pool", marks=pytest.mark.long),
        pytest.param("resnet", {"depth": 50}, "ResNet50", "resnet50", resnet_calls, "avg_pool", marks=pytest.mark.long),
    ],
)
def test_files_as_published_give_the_features_of_keras_applications(
    name, knobs, network, module, called, last, tmp_path
):
    file = catalogue.model(name)
    assert file.weights(knobs)["url"].endswith(".h5")
    model, size = built(name, 33, **knobs), {"alpha": 0.35} if "alpha" in knobs else {}
    theirs = getattr(keras.applications, network)(
        include_top=False, weights=None, input_shape=(33, 33, 3), pooling="avg", **size
    )
    random_weights(theirs)
    save(tmp_path / "published.h5", theirs, called)
    taken = Transfer(init=str(tmp_path / "published.h5")).take_over(model, file, knobs, Image(33, 33, 3), CLASSES)
    assert (taken.facts["new"], taken.facts["left_out"]) == (["head"], {})
    images = np.random.default_rng(1).random((2, 33, 33, 3), "float32")
    expected = theirs(getattr(keras.applications, module).preprocess_input(images * 255)).numpy()
    features = keras.Model(model.input, model.get_layer(last).output)(images)
    np.testing.assert_allclose(features, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())

"""Published weights fit the models, by path and shape, and give the features that they were published for."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_sample_image

from src.errors import UserError
from src.readers import checkpoints
from src.readers.published import published
from src.settings import catalogue
from src.specs import Classes, Image

LARGE = [file for file in catalogue.models().values() if file.pretrained]


def built(name, size, **knobs):
    """The model of that name for coloured pictures of ImageNet's classes."""
    outputs = Classes(tuple(map(str, range(1000))))
    return catalogue.load(catalogue.model(name)).build(Image(size, size, 3), outputs, **knobs)


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

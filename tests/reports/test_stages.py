"""A model as it is drawn: a chain of stages."""

import keras
from keras import layers

from src.reports.stages import MOST, stages


def network(halvings):
    x = image = keras.Input((256, 256, 3), name="image")
    for _ in range(halvings):
        x = layers.Conv2D(8, 3, 2, "same")(x)
        x = layers.Conv2D(4, 3, padding="same")(x)
    return keras.Model(image, layers.Dense(2)(layers.Flatten()(x)))


def test_a_stage_lasts_as_long_as_its_shape():
    shapes = [stage.shape for stage in stages(network(1))]
    assert shapes == ["256 × 256 × 3", "128 × 128 × 8", "128 × 128 × 4", "65536", "2"]


def test_stages_of_a_deep_network_are_those_of_height_and_width():
    model = network(6)
    chain = stages(model)
    assert len(chain) == 9 <= MOST
    assert [stage.shape for stage in chain][:2] == ["256 × 256 × 3", "128 × 128 × 8, 4"]
    assert chain[1].about == "2 × Conv2D"
    assert sum(stage.parameters for stage in chain) == model.count_params()

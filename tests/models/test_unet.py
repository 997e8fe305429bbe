"""The encoders of other models' stages: what the U-Net takes over of them, and for which images."""

import numpy as np
import pytest

from src.layers import features
from src.settings import catalogue
from src.specs import Classes, Image, Mask
from src.training.transfer import Transfer

if not {"unet", "efficientnet", "mobilenet", "resnet"} <= catalogue.models().keys():
    pytest.skip("a model was deleted", allow_module_level=True)
UNET = catalogue.model("unet")
ENCODERS = {"efficientnet": {"variant": "lite0"}, "mobilenet": {"alpha": 1.0}, "resnet": {"depth": 50}}
each_encoder = pytest.mark.parametrize(("encoder", "knobs"), ENCODERS.items(), ids=ENCODERS)


def unet(height, width, channels=3, **knobs):
    colors = ((0, 0, 0), (255, 0, 0))
    outputs = Mask(height, width, ("ground", "thing"), colors)
    return catalogue.load(UNET).build(Image(height, width, channels), outputs, **knobs)


@each_encoder
def test_stages_halve_the_image_one_after_the_other(encoder, knobs):
    spec = Image(65, 96, 3)
    stages = catalogue.load(catalogue.model(encoder)).stages(spec, features(spec), **knobs)
    assert [stage.shape[1:3] for stage in stages] == [(33, 48), (17, 24), (9, 12), (5, 6), (3, 3)]


@each_encoder
@pytest.mark.parametrize(("height", "width", "channels"), [(1, 9, 1), (17, 40, 4)])
def test_masks_have_the_size_of_images_of_any_size(encoder, knobs, height, width, channels):
    model = unet(height, width, channels, encoder=encoder)
    assert model(np.zeros((2, height, width, channels), "float32")).shape == (2, height, width, 2)


@each_encoder
def test_the_encoder_takes_over_all_that_its_model_has_below_the_head(encoder, knobs, tmp_path):
    spec, file = Image(33, 33, 3), catalogue.model(encoder)
    catalogue.load(file).build(spec, Classes(("a", "b", "c")), **knobs).save(tmp_path / "model.keras")
    model = unet(33, 33, encoder=encoder)
    taken = Transfer(init=str(tmp_path / "model.keras")).take_over(model, UNET, {}, spec, model.output)
    above = {"conv_head", "bn1", "Conv_1", "Conv_1_bn", "head"}
    assert {name.partition("/")[0] for name in taken.facts["left_out"]} <= above
    assert all(name.startswith("up_") or name == "head" for name in taken.facts["new"])


@each_encoder
def test_its_published_weights_are_those_of_the_encoders_file(encoder, knobs):
    file = catalogue.model(encoder)
    assert UNET.weights({"encoder": encoder}) == file.weights(knobs)
    assert file.renamed.items() <= UNET.renamed.items()

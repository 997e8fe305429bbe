"""What a model looks at: what is kept of models of which it is known."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image as Picture

from src.data import show
from src.reports.attributions import Explained, pictures_of, save_attributions, sections_of, texts_of
from src.settings import catalogue
from src.sources.memory import InMemory
from src.specs import Classes, Columns, Image, Tokens

CLASSES = Classes(("no", "yes"), (1, 1))


def explained(inputs, model, preprocess, **about):
    task = catalogue.load(next(file for file in catalogue.tasks().values() if file.spec is Classes)).Task(CLASSES)
    data = SimpleNamespace(inputs=inputs, outputs=CLASSES, preprocess=preprocess, shown=show, columns={}, **about)
    return Explained(model, task, data)


def summing(features, weights):
    """A model that says yes the more, the larger the weighted sum of its features is."""
    flat = keras.layers.Flatten()(features)
    dense = keras.layers.Dense(2, kernel_initializer=lambda shape, dtype=None: np.stack([0 * weights, weights], 1))
    return keras.Model(features, dense(flat))


@pytest.mark.parametrize("side", [8, 200])
def test_a_picture_is_coloured_where_the_model_looks(side, tmp_path):
    request = keras.Input((side, side, 3), dtype="uint8", name="image")
    preprocess = keras.Model(request, keras.ops.cast(request, "float32") / 255)
    looked = np.zeros((side, side, 3), "float32")
    looked[:, : side // 2] = 1 / side**2
    model = summing(keras.Input((side, side, 3)), looked.ravel())
    raw = {"image": np.full((1, side, side, 3), 200, "uint8")}
    save_attributions(tmp_path, explained(Image(side, side, 3), model, preprocess), [(7, raw, None)], None)
    red, green, blue = np.moveaxis(np.asarray(Picture.open(pictures_of(tmp_path)[7]), int), -1, 0)
    left, right = np.s_[:, : side * 3 // 8], np.s_[:, side * 5 // 8 :]
    assert (blue - red)[left].min() > 50, "blue speaks for it"
    assert max(np.abs(blue - red)[right].max(), np.abs(green - red)[right].max()) < 30, "and grey for nothing"


def test_words_have_what_the_answer_loses_without_them(tmp_path):
    request = keras.Input((), dtype="string", name="text")
    vectorize = keras.layers.TextVectorization(output_mode="count", vocabulary=["good", "bad"])
    model = summing(keras.Input((3,)), np.array([0.0, 2.0, -1.0], "float32"))
    preprocess = keras.Model(request, keras.ops.cast(vectorize(keras.ops.expand_dims(request, -1)), "float32"))
    raw = {"text": np.array([b"good, <b> bad"], object)}
    save_attributions(tmp_path, explained(Tokens(9, 3), model, preprocess), [(3, raw, None)], None)
    marked = dict(texts_of(tmp_path)[3])
    assert marked["good"] == 1 and marked["bad"] < 0 and marked["b"] == 0


def test_columns_are_judged_on_validation(tmp_path):
    names = ("left", "right")
    requests = {name: keras.Input((), name=name) for name in names}
    stacked = keras.ops.stack([requests[name] for name in names], axis=-1)
    model = summing(keras.Input((2,)), np.array([9.0, 0.0], "float32"))
    values = {name: np.random.default_rng(place).normal(size=400).astype("float32") for place, name in enumerate(names)}
    validation = InMemory.of(values, (values["left"] > 0).astype("int32"))
    asked = explained(Columns(names), model, keras.Model(requests, stacked))
    asked.data.columns["left"] = "<i>left</i> of it"
    save_attributions(tmp_path, asked, [], validation)
    plot, table = sections_of(tmp_path)
    assert "accuracy, 1 on 400 validation examples" in plot.text
    first, second = table.rows
    assert first["column"] == "<i>left</i> of it" and first["accuracy worse by"] == pytest.approx(0.5, abs=0.1)
    assert second == {"column": "right", "accuracy worse by": 0, "deviation": 0}


def test_what_was_kept_before_goes(tmp_path):
    (tmp_path / "figures" / "attributions").mkdir(parents=True)
    (tmp_path / "figures" / "attributions" / "7.png").write_bytes(b"")
    save_attributions(tmp_path, explained(None, None, None), [], None)
    assert pictures_of(tmp_path) == texts_of(tmp_path) == {} and sections_of(tmp_path) == []

"""An export without what newer ones hold beside their graph, and a folder that is none."""

import numpy as np
import pytest
import tensorflow as tf

from src.demo.components import tabs_of
from src.demo.exported import About, Exported
from src.errors import UserError
from src.exporting.assets import ABOUT
from src.system.files import write_json


@pytest.fixture
def bare(tmp_path):
    """A version with a graph and nothing beside it: it halves a number, and refuses one below 0."""

    def halve(size):
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(size >= 0), ["size has to be 0 or more"])]):
            return {"value": size / 2}

    module, folder = tf.Module(), tmp_path / "halves" / "3"
    module.halve = tf.function(halve, input_signature=[tf.TensorSpec((None,), tf.float32, name="size")])
    tf.saved_model.save(module, folder, signatures={"serving_default": module.halve})
    return folder


def test_an_export_with_nothing_beside_its_graph_is_asked_all_the_same(bare):
    exported = Exported(bare)
    assert exported.about == About("halves")
    (tab,) = tabs_of(exported.signatures, exported.samples, exported.called, exported.about.names)
    assert ([field.component for field in tab.fields], tab.answers) == (["number"], {"value": "number"})
    assert exported.ask(tab.signature, {"size": 3.0}) == {"value": np.float32(1.5)}


def test_an_input_begins_with_its_usual_value(bare):
    usual = {"size": 0.45, "weight": 2}
    (bare / ABOUT).parent.mkdir()
    write_json(bare / ABOUT, {"title": "halves", "usual": usual})
    assert Exported(bare).samples == {"serving_default": {"size": 0.45}}


def test_what_the_graph_refuses_is_said_in_its_words(bare):
    with pytest.raises(UserError, match=r"^The model refuses it: size has to be 0 or more\.$"):
        Exported(bare).ask("serving_default", {"size": -1.0})


def test_a_folder_that_is_no_export_is_named(tmp_path):
    with pytest.raises(UserError, match=r"^\S+ can't be loaded: "):
        Exported(tmp_path)

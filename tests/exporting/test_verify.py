"""The private name of TensorFlow in src/exporting/verify.py: whether it is still there, and still needed."""

import numpy as np
import pytest
import tensorflow as tf

from src.exporting.verify import served

WRONG = np.zeros((2, 3, 1), "float32")  # the graph says (batch, 3)


@pytest.fixture
def session():
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        x = tf.compat.v1.placeholder(tf.float32, (None, 3), "x")
        tf.reduce_sum(x, name="sum")
        yield session


def signature(session):
    tensors = {name: session.graph.get_tensor_by_name(f"{name}:0") for name in ("x", "sum")}
    infos = {name: tf.compat.v1.saved_model.build_tensor_info(tensor) for name, tensor in tensors.items()}
    return tf.compat.v1.saved_model.build_signature_def({"x": infos["x"]}, {"sum": infos["sum"]})


def test_a_request_of_any_shape_reaches_the_graph_as_in_a_server(session):
    assert hasattr(tf.compat.v1.Session, "_make_callable_from_options"), "verify.served needs another way to the graph"
    assert served(session, signature(session))({"x": WRONG})["sum"] == 0


def test_the_public_way_still_checks_shapes_itself(session):
    """Once it doesn't, `verify.served` can take it instead of the private name."""
    ask = session.make_callable("sum:0", ["x:0"])
    with pytest.raises(ValueError, match="Cannot feed value of shape"):
        ask(WRONG)

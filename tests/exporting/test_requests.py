"""Sample requests, as a server takes them."""

import pytest
import tensorflow as tf

from src.errors import UserError
from src.exporting.requests import check_requests


def test_a_request_that_a_server_would_take_for_another_is_refused():
    image = tf.TensorSpec((None, 2), tf.uint8, name="image")
    signatures = {"serving_default": (None, {"image": image})}
    check_requests({"serving_default": {"image": [[0, 255]]}}, signatures)
    for column, said in (
        ([[0.5, 1]], "0.5"),
        ([[0, 256]], "256"),
        ([[1, 2, 3]], r"\(1, 3\)"),
        ([[1], [2, 3]], "no array"),
    ):
        with pytest.raises(UserError, match=rf"serving_default .*: image.* {said}"):
            check_requests({"serving_default": {"image": column}}, signatures)

"""Asking by gRPC: the client against a service that answers as TensorFlow Serving's does."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf.any_pb2 import Any
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc

from src.errors import UserError
from src.serving.grpc_client import GrpcClient
from src.serving.local.errors import Refused
from src.serving.local.servable import Servable


class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    """TensorFlow Serving's service, for one SavedModel."""

    def __init__(self, servable):
        self.servable = servable

    def GetModelMetadata(self, request, context):
        packed = Any()
        packed.Pack(get_model_metadata_pb2.SignatureDefMap(signature_def=self.servable.definitions))
        return get_model_metadata_pb2.GetModelMetadataResponse(metadata={"signature_def": packed})

    def Predict(self, request, context):
        given = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        try:
            outputs = self.servable.ask(request.model_spec.signature_name, given, timeout_s=10)
        except Refused as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.message)
        return predict_pb2.PredictResponse(outputs={k: tf.make_tensor_proto(v) for k, v in outputs.items()})


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "1"
    module = tf.Module()

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, name="s"), tf.TensorSpec([None], tf.uint8, name="x")]
    )
    def ask(s, x):
        tf.debugging.assert_less(x, tf.constant(9, tf.uint8), message="too large")
        return {"upper": tf.strings.upper(s), "twice": 2.0 * tf.cast(x, tf.float32)}

    tf.saved_model.save(module, str(path), signatures=ask)
    servable = Servable(path)
    server = grpc.server(ThreadPoolExecutor(2))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(servable), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)
    servable.close()


@pytest.mark.parametrize("x", [[1, 2], np.uint8([1, 2])], ids=["list", "array"])
def test_it_answers(address, x):
    answer = GrpcClient(address, "model").predict({"s": ["a", "ü"], "x": x})
    assert answer == {"upper": ["A", "ü"], "twice": [2.0, 4.0]}


def test_texts_may_be_bytes_as_pictures_are(address):
    assert GrpcClient(address, "model").predict({"s": [b"a", b"b\0"], "x": [1, 2]})["upper"] == ["A", "B\0"]


def test_what_goes_wrong_is_said(address):
    with pytest.raises(UserError, match=r"INVALID_ARGUMENT: .*too large"):
        GrpcClient(address, "model").predict({"s": ["a"], "x": [9]})
    with pytest.raises(UserError, match=r"x: 0\.5 is no uint8"):
        GrpcClient(address, "model").predict({"s": ["a"], "x": [0.5]})
    with pytest.raises(UserError, match="UNAVAILABLE"):
        GrpcClient("127.0.0.1:1", "model", deadline_s=5).signatures()

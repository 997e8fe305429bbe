"""Ask a server by gRPC, which only TensorFlow Serving itself has: less to send than JSON, and every type."""

from collections.abc import Mapping
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf.json_format import MessageToDict
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    model_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from src.errors import UserError, refusal
from src.exporting.verify import from_json, to_json
from src.readers.requests import DEFAULT
from src.serving.client import DEADLINE_S, NotServed

LARGEST = 256 * 2**20  # bytes of a message


class GrpcClient:
    """A model on a server, as `src.serving.client.Client` is one.

    Args:
        server: its address, HOST:PORT.
        model: name of the export.
        version: of the model; the newest one by default.
        deadline_s: for an answer.
    """

    def __init__(self, server: str, model: str, version: int | None = None, deadline_s: float = DEADLINE_S):
        self.server, self.deadline_s = server, deadline_s
        self.spec = model_pb2.ModelSpec(name=model)
        if version is not None:
            self.spec.version.value = version
        limits = [("grpc.max_send_message_length", LARGEST), ("grpc.max_receive_message_length", LARGEST)]
        self.service = prediction_service_pb2_grpc.PredictionServiceStub(grpc.insecure_channel(server, limits))

    def predict(self, inputs: Mapping[str, Any], signature: str = DEFAULT) -> dict[str, Any]:
        """The named answers to columns, batch first."""
        request = predict_pb2.PredictRequest(model_spec=self.spec)
        request.model_spec.signature_name = signature
        for name, info in self.signatures()[signature]["inputs"].items():
            dtype = tf.as_dtype(types_pb2.DataType.Value(info["dtype"]))
            request.inputs[name].CopyFrom(tf.make_tensor_proto(_array(inputs[name], dtype, name), dtype))
        outputs = self._call(self.service.Predict, request).outputs
        return {name: to_json(tf.make_ndarray(tensor)) for name, tensor in outputs.items()}

    def signatures(self) -> dict[str, Any]:
        """What can be asked: by name, types and shapes of inputs and outputs."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(model_spec=self.spec, metadata_field=["signature_def"])
        packed = self._call(self.service.GetModelMetadata, request).metadata["signature_def"]
        signatures = get_model_metadata_pb2.SignatureDefMap()
        packed.Unpack(signatures)
        return MessageToDict(signatures, preserving_proto_field_name=True)["signature_def"]

    def _call(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=self.deadline_s)
        except grpc.RpcError as error:
            kind = NotServed if error.code() is grpc.StatusCode.NOT_FOUND else UserError
            raise kind(f"{self.server}: {error.code().name}: {refusal(error.details() or '')}") from None


def _array(column: Any, dtype: tf.DType, name: str) -> np.ndarray:
    try:
        return column if isinstance(column, np.ndarray) else from_json(column, dtype, name)
    except ValueError as error:
        raise UserError(f"{error}.") from None

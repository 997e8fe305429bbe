"""One version of a model, loaded as TensorFlow Serving loads it: a session on the graph of its SavedModel."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from src.exporting.assets import WARM_UP
from src.exporting.verify import served
from src.serving.local.errors import STATUS, Refused
from src.system.files import unpatterned

DEFAULT = "serving_default"
MOST_WARM_UPS = 1000
# Given another rank than they know, these end the process. TensorFlow Serving dies of it.
FRAGILE = re.compile(r"Conv|Pool|FusedBatchNorm|BiasAdd|DepthToSpace|SpaceToDepth|LRN")
CODES = {getattr(tf.errors, name): name for name in STATUS}


@dataclass(frozen=True)
class Signature:
    """What can be asked: the inputs' types and ranks, by name."""

    types: Mapping[str, tf.DType]
    ranks: Mapping[str, int | None]


class Servable:
    """A SavedModel in memory.

    Args:
        path: its folder.

    Raises:
        Refused: where TensorFlow Serving would not load it, or would load it without its weights.
    """

    def __init__(self, path: Path):
        self.path = path
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        try:
            self._load()
            self._warm_up()
        except BaseException:
            self._session.close()
            raise

    def _load(self) -> None:
        if not self.path.is_dir():
            raise Refused(f"{self.path}; Not a directory", "FAILED_PRECONDITION")
        try:
            with unpatterned(self.path) as path:
                meta = tf.compat.v1.saved_model.loader.load(self._session, [tf.saved_model.SERVING], str(path))
        except (tf.errors.OpError, OSError, RuntimeError, ValueError, DecodeError) as error:
            raise _refused(error, "NOT_FOUND") from error
        self.definitions = dict(meta.signature_def)
        self.signatures = {
            name: Signature(
                {key: tf.as_dtype(info.dtype) for key, info in definition.inputs.items()},
                {
                    key: None if info.tensor_shape.unknown_rank else len(info.tensor_shape.dim)
                    for key, info in definition.inputs.items()
                },
            )
            for name, definition in meta.signature_def.items()
        }
        nodes = list(meta.graph_def.node) + [n for f in meta.graph_def.library.function for n in f.node_def]
        ops = {node.op for node in nodes}
        self._fragile = any(FRAGILE.search(op) for op in ops)
        has_weights = "VarHandleOp" in ops
        if has_weights and not (self.path / "variables" / "variables.index").is_file():
            raise Refused(f"{self.path / 'variables' / 'variables.index'}; No such file or directory", "NOT_FOUND")
        self._asks: dict[tuple[str, float], Callable] = {}  # by signature and timeout

    def close(self) -> None:
        """Frees its memory, when no request is under way any more."""
        self._session.close()

    def signature(self, name: str) -> Signature:
        """The signature of that name; raises Refused where there is none."""
        if name not in self.signatures:
            raise Refused(f'Serving signature name: "{name}" not found in signature def')
        return self.signatures[name]

    def ask(self, name: str, request: Mapping[str, np.ndarray], timeout_s: float) -> dict[str, np.ndarray]:
        """The named outputs of a signature.

        Raises:
            Refused: for what goes wrong in the graph, or takes longer.
        """
        signature = self.signature(name)
        for key, rank in signature.ranks.items():
            if self._fragile and rank is not None and request[key].ndim != rank:
                raise Refused(f"{key} has {request[key].ndim} dimensions and needs {rank}")
        if (name, timeout_s) not in self._asks:
            try:
                self._asks[name, timeout_s] = served(self._session, self.definitions[name], timeout_s)
            except (tf.errors.OpError, ValueError) as error:
                raise _refused(error) from error
        try:
            answers = self._asks[name, timeout_s](request)
        except tf.errors.DeadlineExceededError as error:
            raise Refused("Timed out waiting for notification", "DEADLINE_EXCEEDED") from error
        except tf.errors.OpError as error:
            raise _refused(error) from error
        except (TypeError, ValueError, RuntimeError) as error:
            raise Refused(str(error)) from error
        # A session gives a text of rank 0 as bytes, whose trailing zeros an array of numpy's own kind would lose.
        return {key: np.array(a, object) if isinstance(a, bytes) else np.asarray(a) for key, a in answers.items()}

    def _warm_up(self) -> None:
        """Runs the requests that came with the export, once each, so that no user waits for the first one."""
        file = self.path / WARM_UP
        if not file.is_file():
            return
        try:
            for number, record in enumerate(tf.data.TFRecordDataset(str(file)).as_numpy_iterator(), 1):
                if number > MOST_WARM_UPS:
                    raise Refused(f"Number of warmup records exceeds the maximum ({MOST_WARM_UPS}) at {file}")
                self._replay(record)
        except tf.errors.OpError as error:
            raise _refused(error) from error

    def _replay(self, record: bytes) -> None:
        try:
            request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        except DecodeError:
            raise Refused(f"Failed to parse warmup record: {record[:40]!r}") from None
        if not request.inputs:
            return
        name = request.model_spec.signature_name or DEFAULT
        if name not in self.signatures:
            raise Refused(f'Serving signature key "{name}" not found.', "FAILED_PRECONDITION")
        given = {key: tf.make_ndarray(tensor) for key, tensor in request.inputs.items()}
        for key, dtype in self.signatures[name].types.items():
            if key not in given:
                raise Refused(f"Signature input alias: {key} not found in request and no default value provided.")
            if tf.as_dtype(request.inputs[key].dtype) != dtype:
                raise Refused(f"Expects {key} to be {dtype.name} but {given[key].dtype} is provided")
        self.ask(name, given, timeout_s=60)


def _refused(error: Exception, code: str = "INVALID_ARGUMENT") -> Refused:
    """TensorFlow's error as a server tells it."""
    if isinstance(error, tf.errors.OpError):
        return Refused(error.message.split("\n\nOriginal stack trace")[0], CODES.get(error.error_code, "UNKNOWN"))
    return Refused(str(error), code)

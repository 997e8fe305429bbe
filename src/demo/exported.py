"""An export in memory: its signatures, and what the files beside its graph say of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from src.demo.components import Signature
from src.errors import UserError, refusal
from src.exporting.assets import ABOUT, COLUMNS, REQUEST, WARM_UP
from src.readers.requests import DEFAULT, Inputs, InputSpec
from src.runs.predict import Refused, predict
from src.system.files import read_record, unpatterned


@dataclass(frozen=True)
class About:
    """What is said of a model.

    Args:
        title: model and data.
        verdict: how good it is, in a sentence; "" of an export that is too old to say it.
        names: of what it gives probabilities or values of; empty where they aren't known.
        unit: of its values.
        colors: RGB of each of `names`, in which masks are drawn; empty where there are none.
        usual: value of inputs that say how to answer, by name; an export that is too old has none.
    """

    title: str
    verdict: str = ""
    names: Sequence[str] = ()
    unit: str = ""
    colors: Sequence[Sequence[int]] = ()
    usual: Mapping[str, float] = field(default_factory=dict)


class Exported:
    """A version of an export.

    Args:
        folder: of the version, below a folder with the export's name.

    Raises:
        UserError: for one that can't be loaded.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        try:
            with unpatterned(folder) as path:
                self._loaded = tf.saved_model.load(str(path))  # kept, as its signatures don't keep its variables
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise UserError(f"{folder} can't be loaded: {str(error).splitlines()[0]}") from error
        self._graphs = dict(self._loaded.signatures)
        self.signatures = {
            name: Signature(_specs(graph.structured_input_signature[1]), _specs(graph.structured_outputs))
            for name, graph in self._graphs.items()
        }
        if DEFAULT not in self.signatures:
            raise UserError(f"{folder} has no signature {DEFAULT}.")
        self.about = About(**read_record(folder / ABOUT)) if (folder / ABOUT).is_file() else About(folder.parent.name)
        self.called: dict[str, str] = read_record(folder / COLUMNS) if (folder / COLUMNS).is_file() else {}
        self.samples = _samples(folder / WARM_UP)
        if (folder / REQUEST).is_file() and DEFAULT in self.samples:  # it has the columns in the order of the file
            order = read_record(folder / REQUEST, "inputs")["inputs"]
            self.samples[DEFAULT] = {name: self.samples[DEFAULT][name] for name in order}
        for name, signature in self.signatures.items():
            usual = {key: value for key, value in self.about.usual.items() if key in signature.inputs}
            self.samples[name] = {**self.samples.get(name, {}), **usual}

    def ask(self, signature: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """The named answers to one example.

        Args:
            signature: its name.
            request: a value of each input, without the batch.

        Raises:
            UserError: for what the model refuses.
        """
        graph = self._graphs[signature]
        columns = {name: [value] for name, value in request.items()}
        specs = graph.structured_input_signature[1]
        try:
            answers = predict(lambda inputs: graph(**inputs), signature, specs, columns, batch=1)
        except Refused as error:
            raise UserError(f"The model refuses it: {error.reason}.") from None
        except tf.errors.OpError as error:
            raise UserError(f"The model can't answer it: {refusal(error.message)}") from None
        return {name: column[0] for name, column in answers.items()}


def _specs(tensors: Mapping[str, tf.TensorSpec]) -> Inputs:
    return {name: InputSpec(spec.dtype.name, tuple(spec.shape)) for name, spec in tensors.items()}


def _samples(file: Path) -> dict[str, dict[str, Any]]:
    """By signature, an example that the export is warmed up with."""
    samples: dict[str, dict[str, Any]] = {}
    if not file.is_file():
        return samples
    for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        inputs = {name: tf.make_ndarray(tensor)[0] for name, tensor in request.inputs.items()}
        samples.setdefault(request.model_spec.signature_name or DEFAULT, inputs)
    return samples

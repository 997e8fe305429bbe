"""Sample requests: what a trained model is asked before it is published, as a server would be asked."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from src.data import Data
from src.errors import UserError
from src.exporting.verify import from_json, to_json
from src.runs.run import Run
from src.runs.save import Requests
from src.signatures import DEFAULT, Signature
from src.task import Task

MOST_SAMPLES, MOST_NUMBERS = 16, 200_000  # as they are JSON


def sample_requests(data: Data, task: Task, signatures: Mapping[str, Signature]) -> Requests:
    """Requests of validation examples: to each signature of the task, and through each door that can make them.

    Raises:
        UserError: for one that a server would refuse.
    """
    raw, _ = data.validation.examples(1)
    numbers = sum(column.size for column in raw.values())
    raw, _ = data.validation.examples(min(MOST_SAMPLES, max(1, MOST_NUMBERS // numbers)))
    specs = {name: request for name, (_, request) in signatures.items()}
    encoded = {name: door.encode(raw) for name, door in data.doors_among(signatures).items()}
    through_doors = {name: request for name, request in encoded.items() if request}
    columns = {key: column for request in (*through_doors.values(), raw) for key, column in request.items()}
    samples = {**task.requests(columns, specs), **through_doors}
    requests = {
        name: {key: to_json(_plain(request[key], spec.dtype)) for key, spec in specs[name].items()}
        for name, request in samples.items()
    }
    check_requests(requests, signatures)
    return requests


def requests_of(run: Run) -> Requests:
    """The sample requests of a run; raises a UserError where one is missing, or would be refused by a server."""
    folder = run.path / "requests"
    if DEFAULT not in run.requests:
        raise UserError(f"{folder} is damaged: it has no request to {DEFAULT}. Train again.")
    for name, inputs in run.requests.items():
        if name not in run.signatures or inputs.keys() != run.signatures[name][1].keys():
            raise UserError(
                f"{folder} is damaged: it has a request to {name} that the model doesn't take. Train again."
            )
    check_requests(run.requests, run.signatures)
    return run.requests


def check_requests(requests: Requests, signatures: Mapping[str, Signature]) -> None:
    """Raises a UserError for a request that a server would refuse, or would take for another one."""
    for name, inputs in requests.items():
        _, specs = signatures[name]
        for key, column in inputs.items():
            try:
                from_json(column, specs[key].dtype, key, specs[key].shape)
            except ValueError as error:
                raise UserError(f"A sample request to {name} can't be sent to a server: {error}.") from None


def _plain(column: np.ndarray, kind: tf.DType) -> np.ndarray:
    """Truth values as what is asked for, such as 0 and 1."""
    return column.astype(kind.as_numpy_dtype) if column.dtype == bool else column

"""What an export carries beside its graph, in assets.extra/: requests to warm it up, a sample, and a model card.

tf_serving_warmup_requests  a server runs them before it says that the version is there
request.json, response.json a sample of the default signature, and the trained model's answer to it
columns.json                what the file that it was trained on calls its inputs, where that isn't the same
model_card.md               what it is: data, figures, knobs, commit, inputs and outputs
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from src.exporting.verify import from_json
from src.reports.report import number
from src.runs.run import Run
from src.serving.local.servable import DEFAULT, WARM_UP
from src.signatures import Request

SAMPLE = 3  # rows
CARD = "model_card.md"
COLUMNS = "columns.json"


def write(run: Run, requests: Mapping[str, Request], cases: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """Writes assets.extra/ of the export in `folder`.

    Args:
        run: that is exported.
        requests: what each signature takes.
        cases: by signature, a sample request and the answers to it, as columns of TensorFlow Serving's JSON.
        folder: of the export.
    """
    (folder / WARM_UP).parent.mkdir(exist_ok=True)
    _write_warm_ups(requests, cases, folder / WARM_UP)
    sample = {part: {name: column[:SAMPLE] for name, column in cases[DEFAULT][part].items()} for part in cases[DEFAULT]}
    answers = sample["answers"]
    outputs = answers if len(answers) > 1 else next(iter(answers.values()))
    _write_json(folder / WARM_UP.with_name("request.json"), {"inputs": sample["request"]})
    _write_json(folder / WARM_UP.with_name("response.json"), {"outputs": outputs})
    if columns := run.config.get("columns"):  # of a run that is old enough there are none
        _write_json(folder / WARM_UP.with_name(COLUMNS), columns)
    (folder / WARM_UP.with_name(CARD)).write_text(_card(run, cases), encoding="utf-8")


def _write_warm_ups(requests: Mapping[str, Request], cases: Mapping[str, Mapping[str, Any]], file: Path) -> None:
    """Each signature with one row, as most are asked, and with several."""
    with tf.io.TFRecordWriter(str(file)) as writer:
        for name, case in cases.items():
            columns = {key: from_json(column, requests[name][key].dtype) for key, column in case["request"].items()}
            for rows in {1, len(next(iter(columns.values())))}:
                request = predict_pb2.PredictRequest()
                request.model_spec.signature_name = name
                for key, column in columns.items():
                    request.inputs[key].CopyFrom(tf.make_tensor_proto(column[:rows], requests[name][key].dtype))
                log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
                writer.write(log.SerializeToString())


def _card(run: Run, cases: Mapping[str, Mapping[str, Any]]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(CARD).render(
        run=run.path.name,
        config=run.config,
        splits={name: figures for name, figures in run.metrics.items() if name != "baseline"},
        baseline=run.metrics["baseline"],
        manifest=run.manifest,
        warnings=run.warnings,
        signatures={name: {part: list(columns) for part, columns in case.items()} for name, case in cases.items()},
        number=number,
    )


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")

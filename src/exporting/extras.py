"""What an export carries beside its graph: requests to warm it up, a sample, and a model card; see assets.py."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import jinja2
import tensorflow as tf
from markupsafe import Markup
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from src.analysis import predictions
from src.errors import UserError
from src.exporting import assets
from src.exporting.verify import from_json
from src.reports.numbers import number
from src.reports.verdict import verdict
from src.runs.run import Run
from src.signatures import DEFAULT, Request
from src.system.screen import visible

SAMPLE = 3  # rows
MARKDOWN = re.compile(r"[\\`*\[\]<>|&~]|(?<!\w)_|_(?!\w)")  # what means something in it, within a line


def write(run: Run, requests: Mapping[str, Request], cases: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """Writes the further files of the export in `folder`.

    Args:
        run: that is exported.
        requests: what each signature takes.
        cases: by signature, a sample request and the answers to it, as columns of TensorFlow Serving's JSON.
        folder: of the export.
    """
    (folder / assets.FOLDER).mkdir(exist_ok=True)
    _write_warm_ups(requests, cases, folder / assets.WARM_UP)
    sample = {part: {name: column[:SAMPLE] for name, column in cases[DEFAULT][part].items()} for part in cases[DEFAULT]}
    answers = sample["answers"]
    outputs = answers if len(answers) > 1 else next(iter(answers.values()))
    _write_json(folder / assets.REQUEST, {"inputs": sample["request"]})
    _write_json(folder / assets.RESPONSE, {"outputs": outputs})
    if columns := run.config.get("columns"):  # of a run that is old enough there are none
        _write_json(folder / assets.COLUMNS, columns)
    _write_json(folder / assets.ABOUT, _about(run))
    (folder / assets.CARD).write_text(_card(run, cases), encoding="utf-8")


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


def _about(run: Run) -> dict[str, Any]:
    """What a program shows of the model: src/demo/exported.py reads it."""
    outputs = run.config["outputs"]
    kept = None
    with suppress(UserError):  # damaged: the verdict is without its interval then
        kept = predictions.load(run.path)
    return {
        "title": f"{run.config['model']} on {run.config['data_name']}",
        "verdict": verdict(run, kept)[0],
        "names": outputs.get("names") or outputs.get("tokens") or [],
        "unit": outputs.get("unit", ""),
        "colors": outputs.get("colors", []),
        "usual": run.task.usual,
    }


def _card(run: Run, cases: Mapping[str, Mapping[str, Any]]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), trim_blocks=True, lstrip_blocks=True, finalize=_as_text
    )
    environment.filters["code"] = _as_code
    return environment.get_template(assets.CARD.name).render(
        run=run.path.name,
        config=run.config,
        splits={name: figures for name, figures in run.metrics.items() if name != "baseline"},
        baseline=run.metrics["baseline"],
        manifest=run.manifest,
        warnings=run.warnings,
        limits=Markup(run.task.limits),  # Markdown of the task's own
        signatures={name: {part: list(columns) for part, columns in case.items()} for name, case in cases.items()},
        number=number,
    )


def _as_text(value: Any) -> Any:
    """What the card shows, so that Markdown, and HTML in it, change nothing of it."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return MARKDOWN.sub(r"\\\g<0>", visible(re.sub(r"\s+", " ", value)))  # also of the template: with its blanks


def _as_code(value: str) -> Markup:
    """A name set as code, which may stand in a table."""
    text = visible(" ".join(value.split())).replace("|", r"\|")
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return Markup(f"{fence} {text} {fence}" if len(fence) > 1 else f"{fence}{text}{fence}")


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")

"""Every model's export, served: warmed up, asked in rows and columns, and the same answers as the run gives."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from src.export import export
from src.exporting.publish import TOLERANCE
from src.exporting.verify import from_json
from src.serving.local.rest import respond
from src.serving.local.versions import Model, Models
from tests.samples import PAIRS, short

MOST_WARM_UPS = 36
CASES = short([pytest.param(*pair, id="-".join(pair)) for pair in PAIRS], lambda *_: {"any"})


@pytest.fixture
def served(request, short_run):
    """A short run of a pair, and its export, served."""
    run = short_run(*request.param)
    path = Path(json.loads((run.path / "export.json").read_text())["path"])
    models = Models([Model("model", path.parent)])
    models.start()
    yield run, path, models
    models.close()


def post(models, content):
    answer = respond(models, "POST", "/v1/models/model:predict", json.dumps(content).encode(), 60)
    assert answer.status == 200, answer.body[:300]
    return json.loads(answer.body)


@pytest.mark.parametrize(
    "served", [pytest.param(case.values, id=case.id, marks=case.marks) for case in CASES], indirect=True
)
def test_a_served_model_answers_as_the_run_does(served):
    run, path, models = served
    tolerance = TOLERANCE[run.config["resolved"]["precision"]]
    for name, columns in run.requests.items():
        request = run.signatures[name][1]
        wanted = run.predict({key: from_json(column, request[key].dtype) for key, column in columns.items()}, name)
        given = post(models, {"signature_name": name, "inputs": columns})["outputs"]
        given = given if isinstance(given, dict) and "b64" not in given else {next(iter(wanted)): given}
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        in_rows = post(models, {"signature_name": name, "instances": rows})["predictions"]
        for key, column in wanted.items():
            by_row = [row[key] if len(wanted) > 1 else row for row in in_rows]
            for found in (given[key], by_row):
                if column.dtype.kind == "f":
                    np.testing.assert_allclose(np.array(found), column, atol=tolerance, rtol=tolerance)
                elif column.dtype != object:
                    assert found == column.tolist()
    check_extras(path, models, run)


def check_extras(path, models, run):
    """The sample has the answer that stands beside it; few records warm up every signature."""
    extra = path / "assets.extra"
    answer = post(models, json.loads((extra / "request.json").read_text()))
    assert answer.keys() == json.loads((extra / "response.json").read_text()).keys() == {"outputs"}
    records = list(tf.data.TFRecordDataset(str(extra / "tf_serving_warmup_requests")).as_numpy_iterator())
    logs = [prediction_log_pb2.PredictionLog.FromString(record) for record in records]
    assert {log.predict_log.request.model_spec.signature_name for log in logs} == set(run.requests)
    assert len(records) <= MOST_WARM_UPS
    about = json.loads((extra / "about.json").read_text())
    assert about["title"] == f"{run.config['model']} on {run.config['data_name']}"
    assert about["usual"] == run.task.usual
    assert about["verdict"].startswith(f"On {run.measured}, ")
    card = (extra / "model_card.md").read_text()
    assert "| figure |" in card
    assert run.task.limits in card


@pytest.mark.long
def test_old_versions_go_and_the_last_two_stay(short_run, tmp_path, capsys):
    run = shutil.copytree(short_run(*PAIRS[0]).path, tmp_path / "run")  # whose export.json others read
    for keep in (0, 0, 3, 2):
        path = export(run=str(run), export_name="model", keep=keep, exports_dir=str(tmp_path / "exports"))
    assert sorted(found.name for found in path.parent.iterdir()) == ["3", "4"]
    assert "removed" in capsys.readouterr().out

"""The local server answers as TensorFlow Serving did: recorded exchanges, replayed.

cases.jsonl was recorded from a running TensorFlow Serving (release 2.20.0, built with TensorFlow 2.21) on the models of
case_models.py; an exchange a line.
"""

import base64
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from src.serving.local.rest import respond
from src.serving.local.server import read_config
from src.serving.local.versions import Models

HERE = Path(__file__).parent
CASES = [json.loads(line) for line in (HERE / "cases.jsonl").read_text(encoding="utf-8").splitlines()]
OTHERWISE = {  # what TensorFlow Serving does and nobody can want
    "uint8-out-of-range": (400, "JSON Value: 256 Type: Number is not of expected type: uint8"),
}
ELSEWHERE = ("options-no-origin", "options-origin", "head-status", "gzip-request")  # HTTP's: test_local.py


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([sys.executable, HERE / "case_models.py", folder], check=True, capture_output=True)
    found = Models(read_config(folder / "models.config"))
    found.start()
    yield found
    found.close()


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES if case["id"] not in ELSEWHERE])
def test_the_answer_is_the_recorded_one(models, case):
    body = base64.b64decode(case["body_b64"]) if "body_b64" in case else case["body"].encode()
    wanted = base64.b64decode(case["response_b64"]) if "response_b64" in case else case["response"].encode()
    answer = respond(models, case["method"], case["path"], body, timeout_s=30)
    if case["id"] in OTHERWISE:
        status, said = OTHERWISE[case["id"]]
        assert answer.status == status
        assert said in json.loads(answer.body)["error"]
        return
    assert (answer.status, answer.content_type) == (case["status"], case["content_type"])
    if answer.content_type != "application/json":
        assert answer.body == wanted
    elif answer.status == 200:
        assert same(read(answer.body), read(wanted))
    else:
        assert comparable(case["id"], read(answer.body)) == comparable(case["id"], read(wanted))


def read(body):
    return json.loads(body.decode("utf-8", errors="surrogateescape"))


def same(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and one == other


def comparable(name, answer):
    """An error without what varies from one process, or one build of the models, to another."""
    said = answer["error"]
    if name == "two-batches-row":
        return said.split(":")[0]
    if name == "op-error":
        return said.split("{{")[0]
    return said.split("SignatureDef:")[0]

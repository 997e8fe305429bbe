"""The local server over HTTP: whatever is sent, it answers within its limits, and goes on."""

import gzip
import json
import socket
import subprocess
import sys
import threading
import time

import pytest
import tensorflow as tf
import uvicorn
from hypothesis import given
from hypothesis import strategies as st

from src.serving.local.rest import respond
from src.serving.local.server import App, read_config
from src.serving.local.versions import Model, Models
from src.settings import catalogue

LIMITS = {"most_bytes": 100_000, "body_s": 1.0, "answer_s": 1.0}
GOOD = b'{"instances": [[[[1], [2]], [[3], [4]]]]}'


def slow(x):
    steps = tf.while_loop(lambda n: n < 10**12, lambda n: n + 1, [tf.constant(0, tf.int64)])
    return {"y": x + tf.cast(steps[0], tf.float32)}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    base = tmp_path_factory.mktemp("models") / "conv"
    module = tf.Module()
    module.kernel = tf.Variable(tf.ones([2, 2, 1, 1]))
    signatures = {
        "serving_default": tf.function(
            lambda x: {"y": tf.nn.conv2d(x, module.kernel, 1, "VALID")},
            input_signature=[tf.TensorSpec([None, 2, 2, 1], name="x")],
        ),
        "slow": tf.function(slow, input_signature=[tf.TensorSpec([None], name="x")]),
        "text": tf.function(lambda s: {"s": s}, input_signature=[tf.TensorSpec([None], tf.string, name="s")]),
    }
    tf.saved_model.save(module, str(base / "1"), signatures=signatures)
    found = Models([Model("conv", base)])
    found.start()
    yield found
    found.close()


@pytest.fixture(scope="module")
def port(models):
    server = uvicorn.Server(uvicorn.Config(App(models, **LIMITS), port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def send(port, *parts, pause=0.0):
    """Sends the parts of a raw request; returns status, headers and body of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        found = b""
        while chunk := connection.recv(65536):
            found += chunk
    head, _, body = found.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.lower(), body


def request(method, path, body=b"", *headers):
    lines = [f"{method} {path} HTTP/1.1", "Host: here", "Connection: close", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def post(port, body, *headers, path="/v1/models/conv:predict"):
    return send(port, request("POST", path, body, *headers))


def test_it_answers(port):
    status, _, body = post(port, GOOD)
    assert (status, json.loads(body)) == (200, {"predictions": [[[[10.0]]]]})


def test_a_compressed_request(port):
    assert post(port, gzip.compress(GOOD), "Content-Encoding: gzip")[0] == 200
    status, _, body = post(port, b"no gzip", "Content-Encoding: gzip")
    assert (status, json.loads(body)["error"]) == (400, "JSON Parse error: The document is empty")


def test_head_and_options(port):
    assert send(port, request("HEAD", "/v1/models/conv"))[::2] == (400, b"")
    assert send(port, request("OPTIONS", "/v1/models/conv"))[::2] == (400, b"")
    assert send(port, request("OPTIONS", "/v1/models/conv", b"", "Origin: http://example.org"))[::2] == (200, b"")


def test_a_query_belongs_to_the_path(port):
    status, _, body = send(port, request("GET", "/v1/models/conv?x=1"))
    assert (status, json.loads(body)["error"]) == (400, "Malformed request: GET /v1/models/conv?x=1")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"instances": [' * 3, 400),
        (b"[" * 90_000, 400),
        (b'{"a":' * 15_000, 400),
        (b'{"instances": [[[[1], [2]], [[3]]]]}', 400),
        (b'{"instances": [[1, 2]]}', 400),
        (b'{"inputs": []}', 400),
        (b'{"instances": [null]}', 400),
        (b'{"instances": [[[[1e400], [2]], [[3], [4]]]]}', 400),
        (b'{"instances": [[[[1' + b"0" * 5000 + b"], [2]], [[3], [4]]]]}", 400),
        (b'{"instances": [[[[NaN], [2]], [[3], [Infinity]]]]}', 200),
        (b'{"signature_name": "text", "instances": ["\xff\xfe"]}', 200),
        (b'{"signature_name": "text", "instances": ["\\udc00"]}', 400),
        (b'{"signature_name": "text", "instances": [{"b64": "=!"}]}', 400),
        (b'{"signature_name": "slow", "instances": [1]}', 504),
        (b'{"instances": "' + b"x" * 200_000 + b'"}', 413),
        (b"", 400),
    ],
)
def test_a_bad_request_is_answered_and_the_next_one_too(port, body, status):
    found, head, content = post(port, body)
    assert found == status
    assert b"content-type: application/json" in head
    if status not in (200, 504):
        assert json.loads(content)["error"]
    assert post(port, GOOD)[0] == 200


def test_a_compressed_bomb_is_not_unpacked(port):
    assert post(port, gzip.compress(b" " * 10**8), "Content-Encoding: gzip")[0] in (400, 413)
    assert post(port, GOOD)[0] == 200


def test_a_body_that_never_ends(port):
    head = request("POST", "/v1/models/conv:predict", GOOD).removesuffix(GOOD)
    assert send(port, head, GOOD[:5])[0] == 408
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head + GOOD[:5])  # and goes
    assert post(port, GOOD)[0] == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just({"b64": "AAAA"}),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "s", "y"]), inner, max_size=2),
    max_leaves=12,
)
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "instances": JSON,
        "inputs": JSON,
        "signature_name": st.sampled_from(["text", "serving_default", "", "nosuch"]) | JSON,
        "examples": JSON,
    },
)


@given(REQUESTS, st.sampled_from(["predict", "classify", "regress"]), st.integers(0, 400), st.binary(max_size=3))
def test_any_request_has_an_answer(models, content, verb, place, noise):
    whole = json.dumps(content).encode()
    for body in (whole, whole[:place] + noise + whole[place:], whole[:place]):
        answer = respond(models, "POST", f"/v1/models/conv:{verb}", body, 1.0)
        assert answer.status in (200, 400, 501)
        assert answer.body


def test_a_config_that_can_not_be_read_is_one_line(tmp_path):
    (tmp_path / "models.config").write_text("model_config_list { config { nmae: 'x' } }")
    words = [sys.executable, "-m", "src.serving.local.server", "--config", str(tmp_path / "models.config")]
    done = subprocess.run(words, cwd=catalogue.ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "nmae" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_policies_and_labels_of_a_config(tmp_path, encoding):
    (tmp_path / "models.config").write_text(
        """model_config_list {
          config { name: "a" base_path: "/a" model_platform: "tensorflow" }
          config { name: "b" base_path: "/b" model_version_policy { all {} } }
          config { name: "c" base_path: "/c" model_version_policy { latest { num_versions: 2 } } }
          config { name: "d" base_path: "/d" model_version_policy { specific { versions: 4 } }
                   version_labels { key: "stable" value: 4 } }
        }""",
        encoding=encoding,
    )
    models = read_config(tmp_path / "models.config")
    assert [model.policy([1, 4, 9]) for model in models] == [{9}, {1, 4, 9}, {4, 9}, {4}]
    assert models[-1].labels == {"stable": 4}

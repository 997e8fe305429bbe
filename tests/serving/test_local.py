"""The local server over HTTP: whatever is sent, it answers within its limits, and goes on."""

import gzip
import json
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest
import tensorflow as tf
import uvicorn
from hypothesis import given
from hypothesis import strategies as st

from src.errors import UserError
from src.serving.client import Client
from src.serving.local.connections import Limits
from src.serving.local.rest import respond
from src.serving.local.server import App, configured, read_config
from src.serving.local.versions import Model, Models
from src.settings import catalogue

LIMITS = Limits(most_bytes=300_000, connections=20, head_s=1.0, body_s=1.0, answer_s=1.0)
GOOD = b'{"instances": [[[[1], [2]], [[3], [4]]]]}'


def slow(x):
    steps = tf.while_loop(lambda n: n < 10**12, lambda n: n + 1, [tf.constant(0, tf.int64)])
    return {"y": x + tf.cast(steps[0], tf.float32)}


def picky(x):
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(x > 0), ["x has to be above 0"])]):
        return {"y": tf.identity(x)}


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
        "long": tf.function(
            lambda s: {"s": tf.strings.join([s, "x" * 2**23])}, input_signature=[tf.TensorSpec([None], tf.string)]
        ),
        "none": tf.function(lambda x: {"y": x[:0]}, input_signature=[tf.TensorSpec([None], name="x")]),
        "picky": tf.function(picky, input_signature=[tf.TensorSpec([None], name="x")]),
        "same": tf.function(lambda x: {"y": x}, input_signature=[tf.TensorSpec([None], name="x")]),
    }
    tf.saved_model.save(module, str(base / "1"), signatures=signatures)
    same = tf.function(lambda s: {"s": s}, input_signature=[tf.TensorSpec(None, tf.string, name="s")])
    tf.saved_model.save(tf.Module(), str(base.with_name("same") / "1"), signatures=same)
    found = Models([Model("conv", base), Model("same", base.with_name("same"))])
    found.start()
    yield found
    found.close()


@pytest.fixture(scope="module")
def server(models):
    server = uvicorn.Server(configured(App(models, LIMITS, names=["models.example"]), "127.0.0.1", 0))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def port(server):
    return server.servers[0].sockets[0].getsockname()[1]


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


def request(method, path, body=b"", *headers, host="localhost"):
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {host}",
        "Connection: close",
        f"Content-Length: {len(body)}",
        *headers,
    ]
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
    assert send(port, request("OPTIONS", "/"))[0] == 404
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
        (b'{"instances": "' + b"x" * 400_000 + b'"}', 413),
        (b'{"inputs": ' + b"[" * 64 + b"1" + b"]" * 64 + b"}", 400),
        (b'{"inputs": ' + b"[" * 65 + b"1" + b"]" * 65 + b"}", 400),
        (b'{"instances": ' + b"[" * 201 + b"1" + b"]" * 201 + b"}", 400),
        (b'{"inputs": ' + b"[" * 255 + b"1" + b"]" * 255 + b"}", 400),
        (b'{"signature_name": "text", "inputs": "a"}', 400),
        (b'{"signature_name": "text", "instances": "a"}', 400),
        (b'{"signature_name": "same", "inputs": []}', 200),
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


@pytest.mark.parametrize("version", ["9" * 5000, "0" * 5000 + "9" * 20, "9223372036854775808"])
def test_a_version_beyond_64_bits(port, version):
    assert post(port, GOOD, path=f"/v1/models/conv/versions/{version}:predict")[::2] == (400, b"")
    assert post(port, GOOD, path="/v1/models/conv/versions/0001:predict")[0] == 200


def test_a_text_of_rank_0(models):
    answer = respond(models, "POST", "/v1/models/same:predict", b'{"inputs": "a\\u0000"}', 1.0)
    assert json.loads(answer.body) == {"outputs": "a\0"}


def test_an_output_without_rows(models):
    answer = respond(models, "POST", "/v1/models/conv:predict", b'{"signature_name": "none", "instances": [1]}', 1.0)
    assert json.loads(answer.body) == {"predictions": []}


# The worst that a fuzzer found which was scored by time.
SLOW = {
    "escaped quotes without an end": lambda n: b'{"inputs": "' + b'\\"' * n,
    "escaped quotes behind brackets": lambda n: b"[" * 300 + b'"' + b'\\"' * n,
    "quotes": lambda n: b'{"inputs": ' + b'"' * n,
    "backslashes": lambda n: b'{"inputs": "' + b"\\" * n,
    "infinities": lambda n: b'{"inputs": [' + b"-Inf," * n,
    "objects within each other": lambda n: b'{"a":' * n,
    "objects": lambda n: b'{"instances": [' + b'{"x": 1, "y": 2},' * n + b"1]}",
    "texts": lambda n: b'{"instances": [' + b'"a", ' * n + b"1]}",
    "lists of two lengths": lambda n: b'{"instances": [' + b"[1], " * n + b"[1, 2]]}",
    "documents": lambda n: b"{} " * n,
    "bytes": lambda n: b'{"inputs": ["' + b"\xff" * n + b'", 1]}',
    "digits": lambda n: b'{"inputs": ' + b"1" * n + b"}",
    "members of one name": lambda n: b'{"a":{' + b'"a":1,' * n + b'"b":1}}',
    "base64": lambda n: b'{"signature_name": "text", "inputs": [{"b64": "' + b"A \\n" * n + b'"}]}',
}


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in SLOW.items()])
def test_reading_is_linear(models, body):
    def cost(count):
        taken = []
        for _ in range(3):
            start = time.process_time()
            respond(models, "POST", "/v1/models/conv:predict", body(count), 1.0)
            taken.append(time.process_time() - start)
        return min(taken)

    assert cost(40_000) <= 6 * cost(10_000) + 0.02


def test_an_error_is_bounded(models):
    body = b'{"a":' * 300 + b'"' + b"x" * 300_000 + b'"' + b"}" * 300
    answer = respond(models, "POST", "/v1/models/conv:predict", body[5:-1], 1.0)
    text = respond(models, "POST", "/v1/models/conv:predict", b'["' + b"\xc3\xa9" * 300_000 + b'"]', 1.0)
    assert (answer.status, text.status) == (400, 400)
    assert max(len(answer.body), len(text.body)) < 20_000


def test_a_compressed_bomb_is_not_unpacked(port):
    assert post(port, gzip.compress(b" " * 10**8), "Content-Encoding: gzip")[0] in (400, 413)
    assert post(port, GOOD)[0] == 200


def test_clients_that_keep_connections_open_shut_nobody_out(port):
    half = [socket.create_connection(("127.0.0.1", port)) for _ in range(3 * LIMITS.connections)]
    for number, connection in enumerate(half):
        if number % 3:
            connection.sendall(
                b"POST /v1/models/conv:predict HTTP/1.1\r\n" if number % 3 == 1 else request("POST", "/")[:-9]
            )
    assert post(port, GOOD)[0] == 200
    for connection in half:
        connection.settimeout(5)
        with connection, suppress(ConnectionResetError):
            while connection.recv(1000):
                pass  # it is closed in the end
    assert post(port, GOOD)[0] == 200


def test_an_answer_that_is_not_taken(server, port):
    body = b'{"signature_name": "long", "instances": ["a"]}'
    assert len(post(port, body)[2]) > 2**23
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request("POST", "/v1/models/conv:predict", body))
        connection.recv(1)
        assert len(server.server_state.connections) == 1
        time.sleep(LIMITS.body_s + 0.5)
        assert not server.server_state.connections


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8501", "127.0.0.1:1", "[::1]:80", "192.168.1.7", "models.example"]
)
def test_this_machine_is_meant(port, host):
    assert send(port, request("GET", "/v1/models/conv", host=host))[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8501", "localhost.evil.example", "[", "127.0.0.1.evil.example"]
)
def test_another_name_is_refused(port, host):
    status, _, body = send(port, request("GET", "/v1/models/conv", host=host))
    assert (status, host in json.loads(body)["error"]) == (400, True)


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


def test_a_user_is_told_why_without_nodes_of_the_graph(port):
    client = Client(f"http://127.0.0.1:{port}", "conv")
    with pytest.raises(UserError, match="x has to be above 0") as caught:
        client.predict({"x": [-1.0]}, "picky")
    assert "[[{{" not in str(caught.value) and "\n" not in str(caught.value)

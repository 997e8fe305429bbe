"""`serve` and `ask` as users have them, and the exact command of each engine."""

import json
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from src.errors import UserError
from src.serving import engines
from src.serving.ask import ask
from src.serving.client import Client
from src.serving.local.server import read_config
from src.serving.serve import serve
from src.settings import catalogue
from tests.samples import PAIRS

MODELS = {"cnn-digits": Path("/exports/cnn-digits"), "mlp-wine": Path("/exports/mlp-wine")}
STARTS = """
import os, sys, time
from pathlib import Path
from src.serving import engines
server = "import os, sys, time; print(os.getpid(), flush=True); time.sleep(600)"
engines.start([sys.executable, "-c", server], Path(sys.argv[1]))
time.sleep(600)
"""


def test_the_command_of_tensorflow_serving():
    folder = Path("/etc/serving")
    assert engines.command("tensorflow", folder, MODELS, "127.0.0.1", 8600, batching=True) == [
        "tensorflow_model_server",
        "--port=8601",
        "--rest_api_port=8600",
        "--model_config_file=/etc/serving/models.config",
        "--monitoring_config_file=/etc/serving/monitoring.txt",
        "--max_num_load_retries=0",
        "--num_load_threads=2",
        "--enable_batching=true",
        "--batching_parameters_file=/etc/serving/batching.txt",
    ]


def test_the_command_of_docker():
    words = engines.command("docker", Path("/etc/serving"), MODELS, "127.0.0.1", 8600, batching=False)
    assert shlex.join(words) == (
        "docker run --rm --name serving-8600 --publish=127.0.0.1:8600:8501 --publish=127.0.0.1:8601:8500 "
        "--mount=type=bind,source=/exports/cnn-digits,target=/models/cnn-digits,readonly "
        "--mount=type=bind,source=/exports/mlp-wine,target=/models/mlp-wine,readonly "
        "--mount=type=bind,source=/etc/serving,target=/config,readonly "
        "--entrypoint=tensorflow_model_server tensorflow/serving:2.20.0 "
        "--port=8500 --rest_api_port=8501 --model_config_file=/config/models.config "
        "--monitoring_config_file=/config/monitoring.txt --max_num_load_retries=0 --num_load_threads=2"
    )


@pytest.mark.parametrize(("engine", "base"), [("tensorflow", "/exports"), ("local", "/exports"), ("docker", "/models")])
def test_the_files_are_tensorflow_servings(tmp_path, engine, base):
    engines.write_files(tmp_path, MODELS, engine, batching=True)
    content = (tmp_path / "models.config").read_text()
    config = text_format.Parse(content, model_server_config_pb2.ModelServerConfig())
    found = {one.name: (one.base_path, one.model_platform) for one in config.model_config_list.config}
    assert found == {name: (f"{base}/{name}", "tensorflow") for name in MODELS}
    metrics = 'prometheus_config { enable: true path: "/monitoring/prometheus/metrics" }'
    assert (tmp_path / "monitoring.txt").read_text() == f"{metrics}\n"
    batches = (tmp_path / "batching.txt").read_text()
    assert "enable_large_batch_splitting { value: true }\nmax_execution_batch_size { value: 64 }" in batches


def test_a_path_may_have_any_character(tmp_path):
    path = Path('/exports/a "b" {c} é')
    engines.write_files(tmp_path, {"model": path}, "local", batching=False)
    (model,) = read_config(tmp_path / "models.config")
    assert model.base == path


def test_tensorflow_serving_reaches_a_folder_with_brackets_by_a_link(tmp_path):
    path = tmp_path / "exports [new]" / "model"
    path.mkdir(parents=True)
    engines.write_files(tmp_path, {"model": path}, "tensorflow", batching=False)
    (model,) = read_config(tmp_path / "models.config")
    assert model.base == tmp_path / "model" and model.base.resolve() == path


def test_a_server_ends_with_whoever_started_it(tmp_path):
    starter = subprocess.Popen([sys.executable, "-c", STARTS, tmp_path / "log.txt"], cwd=catalogue.ROOT)
    assert _soon(lambda: (tmp_path / "log.txt").is_file() and (tmp_path / "log.txt").read_text().strip())
    server = psutil.Process(int((tmp_path / "log.txt").read_text()))
    assert server.is_running()
    starter.kill()
    starter.wait()
    assert _soon(lambda: not server.is_running())


def _soon(is_true):
    ends = time.monotonic() + 20
    while not is_true():
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True


def test_the_exit_code_is_the_servers(tmp_path):
    process = engines.start([sys.executable, "-c", "raise SystemExit(7)"], tmp_path / "log.txt")
    assert process.wait(20) == 7
    engines.end(process)


def test_the_best_engine_is_found(monkeypatch):
    there = {"tensorflow_model_server", "docker"}
    monkeypatch.setattr(engines.shutil, "which", lambda name: name if name in there else None)
    monkeypatch.setattr(engines.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0))
    assert engines.best() == "tensorflow"
    there.remove("tensorflow_model_server")
    assert engines.best() == "docker"
    with pytest.raises(UserError, match="no tensorflow_model_server on the path"):
        engines.check("tensorflow")
    monkeypatch.setattr(engines.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1))
    assert engines.best() == "local"
    with pytest.raises(UserError, match="No Docker engine answers"):
        engines.check("docker")


@pytest.mark.parametrize(
    ("names", "knobs", "said"),
    [
        ([], {}, "has no export"),
        (["cnn-digits"], {"model": "cmn-digits"}, "Did you mean 'cnn-digits'"),
        (["cnn-digits", "mlp-wine"], {}, "Choose one with MODEL=NAME, or all"),
        (["cnn-digits"], {"engine": "local", "batching": True}, "batching has no effect"),
        (["cnn-digits"], {"engine": "local", "port": 0}, "port has to be"),
    ],
)
def test_what_can_not_be_served_is_said(tmp_path, names, knobs, said):
    for name in names:
        (tmp_path / name / "1").mkdir(parents=True)
    with pytest.raises(UserError, match=said):
        serve(exports_dir=str(tmp_path), **{"port": free_port(), **knobs})


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def served(short_run):
    """A server that has shown how to ask it: its process, its port, what it said, its export."""
    model, data = next((pair for pair in PAIRS if pair == ("cnn", "digits")), PAIRS[0])
    run = short_run(model, data)
    export = Path(json.loads((run.path / "export.json").read_text())["path"])
    port, words = free_port(), ["--model", model, "--engine", "local", "--exports-dir", str(export.parents[1])]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "src", "serve", *words, "--port", str(port)],
        cwd=catalogue.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("Press Ctrl-C"):
            break
    try:
        yield process, port, "".join(said), export
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0, "Ctrl-C ends it"
        assert Client(f"http://127.0.0.1:{port}", export.parent.name).available() is None, "and its server"
    finally:
        process.kill()
        process.wait()


def test_it_says_what_serves_and_how_to_ask(served):
    process, _, said, export = served
    assert process.poll() is None, said
    assert "with the local development server" in said
    assert f"{export.parent.name}, version 1, has answered:" in said
    (curl,) = [line.strip() for line in said.splitlines() if line.strip().startswith("curl")]
    done = subprocess.run(shlex.split(f"{curl} --silent"), cwd=catalogue.ROOT, capture_output=True, text=True)
    assert json.loads(done.stdout).keys() == {"outputs"}
    (line,) = [line.strip() for line in said.splitlines() if " -m src ask " in line]
    done = subprocess.run(shlex.split(line), cwd=catalogue.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3, "an answer a row"


def test_a_port_that_is_taken_is_refused_before_anything_starts(served):
    _, port, _, export = served
    with pytest.raises(UserError, match=rf"127\.0\.0\.1:{port} can't be used .*try another one, PORT={port + 100}"):
        serve(model=export.parent.name, engine="local", port=port, exports_dir=str(export.parents[1]))


def test_a_client_in_python(served):
    _, port, _, export = served
    request = json.loads((export / "assets.extra" / "request.json").read_text())["inputs"]
    client = Client(f"http://127.0.0.1:{port}", export.parent.name)
    assert client.available() == 1
    assert client.predict(request) == client.predict(request, "serving_default")
    outputs = client.signatures()["serving_default"]["outputs"]
    assert client.predict(request).keys() == outputs.keys()
    with pytest.raises(UserError, match="not found in signature def"):
        client.predict(request, "nosuch")


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"server": "http://127.0.0.1:1"}, "doesn't answer.*make serve MODEL=.* PORT=1$"),
        ({"server": "127.0.0.1:1"}, "http://127.0.0.1:1 doesn't answer"),
        ({"server": "http://127.0.0.1:x"}, "isn't an address such as"),
        ({"server": "not a url"}, "isn't an address such as"),
        ({"model": "nosuch"}, "Servable not found"),
        ({"version": 9}, "Servable not found"),
        ({"signature": "nosuch"}, "no signature 'nosuch'"),
        ({"deadline": 0.0}, "deadline has to be above 0"),
        ({"model": ""}, "Name the model"),
    ],
)
def test_what_can_not_be_asked_is_said(served, knobs, said):
    _, port, _, export = served
    what = str(export / "assets.extra" / "request.json")
    with pytest.raises(UserError, match=said):
        ask(what, **{"server": f"http://127.0.0.1:{port}", "model": export.parent.name, **knobs})


@pytest.mark.parametrize("knobs", [{"model": "nosuch"}, {"version": 9}])
def test_an_unknown_name_is_told_what_is_served(served, knobs, tmp_path):
    _, port, _, export = served
    name, exports = export.parent.name, export.parent.parent
    what, server = str(export / "assets.extra" / "request.json"), f"http://127.0.0.1:{port}"
    with pytest.raises(UserError, match=f"not found.* Of the exports in .*, it serves: {name}\\.$"):
        ask(what, **{"server": server, "model": name, "exports_dir": str(exports), **knobs})
    (tmp_path / "other").mkdir()
    with pytest.raises(UserError, match=r"serves none of the exports in .* make serve MODEL="):
        ask(what, **{"server": server, "model": name, "exports_dir": str(tmp_path), **knobs})

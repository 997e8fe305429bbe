"""deploy/: the same server, flags and files as `make serve` starts, and probes that know when it is ready."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from src.serving import engines
from src.settings import catalogue

DEPLOY = catalogue.ROOT / "deploy"
FILES = ("docker-compose.yml", "kubernetes.yaml")
FLAGS = engines.command("docker", Path("/etc/serving"), {}, "127.0.0.1", 8501, batching=False)
FLAGS = FLAGS[FLAGS.index(engines.IMAGE) + 1 :]


@pytest.mark.parametrize("name", FILES)
def test_it_starts_what_make_serve_starts(name):
    text = (DEPLOY / name).read_text()
    assert f"image: {engines.IMAGE}\n" in text
    assert set(FLAGS) <= set(re.findall(r"- (--\S+)", text))


def test_its_files_are_tensorflow_servings(tmp_path):
    config = text_format.Parse(
        (DEPLOY / "config" / "models.config").read_text(), model_server_config_pb2.ModelServerConfig()
    )
    assert [one.name for one in config.model_config_list.config] == ["cnn-digits"]
    engines.write_files(tmp_path, {}, "docker", batching=False)
    assert (DEPLOY / "config" / "monitoring.txt").read_text() == (tmp_path / "monitoring.txt").read_text()


def test_kubernetes_takes_it():
    pytest.importorskip("kubernetes_validate", reason="kubernetes-validate isn't installed (100 MB)")
    words = [sys.executable, "-m", "kubernetes_validate", "--strict", str(DEPLOY / "kubernetes.yaml")]
    assert subprocess.run(words).returncode == 0


SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        assert self.path == "/v1/models/cnn-digits"
        self.send_response(200); self.end_headers(); self.wfile.write(sys.argv[1].encode())
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(("state", "code"), [("AVAILABLE", 0), ("LOADING", 1), ("END", 1)])
def test_ready_means_available(name, state, code):
    (probe, *others) = set(re.findall(r"- (exec 3<>.*)", (DEPLOY / name).read_text()))
    assert not others
    with subprocess.Popen([sys.executable, "-c", SERVER, state], stdout=subprocess.PIPE, text=True) as server:
        port = server.stdout.readline().strip()
        done = subprocess.run(["bash", "-c", probe.replace("/8501", f"/{port}")], timeout=20)
        server.kill()
    assert done.returncode == code

"""What serves: TensorFlow Serving itself, in Docker, or the local server; each by one command line and its files."""

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from src.errors import UserError
from src.settings import catalogue
from src.system.files import PATTERN

Engine = Literal["tensorflow", "docker", "local"]
BINARY = "tensorflow_model_server"
# The release was branched after TensorFlow 2.21, whose exports it reads.
IMAGE = "tensorflow/serving:2.20.0"
DOCKER_S = 10  # in which its engine has to answer
METRICS = "/monitoring/prometheus/metrics"
MODELS, BATCHING, MONITORING = "models.config", "batching.txt", "monitoring.txt"
MOUNTED, CONFIG = "/models", "/config"  # in the container
# A request may have more rows than are computed at once: they are cut into batches, and put together again.
BATCHES = """max_batch_size { value: 10000 }
enable_large_batch_splitting { value: true }
max_execution_batch_size { value: 64 }
batch_timeout_micros { value: 2000 }
max_enqueued_batches { value: 256 }
num_batch_threads { value: 4 }
"""
# A version that can't be loaded is given up at once, and meanwhile others load.
LOADING = ("--max_num_load_retries=0", "--num_load_threads=2")


def best() -> Engine:
    """The best one that is here."""
    if shutil.which(BINARY):
        return "tensorflow"
    return "docker" if _docker_answers() else "local"


def check(engine: Engine) -> None:
    """Raises a UserError where an engine isn't here."""
    if engine == "tensorflow" and not shutil.which(BINARY):
        raise UserError(f"There is no {BINARY} on the path. Use ENGINE=docker or ENGINE=local.")
    if engine == "docker" and not _docker_answers():
        raise UserError("No Docker engine answers here. ENGINE=local serves without it.")


def write_files(folder: Path, models: Mapping[str, Path], engine: Engine, batching: bool) -> None:
    """Writes what the engine reads when it starts.

    Args:
        folder: for the files.
        models: their folders by name.
        engine: that reads them.
        batching: whether requests that come at the same time are answered together.
    """
    paths = {name: f"{MOUNTED}/{name}" if engine == "docker" else str(path) for name, path in models.items()}
    if engine == "tensorflow":  # which takes the path of a model's variables for a pattern of names
        for name, base in models.items():
            if PATTERN.search(str(base)):
                (folder / name).symlink_to(base, target_is_directory=True)
                paths[name] = str(folder / name)
    config = model_server_config_pb2.ModelServerConfig()
    for name, path in paths.items():
        config.model_config_list.config.add(name=name, base_path=path, model_platform="tensorflow")
    (folder / MODELS).write_text(text_format.MessageToString(config, as_utf8=True), encoding="utf-8")
    (folder / MONITORING).write_text(f'prometheus_config {{ enable: true path: "{METRICS}" }}\n', encoding="utf-8")
    if batching:
        (folder / BATCHING).write_text(BATCHES, encoding="utf-8")


def command(
    engine: Engine,
    folder: Path,
    models: Mapping[str, Path],
    host: str,
    port: int,
    batching: bool,
    allow_host: Sequence[str] = (),
) -> list[str]:
    """The command line that serves: REST at `port`, gRPC at the next one, which the local server hasn't.

    Args:
        engine: that serves.
        folder: of `write_files`.
        models: their folders by name.
        host: address to listen at; TensorFlow Serving listens on all.
        port: for REST.
        batching: as in `write_files`.
        allow_host: further names of this machine, which the local server checks.
    """
    if engine == "local":
        words = ["-m", "src.serving.local.server", "--config", str(folder / MODELS)]
        names = ["--allow-host", *allow_host] if allow_host else []
        return [sys.executable, *words, "--port", str(port), "--host", host, *names]
    read = Path(CONFIG) if engine == "docker" else folder
    rest, grpc = (8501, 8500) if engine == "docker" else (port, port + 1)
    flags = [f"--port={grpc}", f"--rest_api_port={rest}", f"--model_config_file={(read / MODELS).as_posix()}"]
    flags += [f"--monitoring_config_file={(read / MONITORING).as_posix()}", *LOADING]
    if batching:
        flags += ["--enable_batching=true", f"--batching_parameters_file={(read / BATCHING).as_posix()}"]
    if engine == "tensorflow":
        return [BINARY, *flags]
    mounts = {path: f"{MOUNTED}/{name}" for name, path in models.items()} | {folder: CONFIG}
    words = ["docker", "run", "--rm", "--name", f"serving-{port}"]
    words += [f"--publish={host}:{port}:8501", f"--publish={host}:{port + 1}:8500"]
    words += [f"--mount=type=bind,source={source},target={target},readonly" for source, target in mounts.items()]
    return [*words, f"--entrypoint={BINARY}", IMAGE, *flags]


def start(words: list[str], log: Path) -> subprocess.Popen:
    """Runs it until `end`, or until this process has ended in whatever way; what it says goes into a file."""
    guard = [sys.executable, "-I", str(Path(__file__).with_name("guard.py"))]
    pipe = subprocess.PIPE
    with open(log, "wb") as file:
        return subprocess.Popen([*guard, *words], cwd=catalogue.ROOT, stdin=pipe, stdout=file, stderr=subprocess.STDOUT)


def end(process: subprocess.Popen) -> None:
    """Ends what `start` has started, and waits for it."""
    process.stdin.close()  # type: ignore[union-attr]
    process.wait()


def _docker_answers() -> bool:
    if not shutil.which("docker"):
        return False
    try:
        return not subprocess.run(["docker", "info"], capture_output=True, timeout=DOCKER_S).returncode
    except subprocess.TimeoutExpired:
        return False

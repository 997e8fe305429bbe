"""Serve exports: start an engine on them, wait until it has answered, and show how to ask it."""

import json
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from src.errors import UserError, nearest
from src.exporting.assets import REQUEST
from src.serving import engines
from src.serving.client import Client
from src.system import screen
from src.system.files import read_json

ALL = "all"
STARTS_S = 180  # an engine, its image being there
POLL_S = 0.2
SHOWN = 300  # characters of an answer
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(
    *,
    model: str = "",
    engine: Literal["auto", "tensorflow", "docker", "local"] = "auto",
    port: int = 8501,
    host: str = "127.0.0.1",
    allow_host: tuple[str, ...] = (),
    batching: bool = False,
    exports_dir: str = "saved_models",
) -> None:
    """Serves exports until Ctrl-C.

    Args:
        model: name of an export, or of a model to serve its newest export; all for every export.
        engine: auto takes TensorFlow Serving if it is on the PATH, else Docker, else the local server.
        port: port for REST; gRPC uses the next one.
        host: address to listen on. The default is reachable from this machine only.
        allow_host: further names by which clients may call this machine; the local server refuses unknown ones.
        batching: whether TensorFlow Serving batches concurrent requests.
        exports_dir: folder of the SavedModels.

    Raises:
        UserError: where nothing can be served.
    """
    models = chosen(Path(exports_dir), model)
    chosen_engine = engines.best() if engine == "auto" else engine
    engines.check(chosen_engine)
    if not 0 < port < 65535:
        raise UserError(f"port has to be 1 to 65534, not {port}.")
    check_free(host, [port] if chosen_engine == "local" else [port, port + 1])
    if batching:
        _check_batching(models, chosen_engine)
    screen.tell(f"Serving {', '.join(models)} with {_described(chosen_engine, host)}")
    if host not in LOOPBACK or chosen_engine == "tensorflow":
        screen.tell(
            "Whoever reaches this machine can ask them: there is no password, no encryption, and no limit of requests."
        )
    with tempfile.TemporaryDirectory(prefix="serving-") as temporary:
        folder, log = Path(temporary), Path(temporary) / "log.txt"
        engines.write_files(folder, models, chosen_engine, batching)
        words = engines.command(chosen_engine, folder, models, host, port, batching, allow_host)
        screen.show(shlex.join(words))
        process = engines.start(words, log)
        try:
            address = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
            for name, path in models.items():
                _wait(process, log, Client(address, name), path)
            if chosen_engine != "local":
                screen.show(f"metrics  {address}{engines.METRICS}")
            screen.show("Press Ctrl-C to stop.")
            process.wait()
            raise UserError(f"The server ended with code {process.returncode}:\n{_last_lines(log)}")
        except KeyboardInterrupt:
            screen.show("\nstopped")
        finally:
            engines.end(process)


def check_free(host: str, ports: list[int]) -> None:
    """Raises a UserError for a port at which somebody listens already, who would answer in the server's place."""
    for port in ports:
        try:
            socket.create_server((host, port), reuse_port=False).close()
        except OSError as error:
            way = f"try another one, PORT={ports[0] + 100}"
            raise UserError(f"{host}:{port} can't be used ({error.strerror}); {way}.") from None


def chosen(folder: Path, name: str) -> dict[str, Path]:
    """The exports in `folder` that are meant, by name: that one, the newest one of that model, or "all".

    Raises:
        UserError: where there is none, or which one isn't clear.
    """
    exports = {path.name: path.resolve() for path in sorted(folder.glob("*")) if newest(path)}
    if not exports:
        raise UserError(f"{folder} has no export. `make train` makes one.")
    if name == ALL:
        return exports
    if name in exports:
        return {name: exports[name]}
    of_model = {export: path for export, path in exports.items() if export.startswith(f"{name}-")} if name else exports
    if not of_model:
        raise UserError(f"{folder} has no export {name!r}.{nearest(name, exports)} There are: {', '.join(exports)}.")
    if not name and len(of_model) > 1:
        raise UserError(f"Choose one with MODEL=NAME, or all with MODEL=all: {', '.join(exports)}.")
    written = {export: version.stat().st_mtime for export, path in of_model.items() if (version := newest(path))}
    last = max(written, key=lambda export: written[export])
    return {last: exports[last]}


def newest(folder: Path) -> Path | None:
    """The folder of the largest version of an export, if it has one."""
    return max((path for path in folder.glob("*") if path.name.isdecimal()), key=lambda p: int(p.name), default=None)


def _described(engine: engines.Engine, host: str) -> str:
    match engine:
        case "docker":
            return f"TensorFlow Serving in Docker ({engines.IMAGE})"
        case "tensorflow":
            wide = "; it listens on all addresses of this machine, as it can't be told one" if host != "0.0.0.0" else ""
            return f"TensorFlow Serving ({engines.BINARY}){wide}"
    return "the local development server"


def _wait(process: subprocess.Popen, log: Path, client: Client, folder: Path) -> None:
    """Waits until a model answers its sample request, and shows how it was asked."""
    with screen.waiting(f"{client.model}: loading"):
        ends = time.monotonic() + STARTS_S
        while not (ready := client.available()):
            if process.poll() is not None:
                raise UserError(f"The server ended with code {process.returncode}:\n{_last_lines(log)}")
            if time.monotonic() > ends:
                raise UserError(f"{client.model} wasn't available within {STARTS_S} s:\n{_last_lines(log)}")
            time.sleep(POLL_S)
    version = folder / str(ready)
    if not (version / REQUEST).is_file():
        screen.show(f"{client.model}, version {ready}, is available; it has no sample request to show.")
        return
    answer = json.dumps(client.post(read_json(version / REQUEST)), ensure_ascii=False)
    shown = answer if len(answer) <= SHOWN else f"{answer[:SHOWN]} …"
    screen.show(f"\n{client.model}, version {ready}, has answered:\n{shown}\n")
    file = shlex.quote(_short(version / REQUEST))
    screen.show(f"  curl {client.url}:predict -d @{file}")
    screen.show(f"  {_short(Path(sys.executable))} -m src ask {file} --model {client.model} --server {client.server}")


def _short(path: Path) -> str:
    """A path from here, where it is below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _check_batching(models: Mapping[str, Path], engine: engines.Engine) -> None:
    """Raises a UserError for a signature that can't be asked in batches of several requests."""
    from tensorflow.core.protobuf import saved_model_pb2

    if engine == "local":
        raise UserError("batching has no effect in the local server.")
    for name, folder in models.items():
        if not (version := newest(folder)):
            continue  # it was removed since
        saved = saved_model_pb2.SavedModel.FromString((version / "saved_model.pb").read_bytes())
        for key, signature in saved.meta_graphs[0].signature_def.items():
            if key.startswith("__"):
                continue
            for tensor, info in [*signature.inputs.items(), *signature.outputs.items()]:
                sizes = [dim.size for dim in info.tensor_shape.dim]
                free = [size for size in sizes[1:] if size < 0] if tensor in signature.inputs else []
                if not sizes or sizes[0] >= 0 or free:
                    raise UserError(
                        f"{name} can't be batched: {tensor} of its signature {key} has the shape {sizes}, and a batch "
                        "needs a free first dimension, the others fixed. Leave --batching out."
                    )


def _last_lines(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-5:])

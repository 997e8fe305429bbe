"""A server for machines without TensorFlow Serving: the same REST interface on the same folders.

    python -m src.serving.local.server --config models.config --port 8501

For development and tests. Where TensorFlow Serving isn't safe, it refuses: see docs/serving.md.
"""

import asyncio
import ipaddress
import os
import socket
import sys
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import tyro
import uvicorn
from google.protobuf import text_format
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from tensorflow_serving.config import model_server_config_pb2

from src.errors import UserError
from src.serving.local.connections import Connection, Limits
from src.system.files import read_text
from src.system.quiet import import_tensorflow

if TYPE_CHECKING:  # imported when TensorFlow's log is off
    from src.serving.local.versions import Model, Models

TOO_LARGE, TOO_SLOW, TIMED_OUT = 413, 408, 504


class App:
    """The ASGI application: reads a request within limits, and has a thread answer it.

    Args:
        models: that are served.
        limits: of a request.
        names: by which clients may call this machine, beside its addresses.
    """

    def __init__(self, models: "Models", limits: Limits | None = None, names: Iterable[str] = ()):
        self.models, self.limits = models, limits or Limits()
        self.names = {"localhost", socket.gethostname().lower(), *(name.lower() for name in names)}
        self.threads = ThreadPoolExecutor(2 * (os.cpu_count() or 1), thread_name_prefix="answer")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                response = await self._response(Request(scope, receive))
            except ClientDisconnect:
                return
            await response(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        from src.serving.local.rest import error_body, respond

        if not self._is_meant(host := request.headers.get("host", "")):
            return _plain(400, error_body(f"This server isn't called {host}; --allow-host makes it answer to that."))
        path = request.scope["raw_path"].decode("latin-1")
        if request.method == "OPTIONS" and path.lower().startswith("/v1/"):
            origin = request.headers.get("origin", "")
            return _plain(200 if "http" in origin else 400, b"", "text/html; charset=ISO-8859-1")
        try:
            async with asyncio.timeout(self.limits.body_s):
                body = await self._body(request)
        except TimeoutError:
            return _plain(TOO_SLOW, error_body("The request's body came too slowly."))
        if body is None:
            return _plain(TOO_LARGE, error_body(f"The request's body has more than {self.limits.most_bytes:,} bytes."))
        if query := request.scope["query_string"].decode("latin-1"):
            path = f"{path}?{query}"
        given = self.models, request.method, path, body, self.limits.answer_s
        try:
            async with asyncio.timeout(self.limits.queued_s):
                answer = await asyncio.get_running_loop().run_in_executor(self.threads, respond, *given)
        except TimeoutError:
            return _plain(TIMED_OUT, error_body("Too many requests were before this one."))
        return _plain(answer.status, answer.body, answer.content_type)

    def _is_meant(self, host: str) -> bool:
        """Whether a request's Host is this machine: else a page of the web may have had its own name lead here."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
            return not name or name in self.names or bool(ipaddress.ip_address(name))
        except ValueError:
            return False

    async def _body(self, request: Request) -> bytes | None:
        """The body, decompressed; None where it is too large; nothing where it can't be decompressed."""
        body, size = bytearray(), 0
        async for chunk in request.stream():
            size += len(chunk)
            if size <= self.limits.most_bytes:  # the rest is read, else who sends it never sees the answer
                body += chunk
        if size > self.limits.most_bytes:
            return None
        if request.headers.get("content-encoding", "").lower() != "gzip":
            return bytes(body)
        try:
            unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
            plain = unzip.decompress(bytes(body), self.limits.most_bytes)
        except zlib.error:
            return b""
        return None if unzip.unconsumed_tail else plain


def _plain(status: int, body: bytes, content_type: str = "application/json") -> Response:
    return Response(body, status, headers={"content-type": content_type})


def read_config(path: Path) -> "list[Model]":
    """The models of a models.config of TensorFlow Serving.

    Raises:
        UserError: where it can't be read.
    """
    from src.serving.local.versions import Model, latest, specific

    try:
        content = text_format.Parse(read_text(path), model_server_config_pb2.ModelServerConfig())
    except OSError as error:
        raise UserError(f"Can't read {path}: {error.strerror}.") from None
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {error}") from None
    models = []
    for config in content.model_config_list.config:
        policy = latest(config.model_version_policy.latest.num_versions or 1)
        match config.model_version_policy.WhichOneof("policy_choice"):
            case "all":
                policy = set
            case "specific":
                policy = specific(config.model_version_policy.specific.versions)
        models.append(Model(config.name, Path(config.base_path), policy, dict(config.version_labels)))
    return models


def configured(app: App, host: str, port: int) -> uvicorn.Config:
    """The HTTP server of an application, at an address and port; it writes no log, which clients could make grow."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Connection,
        ws="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
        proxy_headers=False,
    )


def main(
    config: Path,
    port: int = 8501,
    host: str = "127.0.0.1",
    allow_host: tuple[str, ...] = (),
) -> None:
    """Serves the models of a models.config by TensorFlow Serving's REST interface.

    Args:
        config: models.config of TensorFlow Serving.
        port: for REST.
        host: address to listen on.
        allow_host: names of this machine that a request's Host may have, beside localhost, its own and addresses.
    """
    import_tensorflow()
    from src.serving.local.errors import Refused
    from src.serving.local.versions import Models

    models = Models(read_config(config))
    try:
        models.start()
        uvicorn.Server(configured(App(models, names=[host, *allow_host]), host, port)).run()
    except Refused as error:
        raise UserError(error.message) from None
    finally:
        models.close()


if __name__ == "__main__":
    try:
        tyro.cli(main)
    except UserError as error:
        sys.exit(f"error: {error}")

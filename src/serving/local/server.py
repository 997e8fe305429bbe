"""A server for machines without TensorFlow Serving: the same REST interface on the same folders.

    python -m src.serving.local.server --config models.config --port 8501

For development and tests. Where TensorFlow Serving isn't safe, it refuses: see docs/serving.md.
"""

import asyncio
import os
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
import uvicorn
from google.protobuf import text_format
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from tensorflow_serving.config import model_server_config_pb2

from src.errors import UserError
from src.system.files import read_text
from src.system.quiet import import_tensorflow

if TYPE_CHECKING:  # imported when TensorFlow's log is off
    from src.serving.local.versions import Model, Models

MOST_BYTES = 64 * 2**20  # of a request
BODY_S = 60.0  # in which it has to have come
ANSWER_S = 30.0  # of the model
TOO_LARGE, TOO_SLOW = 413, 408


class App:
    """The ASGI application: reads a request within limits, and has a thread answer it.

    Args:
        models: that are served.
        most_bytes, body_s, answer_s: limits.
    """

    def __init__(
        self, models: "Models", most_bytes: int = MOST_BYTES, body_s: float = BODY_S, answer_s: float = ANSWER_S
    ):
        self.models, self.most_bytes, self.body_s, self.answer_s = models, most_bytes, body_s, answer_s
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

        if request.method == "OPTIONS":
            origin = request.headers.get("origin", "")
            return _plain(200 if "http" in origin else 400, b"", "text/html; charset=ISO-8859-1")
        try:
            async with asyncio.timeout(self.body_s):
                body = await self._body(request)
        except TimeoutError:
            return _plain(TOO_SLOW, error_body("The request's body came too slowly."))
        if body is None:
            return _plain(TOO_LARGE, error_body(f"The request's body has more than {self.most_bytes:,} bytes."))
        path = request.scope["raw_path"].decode("latin-1")
        if query := request.scope["query_string"].decode("latin-1"):
            path = f"{path}?{query}"
        given = self.models, request.method, path, body, self.answer_s
        answer = await asyncio.get_running_loop().run_in_executor(self.threads, respond, *given)
        return _plain(answer.status, answer.body, answer.content_type)

    async def _body(self, request: Request) -> bytes | None:
        """The body, decompressed; None where it is too large; nothing where it can't be decompressed."""
        body, size = bytearray(), 0
        async for chunk in request.stream():
            size += len(chunk)
            if size <= self.most_bytes:  # the rest is read, else who sends it never sees the answer
                body += chunk
        if size > self.most_bytes:
            return None
        if request.headers.get("content-encoding", "").lower() != "gzip":
            return bytes(body)
        try:
            unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
            plain = unzip.decompress(bytes(body), self.most_bytes)
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


def main(
    config: Annotated[Path, tyro.conf.arg(help="models.config of TensorFlow Serving")],
    port: int = 8501,
    host: str = "127.0.0.1",
) -> None:
    """Serves the models of a models.config by TensorFlow Serving's REST interface."""
    import_tensorflow()
    from src.serving.local.errors import Refused
    from src.serving.local.versions import Models

    models = Models(read_config(config))
    try:
        models.start()
        app = App(models)
        uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False, lifespan="off")
    except Refused as error:
        raise UserError(error.message) from None
    finally:
        models.close()


if __name__ == "__main__":
    try:
        tyro.cli(main)
    except UserError as error:
        sys.exit(f"error: {error}")

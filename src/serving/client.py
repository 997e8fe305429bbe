"""Ask a server: TensorFlow Serving's REST interface, in a few lines and without TensorFlow.

from src.serving.client import Client

answer = Client("http://127.0.0.1:8501", "cnn-digits").predict({"image": pixels})   # columns, batch first
"""

import base64
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from src.errors import UserError, refusal
from src.readers.requests import DEFAULT

DEADLINE_S = 30.0
PORT = 8501


class NotServed(UserError):
    """A model, or a version of one, that the server doesn't have."""


class Client:
    """A model on a server.

    Args:
        server: its address, such as http://127.0.0.1:8501.
        model: name of the export.
        version: of the model; the newest one by default.
        deadline_s: for an answer.
    """

    def __init__(self, server: str, model: str, version: int | None = None, deadline_s: float = DEADLINE_S):
        server = server.rstrip("/") if "://" in server else f"http://{server.rstrip('/')}"
        try:
            self._port = urlsplit(server).port
        except ValueError:
            raise UserError(f"{server} isn't an address such as http://127.0.0.1:8501.") from None
        self.server, self.model, self.deadline_s = server, model, deadline_s
        which = f"/versions/{version}" if version is not None else ""
        self.url = f"{self.server}/v1/models/{quote(model, safe='')}{which}"

    def predict(self, inputs: Mapping[str, Any], signature: str = DEFAULT) -> dict[str, Any]:
        """The named answers to columns, batch first; an array may be one of numpy, a text bytes."""
        columns = {name: _plain(column) for name, column in inputs.items()}
        outputs = self.post({"signature_name": signature, "inputs": columns})["outputs"]
        if isinstance(outputs, dict) and "b64" not in outputs:
            return outputs
        (name,) = self.signatures()[signature]["outputs"]
        return {name: outputs}

    def post(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request of `:predict`.

        Raises:
            UserError: where there is none, with what the server says; NotServed for a name that it doesn't know.
        """
        return self._answer(f"{self.url}:predict", json.dumps(request).encode())

    def available(self) -> int | None:
        """The newest version that can be asked; None where there is none, or no server yet."""
        try:
            states = self._answer(self.url)["model_version_status"]
        except UserError:
            return None
        return max((int(state["version"]) for state in states if state["state"] == "AVAILABLE"), default=None)

    def signatures(self) -> dict[str, Any]:
        """What can be asked: by name, types and shapes of inputs and outputs."""
        return self._answer(f"{self.url}/metadata")["metadata"]["signature_def"]["signature_def"]

    def how_to_start(self) -> str:
        """What starts such a server on this machine."""
        at = f" PORT={self._port}" if self._port not in (None, PORT) else ""
        return f"Start it: make serve MODEL={self.model}{at}"

    def _answer(self, url: str, body: bytes | None = None) -> dict[str, Any]:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=self.deadline_s) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            kind = NotServed if error.code == 404 else UserError
            raise kind(f"{self.server} refused: {_reason(error)}") from None
        except TimeoutError:
            raise UserError(f"{self.server} didn't answer within {self.deadline_s:g} s.") from None
        except (urllib.error.URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise UserError(f"{self.server} didn't answer within {self.deadline_s:g} s.") from None
            raise UserError(f"{self.server} doesn't answer ({reason}). {self.how_to_start()}") from None
        except (http.client.InvalidURL, UnicodeError):
            raise UserError(f"{self.server} isn't an address such as http://127.0.0.1:8501.") from None
        except ValueError:
            raise UserError(f"{self.server} didn't answer with JSON: is it TensorFlow Serving?") from None


def _plain(value: Any) -> Any:
    """As JSON has it: lists of numpy's arrays, {"b64": …} of bytes."""
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _reason(error: urllib.error.HTTPError) -> str:
    content = error.read()
    try:
        return refusal(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError):
        return f"{error.code} {error.reason}"

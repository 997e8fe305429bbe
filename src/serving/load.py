"""Load: how many requests a served model answers, and how long each takes, against a number of clients."""

import http.client
import json
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from rich.table import Table

from src.errors import UserError
from src.exporting.assets import REQUEST
from src.readers.requests import DEFAULT
from src.serving.client import Client
from src.serving.serve import chosen
from src.system.files import read_json
from src.system.screen import PlainConsole, track

WARM_UP = 20  # requests


def bench_serve(
    *,
    model: str = "",
    server: str = "http://127.0.0.1:8501",
    clients: tuple[int, ...] = (1, 2, 4, 8),
    requests: int = 500,
    rows: int = 1,
    exports_dir: str = "saved_models",
) -> None:
    """Measures a served model, beside its SavedModel called in this process.

    Args:
        model: as for `serve`.
        server: address of the server.
        clients: numbers of concurrent clients.
        requests: number of requests for each number of clients.
        rows: examples per request.
        exports_dir: folder of the SavedModels.

    Raises:
        UserError: where it can't be asked.
    """
    for name, number in {"requests": requests, "rows": rows, "clients": min(clients, default=0)}.items():
        if number < 1:
            raise UserError(f"{name} has to be 1 or more, not {number}.")
    ((name, folder),) = chosen(Path(exports_dir), model).items()
    client = Client(server, name)
    if not (version := client.available()):
        raise UserError(f"{client.server} doesn't serve {name}. {client.how_to_start()}")
    columns = read_json(folder / str(version) / REQUEST)["inputs"]
    columns = {key: [column[row % len(column)] for row in range(rows)] for key, column in columns.items()}
    body = json.dumps({"inputs": columns}).encode()
    table = Table(title=f"{name}, version {version}; {requests} requests of {rows} row{'s' * (rows > 1)}")
    for column in ("clients", "requests/s", "p50 ms", "p95 ms", "p99 ms", "errors"):
        table.add_column(column, justify="right")
    call = _in_process(folder / str(version), columns)
    _row(table, "in process", *_load(lambda: call, 1, requests, "in process"))
    for count in clients:
        _row(table, str(count), *_load(lambda: _poster(client.url, body), count, requests, f"{count} clients"))
    PlainConsole().print(table)


def _load(connect: Callable, clients: int, requests: int, what: str) -> tuple[float, list[float], int]:
    """Seconds in all, those of each request, and how many failed."""
    asks = [connect() for _ in range(clients)]
    for _ in range(WARM_UP):
        asks[0]()
    taken: list[float] = []
    failed = [0]
    left = iter(track(range(requests), what))
    lock = threading.Lock()

    def work(ask):
        while True:
            with lock:
                if next(left, None) is None:
                    return
            begun = time.perf_counter()
            good = ask()
            taken.append(time.perf_counter() - begun)
            failed[0] += not good

    threads = [threading.Thread(target=work, args=[ask]) for ask in asks]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begun, taken, failed[0]


def _poster(url: str, body: bytes) -> Callable[[], bool]:
    """Posts the request over a connection that stays open."""
    parts = urlsplit(f"{url}:predict")
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)

    def post() -> bool:
        try:
            connection.request("POST", parts.path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            return response.status == 200
        except (OSError, http.client.HTTPException):
            connection.close()
            return False

    return post


def _in_process(version: Path, columns: dict[str, list]) -> Callable[[], bool]:
    """Calls the bare SavedModel with the same request."""
    from src.system.quiet import import_tensorflow

    import_tensorflow()
    from src.exporting.verify import from_json
    from src.serving.local.servable import Servable

    servable = Servable(version)
    types = servable.signature(DEFAULT).types
    arrays = {key: np.asarray(from_json(column, types[key])) for key, column in columns.items()}

    def call() -> bool:
        servable.ask(DEFAULT, arrays, timeout_s=60)
        return True

    return call


def _row(table: Table, name: str, seconds: float, taken: list[float], failed: int) -> None:
    cuts = statistics.quantiles(taken, n=100) if len(taken) > 1 else taken * 99
    figures = [f"{1000 * cuts[percent - 1]:.2f}" for percent in (50, 95, 99)]
    table.add_row(name, f"{len(taken) / seconds:.0f}", *figures, str(failed))

"""One process at a time: locks that the system itself gives up when their owner dies, however it dies."""

import datetime
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from src.errors import UserError
from src.system.files import read_record, sweep, write_json


@contextmanager
def owned(path: Path, what: str, patience_s: float = 0) -> Iterator[None]:
    """Holds the lock at `path`, for `what` ("the run runs/x"), after waiting `patience_s` for another owner's end.

    What an owner that was killed has left half-written beside the lock, and below, is removed.

    Raises:
        UserError: where another process has it, naming that process.
    """
    lock, owner = filelock.FileLock(path), path.with_suffix(".owner")
    try:
        lock.acquire(timeout=patience_s)
    except filelock.Timeout:
        raise UserError(f"Another process works on {what}: {_shown(owner)}. Wait for its end, or end it.") from None
    try:
        now = datetime.datetime.now().isoformat(timespec="seconds")
        sweep(path.parent)
        write_json(owner, {"process": os.getpid(), "host": socket.gethostname(), "since": now})
        yield
    finally:
        with suppress(OSError):  # which would hide what happened
            owner.unlink(missing_ok=True)
        lock.release()


def _shown(owner: Path) -> str:
    try:
        record = read_record(owner, "process", "host", "since")
        return f"process {record['process']} on {record['host']}, since {record['since']}"
    except (OSError, UserError):
        return "it is only just starting"

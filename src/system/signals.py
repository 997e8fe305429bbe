"""Ctrl-C and SIGTERM: a training finishes its current steps and saves its state, anything else stops at once."""

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

from src.errors import UserError
from src.system.screen import show

CODES: dict[int, int] = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Stopped(UserError):
    """A training that was asked to end, and whose state was saved."""

    def __init__(self, message: str, number: int):
        super().__init__(message)
        self.number = number
        self.exit_code = CODES[number]


class Terminated(KeyboardInterrupt):
    """SIGTERM where nothing has to be finished first."""


class Stop:
    """While it is entered and `waits`, the first signal only sets `wanted`; another one leaves at once.

    Args:
        message: for the user who ended it.
    """

    def __init__(self, message: str):
        self.message = message
        self.waits = False  # set when there is something to save
        self.wanted: int | None = None
        self._before: dict[int, Any] = {}  # handlers

    def __enter__(self) -> "Stop":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._ask) for number in CODES}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def obey(self) -> None:
        """Raises Stopped when a signal has come."""
        if self.wanted is not None:
            raise Stopped(self.message, self.wanted)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.wanted is not None or not self.waits:
            leave(number, frame)
        self.wanted = number
        _say("Finishing the current steps; press Ctrl-C again to stop immediately")


def _say(text: str) -> None:
    """Prints a line from within a handler, which may run in the middle of another print."""
    if sys.stdout.isatty():
        os.write(1, f"\r\x1b[2K{text}\n".encode())  # over the progress bar, which goes on below
    else:
        show(text)


def leave(number: int, frame: FrameType | None) -> None:
    """A handler that leaves at once, through every `finally`."""
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated

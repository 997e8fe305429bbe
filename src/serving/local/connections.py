"""Connections that wait for no client for ever, and of which there are never too many."""

import asyncio
from dataclasses import dataclass

from uvicorn.protocols.http.h11_impl import H11Protocol


@dataclass(frozen=True)
class Limits:
    """What a client may cost.

    Args:
        most_bytes: of a request's body, also when it is unpacked.
        connections: open at a time.
        head_s: seconds in which a request's head has to have come.
        body_s: seconds in which its body has to have come, and its answer to be taken.
        answer_s: seconds that the model may take.
    """

    most_bytes: int = 64 * 2**20
    connections: int = 100
    head_s: float = 10.0
    body_s: float = 60.0
    answer_s: float = 30.0

    @property
    def queued_s(self) -> float:
        """Seconds until a request is answered that first waits for others."""
        return 2 * self.answer_s


class Connection(H11Protocol):
    """Uvicorn's connection, with the Limits of the application that it serves.

    One more than there may be closes the one that has waited for its client longest, so that nobody who only keeps
    connections open shuts others out.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by the event loop, as are the others."""
        super().connection_made(transport)
        self._limits: Limits = self.config.app.limits  # type: ignore[union-attr]
        self._opened = self.loop.time()
        self._expiry = self.loop.call_later(self._limits.head_s, transport.abort)
        if len(self.connections) > self._limits.connections:
            waiting = [each for each in self.connections if isinstance(each, Connection) and each.waits_for_client]
            min(waiting, key=lambda each: each._opened).transport.abort()

    @property
    def waits_for_client(self) -> bool:
        """Whether it is the client's turn: to send a request, or to take its answer."""
        cycle = self.cycle
        return cycle is None or cycle.response_complete or cycle.more_body or self.flow.write_paused

    def handle_events(self) -> None:
        """Gives a request that has begun its time."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._expire_in(2 * self._limits.body_s + self._limits.queued_s)

    def on_response_complete(self) -> None:
        """Gives the client time to take the answer, or to ask again."""
        self._expire_in(self._limits.body_s if self.transport.get_write_buffer_size() else self._limits.head_s)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets it."""
        self._expiry.cancel()
        super().connection_lost(exc)

    def _expire_in(self, seconds: float) -> None:
        self._expiry.cancel()
        self._expiry = self.loop.call_later(seconds, self.transport.abort)

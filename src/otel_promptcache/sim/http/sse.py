"""Server-sent events, and the ways a stream of them can break."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from otel_promptcache.sim.faults import Fault
from otel_promptcache.sim.http.recording import RecordedRequest
from otel_promptcache.sim.http.wire import JsonObject, compact_json

Phase = Literal["start", "delta", "end", "last"]
"""Where an event is: before the answer's content, a piece of it, after it, or at the end of the stream."""

GARBAGE = b"\x00\xff\xfe\x80{]\x1f\x8b"
"""Neither JSON, nor UTF-8, nor gzip."""

KEEP_ALIVE = b": keep-alive\n\n"
"""A comment, which clients do not treat as an event."""

DELTAS_BEFORE_BREAK = 2
"""How many pieces of the answer a client gets before a stream breaks."""

BREAKING: frozenset[Fault] = frozenset({"drop_mid_stream", "truncated_stream", "garbage", "error_event"})
"""The faults that end a stream early."""


class ConnectionDroppedError(Exception):
    """Close the connection here, without ending the body properly."""


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One server-sent event.

    Attributes:
        data: A JSON object, or literal text such as `[DONE]`.
        name: The `event:` field; None to leave it out.
        phase: Where it is in the stream.
    """

    data: JsonObject | str
    name: str | None = None
    phase: Phase = "start"

    def encode(self) -> bytes:
        """Return the event as it goes over the wire."""
        data = self.data if isinstance(self.data, str) else compact_json(self.data)
        field = f"event: {self.name}\n" if self.name else ""
        return f"{field}data: {data}\n\n".encode("utf-8", "replace")


DONE = ServerEvent("[DONE]", phase="last")


async def encode_events(
    events: AsyncGenerator[ServerEvent, None],
    record: RecordedRequest,
    error_event: Callable[[int], ServerEvent],
    *,
    keeps_alive: bool = False,
) -> AsyncGenerator[bytes, None]:
    """Encode a stream of events, and break it if the faults say so.

    A break comes after two pieces of the answer, or before the first event after the content.

    Args:
        events: The stream as it should be.
        record: The request; its faults break the stream, and its completion is recorded there.
        error_event: Makes the event for the `error_event` fault, given how many events were sent.
        keeps_alive: Send a comment first, and another one before the answer's first piece.

    Raises:
        ConnectionDroppedError: For `drop_mid_stream`.
    """
    breaks = BREAKING.intersection(record.faults)
    sent = deltas = 0
    if keeps_alive:
        yield KEEP_ALIVE
    async with aclosing(events):
        async for event in events:
            if keeps_alive and not deltas and event.phase == "delta":
                yield KEEP_ALIVE
            if breaks and (deltas == DELTAS_BEFORE_BREAK or event.phase in ("end", "last")):
                break
            # Recorded before sending: the client may check as soon as it has the event.
            record.completed = event.phase == "last"
            yield event.encode()
            sent += 1
            deltas += event.phase == "delta"
        else:
            return
    if "drop_mid_stream" in breaks:
        raise ConnectionDroppedError
    if "garbage" in breaks:
        yield b"data: " + GARBAGE + b"\n\n"
    if "error_event" in breaks:
        yield error_event(sent).encode()

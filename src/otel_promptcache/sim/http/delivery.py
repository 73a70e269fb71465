"""Sends answers whole or as a stream, intact or broken by faults."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from otel_promptcache.sim.http.recording import RecordedRequest
from otel_promptcache.sim.http.sse import GARBAGE, ConnectionDroppedError
from otel_promptcache.sim.http.wire import compact_json


class JsonAnswer(Response):
    """A JSON body, subject to the recorded request's faults.

    Args:
        payload: The JSON value to send.
        record: The request; its status and completion are recorded there.
        status_code: HTTP status.
        headers: Extra headers.
        keeps_alive: Send empty lines first.
    """

    media_type = "application/json"

    def __init__(
        self,
        payload: Any,
        record: RecordedRequest,
        status_code: int = 200,
        headers: dict[str, str] | None = None,
        *,
        keeps_alive: bool = False,
    ) -> None:
        self._record = record
        body = (b"\n\n" if keeps_alive else b"") + compact_json(payload).encode("utf-8", "replace")
        if "garbage" in record.faults:
            body = GARBAGE * 8
        if "gzip" in record.faults:
            body = gzip.compress(body, mtime=0)
            headers = {**(headers or {}), "content-encoding": "gzip"}
        super().__init__(body, status_code, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer. A dropped one stops half-way, short of the length in its headers."""
        self._record.status_code = self.status_code
        if "drop_mid_stream" not in self._record.faults:
            # Recorded before sending: the client may check as soon as it has the answer.
            self._record.completed = True
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        # Returning with more_body outstanding makes the server close the connection.
        await send({"type": "http.response.body", "body": half, "more_body": True})


class EventStreamAnswer(Response):
    """A stream of server-sent events. The headers go out immediately, before the first event is ready.

    Args:
        chunks: The encoded events; raising `ConnectionDroppedError` closes the connection.
        record: The request; its status is recorded there.
    """

    media_type = "text/event-stream"

    def __init__(self, chunks: AsyncGenerator[bytes, None], record: RecordedRequest) -> None:
        super().__init__(None, 200, {"cache-control": "no-cache"})
        del self.headers["content-length"]
        self._chunks = chunks
        self._record = record
        self._gzip = "gzip" in record.faults
        if self._gzip:
            self.headers["content-encoding"] = "gzip"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI
        """Send the stream until it ends, breaks, or the client disconnects."""
        self._record.status_code = self.status_code
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        sending = asyncio.ensure_future(self._send_chunks(send))
        leaving = asyncio.ensure_future(_client_left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sending.cancel()
            leaving.cancel()
            results = await asyncio.gather(sending, leaving, return_exceptions=True)
        failure = results[0]
        if isinstance(failure, Exception) and not isinstance(failure, ConnectionDroppedError):
            raise failure

    async def _send_chunks(self, send: Send) -> None:
        compressor = zlib.compressobj(wbits=31)
        async with aclosing(self._chunks) as chunks:
            async for plain in chunks:
                chunk = plain
                if self._gzip:
                    chunk = compressor.compress(plain) + compressor.flush(zlib.Z_SYNC_FLUSH)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        last = compressor.flush() if self._gzip else b""
        await send({"type": "http.response.body", "body": last, "more_body": False})


async def _client_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

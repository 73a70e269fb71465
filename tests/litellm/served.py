"""A server on this machine that gives one answer, immediately or never."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Served(ThreadingHTTPServer):
    """The server, with its answer and what arrived."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: Any = {}
        self.arrived: list[tuple[str, Any]] = []
        """Paths and bodies."""
        self.has_arrived = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Served

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.arrived.append((self.path, body))
        self.server.has_arrived.set()
        self.server.may_answer.wait(30)
        answer = (
            self.server.answer
            if isinstance(self.server.answer, bytes)
            else json.dumps(self.server.answer).encode()
        )
        kind = "application/vnd.amazon.eventstream" if answer.startswith(b"\0") else "application/json"
        kind = "text/event-stream" if answer.startswith(b"data:") else kind
        try:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
        except ConnectionError:
            pass  # the client has gone

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  # the base class's
        """Say nothing: what arrived is in `arrived`."""


@contextmanager
def served() -> Iterator[Served]:
    """A server in a thread, stopped at the end."""
    with Served() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.may_answer.set()
            server.shutdown()
            thread.join()

"""Real host names without a network: HTTP to this machine, whatever host a client talks to."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
from openai import OpenAI


class ToLoopback(httpx2.HTTPTransport):
    """Connects to a port of this machine; path, headers and body stay those of the real host."""

    def __init__(self, port: int) -> None:
        super().__init__(verify=False)  # plain HTTP: no certificates to load
        self._port = port

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return super().handle_request(
            httpx2.Request(
                request.method,
                request.url.copy_with(scheme="http", host="127.0.0.1", port=self._port),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        )


def client_at(base_url: str, port: int) -> OpenAI:
    """The SDK's client for a real host, whose requests go to a port of this machine."""
    http_client = httpx2.Client(transport=ToLoopback(port))
    return OpenAI(api_key="key", base_url=base_url, max_retries=0, http_client=http_client)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer takes 40 ms
    server: Scripted

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.headers["Host"], self.path, body))
        chunks = self.server.answer
        is_stream = body.get("stream") is True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream" if is_stream else "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in (*chunks, b""):
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  # the base class's
        """Say nothing: what arrived is in `requests`."""


class Scripted(ThreadingHTTPServer):
    """A server on this machine that gives the answer that a test has set, chunk by chunk."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: list[bytes] = []
        self.requests: list[tuple[str, str, dict[str, Any]]] = []
        """Host, path and body of those that arrived."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client may leave after the last event
            super().handle_error(request, client_address)

    @property
    def port(self) -> int:
        return self.server_address[1]


@contextmanager
def scripted_server() -> Iterator[Scripted]:
    """A `Scripted` server that is served by a thread and stopped at the end."""
    with Scripted() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

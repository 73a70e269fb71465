"""A receiver of Alertmanager's notifications."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, final


class Notice(NamedTuple):
    """One alert of one notification."""

    receiver: str
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]

    @property
    def name(self) -> str:
        return self.labels["alertname"]


@final
class Webhook:
    """A server on loopback that keeps the notices it receives."""

    def __init__(self) -> None:
        self._notices: list[Notice] = []
        self._arrived = threading.Condition()
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                webhook._keep(body)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Webhook:
        self._thread.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _keep(self, body: dict[str, Any]) -> None:
        with self._arrived:
            self._notices += [
                Notice(body["receiver"], one["status"], one["labels"], one["annotations"])
                for one in body["alerts"]
            ]
            self._arrived.notify_all()

    @property
    def notices(self) -> list[Notice]:
        """All notices so far, oldest first."""
        with self._arrived:
            return list(self._notices)

    def wait_for(self, name: str, status: str, seconds: float) -> Notice:
        """Wait for an alert; an AssertionError says what came instead."""
        give_up = time.monotonic() + seconds
        with self._arrived:
            while True:
                for notice in self._notices:
                    if (notice.name, notice.status) == (name, status):
                        return notice
                rest = give_up - time.monotonic()
                assert rest > 0, f"no {status} {name} within {seconds} s, but {self._notices}"
                self._arrived.wait(rest)

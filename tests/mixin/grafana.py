"""A stand-in for Grafana: the folders and dashboards of its HTTP API, as documented.

Source: Grafana 11.6 to 13.3, HTTP API, Folder and Dashboard below `/api` (checked 2026-11-26).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "glsa_secret-of-the-test"
Answer = tuple[int, dict[str, Any] | bytes, dict[str, str]]


class StandIn:
    """Stores what it is sent and records what it is asked; answers can be replaced."""

    def __init__(self) -> None:
        self.folders: dict[str, dict[str, Any]] = {}
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, str]] = []
        self.instead: dict[str, Answer] = {}
        """Replacement answers, by the method, or by the method and the path."""
        self.url = ""

    def answer(self, method: str, path: str, token: str, body: dict[str, Any]) -> Answer:
        self.asked.append((method, path))
        for key in (f"{method} {path}", method, ""):
            if key in self.instead:
                return self.instead[key]
        if token != f"Bearer {TOKEN}":
            return 401, {"message": "Invalid API key"}, {}
        if path.startswith("/api/folders"):
            return self._folder(method, path.removeprefix("/api/folders").lstrip("/"), body)
        if method == "GET" and path.startswith("/api/dashboards/uid/"):
            found = self.dashboards.get(path.rpartition("/")[2])
            return (200, found, {}) if found else (404, {"message": "Dashboard not found"}, {})
        if (method, path) == ("POST", "/api/dashboards/db"):
            return self._save(body)
        return 404, {"message": "Not found"}, {}

    def _folder(self, method: str, uid: str, body: dict[str, Any]) -> Answer:
        if method == "POST":
            if any(one["title"] == body["title"] for one in self.folders.values()):
                return 409, {"message": "a folder with the same name already exists"}, {}
            self.folders[body["uid"]] = {"id": 1, "uid": body["uid"], "title": body["title"], "version": 1}
            return 200, self.folders[body["uid"]], {}
        if uid not in self.folders:
            return 404, {"message": "folder not found", "status": "not-found"}, {}
        if method == "PUT":
            if not body.get("overwrite"):
                return 412, {"message": "the folder has been changed", "status": "version-mismatch"}, {}
            self.folders[uid]["title"] = body["title"]
        return 200, self.folders[uid], {}

    def _save(self, body: dict[str, Any]) -> Answer:
        board, folder = body["dashboard"], body.get("folderUid", "")
        if folder and folder not in self.folders:
            return 400, {"message": "folder not found"}, {}
        there = self.dashboards.get(board["uid"])
        if there and there["meta"].get("provisioned"):
            return 400, {"message": "Cannot save provisioned dashboard"}, {}
        if there and not body.get("overwrite"):
            return (
                412,
                {"message": "The dashboard has been changed by someone else", "status": "version-mismatch"},
                {},
            )
        version = there["dashboard"]["version"] + 1 if there else 1
        self.dashboards[board["uid"]] = {
            "dashboard": {**board, "id": 7, "version": version},
            "meta": {"folderUid": folder, "provisioned": False, "slug": "x"},
        }
        return 200, {"id": 7, "uid": board["uid"], "status": "success", "version": version}, {}


@contextmanager
def running() -> Iterator[StandIn]:
    """Serve a stand-in on loopback inside the block."""
    stand_in = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            token = self.headers.get("Authorization", "")
            status, content, headers = stand_in.answer(self.command, self.path, token, body)
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = _serve  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stand_in.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

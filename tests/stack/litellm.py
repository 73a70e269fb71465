"""A LiteLLM proxy with its response cache on, and a provider for it that speaks Anthropic's API."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.stack.parts import PartMissingError
from tests.stack.services import Service, free_port, write_yaml

KEY = "sk-of-the-tests-0123456789abcdef0123"
"""The proxy's key; it does not start with a weaker one."""
_PROGRAM = Path(__file__).parents[2] / ".venv" / "litellm" / "bin" / "litellm"


def litellm_proxy(folder: Path, models: Mapping[str, Mapping[str, str]], port: int | None = None) -> Service:
    """Return a proxy, not yet started, that caches answers in memory and connects only to its providers.

    Args:
        folder: The folder of its configuration and its log.
        models: LiteLLM's parameters for each model that it offers.
        port: Where it listens; None picks one.

    Raises:
        PartMissingError: It is not installed.
    """
    if not _PROGRAM.exists():
        raise PartMissingError(f"{_PROGRAM} is missing. `make test-stack` installs it.")
    config = write_yaml(
        folder / "litellm.yaml",
        {
            "model_list": [
                {"model_name": name, "litellm_params": dict(parameters)}
                for name, parameters in models.items()
            ],
            "litellm_settings": {"cache": True, "cache_params": {"type": "local"}, "telemetry": False},
        },
    )
    environment = {
        "HOME": str(folder),
        "LITELLM_MASTER_KEY": KEY,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # otherwise it fetches prices from the network
        "NO_PROXY": "127.0.0.1",
        "PATH": str(_PROGRAM.parent),
    }
    port = port or free_port()
    command = [str(_PROGRAM), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    return Service("litellm", command, port, "/health/readiness", folder, environment)


ANTHROPIC_USAGE = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 1_800,
    "cache_read_input_tokens": 0,
    "output_tokens": 5,
}


@contextmanager
def anthropic_provider() -> Iterator[str]:
    """Answer Anthropic's `POST /v1/messages`, always with the same usage, and yield the base URL."""
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": ANTHROPIC_USAGE,
    }

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            body = json.dumps(message).encode()
            self.send_response(200 if self.path == "/v1/messages" else 404)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""An application that talks to real host names, on a clock that a test moves, and what is reported about its calls."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace
from typing import Any

import pytest
from openai import OpenAI

from otel_promptcache.calls import call as call_module
from tests.conftest import Telemetry
from tests.servers.loopback import Scripted, client_at
from tests.servers.shapes import Server, Usage
from tests.servers.streams import document, response, stream
from tests.unit.prompts import prose

NOON_NS = 1_795_608_000_000_000_000
"""2026-11-25 12:00 UTC, a Wednesday: some prices apply only at certain hours, or from a certain day on."""

HAS_PRICES = importlib.util.find_spec("genai_prices") is not None
"""The package needs Python 3.11."""

Attributes = dict[str, Any]

READ, WRITTEN = "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_write.input_tokens"
RESULT, REASON, SAVED = "promptcache.result", "promptcache.miss.reason", "promptcache.savings.amount"


def said(attributes: Attributes, *names: str) -> tuple[Any, ...]:
    """What a span has under these names; None if nothing."""
    return tuple(attributes.get(name) for name in names)


def prompt(topic: str = "orders") -> list[dict[str, str]]:
    return [{"role": "system", "content": prose(3_000, topic)}, {"role": "user", "content": "Hi"}]


class Application:
    """Asks servers, and tells what the product reports about each answer."""

    def __init__(self, telemetry: Telemetry, scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
        self.telemetry = telemetry
        self.scripted = scripted
        self.now_seconds = 1_000.0
        self._clients: dict[str, OpenAI] = {}
        clock = SimpleNamespace(perf_counter=lambda: self.now_seconds, time_ns=lambda: NOON_NS)
        monkeypatch.setattr(call_module, "time", clock)

    def ask(
        self,
        server: Server,
        usage: Usage,
        topic: str = "orders",
        *,
        place: str | None = None,
        wait_seconds: float = 1.0,
    ) -> Attributes:
        """Make one request, answered with this usage; a stream if a place for the usage is named."""
        self.now_seconds += wait_seconds
        self.scripted.answer = document(server, usage) if place is None else stream(server, usage, place)
        create = self._client(server).chat.completions.create
        if place is None:
            create(model=server.model, messages=prompt(topic))
        else:
            options = {
                "include_usage": True,
                **({"continuous_usage_stats": True} if place == "every" else {}),
            }
            for _ in create(model=server.model, messages=prompt(topic), stream=True, stream_options=options):
                pass
        return self.last

    def ask_responses(
        self, server: Server, cached_tokens: int, topic: str = "orders", *, is_stream: bool
    ) -> Attributes:
        """The same on the Responses API."""
        self.now_seconds += 1.0
        self.scripted.answer = response(server, cached_tokens, is_stream=is_stream)
        create = self._client(server).responses.create
        if is_stream:
            for _ in create(model=server.model, input=prompt(topic), stream=True):
                pass
        else:
            create(model=server.model, input=prompt(topic))
        return self.last

    def _client(self, server: Server) -> OpenAI:
        if server.base_url not in self._clients:
            self._clients[server.base_url] = client_at(server.base_url, self.scripted.port)
        return self._clients[server.base_url]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    @property
    def last(self) -> Attributes:
        return dict(self.telemetry.spans[-1].attributes or {})

"""An application with a flaw, the same application after the advice was followed, and the report on each."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from anthropic import Anthropic
from openai import OpenAI

import otel_promptcache
from otel_promptcache.calls import call as call_module
from otel_promptcache.own_prices import load_prices
from otel_promptcache.prices import Prices
from otel_promptcache.report.reading.listed import price_by
from otel_promptcache.report.reading.record import CallRecord
from otel_promptcache.report.report import Report, build_report
from otel_promptcache.report.rules.snippets import Snippet
from otel_promptcache.sim import ManualClock, SimConfig, Simulator
from tests.conftest import Telemetry
from tests.unit.prompts import MIDDLE, NEW, OLD, Body, prose, system, tool

CLAUDE = "claude-opus-5"
PRICES = {
    **{model: {"input": 4.0, "cache_read": 0.4} for model in (OLD, MIDDLE, "gpt-4.1", "gpt-5.4")},
    NEW: {"input": 4.0, "cache_read": 0.4, "cache_write": 5.0},
    CLAUDE: {"input": 5.0, "cache_read": 0.5, "cache_write": 6.25, "cache_write_1h": 10.0},
}
RULES = prose(2_400)
ARGUMENTS = re.compile(r"\w+=")
TOOLS = [tool(name, prose(120, name)) for name in ("search", "read", "write", "run")]


@dataclass
class App:
    """What an application has: its clients, and a clock to wait by."""

    simulator: Simulator
    clock: ManualClock
    api_key: str = "key"
    prefix: str = "bot"

    def __post_init__(self) -> None:
        self.client = self.client_of(self.simulator.base_url)
        self.claude = Anthropic(base_url=self.simulator.url, api_key=self.api_key, max_retries=0)

    def client_of(self, base_url: str) -> OpenAI:
        return OpenAI(base_url=base_url, api_key=self.api_key, max_retries=0)

    def chat(self, *messages: Body, client: OpenAI | None = None, **members: Any) -> Any:
        """Send a chat; members go into the extra body, as an old SDK has no arguments for some."""
        extra = {**members.pop("extra_body", {}), **members}
        direct = {
            name: extra.pop(name) for name in ("extra_headers", "stream", "stream_options") if name in extra
        }
        with otel_promptcache.prefix(self.prefix):
            return (client or self.client).chat.completions.create(
                model=extra.pop("model", OLD),
                messages=list(messages),
                extra_body=extra,
                **direct,
            )

    def respond(self, *items: Body, **members: Any) -> Any:
        """Send a request of the Responses API."""
        extra = {**members.pop("extra_body", {}), **members}
        with otel_promptcache.prefix(self.prefix):
            return self.client.responses.create(
                model=extra.pop("model", OLD), input=list(items), extra_body=extra
            )

    def message(self, *messages: Body, extra_headers: Body | None = None, **members: Any) -> Any:
        """Send a request of the Messages API; a stream is read to its end."""
        extra = {**members.pop("extra_body", {}), **members}
        direct = {"stream": True} if extra.pop("stream", False) else {}
        with otel_promptcache.prefix(self.prefix):
            answer = self.claude.messages.create(
                model=CLAUDE,
                max_tokens=extra.pop("max_tokens", 32),
                messages=list(messages),
                extra_body=extra,
                extra_headers=extra_headers,
                **direct,
            )
            return list(answer) if direct else answer

    def rules(self, text: str = RULES) -> Body:
        return system(text)


@dataclass(frozen=True, kw_only=True)
class Loop:
    """A flaw and its remedy."""

    flawed: Callable[[App], None]
    fixed: Callable[[App], None]
    config: Mapping[str, Any] = field(default_factory=dict)
    """The simulator's configuration."""
    is_measurement: bool = False
    """The remedy closes a gap in the data rather than a loss."""
    prices: Mapping[str, Any] = field(default_factory=lambda: PRICES)
    app: type[App] = App


def _arguments(_: Any, **arguments: Any) -> Mapping[str, Any]:
    return arguments


_CREATE = SimpleNamespace(create=_arguments)
_CLIENT = SimpleNamespace(responses=_CREATE, chat=SimpleNamespace(completions=_CREATE))
"""A client whose calls return the arguments that are written out, for snippets that show a whole call."""


def fill(snippet: Snippet, api_type: str = "chat_completions", **names: Any) -> Any:
    """Evaluate the lines of a snippet with the application's own values."""
    lines = snippet.for_format(api_type)
    lines = f"dict({lines})" if ARGUMENTS.match(lines) else lines
    return eval(lines, {"json": json, "client": _CLIENT, **names})  # noqa: S307  # our own lines, to show that they work


@contextmanager
def our_clock(clock: ManualClock) -> Iterator[None]:
    """Use the provider's clock as ours, but keep spans that start at the same time by it in order."""
    begun_ns = time.perf_counter_ns()

    def time_ns() -> int:
        return int(clock.now_seconds() * 1e9) + time.perf_counter_ns() - begun_ns

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(call_module, "time", SimpleNamespace(perf_counter=clock.now_seconds, time_ns=time_ns))
        yield


_DIAGNOSIS = (
    "promptcache.expected_tokens",
    "promptcache.avoidable_tokens",
    "promptcache.miss",
    "promptcache.divergence",
)


def report_of(
    traffic: Callable[[App], None], loop: Loop, *, without_diagnosis: bool = False, reason: str | None = None
) -> Report:
    """Run an application against its own provider and return the report.

    Args:
        traffic: What the application sends.
        loop: How the provider is set up.
        without_diagnosis: Report as if the process could not tell any reason.
        reason: What replaces each reason.
    """
    telemetry, clock = Telemetry(), ManualClock()
    config = {
        "resolve_model_aliases": False,
        "prefill_seconds_per_1k_tokens": 0,
        "decode_seconds_per_token": 0,
        "overflow_requests_per_minute": None,
    }
    telemetry.instrument(prices=loop.prices)
    try:
        with Simulator(SimConfig(**{**config, **loop.config}), clock=clock) as simulator, our_clock(clock):
            app = loop.app(simulator, clock)
            with app.client, app.claude:
                traffic(app)
            spans = sorted(telemetry.spans, key=lambda span: span.start_time or 0)
    finally:
        otel_promptcache.uninstrument()
        telemetry.tracer_provider.shutdown()
        telemetry.meter_provider.shutdown()
    calls: list[CallRecord] = []
    for span in spans:
        attributes = dict(span.attributes or {})
        if without_diagnosis:
            attributes = {
                name: value for name, value in attributes.items() if not name.startswith(_DIAGNOSIS)
            }
        if reason and "promptcache.miss.reason" in attributes:
            attributes["promptcache.miss.reason"] = reason
        started, ended = (span.start_time or 0) / 1e9, (span.end_time or 0) / 1e9
        calls.append(CallRecord.from_attributes(attributes, started_seconds=started, ended_seconds=ended))
    return build_report(calls, price_by(Prices(load_prices(loop.prices))))

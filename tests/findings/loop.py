"""An application with a flaw, the same one after the advice was followed, and what the report says of each."""

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
    """What an application has: a client, and a clock that it can wait by."""

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
        """Send a chat; what an old SDK has no argument for goes with the others."""
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
        """Send a request of the Messages API."""
        extra = {**members.pop("extra_body", {}), **members}
        with otel_promptcache.prefix(self.prefix):
            return self.claude.messages.create(
                model=CLAUDE,
                max_tokens=32,
                messages=list(messages),
                extra_body=extra,
                extra_headers=extra_headers,
            )

    def rules(self, text: str = RULES) -> Body:
        return system(text)


@dataclass(frozen=True, kw_only=True)
class Loop:
    """A flaw and its remedy."""

    flawed: Callable[[App], None]
    fixed: Callable[[App], None]
    config: Mapping[str, Any] = field(default_factory=dict)
    """Of the simulator."""
    is_measurement: bool = False
    """What is closed is a gap in what is known, rather than a loss."""
    prices: Mapping[str, Any] = field(default_factory=lambda: PRICES)


def fill(snippet: Snippet, api_type: str = "chat_completions", **names: Any) -> Any:
    """What the lines of a snippet come to, with the application's own values."""
    lines = snippet.for_format(api_type)
    lines = f"dict({lines})" if ARGUMENTS.match(lines) else lines
    return eval(lines, {"json": json, **names})  # noqa: S307  # our own lines, to show that they work


@contextmanager
def our_clock(clock: ManualClock) -> Iterator[None]:
    """Our clock is the provider's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            call_module, "time", SimpleNamespace(perf_counter=clock.now_seconds, time_ns=time.time_ns)
        )
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
    """Run an application against a provider of its own, and report.

    Args:
        traffic: What the application sends.
        loop: How the provider is set up.
        without_diagnosis: As of a process that could not tell why.
        reason: What is put in the place of each reason.
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
            app = App(simulator, clock)
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
    return build_report(calls)

"""Runs generated applications against the local provider, several at a time, and compares verdicts with the truth."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace

from openai import OpenAI
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import otel_promptcache
from benchmarks.diagnosis.applications import APPLICATIONS
from benchmarks.diagnosis.conversations import ALONE, CONVERSATIONS
from benchmarks.diagnosis.requests import Application, Request, Truth
from benchmarks.diagnosis.sharing import SHARING
from otel_promptcache.calls import call as call_module
from otel_promptcache.sim import ManualClock, SimConfig, Simulator

TOGETHER = {**APPLICATIONS, **CONVERSATIONS, **SHARING}
_AT_ONCE = 6
_PER_MINUTE = 12
_SAID = ("miss.reason", "divergence.path", "divergence.kind")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the diagnosis says about one request, and the truth."""

    application: str
    seed: int
    number: int
    """Number of the request within its application."""
    truth: Truth
    reason: str | None
    path: str | None
    kind: str | None

    @property
    def true_reason(self) -> str | None:
        """The true reason; if several are right, the diagnosed one if it is among them."""
        return self.reason if self.reason in self.truth.reasons else min(self.truth.reasons, key=str)

    @property
    def is_right(self) -> bool:
        """Whether the reason is right."""
        return self.reason in self.truth.reasons

    @property
    def is_place_right(self) -> bool:
        """Whether the path and the kind are right, if they matter."""
        return self.truth.path is None or (self.path == self.truth.path and self.kind in self.truth.kinds)


def run(seed: int) -> Iterator[Verdict]:
    """Run all applications once, several at a time in one process, in an order that the seed determines."""
    rng = random.Random(seed)  # noqa: S311  # a corpus must be reproducible
    yield from _interleaved(TOGETHER, seed, rng, _AT_ONCE)
    for name, application in ALONE.items():
        yield from _interleaved({name: application}, seed, rng, 1)


def _interleaved(
    applications: dict[str, Application], seed: int, rng: random.Random, at_once: int
) -> Iterator[Verdict]:
    exporter, clock = InMemorySpanExporter(), ManualClock()
    tracer_provider = TracerProvider()
    tracer_provider.add_span_processor(SimpleSpanProcessor(exporter))
    original_time = call_module.time
    call_module.time = SimpleNamespace(perf_counter=clock.now_seconds, time_ns=time.time_ns)  # type: ignore[assignment]
    otel_promptcache.instrument(tracer_provider=tracer_provider, meter_provider=MeterProvider())
    config = SimConfig(
        prefill_seconds_per_1k_tokens=0, decode_seconds_per_token=0, overflow_requests_per_minute=None
    )
    try:
        with (
            Simulator(config, clock=clock) as simulator,
            OpenAI(base_url=simulator.base_url, api_key="key", max_retries=0) as client,
        ):
            waiting = list(applications.items())
            rng.shuffle(waiting)
            running: list[tuple[str, int, Iterator[Request]]] = []
            while waiting or running:
                while waiting and len(running) < at_once:
                    name, application = waiting.pop()
                    running.append((name, 0, application(random.Random(f"{name} {seed}"))))  # noqa: S311  # likewise
                position = rng.randrange(len(running))
                name, number, requests = running.pop(position)
                if (request := next(requests, None)) is None:
                    continue
                running.insert(position, (name, number + 1, requests))
                clock.advance(request.wait_seconds or 60 / _PER_MINUTE / len(TOGETHER))
                if request.fault:
                    simulator.inject(request.fault)  # type: ignore[arg-type]
                body = dict(request.body)
                client.chat.completions.create(
                    model=body.pop("model"), messages=body.pop("messages"), extra_body=body
                )
                said = dict(exporter.get_finished_spans()[-1].attributes or {})
                exporter.clear()
                yield Verdict(
                    name, seed, number, request.truth,
                    *(said.get(f"promptcache.{each}") for each in _SAID),
                )  # fmt: skip
    finally:
        otel_promptcache.uninstrument()
        call_module.time = original_time

"""The demo as a whole: half an hour of traffic, replayed in a few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live

from otel_promptcache.demo.summary import Summary
from otel_promptcache.demo.tables import introduction, live_view
from otel_promptcache.demo.telemetry import observed
from otel_promptcache.demo.traffic import Traffic, warm_up
from otel_promptcache.report.findings.finding import Finding
from otel_promptcache.sim import SimConfig, Simulator
from otel_promptcache.sim.workloads import DEPLOYMENTS, WORKLOADS

_TRAFFIC_SECONDS = 30 * 60.0
_PREFILL_SECONDS_PER_1K_TOKENS = 0.1
_UNHURRIED_SECONDS = 15.0
_REFRESH_SECONDS = 0.125
_TALL_LINES = 32


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a demo ended."""

    summary: Summary
    findings: tuple[Finding, ...]
    """What is wrong with the applications, the most expensive first."""
    was_interrupted: bool
    """Whether it was stopped from the keyboard; the summary then covers what had been sent by then."""


class FastClock:
    """A clock that runs faster than real time, so that the provider sees requests at their true rate.

    Args:
        speed: Simulated seconds per real second.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._start_seconds = time.time()
        self._start_ticks = time.monotonic()

    def now_seconds(self) -> float:
        """Return seconds since the Unix epoch, never going backwards."""
        return self._start_seconds + (time.monotonic() - self._start_ticks) * self._speed


def local_provider(seconds: float, seed: int) -> Simulator:
    """Return the provider, not yet running, for a demo of this many seconds."""
    # In a shorter demo there is less time for each request, too.
    haste = min(1.0, seconds / _UNHURRIED_SECONDS)
    config = SimConfig(
        seed=seed,
        prefill_seconds_per_1k_tokens=_PREFILL_SECONDS_PER_1K_TOKENS * haste,
        deployments=DEPLOYMENTS,
    )
    return Simulator(config, clock=FastClock(_TRAFFIC_SECONDS / seconds))


def run_demo(provider: Simulator, console: Console, *, seconds: float, seed: int, live: bool) -> Outcome:
    """Let all applications send their requests to a running provider, and return what the metrics say.

    Args:
        provider: Where the requests go.
        console: Where progress is shown.
        seconds: How long it should take.
        seed: The same seed gives the same requests.
        live: Show a table that is updated in place; only for a terminal.
    """
    traffic = Traffic(provider.url, WORKLOADS, seconds=seconds, seed=seed)
    was_interrupted = False
    if not live or console.height >= _TALL_LINES:
        console.print(introduction())
    # The first call of a process loads a lot that later calls reuse: it would skew the times.
    with observed():
        warm_up(provider.url)
    provider.reset()
    with observed(_TRAFFIC_SECONDS / seconds) as seen:
        try:
            with traffic:
                if live:
                    _watch(traffic, seen.summary, console, seconds)
                else:
                    traffic.wait()
        except KeyboardInterrupt:
            was_interrupted = True
        return Outcome(seen.summary(), seen.findings(), was_interrupted)


def _watch(traffic: Traffic, read: Callable[[], Summary], console: Console, seconds: float) -> None:
    with Live(console=console, transient=True, auto_refresh=False) as view:
        while not traffic.wait(_REFRESH_SECONDS):
            summary, elapsed_seconds = read(), min(traffic.elapsed_seconds, seconds)
            sent = f"{summary.total().requests} of {traffic.requests} requests"
            progress = f"{elapsed_seconds:.0f} of {seconds:g} s, {sent}"
            view.update(live_view(summary, progress, console.width), refresh=True)

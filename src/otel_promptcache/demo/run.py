"""The demo as a whole: half an hour of traffic, replayed in a few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live

from otel_promptcache.demo.summary import Summary
from otel_promptcache.demo.tables import live_view
from otel_promptcache.demo.telemetry import observed
from otel_promptcache.demo.traffic import Traffic
from otel_promptcache.sim import SimConfig, Simulator
from otel_promptcache.sim.workloads import DEPLOYMENTS, WORKLOADS

DEFAULT_SECONDS = 15.0

_TRAFFIC_SECONDS = 30 * 60.0
_PREFILL_SECONDS_PER_1K_TOKENS = 0.1
_REFRESH_SECONDS = 0.125


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a demo ended."""

    summary: Summary
    was_interrupted: bool
    """From the keyboard; the summary is of what had been sent by then."""


class FastClock:
    """A clock that runs faster than time, so that the provider sees requests at their true rate.

    Args:
        speed: Simulated seconds in a real one.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._start_seconds = time.time()
        self._start_ticks = time.monotonic()

    def now_seconds(self) -> float:
        """Return seconds since the Unix epoch, never going backwards."""
        return self._start_seconds + (time.monotonic() - self._start_ticks) * self._speed


def local_provider(seconds: float, seed: int) -> Simulator:
    """Return the provider for a demo of so many seconds, not running yet."""
    # In a shorter demo there is less time for each request, too.
    haste = min(1.0, seconds / DEFAULT_SECONDS)
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
        seconds: How long it is to take.
        seed: The same seed gives the same requests.
        live: Show a table that is kept up to date; only for a terminal.
    """
    traffic = Traffic(provider.url, WORKLOADS, seconds=seconds, seed=seed)
    was_interrupted = False
    with observed() as read:
        try:
            with traffic:
                if live:
                    _watch(traffic, read, console, seconds)
                else:
                    console.print(f"{len(WORKLOADS)} applications at work for about {seconds:g} seconds ...")
                    traffic.wait()
        except KeyboardInterrupt:
            was_interrupted = True
        return Outcome(read(), was_interrupted)


def _watch(traffic: Traffic, read: Callable[[], Summary], console: Console, seconds: float) -> None:
    with Live(console=console, transient=True, auto_refresh=False) as view:
        while not traffic.wait(_REFRESH_SECONDS):
            picture = live_view(read(), traffic.requests, traffic.elapsed_seconds, seconds)
            view.update(picture, refresh=True)

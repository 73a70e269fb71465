"""This package's instrumentation in the current process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.instrumentations import OURS, by_name
from benchmarks.sampling import subject
from benchmarks.switch import Switch
from benchmarks.telemetry import Telemetry
from benchmarks.workloads import short_chat, stable_response
from otel_promptcache import uninstrument


@contextmanager
def switched(telemetry: Telemetry) -> Iterator[Switch]:
    """Install it with every setting on; it is initially off, and removed after the block."""
    for workload in (short_chat(), stable_response()):
        with subject(workload, is_async=False) as run:
            run(1)  # the SDK imports its parts on first use
    switch = Switch(lambda: by_name(OURS).install(telemetry))
    try:
        yield switch
    finally:
        switch.on()
        uninstrument()

"""If nothing arrives, one line says why, only once, and later calls are not slowed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from opentelemetry.metrics import MeterProvider, NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider as SdkMeterProvider
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
from opentelemetry.trace import NoOpTracerProvider, TracerProvider

from otel_promptcache.sim import Simulator
from otel_promptcache.telemetry import silence
from otel_promptcache.telemetry.silence import Silence

CALLS = """
import otel_promptcache
from openai import OpenAI
client = OpenAI()
def call():
    client.chat.completions.create(model="gpt-4.1", messages=[{"role": "user", "content": "Hi"}])
otel_promptcache.instrument()
"""
SET_UP = """
from opentelemetry import {signal}
from opentelemetry.sdk.{signal} import {provider}
{signal}.set_{name}_provider({provider}())
"""
TRACES = SET_UP.format(signal="trace", name="tracer", provider="TracerProvider")
METRICS = SET_UP.format(signal="metrics", name="meter", provider="MeterProvider")
AGAIN = "otel_promptcache.uninstrument(); otel_promptcache.instrument()"
CHILD = "import os; child = os.fork()\nif not child: client = OpenAI(); call(); os._exit(0)\nos.waitpid(child, 0); call()"


def said(simulator: Simulator, source: str, **environment: str) -> str:
    """What a program writes to standard error."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    own = {"OPENAI_BASE_URL": simulator.base_url, "OPENAI_API_KEY": "key", **environment}
    done = subprocess.run(
        [sys.executable, "-c", source],
        env={**inherited, **own},
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    return done.stderr


@pytest.mark.parametrize(
    ("source", "times"),
    [
        (f"{CALLS}", 0),
        (f"{CALLS}call()", 1),
        (f"{CALLS}call(); call()\n{AGAIN}\ncall()", 1),
        (f"{CALLS}call()\n{CHILD}", 1),
        (f"{TRACES}{METRICS}{CALLS}call()", 0),
        (f"{CALLS}{TRACES}{METRICS}call()", 0),  # set up later than instrument(), which is early enough
        (f"{CALLS}{TRACES}call()", 0),
        (f"{CALLS}{METRICS}call()", 0),
    ],
)
def test_a_process_without_the_sdk_says_so_at_its_first_call(
    simulator: Simulator, source: str, times: int
) -> None:
    text = said(simulator, source)
    assert text.count("No OpenTelemetry SDK is set up") == times
    assert len(text.splitlines()) == times
    for remedy in ("set_tracer_provider()", "OTEL_EXPORTER_OTLP_ENDPOINT", "otel-promptcache run"):
        assert text.count(remedy) == times


@pytest.mark.parametrize("tracers", [None, NoOpTracerProvider(), SdkTracerProvider()])
@pytest.mark.parametrize("meters", [None, NoOpMeterProvider(), SdkMeterProvider()])
def test_whoever_listens_is_enough(
    tracers: TracerProvider | None, meters: MeterProvider | None, caplog: pytest.LogCaptureFixture
) -> None:
    telling = Silence()
    telling.tell(tracers, meters)
    telling.tell(tracers, meters)
    is_silent = not isinstance(tracers, SdkTracerProvider) and not isinstance(meters, SdkMeterProvider)
    assert len(caplog.messages) == is_silent


def test_it_is_looked_for_at_the_first_call_only(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (
        f"{CALLS}from otel_promptcache.telemetry import silence\ncall()\nsilence._is_silent = None\ncall()"
    )
    assert said(simulator, source).count("\n") == 1
    assert silence._is_silent is not None


@pytest.mark.parametrize("level", ["ERROR", "WARNING"])
def test_the_logger_is_what_an_application_expects(simulator: Simulator, level: str) -> None:
    source = f"import logging; logging.getLogger('otel_promptcache').setLevel('{level}'){CALLS}call()"
    assert said(simulator, source).count("No OpenTelemetry SDK") == (level == "WARNING")

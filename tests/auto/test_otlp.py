"""`opentelemetry-instrument python app.py` and an address are enough: spans and metrics arrive."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from otel_promptcache.sim import Simulator
from tests.first_hour.otlp import PROTOCOLS, receiving

APPLICATION = """
from openai import OpenAI
client = OpenAI()
for _ in range(2):
    client.chat.completions.create(model="gpt-4.1", messages=[{"role": "user", "content": "Help. " * 2000}])
"""
LAUNCHER = Path(sys.executable).with_name("opentelemetry-instrument")


def test_the_extra_brings_launcher_and_exporter() -> None:
    requirements = [Requirement(text) for text in requires("otel-promptcache") or ()]
    brought = {one.name for one in requirements if one.marker and one.marker.evaluate({"extra": "auto"})}
    assert {"opentelemetry-distro", "opentelemetry-sdk", "opentelemetry-exporter-otlp"} <= brought


@pytest.mark.parametrize("protocol", [*PROTOCOLS, None])
def test_spans_and_metrics_arrive(protocol: str | None, simulator: Simulator, tmp_path: Path) -> None:
    script = tmp_path / "app.py"
    script.write_text(APPLICATION, encoding="utf-8")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    stated = {} if protocol is None else {"OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
    with receiving(protocol or "grpc") as (endpoint, received):  # gRPC is the launcher's default
        done = subprocess.run(
            [LAUNCHER, sys.executable, script],
            env={
                **inherited,
                **stated,
                "OPENAI_BASE_URL": simulator.base_url,
                "OPENAI_API_KEY": "key",
                "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
                "OTEL_LOGS_EXPORTER": "none",
                "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "openai,openai_v2,genai_openai",
            },
            capture_output=True,
            text=True,
            timeout=180,
            check=True,
        )
        assert done.stderr == ""
        assert received.span_names.count("chat gpt-4.1") == 2
        assert {"promptcache.requests", "promptcache.tokens"} <= received.metric_names

"""Without code: `opentelemetry-instrument`, set up by the environment and by a configuration file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from otel_promptcache.sim import Simulator
from tests.e2e.surfaces import CHAT

APPLICATION = """
import json, sys
from openai import OpenAI
from opentelemetry import metrics
client = OpenAI(base_url=sys.argv[1], api_key="key")
for _ in range(2):
    client.chat.completions.create(model="gpt-4o", messages=json.loads(sys.argv[2]))
metrics.get_meter_provider().force_flush()
"""


def run_application(simulator: Simulator, tmp_path: Path, **environment: str) -> str:
    """Run a program that knows nothing of us under `opentelemetry-instrument`, and return what it prints."""
    script = tmp_path / "application.py"
    script.write_text(APPLICATION)
    launcher = Path(sys.executable).with_name("opentelemetry-instrument")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    return subprocess.run(
        [launcher, sys.executable, script, simulator.base_url, json.dumps(CHAT["messages"])],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout


def test_auto_instrumentation_by_the_environment(simulator: Simulator, tmp_path: Path) -> None:
    output = run_application(
        simulator,
        tmp_path,
        OTEL_TRACES_EXPORTER="console",
        OTEL_METRICS_EXPORTER="console",
        OTEL_LOGS_EXPORTER="none",
        OTEL_PYTHON_PROMPTCACHE_SEMCONV="off",
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="openai,openai_v2",
    )
    assert '"promptcache.result": "hit"' in output
    assert '"name": "promptcache.savings"' in output
    assert "gen_ai.client.operation.duration" not in output


def test_declarative_configuration(simulator: Simulator, tmp_path: Path) -> None:
    config = tmp_path / "otel.yaml"
    config.write_text("""
file_format: "1.0"
tracer_provider:
  processors:
    - simple:
        exporter:
          console:
meter_provider:
  readers:
    - periodic:
        exporter:
          console:
instrumentation/development:
  python:
    openai_promptcache:
      semconv: latest
      prices:
        gpt-4o: {input: 100.0, cache_read: 10.0}
""")
    output = run_application(
        simulator,
        tmp_path,
        OTEL_CONFIG_FILE=str(config),
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="openai,openai_v2",
    )
    assert '"promptcache.result": "hit"' in output
    assert '"name": "gen_ai.client.inference.duration"' in output

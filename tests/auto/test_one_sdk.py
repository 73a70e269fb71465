"""An application with only one of the SDKs, instrumented without code."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import importlib, sys
from importlib import metadata

class Hidden(metadata.PackageNotFoundError): pass
found = metadata.Distribution.from_name

def from_name(name):
    if name == sys.argv[1]:
        raise Hidden(name)
    return found(name)

metadata.Distribution.from_name = from_name
for name in sys.argv[1:2]:
    sys.modules[name] = None  # what an import of a package that is not there comes to

from opentelemetry.instrumentation.auto_instrumentation import initialize
initialize()
from otel_promptcache import PromptCacheInstrumentor
print("instrumented:", PromptCacheInstrumentor().is_instrumented_by_opentelemetry)
for package in ("openai", "anthropic"):
    try:
        importlib.import_module(package)
    except ImportError:
        pass
    base_client = sys.modules.get(f"{package}._base_client")
    print(package, base_client is not None and hasattr(base_client.BaseClient._build_request, "_otel_promptcache"))
"""


@pytest.mark.parametrize("missing", ["openai", "anthropic"])
def test_no_line_of_code_and_one_sdk(missing: str) -> None:
    """Run what `opentelemetry-instrument` runs at the start of a program."""
    environment = {
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, missing],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    expected = {"openai": missing != "openai", "anthropic": missing != "anthropic"}
    assert ran.stdout.splitlines() == [
        "instrumented: True",
        *(f"{name} {value}" for name, value in expected.items()),
    ], ran.stderr

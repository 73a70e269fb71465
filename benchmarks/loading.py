"""Times import and installation of an instrumentation in its own environment; `benchmarks.imports` starts it."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import sys
import time

import openai
import opentelemetry.metrics
import opentelemetry.trace

from benchmarks.instrumentations import by_name


def main() -> None:
    """Print the CPU seconds it adds to an application that has already loaded its client and OpenTelemetry's API."""
    logging.disable(logging.CRITICAL)
    instrumentation = by_name(sys.argv[1])
    client = openai.OpenAI(api_key="benchmark")
    # The SDK imports its parts on first use; that cost is not the instrumentation's.
    _ = client.chat.completions.create, client.responses.create
    _ = opentelemetry.metrics.get_meter, opentelemetry.trace.get_tracer
    if importlib.util.find_spec("wrapt"):
        importlib.import_module("wrapt")
    start = time.process_time()
    instrumentation.install(None)
    seconds = time.process_time() - start
    os.write(1, f"\n{seconds}\n".encode())
    # Skip the exit handlers: those of some instrumentations look for a server.
    os._exit(0)


if __name__ == "__main__":
    main()

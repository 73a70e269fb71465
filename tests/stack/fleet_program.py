"""An application in its own process: reads requests from its standard input and prints their spans' attributes.

Each line is a request as JSON, `fork` to continue in a forked child while the parent waits, or `metrics`.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import Any

from anthropic import Anthropic
from openai import OpenAI
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import otel_promptcache


def main(base_url: str, api_key: str, fleet: str, namespace: str, fleet_key: str) -> None:
    """Run until the input ends."""
    logging.basicConfig(level=logging.WARNING)  # on standard error
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracer_provider, meter_provider = TracerProvider(), MeterProvider([reader])
    tracer_provider.add_span_processor(SimpleSpanProcessor(exporter))
    otel_promptcache.instrument(
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
        fleet=fleet,
        fleet_key=fleet_key or None,
        fleet_namespace=namespace,
    )
    openai = OpenAI(base_url=base_url, api_key=api_key, max_retries=0)
    anthropic = Anthropic(base_url=base_url.removesuffix("/v1"), api_key=api_key, max_retries=0)
    while line := sys.stdin.readline():
        if line == "fork\n":
            child = os.fork()
            if child:
                os.waitpid(child, 0)
                return
            answer: Any = None
        elif line == "metrics\n":
            answer = outcomes(reader)
        else:
            call(openai, anthropic, json.loads(line))
            tracer_provider.force_flush()  # by then the store is up to date, if it answers
            answer = dict(exporter.get_finished_spans()[-1].attributes or {})
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def call(openai: OpenAI, anthropic: Anthropic, members: dict[str, Any]) -> None:
    """Call the API that takes these members."""
    if "input" in members:
        openai.responses.create(**members)
    elif "max_tokens" in members:
        anthropic.messages.create(**members)
    else:
        openai.chat.completions.create(**members)


def outcomes(reader: InMemoryMetricReader) -> dict[str, int]:
    """How many operations on the store had each outcome."""
    data = reader.get_metrics_data()
    return {
        str((point.attributes or {})["promptcache.fleet.outcome"]): int(point.value)  # type: ignore[union-attr]
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "promptcache.fleet.operations"
        for point in metric.data.data_points
    }


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Two requests that begin alike: what does the second one find in the prompt cache?

python two_requests.py               a local simulator answers; no key, no network
python two_requests.py --stream      the same as a stream, which shows the time to first token
python two_requests.py --timestamp   what one line at the top of the prompt does to it
python two_requests.py --help        further variants

With OPENAI_API_KEY set, the real API answers (for about two cents), unless --sim is given.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timezone
from typing import Any

from openai import OpenAI
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import otel_promptcache
from otel_promptcache.sim import SimConfig, Simulator

PREFIX = "You are a patient tutor who explains OpenTelemetry. " * 200
QUESTIONS = ("What is a span?", "And what is a metric?")

ROWS = (
    ("result", "promptcache.result", "{}"),
    ("input tokens", "gen_ai.usage.input_tokens", "{:,}"),
    ("  read from the cache", "gen_ai.usage.cache_read.input_tokens", "{:,}"),
    ("  written to the cache", "gen_ai.usage.cache_write.input_tokens", "{:,}"),
    ("hit ratio", "promptcache.hit_ratio", "{:.1%}"),
    ("net dollars saved", "promptcache.savings.amount", "{:.6f}"),
    ("time to first token", "promptcache.time_to_first_token", "{:.3f} s"),
)


def main() -> None:
    """Ask both questions and print what the spans say about them."""
    options = parse_arguments()
    exporter = instrument()

    with ExitStack() as stack:
        if options.sim:
            simulator = stack.enter_context(Simulator(SimConfig(prefill_seconds_per_1k_tokens=0.3)))
            client = OpenAI(base_url=simulator.base_url, api_key="any")
        else:
            client = OpenAI()
        stack.enter_context(client)
        for question in QUESTIONS:
            ask(client, question, options)

    print(f"{options.model}, {'the simulator' if options.sim else client.base_url}")
    print_table(exporter.get_finished_spans())


def instrument() -> InMemorySpanExporter:
    """Instrument all clients, and keep the spans to be printed."""
    exporter = InMemorySpanExporter()
    tracer_provider = TracerProvider()
    tracer_provider.add_span_processor(SimpleSpanProcessor(exporter))
    otel_promptcache.instrument(tracer_provider=tracer_provider)  # this is all it takes
    return exporter


def print_table(spans: Sequence[ReadableSpan]) -> None:
    """Print what both spans say, line by line."""
    print(f"{'':24}{'1st call':>12}{'2nd call':>12}")
    for title, attribute, form in ROWS:
        values = [(span.attributes or {}).get(attribute) for span in spans]
        cells = ["-" if value is None else form.format(value) for value in values]
        print(f"{title:24}" + "".join(f"{cell:>12}" for cell in cells))


def ask(client: OpenAI, question: str, options: argparse.Namespace) -> None:
    """Send the long prefix and a question."""
    text = PREFIX
    if options.timestamp:
        text = f"It is {datetime.now(timezone.utc)}.\n{text}"
    instructions: dict[str, Any] = {"type": "input_text", "text": text}
    if options.breakpoint and re.match(r"gpt-(5\.[6-9]|[6-9])", options.model):
        # From gpt-5.6 on, requests share what ends at a breakpoint. Older models reject the field.
        instructions["prompt_cache_breakpoint"] = {"mode": "explicit"}
    developer = {"role": "developer", "content": [instructions]}
    messages = [developer, {"role": "user", "content": question}]
    reply = client.responses.create(model=options.model, input=messages, stream=options.stream)
    if options.stream:
        for _ in reply:
            pass


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Two requests that begin alike.")
    has_no_key = not os.environ.get("OPENAI_API_KEY")
    parser.add_argument("--sim", action="store_true", default=has_no_key, help="ask the local simulator")
    parser.add_argument("--stream", action="store_true", help="stream the answers")
    parser.add_argument("--timestamp", action="store_true", help="put the current time before the prefix")
    parser.add_argument("--no-breakpoint", dest="breakpoint", action="store_false", help="mark nothing")
    parser.add_argument("--model", default="gpt-5.6-terra", help="such as gpt-4.1 (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()

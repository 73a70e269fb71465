"""An application for gunicorn that answers with the span attributes of its own calls."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from openai import DefaultHttpxClient, OpenAI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_promptcache.sim import filler_text
from tests.stack.served import PROVIDER, READY

QUESTION, TOOLS, GREETING = "/question", "/tools", "/greeting"
_RULES = {"role": "system", "content": filler_text(1_500, "worker")}
_TOOLS = [
    {"type": "function", "function": {"name": f"tool_{number}", "description": filler_text(60, seed=number)}}
    for number in range(12)
]
_spans = InMemorySpanExporter()
_provider = TracerProvider()
_provider.add_span_processor(SimpleSpanProcessor(_spans))
trace.set_tracer_provider(_provider)


@cache
def _client() -> OpenAI:
    """Return a client that is made in the worker, not in the process it was forked from."""
    return OpenAI(
        base_url=os.environ[PROVIDER], api_key="any", http_client=DefaultHttpxClient(trust_env=False)
    )


@cache
def _own_order() -> list[dict[str, Any]]:
    """Return the tools in this worker's own order, as if they came out of a set."""
    return random.Random(os.getpid()).sample(_TOOLS, len(_TOOLS))  # noqa: S311  # an order, no secret


def wsgi(environ: dict[str, Any], respond: Callable[..., Any]) -> Iterable[bytes]:
    """Make the call that the path names, and answer with the process id and the attributes of its span."""
    path = environ["PATH_INFO"]
    attributes: dict[str, Any] = {}
    if path != READY:
        messages: Any = [{"role": "user", "content": "Hi"}]
        if path != GREETING:
            messages = [_RULES, *messages]
        more: Any = {"tools": _own_order()} if path == TOOLS else {}
        _client().chat.completions.create(model="gpt-4.1", messages=messages, **more)
        attributes = dict(_spans.get_finished_spans()[-1].attributes or {})
        _spans.clear()
    respond("200 OK", [("content-type", "application/json")])
    return [json.dumps({"process": os.getpid(), "attributes": attributes}).encode()]

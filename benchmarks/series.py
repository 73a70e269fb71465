"""Counts the time series that one process adds to a metrics backend, and prints the table of docs/scale.md.

The calls are real, instrumented calls of the SDK; the provider is a transport inside the process.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import openai
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

from benchmarks.transport import BASE_URL
from otel_promptcache import instrument, uninstrument

# The SDK is built on httpx up to 2.x and on httpx2 from 3.0.
_http: Any = sys.modules[openai.DefaultHttpxClient.__mro__[1].__module__]

MODELS = ("gpt-4.1", "gpt-5.6-sol", "gpt-4o", "gpt-5-mini", "gpt-5.6-terra")
HISTOGRAMS = ("buckets", "exponential", "off")

_TOKENS, _CACHED_TOKENS = 2_000, 1_920
_FLAWED_EVERY = 5
_LOST_EVERY = 40
"""In each period of this many requests, the provider misses one prompt completely and another by half."""


@dataclass(frozen=True, slots=True)
class Application:
    """An application with several templates, each of which is sent to each model in turn."""

    templates: int
    models: int
    requests: int

    def prompts(self) -> Iterator[tuple[str, str, int]]:
        """Yield model, system prompt and cached tokens of each request."""
        for number in range(self.requests):
            turn, template = divmod(number, self.templates)
            model = MODELS[turn % self.models]
            system = _text(template)
            if template % _FLAWED_EVERY == 0:  # a timestamp on top, so nothing is ever read from the cache
                yield model, f"It is {1_800_000_000 + 60 * number}.\n{system}", 0
            elif turn < self.models or number % _LOST_EVERY == 0:
                yield model, system, 0
            else:
                yield model, system, _CACHED_TOKENS // (2 if number % _LOST_EVERY == 1 else 1)


SMALL = Application(templates=10, models=1, requests=400)
LARGE = Application(templates=100, models=5, requests=3_000)


def _text(template: int) -> str:
    # Letters only, because fingerprints ignore numbers.
    name = "".join(chr(ord("a") + int(digit)) for digit in str(template))
    return f"You are assistant {name} of a shop. " + f"Rule {name} says what you do next. " * 220


class _Provider(_http.BaseTransport):
    """Streams an answer with a given usage."""

    def __init__(self) -> None:
        self.cached_tokens = 0

    def handle_request(self, request: Any) -> Any:
        model = json.loads(request.content)["model"]
        details: dict[str, int] = {"cached_tokens": self.cached_tokens}
        if model.startswith("gpt-5.6"):
            details["cache_write_tokens"] = 0 if self.cached_tokens else _CACHED_TOKENS
        usage = {
            "prompt_tokens": _TOKENS,
            "completion_tokens": 5,
            "total_tokens": _TOKENS + 5,
            "prompt_tokens_details": details,
        }
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}
        choice = {"index": 0, "delta": {"content": "word"}, "finish_reason": None}
        documents = [{**head, "choices": [choice]}, {**head, "choices": [], "usage": usage}]
        text = "".join(f"data: {json.dumps(one)}\n\n" for one in documents) + "data: [DONE]\n\n"
        headers = {"content-type": "text/event-stream"}
        return _http.Response(200, headers=headers, content=text.encode(), request=request)


def count(application: Application, histograms: str) -> Counter[str]:
    """Count the Prometheus series of each metric after all requests of an application."""
    reader = InMemoryMetricReader()
    meter_provider = MeterProvider([reader], shutdown_on_exit=False)
    provider = _Provider()
    instrument(
        meter_provider=meter_provider,
        tracer_provider=TracerProvider(shutdown_on_exit=False),
        histograms=histograms,
    )
    try:
        with openai.OpenAI(
            api_key="any", base_url=BASE_URL, http_client=_http.Client(transport=provider)
        ) as client:
            for number, (model, system, provider.cached_tokens) in enumerate(application.prompts()):
                for _ in client.chat.completions.create(
                    model=model,
                    messages=[
                        {"role": "system", "content": system},
                        {"role": "user", "content": f"Question {number}"},
                    ],
                    stream=True,
                    stream_options={"include_usage": True},
                ):
                    pass
    finally:
        uninstrument()
    series = Counter({"target_info": 1})
    data = reader.get_metrics_data()
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                series[metric.name] += sum(_series_of(point) for point in metric.data.data_points)
    meter_provider.shutdown()
    return series


def _series_of(point: object) -> int:
    """Buckets including +Inf, sum and count; an exponential histogram is one native histogram."""
    return len(point.explicit_bounds) + 3 if isinstance(point, HistogramDataPoint) else 1


MEASURED = tuple((application, histograms) for application in (SMALL, LARGE) for histograms in HISTOGRAMS)
"""The rows of the table in docs/scale.md."""


def table(counted: Mapping[tuple[Application, str], int]) -> str:
    """Format the table of docs/scale.md from the series of each application with each setting."""
    lines = [
        "| application | `histograms` | series, one process | 50 pods | 50 pods of 8 workers |",
        "| --- | --- | --- | --- | --- |",
    ]
    for (application, histograms), series in counted.items():
        models = "1 model" if application.models == 1 else f"{application.models} models"
        name = f"{application.templates} templates, {models}, {application.requests:,} requests"
        cells = (name, f"`{histograms}`", *(f"{series * factor:,}" for factor in (1, 50, 400)))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    found = {measured: count(*measured) for measured in MEASURED}
    print(table({measured: series.total() for measured, series in found.items()}))  # noqa: T201
    for metric, number in sorted(found[LARGE, "buckets"].items()):
        print(f"{metric:45} {number:6,}")  # noqa: T201

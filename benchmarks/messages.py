"""CPU time of a call of Anthropic's SDK: without instrumentation, with the SDK's own spans, with ours and with others.

Run it with `python -m benchmarks.messages [--quick] [--calls N]`. The other instrumentations are those that are
installed; a missing one is left out and named.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2
from anthropic import Anthropic

from benchmarks.display import print_section, print_table, progress
from benchmarks.sampling import Spread
from benchmarks.telemetry import Telemetry

_ROUNDS, _QUICK_ROUNDS = 7, 2
_CALLS, _WARM_UP_CALLS = 400, 100
_NATIVE = "ANTHROPIC_OPEN_TELEMETRY"
_USAGE = {
    "input_tokens": 20, "cache_read_input_tokens": 4_600, "cache_creation_input_tokens": 0,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}, "output_tokens": 7,
    "service_tier": "standard",
}  # fmt: skip
_MARK = {"cache_control": {"type": "ephemeral"}}
_STREAM = "stream"
_TURNS = {"conversation of 5 turns": 5, "conversation of 20 turns": 20}
_RULES = "Answer in the style of the house, and never promise a date. " * 380
_TOOLS = [
    {"name": f"tool_{index}", "description": "Looks something up. " * 20, "input_schema": {"type": "object"}}
    for index in range(4)
]
_HISTORY: list[dict[str, Any]] = [
    {
        "role": role,
        "content": [{"type": "text", "text": f"{role} {turn}: " + "it is one thing or another. " * 15}],
    }
    for turn in range(max(_TURNS.values()))
    for role in ("user", "assistant")
]


def _peer(
    name: str, module: str, class_name: str
) -> tuple[str, Callable[[Telemetry, ExitStack], None] | None]:
    def install(telemetry: Telemetry, stack: ExitStack) -> None:
        instrumentor = getattr(importlib.import_module(module), class_name)()
        instrumentor.instrument(
            tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider
        )
        stack.callback(instrumentor.uninstrument)

    try:
        is_there = importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        is_there = False
    return name, install if is_there else None


def _nothing(telemetry: Telemetry, stack: ExitStack) -> None:
    del telemetry, stack


def _ours(telemetry: Telemetry, stack: ExitStack) -> None:
    stack.enter_context(telemetry.instrumented())


def _native(telemetry: Telemetry, stack: ExitStack) -> None:
    from opentelemetry import metrics, trace  # noqa: PLC0415  # only if the SDK's own spans are measured

    del stack
    trace.set_tracer_provider(telemetry.tracer_provider)
    metrics.set_meter_provider(telemetry.meter_provider)


def _both(telemetry: Telemetry, stack: ExitStack) -> None:
    _native(telemetry, stack)
    _ours(telemetry, stack)


VARIANTS: Mapping[str, Callable[[Telemetry, ExitStack], None] | None] = dict(
    (
        ("off", _nothing),
        ("off again", _nothing),
        ("ours", _ours),
        ("native", _native),
        ("native + ours", _both),
        _peer("genai-anthropic", "opentelemetry.instrumentation.genai.anthropic", "AnthropicInstrumentor"),
        _peer("openinference", "openinference.instrumentation.anthropic", "AnthropicInstrumentor"),
    )
)


def _message(**members: Any) -> dict[str, Any]:
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-5",
        "content": [{"type": "text", "text": "On its way."}], "stop_reason": "end_turn", "stop_sequence": None,
        "usage": _USAGE, **members,
    }  # fmt: skip


def _events(words: int) -> Iterator[dict[str, Any]]:
    yield {"type": "message_start", "message": _message(content=[], stop_reason=None)}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    for _ in range(words):
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "word "}}
    yield {"type": "content_block_stop", "index": 0}
    yield {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}}
    yield {"type": "message_stop"}


_NUMBERS = itertools.count()


@contextmanager
def calling(words: int = 10) -> Iterator[Callable[[str, int], None]]:
    """Yield a function that makes calls of a workload, each with a new question; a stream has that many words."""
    body = json.dumps(_message()).encode()
    events = [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in _events(words)]

    def answer(request: httpx2.Request) -> httpx2.Response:
        if b'"stream":true' in request.content:
            return httpx2.Response(200, content=iter(events), headers={"content-type": "text/event-stream"})
        return httpx2.Response(200, content=body, headers={"content-type": "application/json"})

    http_client = httpx2.Client(transport=httpx2.MockTransport(answer))
    with Anthropic(api_key="key", http_client=http_client) as client:

        def run(name: str, calls: int) -> None:
            for _ in range(calls):
                reply: Any = client.messages.create(**_request(name, next(_NUMBERS)))
                for _ in reply if name.endswith(_STREAM) else ():
                    pass

        yield run


def _request(name: str, number: int) -> dict[str, Any]:
    question = {"role": "user", "content": f"Where is order {number}?"}
    history = _HISTORY[: 2 * _TURNS.get(name, 0)]
    request: dict[str, Any] = {
        "model": "claude-opus-5",
        "max_tokens": 64,
        "messages": [*history, question],
    }
    if name != "60 tokens":
        request |= {"system": [{"type": "text", "text": _RULES, **_MARK}], "tools": _TOOLS}
    if history:  # the marker that applications set to have a conversation cached
        request["cache_control"] = _MARK["cache_control"]
    return {**request, "stream": True} if name.endswith(_STREAM) else request


WORKLOADS = (
    "60 tokens",
    "4,600 tokens marked + tools",
    "4,600 tokens marked + tools, stream",
    *_TURNS,
)


def child(variant: str, calls: int) -> dict[str, float]:
    """The CPU time of a call of each workload, in µs, exported spans included."""
    telemetry = Telemetry()
    install = VARIANTS[variant] or _nothing
    with ExitStack() as stack:
        install(telemetry, stack)
        run = stack.enter_context(calling())
        found: dict[str, float] = {}
        for name in WORKLOADS:
            run(name, _WARM_UP_CALLS)
            telemetry.flush_spans()
            started = time.process_time()
            run(name, calls)
            telemetry.flush_spans()
            found[name] = (time.process_time() - started) / calls * 1e6
    telemetry.close()
    return found


def main() -> None:
    """Measure everything in rounds, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, for a first look")
    parser.add_argument("--calls", type=int, default=_CALLS, help="calls of each sample")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options.child, options.calls)))  # noqa: T201  # for the parent
        return
    there = [name for name, install in VARIANTS.items() if install is not None]
    samples: dict[str, list[dict[str, float]]] = {name: [] for name in there}
    rounds = _QUICK_ROUNDS if options.quick else _ROUNDS
    with progress(rounds) as advance:
        for turn in range(rounds):
            advance(f"messages: round {turn + 1} of {rounds}")
            for name in there if turn % 2 else reversed(there):
                samples[name].append(_measured(name, options.calls))
    print_section(
        "CPU time added to a call of Anthropic's SDK",
        "µs added, and in brackets the ratio of on to off; medians of samples, each in its own process. "
        + (
            ""
            if len(there) == len(VARIANTS)
            else "Not installed: " + ", ".join(sorted(set(VARIANTS) - set(there)))
        ),
    )
    others = [name for name in there if name != "off"]
    print_table(("Workload", "off µs", *others), [_row(name, samples, others) for name in WORKLOADS])


def _row(workload: str, samples: Mapping[str, list[dict[str, float]]], others: list[str]) -> tuple[str, ...]:
    off = [each[workload] for each in samples["off"]]
    cells = [workload, f"{Spread.of(off).median:,.0f}"]
    for name in others:
        pairs = list(zip(off, [each[workload] for each in samples[name]], strict=True))
        added = Spread.of([on - none for none, on in pairs]).median
        ratio = Spread.of([on / none for none, on in pairs])
        cells.append(f"{added:+,.0f} ({ratio.median:.2f} ±{(ratio.high - ratio.low) / 2:.2f})")
    return tuple(cells)


def _measured(variant: str, calls: int) -> dict[str, float]:
    environment = {**os.environ, _NATIVE: "true" if variant.startswith("native") else "false"}
    done = subprocess.run(  # noqa: S603  # ourselves
        [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "benchmarks.messages",
            "--child",
            variant,
            "--calls",
            str(calls),
        ],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()

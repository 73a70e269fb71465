"""What else may be around a call: agents and tools, suppression, other calls at the same time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from openai.types.chat import ChatCompletion
from opentelemetry.instrumentation.utils import suppress_instrumentation

from .emitted import Emitted, enriched, scopes
from .instrumentations import (
    OFFICIAL,
    ORDERS,
    OURS,
    SCOPES,
    Instrumentations,
    Order,
    emitters,
    innermost,
    the_enriched_span,
)
from .surfaces import APIS, CHAT, RESPONSES, Api, Caller, Surface, create, create_stream
from .wire import answering, in_turn

CallerTo = Callable[..., Caller]

FRAMEWORK = "a.framework"
CONTAINERS = [
    {"gen_ai.operation.name": "invoke_agent"},
    {"gen_ai.operation.name": "execute_tool"},
    {"openinference.span.kind": "AGENT"},
    {"openinference.span.kind": "TOOL"},
    {"openinference.span.kind": "CHAIN"},
]


@pytest.mark.parametrize("use", [create, create_stream], ids=lambda use: use.__name__)
@pytest.mark.parametrize("container", CONTAINERS, ids=lambda attributes: next(iter(attributes.values())))
@pytest.mark.parametrize("installed", [(OURS,), *ORDERS], ids="-".join)
async def test_the_span_of_an_agent_or_a_tool_contains_a_call_but_is_none(
    emitted: Emitted,
    instrumentations: Instrumentations,
    caller_to: CallerTo,
    installed: Order,
    container: dict[str, str],
    use: Callable[..., object],
) -> None:
    instrumentations.install(*installed)
    tracer = emitted.tracer_provider.get_tracer(FRAMEWORK)

    with tracer.start_as_current_span("container", attributes=container) as around:
        await use(CHAT, caller_to(answering(1_920)))

    spans = emitted.spans()
    assert scopes(spans) == sorted([FRAMEWORK, *emitters(installed)])
    (span,) = enriched(spans)
    assert span.instrumentation_scope.name == SCOPES[innermost(installed)]
    children = [span for span in spans if span.parent == around.get_span_context()]
    assert len(children) == 1
    assert len(emitted.requests()) == 1


@pytest.mark.parametrize("surface", [Surface(CHAT, create), Surface(RESPONSES, create_stream)], ids=str)
@pytest.mark.parametrize("installed", ORDERS, ids="-".join)
async def test_suppressed_instrumentation_is_silent(
    emitted: Emitted,
    instrumentations: Instrumentations,
    caller_to: CallerTo,
    installed: Order,
    surface: Surface,
) -> None:
    expected = await surface(caller_to(answering(1_920)))
    instrumentations.install(*installed)

    with suppress_instrumentation():
        seen = await surface(caller_to(answering(1_920)))

    assert seen == expected
    assert enriched(emitted.spans()) == []  # the official package does not ask whether it is suppressed
    assert emitted.requests() == []


@pytest.mark.parametrize("installed", ORDERS, ids="-".join)
async def test_a_call_that_no_peer_sees_has_a_span_and_standard_metrics_of_ours(
    emitted: Emitted, instrumentations: Instrumentations, caller_to: CallerTo, installed: Order
) -> None:
    instrumentations.install(*installed)
    caller = caller_to(answering(1_920))

    # The official package wraps the resources' methods; gateways such as LiteLLM post on their own.
    await caller.got(caller.client.post("/chat/completions", cast_to=ChatCompletion, body=CHAT.request))

    observers = [name for name in installed if name != OFFICIAL]
    assert the_enriched_span(emitted, observers)["promptcache.hit_ratio"] == 0.9375
    assert len(emitted.requests()) == 1


@pytest.mark.parametrize("api", APIS, ids=str)
@pytest.mark.parametrize("installed", ORDERS, ids="-".join)
async def test_two_streams_at_once_keep_to_their_own_spans(
    emitted: Emitted, instrumentations: Instrumentations, caller_to: CallerTo, installed: Order, api: Api
) -> None:
    instrumentations.install(*installed)
    caller = caller_to(in_turn(answering(1_920), answering(0)))
    request = {**api.request, **api.streaming}

    read_from_cache = await caller.got(api.resource(caller.client).create(**request))
    not_read_from_cache = await caller.got(api.resource(caller.client).create(**request, temperature=0.5))
    await caller.first(read_from_cache)
    await caller.first(not_read_from_cache)
    for stream in (read_from_cache, not_read_from_cache):
        assert [item async for item in caller.each(stream)]

    spans = emitted.spans()
    assert scopes(spans) == sorted(2 * emitters(installed))
    ratios = {
        "0.5" in f"{span.attributes}": span.attributes["promptcache.hit_ratio"] for span in enriched(spans)
    }
    assert ratios == {False: 0.9375, True: 0.0}
    assert sorted(request["promptcache.result"] for request in emitted.requests()) == ["hit", "miss"]

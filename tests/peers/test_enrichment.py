"""Alongside another instrumentation of the SDK, a call adds to that one's span and repeats nothing."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from .emitted import OUR_SCOPE, Emitted
from .instrumentations import (
    ALLOW_UNAWAITED_PARSE,
    OFFICIAL,
    OPENINFERENCE,
    ORDERS,
    OURS,
    SCOPES,
    Instrumentations,
    Order,
    innermost,
    the_enriched_span,
)
from .surfaces import CHAT, KINDS, RESPONSES, SURFACES, Caller, Surface, create, streamed, streamed_stream
from .wire import INPUT_TOKENS, answering

pytestmark = ALLOW_UNAWAITED_PARSE

CallerTo = Callable[..., Caller]
Case = tuple[str, Surface, Order]

CACHE_READ = "gen_ai.usage.cache_read.input_tokens"


def _span_ends_before_the_body(case: Case) -> bool:
    """Whether the innermost peer ends its span when `request` returns, although the body is yet to be read."""
    kind, surface, installed = case
    if surface.use not in (streamed, streamed_stream):
        return False
    if innermost(installed) == OPENINFERENCE:  # reads the response with a `parse()` that it does not await
        return kind == "async"
    # The official package does the same in chat, and does not look at all in Responses.
    return surface.use is streamed and (kind == "async" or surface.api is RESPONSES)


CASES: list[Case] = list(product(KINDS, SURFACES, ORDERS))
KNOWN_LIMITS = [case for case in CASES if _span_ends_before_the_body(case)]
ENRICHED = [case for case in CASES if not _span_ends_before_the_body(case)]


def each_of(cases: list[Case]) -> pytest.MarkDecorator:
    ids = [f"{kind}-{surface}-{'-'.join(installed)}" for kind, surface, installed in cases]
    return pytest.mark.parametrize(("kind", "surface", "installed"), cases, ids=ids)


@pytest.mark.parametrize(("cached_tokens", "result"), [(1_920, "hit"), (0, "miss")])
@each_of(ENRICHED)
async def test_a_call_enriches_the_innermost_span_and_is_counted_once(
    emitted: Emitted,
    instrumentations: Instrumentations,
    caller_to: CallerTo,
    surface: Surface,
    installed: Order,
    cached_tokens: int,
    result: str,
) -> None:
    expected = await surface(caller_to(answering(cached_tokens)))
    instrumentations.install(*installed)

    seen = await surface(caller_to(answering(cached_tokens)))

    assert seen == expected
    span = the_enriched_span(emitted, installed)
    (request,) = emitted.requests()
    assert span["promptcache.prefix.fingerprint"] == request["promptcache.prefix.fingerprint"]
    assert span["promptcache.prefix.digest"]
    assert span["promptcache.result"] == request["promptcache.result"] == result
    assert span["promptcache.hit_ratio"] == cached_tokens / INPUT_TOKENS
    assert (span["promptcache.savings.amount"] > 0) is (cached_tokens > 0)
    assert span[CACHE_READ] == cached_tokens
    assert ("promptcache.time_to_first_token" in span) is surface.is_streaming
    assert emitted.tokens() == {"read": cached_tokens, "uncached": INPUT_TOKENS - cached_tokens}


@each_of(KNOWN_LIMITS)
async def test_where_the_span_ends_before_the_body_the_metrics_have_what_it_lacks(
    emitted: Emitted,
    instrumentations: Instrumentations,
    caller_to: CallerTo,
    surface: Surface,
    installed: Order,
) -> None:
    expected = await surface(caller_to(answering(1_920)))
    instrumentations.install(*installed)

    seen = await surface(caller_to(answering(1_920)))

    assert seen == expected
    span = the_enriched_span(emitted, installed)
    (request,) = emitted.requests()
    assert span["promptcache.prefix.fingerprint"] == request["promptcache.prefix.fingerprint"]
    assert span["promptcache.prefix.digest"]
    assert "promptcache.hit_ratio" not in span
    assert (span["promptcache.result"], request["promptcache.result"]) == ("unknown", "hit")
    assert emitted.tokens() == {"read": 1_920, "uncached": 128}


async def test_a_zero_that_the_official_package_drops_is_added(
    emitted: Emitted, instrumentations: Instrumentations, caller_to: CallerTo
) -> None:
    instrumentations.install(OFFICIAL)
    await create(CHAT, caller_to(answering(1_920)))
    await create(CHAT, caller_to(answering(0)))
    instrumentations.install(OURS)
    await create(CHAT, caller_to(answering(0)))

    assert [span.attributes.get(CACHE_READ) for span in emitted.spans()] == [1_920, None, 0]


@pytest.mark.parametrize("semconv", ["released", "latest"])
@pytest.mark.parametrize("installed", ORDERS, ids="-".join)
async def test_no_generation_of_the_standard_metrics_is_repeated(
    emitted: Emitted,
    instrumentations: Instrumentations,
    caller_to: CallerTo,
    installed: Order,
    semconv: str,
) -> None:
    instrumentations.install(*installed, semconv=semconv)

    await create(CHAT, caller_to(answering(1_920)))

    assert emitted.standard_metrics(OUR_SCOPE) == set()
    theirs = emitted.standard_metrics(SCOPES[OFFICIAL])
    assert ("gen_ai.client.operation.duration" in theirs) is (OFFICIAL in installed)

"""Instrumentations are removed in any order; whatever remains keeps working, and only that."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import openai
import pytest
from opentelemetry import trace

from .emitted import Emitted, enriched, scopes
from .instrumentations import (
    ALLOW_UNAWAITED_PARSE,
    OFFICIAL,
    OPENINFERENCE,
    ORDERS,
    OURS,
    Instrumentations,
    Order,
    emitters,
    the_enriched_span,
)
from .surfaces import APIS, CHAT, RESPONSES, SURFACES, Api, Caller, Surface, create, create_stream
from .wire import answering, refusing

CallerTo = Callable[..., Caller]

JOURNEYS = [(coming, going) for coming in ORDERS for going in permutations(coming)]


def assert_only_these_work(emitted: Emitted, remaining: list[str], counted_before: int) -> None:
    """Check what one hit left behind."""
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert len(emitted.requests()) - counted_before == (OURS in remaining)
    if OURS in remaining:
        assert the_enriched_span(emitted, remaining)["promptcache.result"] == "hit"
    else:
        spans = emitted.spans()
        assert scopes(spans) == emitters(remaining)
        assert enriched(spans) == []


@pytest.mark.parametrize("surface", [Surface(CHAT, create), Surface(RESPONSES, create_stream)], ids=str)
@pytest.mark.parametrize(("coming", "going"), JOURNEYS, ids="-".join)
async def test_after_each_removal_only_what_remains_emits(
    emitted: Emitted,
    instrumentations: Instrumentations,
    caller_to: CallerTo,
    coming: Order,
    going: Order,
    surface: Surface,
) -> None:
    caller = caller_to(answering(1_920))
    expected = await surface(caller)
    instrumentations.install(*coming)

    for leaving in going:
        instrumentations.remove(leaving)
        counted = len(emitted.requests())

        assert await surface(caller) == expected
        assert_only_these_work(emitted, instrumentations.installed, counted)


@pytest.mark.parametrize("api", APIS, ids=str)
@pytest.mark.parametrize("installed", ORDERS, ids="-".join)
async def test_after_coming_back_a_call_is_still_counted_once(
    emitted: Emitted, instrumentations: Instrumentations, caller_to: CallerTo, installed: Order, api: Api
) -> None:
    caller = caller_to(answering(1_920))
    instrumentations.install(*installed)
    instrumentations.remove(OURS)
    instrumentations.install(OURS)

    await create(api, caller)

    assert_only_these_work(emitted, instrumentations.installed, counted_before=0)


@ALLOW_UNAWAITED_PARSE
@pytest.mark.parametrize("surface", SURFACES, ids=str)
@pytest.mark.parametrize("installed", [(OPENINFERENCE, OURS), (OFFICIAL, OPENINFERENCE, OURS)], ids="-".join)
async def test_calls_are_seen_after_openinference_took_our_request_hook_with_it(
    emitted: Emitted,
    instrumentations: Instrumentations,
    caller_to: CallerTo,
    installed: Order,
    surface: Surface,
) -> None:
    expected = await surface(caller_to(answering(1_920)))
    instrumentations.install(*installed)
    instrumentations.remove(OPENINFERENCE)

    assert await surface(caller_to(answering(1_920))) == expected

    (request,) = emitted.requests()
    assert request["promptcache.result"] == "hit"
    assert the_enriched_span(emitted, instrumentations.installed)["promptcache.prefix.digest"]
    assert trace.get_current_span() is trace.INVALID_SPAN


async def test_errors_are_not_seen_after_openinference_took_our_request_hook_with_it(
    emitted: Emitted, instrumentations: Instrumentations, caller_to: CallerTo
) -> None:
    instrumentations.install(OPENINFERENCE, OURS)
    instrumentations.remove(OPENINFERENCE)

    with pytest.raises(openai.BadRequestError):
        await create(CHAT, caller_to(refusing(400)))

    assert emitted.requests() == []
    assert emitted.spans() == []
    assert trace.get_current_span() is trace.INVALID_SPAN

"""Alongside another instrumentation, an error is reported once and reaches the application unchanged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest
from pydantic import BaseModel, ValidationError

from .emitted import OUR_SCOPE, Emitted, scopes
from .instrumentations import (
    ALLOW_UNAWAITED_PARSE,
    ORDERS,
    Instrumentations,
    Order,
    emitters,
    the_enriched_span,
)
from .surfaces import APIS, CHAT, SURFACES, Api, Caller, Surface, create, create_stream
from .wire import answering, in_turn, refusing

CallerTo = Callable[..., Caller]

pytestmark = [ALLOW_UNAWAITED_PARSE, pytest.mark.parametrize("installed", ORDERS, ids="-".join)]


class Country(BaseModel):
    """A type that the answer does not match."""

    population: int


@pytest.mark.parametrize("surface", SURFACES, ids=str)
async def test_an_http_error_is_counted_once_and_its_span_says_that_nothing_is_known(
    emitted: Emitted,
    instrumentations: Instrumentations,
    caller_to: CallerTo,
    surface: Surface,
    installed: Order,
) -> None:
    with pytest.raises(openai.BadRequestError) as expected:
        await surface(caller_to(refusing(400)))
    instrumentations.install(*installed)

    with pytest.raises(openai.BadRequestError) as seen:
        await surface(caller_to(refusing(400)))

    assert (str(seen.value), seen.value.body) == (str(expected.value), expected.value.body)
    span = the_enriched_span(emitted, installed)
    (request,) = emitted.requests()
    assert span["promptcache.prefix.fingerprint"] == request["promptcache.prefix.fingerprint"]
    assert span["promptcache.result"] == request["promptcache.result"] == "unknown"
    assert request["error.type"] == "BadRequestError"


async def test_a_failure_before_the_request_is_built_opens_no_span_of_ours(
    emitted: Emitted, instrumentations: Instrumentations, caller_to: CallerTo, installed: Order
) -> None:
    def api_key() -> str:
        raise LookupError("the vault is closed")

    async def async_api_key() -> str:
        return api_key()

    caller = caller_to(answering(1_920))
    caller.client = caller.client.with_options(api_key=async_api_key if caller.is_async else api_key)
    instrumentations.install(*installed)

    with pytest.raises(LookupError, match="the vault is closed"):
        await create(CHAT, caller)

    assert scopes(emitted.spans()) == emitters(installed)
    assert emitted.standard_metrics(OUR_SCOPE) == set()
    (request,) = emitted.requests()
    assert request["error.type"] == "LookupError"


@pytest.mark.parametrize("api", APIS, ids=str)
async def test_an_answer_that_cannot_be_parsed_still_has_its_usage(
    emitted: Emitted, instrumentations: Instrumentations, caller_to: CallerTo, api: Api, installed: Order
) -> None:
    caller = caller_to(answering(1_920))
    instrumentations.install(*installed)

    with pytest.raises(ValidationError):
        await caller.got(api.resource(caller.client).parse(**api.request, **{api.parsing: Country}))

    assert the_enriched_span(emitted, installed)["promptcache.hit_ratio"] == 0.9375
    (request,) = emitted.requests()
    assert (request["promptcache.result"], request["error.type"]) == ("hit", "ValidationError")


@pytest.mark.parametrize("use", [create, create_stream], ids=lambda use: use.__name__)
@pytest.mark.parametrize("api", APIS, ids=str)
async def test_a_retry_belongs_to_the_same_call(
    emitted: Emitted,
    instrumentations: Instrumentations,
    caller_to: CallerTo,
    api: Api,
    use: Callable[[Api, Caller], Any],
    installed: Order,
) -> None:
    instrumentations.install(*installed)

    await use(api, caller_to(in_turn(refusing(500), answering(1_920)), max_retries=1))

    assert the_enriched_span(emitted, installed)["promptcache.hit_ratio"] == 0.9375
    (request,) = emitted.requests()
    assert request["promptcache.result"] == "hit"
    assert "error.type" not in request

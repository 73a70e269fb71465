"""A real LiteLLM proxy, which answers from its own cache, between the application and the local provider."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from openai import DefaultHttpxClient, OpenAI

from otel_promptcache.sim import Simulator, filler_text
from otel_promptcache.wire.openai.usage import read_usage
from tests.conftest import Telemetry
from tests.stack.litellm import ANTHROPIC_USAGE, KEY, anthropic_provider, litellm_proxy
from tests.stack.parts import PartMissingError
from tests.stack.services import free_port

MODEL, WRITING_MODEL = "gpt-4.1", "gpt-5.6-sol"
PRICES = {MODEL: {"input": 20.0, "cache_read": 5.0}}
"""USD per million tokens, ten times LiteLLM's list prices, so that the two can be distinguished."""
PREFIX_TOKENS = 1_792
"""The part of this test's prompts that the provider caches: whole steps of 128 tokens."""
COUNT_AND_TIME = {"promptcache.requests", "gen_ai.client.operation.duration"}
TIME_STREAMS = {"promptcache.time_to_first_token", "gen_ai.client.operation.time_to_first_chunk"}
NOT_FROM_ITS_CACHE = {"cache": {"no-cache": True}}
"""Tells LiteLLM to ask the provider."""


@pytest.fixture(scope="module")
def proxy_url(session_simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    itself = f"http://127.0.0.1:{port}/v1"
    provider = session_simulator.base_url
    with anthropic_provider() as anthropic:
        models = {
            MODEL: {"model": f"openai/{MODEL}", "api_base": provider, "api_key": "any"},
            WRITING_MODEL: {"model": f"openai/{WRITING_MODEL}", "api_base": provider, "api_key": "any"},
            "claude": {"model": "anthropic/claude-sonnet-4-5", "api_base": anthropic, "api_key": "any"},
            "behind-itself": {"model": f"openai/{MODEL}", "api_base": itself, "api_key": KEY},
        }
        try:
            proxy = litellm_proxy(tmp_path_factory.mktemp("litellm"), models, port)
        except PartMissingError as error:
            pytest.fail(str(error), pytrace=False)
        with proxy:
            url = f"{proxy.url}/v1"
            warm_up = Application(url, "warm-up")
            for surface in ("chat", "responses"):  # its first calls import a lot, and may be retried
                warm_up.ask("Are you there?", surface)
            warm_up.client.close()
            yield url


class Answered(NamedTuple):
    """What the application sees of an answer."""

    headers: dict[str, str]
    usage: dict[str, Any]


class Application:
    """Asks questions through the proxy, with one long instruction that no other test uses."""

    def __init__(self, proxy_url: str, name: str) -> None:
        self.client = OpenAI(
            base_url=proxy_url, api_key=KEY, max_retries=0, http_client=DefaultHttpxClient(trust_env=False)
        )
        self._instruction = filler_text(1_800, name)

    def ask(
        self,
        question: str,
        surface: str = "chat",
        *,
        model: str = MODEL,
        stream: bool = False,
        **options: Any,
    ) -> Answered:
        prompt = [
            {"role": "system", "content": self._instruction},
            {"role": "user", "content": question},
        ]
        if surface == "chat":
            if stream:
                options["stream_options"] = {"include_usage": True}
            raw = self.client.chat.completions.with_raw_response.create(
                model=model, messages=prompt, stream=stream, **options
            )
        else:
            raw = self.client.responses.with_raw_response.create(
                model=model, input=prompt, stream=stream, **options
            )
        parsed = raw.parse()
        if stream:
            last = list(parsed)[-1]
            parsed = last if surface == "chat" else last.response
        return Answered(dict(raw.headers), parsed.usage.model_dump())


@pytest.fixture
def application(
    proxy_url: str, simulator: Simulator, request: pytest.FixtureRequest
) -> Iterator[Application]:
    application = Application(proxy_url, request.node.name)
    yield application
    application.client.close()


@pytest.fixture
def observed(telemetry: Telemetry) -> Telemetry:
    telemetry.instrument(prices=PRICES)
    return telemetry


def last_span(telemetry: Telemetry) -> dict[str, Any]:
    return dict(telemetry.spans[-1].attributes or {})


def totals(telemetry: Telemetry) -> dict[str, float]:
    return {name: telemetry.total(name) for name in telemetry.metrics()}


def changed(before: dict[str, float], after: dict[str, float]) -> set[str]:
    return {name for name in before | after if before.get(name) != after.get(name)}


surfaces = pytest.mark.parametrize("surface", ["chat", "responses"])
streams = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@surfaces
@streams
def test_a_repeated_call_is_answered_by_the_proxy_and_counted_as_that(
    application: Application, observed: Telemetry, simulator: Simulator, surface: str, *, stream: bool
) -> None:
    application.ask("Where is my order?", surface, stream=stream)
    told = last_span(observed)
    assert (told["promptcache.result"], told["promptcache.miss.reason"]) == ("miss", "cold_start")
    before = totals(observed)
    assert [each.status_code for each in simulator.requests] == [200]

    application.ask("Where is my order?", surface, stream=stream)
    assert len(simulator.requests) == 1
    told = last_span(observed)
    assert told["promptcache.result"] == "gateway_hit"
    assert not [name for name in told if "usage" in name or "amount" in name or ".miss" in name]
    assert observed.total("promptcache.requests", promptcache__result="gateway_hit") == 1
    assert changed(before, totals(observed)) == COUNT_AND_TIME | (TIME_STREAMS if stream else set())


@surfaces
@streams
def test_the_providers_prompt_cache_is_seen_through_the_proxy(
    application: Application, observed: Telemetry, simulator: Simulator, surface: str, *, stream: bool
) -> None:
    application.ask("Where is my order?", surface, stream=stream)
    application.ask("How do I return it?", surface, stream=stream)
    first, second = simulator.requests
    assert (first.cache.cached_tokens, second.cache.cached_tokens) == (0, PREFIX_TOKENS)
    assert last_span(observed)["promptcache.result"] == "hit"
    assert observed.total("promptcache.tokens", promptcache__token__state="read") == PREFIX_TOKENS


def test_the_next_real_request_is_judged_by_what_the_provider_was_asked(
    application: Application, observed: Telemetry, simulator: Simulator
) -> None:
    application.ask("Where is my order?")
    for _ in range(40):  # more per minute than a provider serves from one cache
        application.ask("Where is my order?")
    simulator.evict()
    application.ask("How do I return it?")
    told = last_span(observed)
    assert (told["promptcache.miss.reason"], told["promptcache.expected_tokens"]) == (
        "provider",
        PREFIX_TOKENS,
    )
    assert len(simulator.requests) == 2


def test_what_the_proxy_had_from_others_is_not_what_the_provider_has_from_us(
    application: Application, telemetry: Telemetry, simulator: Simulator
) -> None:
    application.ask("Where is my order?")
    simulator.evict()
    telemetry.instrument(prices=PRICES)
    application.ask("Where is my order?")
    assert last_span(telemetry)["promptcache.result"] == "gateway_hit"
    application.ask("How do I return it?")
    assert last_span(telemetry)["promptcache.miss.reason"] == "cold_start"


@surfaces
@streams
def test_what_the_proxy_says_a_call_cost_is_on_the_span_and_in_no_counter(
    application: Application, observed: Telemetry, surface: str, *, stream: bool
) -> None:
    answered = application.ask("Where is my order?", surface, stream=stream)
    stated = answered.usage["cost"] if stream else float(answered.headers["x-litellm-response-cost"])
    assert stated > 0
    assert last_span(observed)["promptcache.gateway.cost"] == stated
    input_tokens = answered.usage["prompt_tokens" if surface == "chat" else "input_tokens"]
    assert observed.total("promptcache.input_cost") == pytest.approx(input_tokens * 20.0 / 1e6)


@surfaces
@streams
def test_an_answer_of_the_proxys_own_cache_cost_nothing_as_it_says(
    application: Application, observed: Telemetry, surface: str, *, stream: bool
) -> None:
    for _ in range(2):
        answered = application.ask("Where is my order?", surface, stream=stream)
    assert answered.headers["x-litellm-response-cost"] == "0.0"
    assert last_span(observed)["promptcache.gateway.cost"] == 0


def test_an_answer_of_a_gateway_behind_the_proxy_is_one_of_a_gateway(
    application: Application, observed: Telemetry, simulator: Simulator
) -> None:
    asking = {"model": "behind-itself", "extra_body": NOT_FROM_ITS_CACHE}
    application.ask("Where is my order?", **asking)
    assert last_span(observed)["promptcache.result"] == "miss"
    answered = application.ask("Where is my order?", **asking)
    assert "x-litellm-cache-key" not in answered.headers  # the gateway behind it has answered
    assert last_span(observed)["promptcache.result"] == "gateway_hit"
    assert len(simulator.requests) == 1


def test_tokens_that_the_provider_wrote_are_counted(
    application: Application, observed: Telemetry, simulator: Simulator
) -> None:
    application.ask("Where is my order?", model=WRITING_MODEL)
    (asked,) = simulator.requests
    written = asked.usage["prompt_tokens_details"]["cache_write_tokens"]
    assert written > PREFIX_TOKENS
    assert observed.total("promptcache.tokens", promptcache__token__state="write") == written


def test_written_tokens_are_read_under_litellms_own_names(
    application: Application, observed: Telemetry
) -> None:
    usage = application.ask("Where is my order?", model="claude").usage
    written = ANTHROPIC_USAGE["cache_creation_input_tokens"]
    assert observed.total("promptcache.tokens", promptcache__token__state="write") == written

    details = usage["prompt_tokens_details"]
    assert details.pop("cache_write_tokens") == written  # OpenAI's name, which earlier versions leave out
    assert details["cache_creation_tokens"] == usage["cache_creation_input_tokens"] == written
    names = {"input_name": "prompt", "output_name": "completion"}
    assert read_usage({"usage": usage}, **names).cache_write_tokens == written
    del details["cache_creation_tokens"]
    assert read_usage({"usage": usage}, **names).cache_write_tokens == written

"""Each server under its real host name: its provider, what was read, what it cost, and no false miss reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.servers.application import HAS_PRICES, READ, REASON, RESULT, SAVED, WRITTEN, Application, said
from tests.servers.shapes import CACHED_TOKENS, HIT, NULL, PROMPT_TOKENS, SERVERS, SILENT, ZERO, Server, Usage

CASES = [
    pytest.param(server, miss, place, id=f"{name}, {number}, {place or 'document'}")
    for name, server in SERVERS.items()
    for number, miss in enumerate(server.misses)
    for place in (None, *server.places)
]
MISSES = [
    pytest.param(server, miss, id=f"{name}, {number}")
    for name, server in SERVERS.items()
    if server.reports_hits
    for number, miss in enumerate(server.misses)
]
NAMES = [pytest.param(server, id=name) for name, server in SERVERS.items()]


@pytest.mark.parametrize(("server", "miss", "place"), CASES)
def test_a_miss_a_hit_and_another_prompt(
    application: Application, server: Server, miss: Usage, place: str | None
) -> None:
    application.telemetry.instrument()
    first = application.ask(server, miss, place=place)
    again = application.ask(server, server.hit, place=place)
    other = application.ask(server, miss, "invoices", place=place)

    (host, *_), *_ = application.scripted.requests
    assert host == server.url.partition("/")[0]
    for told in (first, again, other):
        assert told["gen_ai.provider.name"] == server.provider
        assert told["server.address"] == server.host
        assert told["gen_ai.usage.input_tokens"] == PROMPT_TOKENS
    is_counted = miss not in (SILENT, NULL)
    assert said(first, RESULT, READ, REASON) == (
        ("miss", 0, "cold_start") if is_counted else ("unknown", None, None)
    )
    if server.reports_hits:
        assert said(again, RESULT, READ, WRITTEN, REASON) == (
            "hit",
            CACHED_TOKENS,
            server.written_tokens,
            None,
        )
        assert said(other, RESULT, READ, REASON) == ("miss", 0, "cold_start")
    else:
        for told in (again, other):
            assert said(told, RESULT, READ, REASON) == ("unknown", None, None)
    is_priced = server.is_priced and HAS_PRICES
    assert (SAVED in again) is is_priced
    unpriced = application.telemetry.total("promptcache.unpriced")
    # The first answer that omits the counts says nothing about what was read; none says what was written.
    untold = 0 if is_counted else 1 if server.written_tokens is None else 2
    assert unpriced == (untold if is_priced else 3)


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("name", ["openai", "azure", "xai"])
def test_the_same_on_the_responses_api(application: Application, name: str, is_stream: bool) -> None:
    application.telemetry.instrument()
    server = SERVERS[name]
    cases = ((0, "orders"), (CACHED_TOKENS, "orders"), (0, "invoices"))
    told = [application.ask_responses(server, cached, topic, is_stream=is_stream) for cached, topic in cases]
    assert [said(each, "gen_ai.provider.name", RESULT, READ, REASON) for each in told] == [
        (server.provider, "miss", 0, "cold_start"),
        (server.provider, "hit", CACHED_TOKENS, None),
        (server.provider, "miss", 0, "cold_start"),
    ]
    assert application.telemetry.total("promptcache.unpriced") == (0 if HAS_PRICES else 3)


@pytest.mark.parametrize(("server", "miss"), MISSES)
def test_one_hit_and_nine_misses_have_the_true_ratio(
    application: Application, server: Server, miss: Usage
) -> None:
    application.telemetry.instrument()
    application.ask(server, server.hit)
    for number in range(9):
        assert application.ask(server, miss, f"topic {'abcdefghi'[number]}")[RESULT] == "miss"
    tokens = application.telemetry.metrics()["promptcache.tokens"]
    read = application.telemetry.total("promptcache.tokens", promptcache__token__state="read")
    assert (read, sum(point.value for point in tokens.values())) == (CACHED_TOKENS, 10 * PROMPT_TOKENS)


@pytest.mark.parametrize("server", NAMES)
def test_a_rate_and_a_lifetime_of_minutes_are_those_of_who_published_them(
    application: Application, server: Server
) -> None:
    application.telemetry.instrument()
    application.ask(server, ZERO)
    for _ in range(20):
        application.ask(server, HIT)
    soon = application.ask(server, ZERO)
    later = application.ask(server, ZERO, wait_seconds=3_000)
    assert [soon[RESULT], later[RESULT]] == ["miss", "miss"]
    if server.has_rules_of_openai:
        assert [soon[REASON], later[REASON]] == ["rate_overflow", "expired"]
    elif server.lives_for_minutes:
        assert [soon[REASON], later[REASON]] == ["provider", "expired"]
    elif server.is_opt_in:
        assert [soon[REASON], later[REASON]] == ["caching_disabled"] * 2
    else:
        assert {soon.get(REASON), later.get(REASON)} <= {"provider", None}


@pytest.mark.parametrize(
    ("there", "here"), [("openai", "vllm"), ("groq", "cerebras"), ("xai", "xai regional")]
)
def test_a_fallback_to_another_host_is_no_other_model(
    application: Application, there: str, here: str
) -> None:
    application.telemetry.instrument()
    first, second = SERVERS[there], SERVERS[here]
    application.ask(first, ZERO)
    application.ask(first, HIT)
    assert application.ask(second, ZERO)[REASON] in {"endpoint_changed", "cold_start"}
    assert application.ask(first, HIT)[RESULT] == application.ask(second, HIT)[RESULT] == "hit"


def test_what_one_host_has_shown_says_nothing_of_another(application: Application) -> None:
    application.telemetry.instrument()
    groq, fireworks = SERVERS["groq"], replace(SERVERS["fireworks"], model=SERVERS["groq"].model)
    application.ask(groq, HIT)
    assert application.ask(groq, SILENT, "invoices")[RESULT] == "miss"
    assert application.ask(fireworks, SILENT)[RESULT] == "unknown"


@pytest.mark.parametrize("server", NAMES)
def test_a_setting_names_any_host_and_takes_its_price(application: Application, server: Server) -> None:
    application.telemetry.instrument(hosts={server.host: "my-own"})
    told = [application.ask(server, each) for each in (server.misses[0], server.hit)]
    assert {each["gen_ai.provider.name"] for each in told} == {"my-own"}
    assert not any(SAVED in each for each in told)
    assert application.telemetry.total("promptcache.unpriced") == 2

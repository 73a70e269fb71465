"""What the headers of an answer say about gateways, by their shape."""

from __future__ import annotations

import pytest

from otel_promptcache.wire.gateways import NO_GATEWAY, GatewayAnswer, read_gateway

Lines = tuple[tuple[str, str], ...]


def read(*lines: tuple[str, str]) -> GatewayAnswer:
    return read_gateway([(name.encode(), value.encode("latin-1")) for name, value in lines])


@pytest.mark.parametrize(
    "line",
    [
        ("x-litellm-cache-key", "929b58a54f3a0f77"),
        ("x-litellm-cache-key", "team a:929b58a54f3a0f77"),
        ("X-OpenRouter-Cache-Status", "HIT"),
        ("Helicone-Cache", "HIT"),
        ("helicone-cache", "MISS, HIT"),
        ("x-portkey-cache-status", "HIT"),
        ("x-portkey-cache-status", "SEMANTIC HIT"),
        ("cf-aig-cache-status", "HIT"),
        ("cf-aig-cache-status", " hit ; age=3"),
        ("X-AI-Cache-Status", "HIT"),
        ("X-AI-Cache-Status", "HIT-L1"),
        ("X-AI-Cache-Status", "HIT-L2"),
        ("llm_provider-x-openrouter-cache-status", "HIT"),
        ("llm_provider-x-litellm-cache-key", "929b58a54f3a0f77"),
        ("llm_provider-cache-status", "gateway; hit"),
    ],
    ids=": ".join,
)
def test_a_gateway_answered(line: tuple[str, str]) -> None:
    assert read(line) == GatewayAnswer(is_from_own_cache=True)


@pytest.mark.parametrize(
    "line",
    [
        ("x-litellm-cache-key", ""),
        ("X-OpenRouter-Cache-Status", "MISS"),
        ("X-OpenRouter-Cache-Status", "no hit"),
        ("X-OpenRouter-Cache-Status", "HIT-L1"),
        ("Helicone-Cache", "MISS"),
        ("x-portkey-cache-status", "SEMANTIC MISS"),
        ("x-portkey-cache-status", "REFRESH"),
        ("x-portkey-cache-status", "DISABLED"),
        ("cf-aig-cache-status", "hits=0"),
        ("cf-aig-cache-status", "hit-for-pass"),
        ("X-AI-Cache-Status", "BYPASS"),
        ("X-AI-Cache-Status", "HIT-OR-MISS"),
        ("x-portkey-cache-status", "HIT" + " " * 1_024),
        ("X-Cache-Status", "Hit"),
        ("X-Cache-Key", "k"),
        ("X-Cache", "HIT"),
        ("X-Cache", "HIT, HIT"),
        ("Age", "10"),
        ("CF-Cache-Status", "HIT"),
    ],
    ids=": ".join,
)
def test_nothing_is_said_of_a_gateways_cache(line: tuple[str, str]) -> None:
    assert not read(line).is_from_own_cache


@pytest.mark.parametrize(
    "value",
    [
        "gateway; hit",
        "gateway;hit",
        "gateway; hit=?1",
        'gateway; ttl=30; hit; detail="served; from, memory"',
        '"Example, Inc.; edge"; hit',
        r'"a \"quoted\" name"; hit',
        "origin; hit, edge; fwd=miss",
        "edge; fwd=uri-miss; stored, inner; hit; ttl=-1",
    ],
)
def test_a_cache_answered_by_rfc_9211(value: str) -> None:
    assert read(("Cache-Status", value)).is_from_own_cache


@pytest.mark.parametrize(
    "value",
    [
        "",
        "hit",
        "HIT",
        "; hit",
        "gateway",
        "gateway; fwd=miss",
        "gateway; fwd=stale; fwd-status=304; hit",
        "gateway; hit=?0",
        "gateway; hit; hit=?0",
        "gateway; hit=",
        "gateway; hit=1",
        "gateway; hits",
        "gateway; fwd=hit",
        "gateway; detail=hit",
        '"O; hit x"; fwd=miss',
        'gateway; detail="; hit"',
        r'"O\"; hit"; fwd=miss',
        '"never closed; hit',
        'gateway; detail="never closed, other; hit',
        "gateway; fwd=miss, hit",
        "gateway; key=" + "k" * 1_024 + "; hit",
    ],
)
def test_no_cache_answered_by_rfc_9211(value: str) -> None:
    assert not read(("Cache-Status", value)).is_from_own_cache


@pytest.mark.parametrize(
    ("lines", "is_hit"),
    [
        ((("Helicone-Cache", "MISS"), ("Helicone-Cache", "HIT")), True),
        ((("Helicone-Cache", "HIT"), ("Helicone-Cache", "MISS")), True),
        ((("Helicone-Cache", "MISS"), ("Helicone-Cache", "MISS")), False),
        ((("Cache-Status", "inner; hit"), ("Cache-Status", "outer; fwd=miss")), True),
        ((("Cache-Status", "inner; fwd=miss"), ("Cache-Status", "outer; fwd=miss")), False),
        ((("x-portkey-cache-status", "MISS"), ("cf-aig-cache-status", "HIT")), True),
        ((("X-Cache-Status", "Hit"), ("X-Cache-Key", "k")), True),
        ((("X-Cache-Key", "k"), ("X-Cache-Status", "Hit")), True),
        ((("X-Cache-Key", ""), ("X-Cache-Status", "Hit")), False),
        ((("X-Cache-Key", "k"), ("X-Cache-Status", "Refresh")), False),
        ((("X-Cache-Key", "k"), ("X-Cache-Status", "Bypass")), False),
        ((("X-Cache-Key", "k"), ("X-Cache", "HIT")), False),
    ],
)
def test_headers_that_come_more_than_once_or_together(lines: Lines, *, is_hit: bool) -> None:
    assert read(*lines).is_from_own_cache is is_hit


@pytest.mark.parametrize("cost", ["0.0", "0.003742"], ids=["1.110", "1.106"])
def test_litellm_states_a_cost_of_what_it_answers_itself(cost: str) -> None:
    stated = read(("x-litellm-cache-key", "929b58a54f3a0f77"), ("x-litellm-response-cost", cost))
    assert stated == GatewayAnswer(is_from_own_cache=True, cost_usd=float(cost))


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0.0),
        ("0.0", 0.0),
        ("0.003742", 0.003742),
        ("2.999999999999997e-05", 2.999999999999997e-05),
        (" 1E-7 ", 1e-7),
        ("1000000", 1e6),
        ("1000001", None),
        ("1e400", None),
        ("-0.1", None),
        ("nan", None),
        ("inf", None),
        ("None", None),
        ("", None),
        ("1_000", None),
        ("$0.01", None),
        ("0.01 USD", None),
        ("0.01, 0.01", None),
        ("0." + "0" * 1_024, None),
    ],
)
def test_an_amount_is_a_plain_number(text: str, amount: float | None) -> None:
    assert read(("x-litellm-response-cost", text)).cost_usd == amount
    saved = read(("x-prism-native-cache-saved-cents", text)).saved_usd
    assert saved == (None if amount is None else pytest.approx(amount / 100))


@pytest.mark.parametrize(("second", "amount"), [("0.5", 0.5), ("0.7", None), ("free", None)])
def test_two_amounts_that_differ_are_unknown(second: str, amount: float | None) -> None:
    lines = (("x-litellm-response-cost", "0.5"), ("X-LiteLLM-Response-Cost", second))
    assert read(*lines).cost_usd == amount


def test_a_cost_that_another_gateway_behind_it_states_is_not_the_requests() -> None:
    assert read(("llm_provider-x-litellm-response-cost", "0.5")) is NO_GATEWAY


def test_without_a_gateway_nothing_is_said() -> None:
    assert read(("content-type", "application/json"), ("X-Cache", "HIT")) is NO_GATEWAY

from __future__ import annotations

import pytest

from otel_promptcache.core.analyzer import CacheResult, analyze, classify
from otel_promptcache.core.diagnosis.reasons import MissReason
from otel_promptcache.core.diagnosis.verdict import Diagnosis
from otel_promptcache.core.money.pricing import ModelPrice
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.core.policy import UNKNOWN_POLICY
from otel_promptcache.providers.policies import policy_for
from otel_promptcache.providers.profiles import PROFILES

POLICIES = [policy for profile in PROFILES for policy in profile.policies]
GPT_4O = policy_for("openai", "gpt-4o-2024-08-06")


@pytest.mark.parametrize(
    ("usage", "model", "result"),
    [
        (TokenUsage(), "gpt-4o", CacheResult.UNKNOWN),
        (TokenUsage(input_tokens=5_000), "gpt-4o", CacheResult.UNKNOWN),
        (TokenUsage(input_tokens=5_000, cache_read_tokens=0), "gpt-4o", CacheResult.MISS),
        (TokenUsage(cache_read_tokens=0), "gpt-4o", CacheResult.MISS),
        (TokenUsage(input_tokens=5_000, cache_read_tokens=128), "gpt-4o", CacheResult.HIT),
        (TokenUsage(input_tokens=1_023, cache_read_tokens=0), "gpt-4o", CacheResult.INELIGIBLE),
        (TokenUsage(input_tokens=1_024, cache_read_tokens=0), "gpt-4o", CacheResult.MISS),
        (TokenUsage(input_tokens=5_000, cache_read_tokens=0), "gpt-4-turbo", CacheResult.INELIGIBLE),
        (TokenUsage(input_tokens=5_000, cache_read_tokens=1), "gpt-4-turbo", CacheResult.HIT),
        (TokenUsage(input_tokens=9, cache_read_tokens=0), "my-own-model", CacheResult.MISS),
        (
            TokenUsage(input_tokens=900, cache_read_tokens=0, cache_write_tokens=800),
            "gpt-5.6-sol",
            CacheResult.MISS,
        ),
    ],
)
def test_result(usage: TokenUsage, model: str, result: CacheResult) -> None:
    assert classify(usage, policy_for("openai", model), Diagnosis()) is result


@pytest.mark.parametrize(
    ("model", "has_cache", "minimum_tokens"),
    [
        ("gpt-3.5-turbo", False, None),
        ("gpt-4", False, None),
        ("gpt-4-0613", False, None),
        ("gpt-4o-mini", True, 1_024),
        ("gpt-4.1-nano", True, 1_024),
        ("chatgpt-4o-latest", True, 1_024),
        ("ft:gpt-4o-2024-08-06:acme::id", True, 1_024),
        ("o3-mini", True, 1_024),
        ("gpt-5.5", True, 1_024),
        ("gpt-5.6-sol", True, 1_024),
        ("gpt-6.1-terra", True, 1_024),
    ],
)
@pytest.mark.parametrize("provider", ["openai", "azure.ai.openai"])
def test_policy_of_known_models(
    provider: str, model: str, has_cache: bool, minimum_tokens: int | None
) -> None:
    policy = policy_for(provider, model)
    assert (policy.has_cache, policy.minimum_tokens) == (has_cache, minimum_tokens)


def test_policy_of_what_is_not_known_excludes_nothing() -> None:
    assert policy_for("openai", "llama-3") is UNKNOWN_POLICY
    assert policy_for("deepseek", "gpt-4") is UNKNOWN_POLICY


def test_every_policy_says_where_it_is_from() -> None:
    assert all(policy.source and policy.checked for policy in (*POLICIES, UNKNOWN_POLICY))


def test_report_has_dollars_only_where_a_price_is_known() -> None:
    usage = TokenUsage(input_tokens=2_000_000, cache_read_tokens=1_000_000)
    price = ModelPrice(input_usd_per_mtok=2.0, cache_read_usd_per_mtok=0.5)
    known, unknown = (
        analyze(
            prefix=None,
            prefix_name="bot",
            usage=usage,
            diagnosis=Diagnosis(),
            policy=GPT_4O,
            price=each,
            is_answered=True,
        )
        for each in (price, None)
    )
    assert known.cost is not None
    assert known.cost.savings_usd == pytest.approx(1.5)
    assert unknown.cost is None
    assert known.result is unknown.result is CacheResult.HIT


def test_less_than_could_have_been_is_partial() -> None:
    usage = TokenUsage(input_tokens=5_000, cache_read_tokens=1_024)
    assert classify(usage, GPT_4O, Diagnosis(missed_tokens=2_000)) is CacheResult.PARTIAL
    assert classify(usage, GPT_4O, Diagnosis(missed_tokens=0)) is CacheResult.HIT


def test_a_prompt_that_is_too_short_says_so_and_missed_nothing() -> None:
    report = analyze(
        prefix=None,
        prefix_name=None,
        usage=TokenUsage(input_tokens=500, cache_read_tokens=0),
        diagnosis=Diagnosis(reason=MissReason.COLD_START, missed_tokens=300),
        policy=GPT_4O,
        price=ModelPrice(input_usd_per_mtok=2.0),
        is_answered=True,
    )
    assert report.result is CacheResult.INELIGIBLE
    assert report.diagnosis.reason is MissReason.BELOW_MINIMUM
    assert report.diagnosis.missed_tokens is None
    assert report.missed_savings_usd is None

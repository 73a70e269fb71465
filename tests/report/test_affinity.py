"""The advice depends on the server and names nothing that the server lacks."""

from __future__ import annotations

import pytest

from otel_promptcache.providers.profile import Profile
from otel_promptcache.providers.profiles import OTHER, PROFILES, SELF_HOSTED
from otel_promptcache.report.findings.finding import Finding
from tests.report.calls import call, findings, miss

ROWS = [*PROFILES, *SELF_HOSTED]


def found(provider: str | None, api_type: str = "chat_completions") -> list[Finding]:
    """All findings whose advice depends on the server."""
    where = {"provider": provider, "host": "gateway.internal" if provider else None, "api_type": api_type}
    reasons = ("provider", "rate_overflow", "prompt_cache_key_changed")
    missed = findings(
        call(0, **where), *(miss(second, reasons[second % 3], **where) for second in range(1, 13))
    )
    wrote = findings(*(miss(second, None, write_tokens=1_900, net_usd=-0.01, **where) for second in range(6)))
    chosen = [
        missed["provider"],
        missed["rate-overflow"],
        missed["cache-key-changed"],
        wrote["writes-not-read"],
    ]
    assert not any("{" in finding.paragraph for finding in chosen)
    return chosen


def advice(provider: str | None, api_type: str = "chat_completions") -> str:
    return " ".join(finding.advice for finding in found(provider, api_type))


@pytest.mark.parametrize("profile", ROWS, ids=lambda profile: profile.name)
def test_only_servers_with_a_cache_key_are_advised_to_use_it(profile: Profile) -> None:
    for api_type in ("chat_completions", "responses"):
        takes_key = any(
            hint.name == "prompt_cache_key" and hint.api_type in (None, api_type) for hint in profile.affinity
        )
        told = found(profile.name, api_type)
        named = ["prompt_cache_key" in f"{finding.advice} {finding.snippet}" for finding in told]
        assert named == [takes_key] * 4


@pytest.mark.parametrize("profile", ROWS, ids=lambda profile: profile.name)
def test_each_hint_of_a_row_is_named(profile: Profile) -> None:
    for hint in profile.affinity:
        assert f"`{hint.name}`" in advice(profile.name, hint.api_type or "chat_completions")


def test_a_server_takes_another_hint_on_each_api() -> None:
    assert "x-grok-conv-id" in advice("x_ai", "chat_completions")
    assert "prompt_cache_key" not in advice("x_ai", "chat_completions")
    assert "x-grok-conv-id" not in advice("x_ai", "responses")


@pytest.mark.parametrize("provider", [OTHER, "vllm", "sglang", "our-own"])
def test_ones_own_servers_are_replicas(provider: str) -> None:
    told = advice(provider)
    assert "Each replica" in told
    assert "Send fewer requests with the same start per minute" in told


def test_who_documents_nothing_is_said_to() -> None:
    assert "documents no way to keep" in advice("perplexity")
    assert "--enable-prefix-caching" not in advice("perplexity")


def test_a_rate_is_named_only_where_one_is_published() -> None:
    assert "15 requests a minute" in advice("azure.ai.openai")
    assert "15 requests a minute" not in advice("mistral_ai")


def test_advice_for_nobody_in_particular_is_about_openai() -> None:
    assert "one `prompt_cache_key` for all of them" in advice(None)
    assert "a few values of `prompt_cache_key`" in advice(None)

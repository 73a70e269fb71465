"""The providers' rules: which applies to which model, and what a user may state instead."""

from __future__ import annotations

from typing import Any

import pytest

from otel_promptcache.core.policy import UNKNOWN_POLICY, InvalidPolicyError, check_policies
from otel_promptcache.providers.policies import policy_for
from otel_promptcache.providers.profiles import PROFILES

POLICIES = [policy for profile in PROFILES for policy in profile.policies]


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gpt-3.5-turbo", "OpenAI models from before prompt caching"),
        ("gpt-35-turbo", "OpenAI models from before prompt caching"),
        ("gpt-4", "OpenAI models from before prompt caching"),
        ("gpt-4-turbo-2024-04-09", "OpenAI models from before prompt caching"),
        ("text-davinci-003", "OpenAI models from before prompt caching"),
        ("gpt-4o", "gpt-4o to gpt-5.4"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o to gpt-5.4"),
        ("gpt-4.1-nano", "gpt-4o to gpt-5.4"),
        ("gpt-5", "gpt-4o to gpt-5.4"),
        ("gpt-5-mini", "gpt-4o to gpt-5.4"),
        ("gpt-5.4", "gpt-4o to gpt-5.4"),
        ("o4-mini", "gpt-4o to gpt-5.4"),
        ("codex-mini-latest", "gpt-4o to gpt-5.4"),
        ("ft:gpt-4.1:acme::id", "gpt-4o to gpt-5.4"),
        ("gpt-5.5", "gpt-5.5"),
        ("gpt-5.5-pro-2026-04-23", "gpt-5.5"),
        ("gpt-5.6", "gpt-5.6 and later"),
        ("gpt-5.6-sol", "gpt-5.6 and later"),
        ("gpt-5.10", "gpt-5.6 and later"),
        ("gpt-6-astra", "gpt-5.6 and later"),
        ("gpt-6.2-sol", "gpt-5.6 and later"),
        ("ft:gpt-6-luna:acme::id", "gpt-5.6 and later"),
        ("llama-4", "unknown"),
        ("gpt-oss-120b", "unknown"),
        ("", "unknown"),
    ],
)
@pytest.mark.parametrize("provider", ["openai", "azure.ai.openai"])
def test_the_first_rule_about_a_model_holds(provider: str, model: str, family: str) -> None:
    assert policy_for(provider, model).family == family


@pytest.mark.parametrize(
    ("model", "minimum"),
    [
        ("claude-opus-5", 512),
        ("claude-opus-5-5-20260924", 512),
        ("claude-fable-5", 512),
        ("claude-mythos-5-2", 512),
        ("claude-haiku-5-5", 512),
        ("global.anthropic.claude-fable-5-1-v1:0", 512),
        ("claude-opus-4-8", 1_024),
        ("claude-sonnet-5", 1_024),
        ("anthropic/claude-sonnet-4-6", 1_024),
        ("claude-sonnet-4-5@20250929", 1_024),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", 1_024),
        ("claude-opus-4-1-20250805", 1_024),
        ("claude-opus-4-0", 1_024),
        ("claude-opus-4-7", 2_048),
        ("claude-3-5-haiku-latest", 2_048),
        ("claude-opus-4-5-20251101", 4_096),
        ("claude-haiku-4-5", 4_096),
        ("claude-sonnet-4-7", None),
        ("claude-opus-6", None),
        ("claude-fable-5-3", None),
        ("claude-3-opus-latest", None),
    ],
)
@pytest.mark.parametrize("provider", ["anthropic", "aws.bedrock", "gcp.vertex_ai"])
def test_claude_is_opt_in_from_a_minimum_by_model(provider: str, model: str, minimum: int | None) -> None:
    policy = policy_for(provider, model)
    assert policy.is_opt_in
    assert policy.minimum_tokens == minimum
    assert (policy.lifetime(""), policy.lifetime("1h")) == (300, 3_600)


def test_other_models_of_these_providers_are_not_opt_in() -> None:
    assert not policy_for("aws.bedrock", "openai.gpt-oss-120b").is_opt_in
    assert not policy_for("openrouter", "deepseek/deepseek-v4").is_opt_in
    assert policy_for("openrouter", "anthropic/claude-opus-5").is_opt_in


def test_rules_hold_for_their_provider_only() -> None:
    assert policy_for("_OTHER", "gpt-4o") is UNKNOWN_POLICY
    assert policy_for("deepseek", "gpt-4o") is UNKNOWN_POLICY
    assert policy_for("groq", "gpt-4o").family == "GroqCloud"


def test_where_nothing_is_published_nothing_is_assumed() -> None:
    others = [
        policy_for(provider, "some-model") for provider in ("_OTHER", "x_ai", "mistral_ai", "openrouter")
    ]
    assert not any(policy.has_published_lifetime for policy in others)
    assert {policy.max_requests_per_minute for policy in others} == {None}
    assert {policy.minimum_tokens for policy in others} == {None}
    stated = policy_for("_OTHER", "llama-4", stated={"*": {"lifetime_seconds": 60.0}})
    assert stated.has_published_lifetime


@pytest.mark.parametrize(
    ("provider", "model", "published"),
    [
        ("groq", "openai/gpt-oss-120b", {"lifetime_seconds": 7_200}),
        ("cerebras", "gpt-oss-120b", {"lifetime_seconds": 300}),
        ("minimax", "MiniMax-M2", {"minimum_tokens": 512}),
        ("gcp.gemini", "gemini-2.5-flash", {"minimum_tokens": 2_048, "expects_reads": False}),
        ("gcp.gemini", "models/gemini-3.8-flash", {"minimum_tokens": 4_096, "expects_reads": False}),
        ("gcp.vertex_ai", "google/gemini-2.5-pro", {"minimum_tokens": 2_048, "expects_reads": False}),
        ("gcp.vertex_ai", "gemini-3-flash-preview", {"minimum_tokens": 1_024, "expects_reads": False}),
        ("deepseek", "deepseek-v4-pro", {"has_units": True, "expects_reads": False}),
        ("vllm", "llama-4", {"step_tokens": 16, "expects_reads": False}),
        ("x_ai", "grok-4.7", {}),
        ("_OTHER", "gpt-4o", {"is_known": False, "expects_reads": False}),
        ("vllm-of-ours", "gpt-4o", {"is_known": False, "expects_reads": False}),
        ("gcp.gemini", "gemini-1.5-pro", {"is_known": False, "expects_reads": False}),
    ],
)  # fmt: skip
def test_what_other_providers_have_published_and_nothing_else(
    provider: str, model: str, published: dict[str, Any]
) -> None:
    policy = policy_for(provider, model)
    nothing = {
        "is_known": True, "has_cache": True, "minimum_tokens": None, "step_tokens": None, "has_units": False,
        "has_exact_boundaries": False, "lifetime_seconds": None, "expects_reads": True, "max_requests_per_minute": None,
    }  # fmt: skip
    assert {name: getattr(policy, name) for name in nothing} == {**nothing, **published}


def test_who_states_a_lifetime_expects_reads() -> None:
    assert policy_for("_OTHER", "m", stated={"m": {"lifetime_seconds": 60.0}}).expects_reads
    assert not policy_for("_OTHER", "m", stated={"m": {"minimum_tokens": 60}}).expects_reads


@pytest.mark.parametrize(
    ("model", "name", "seconds"),
    [
        ("gpt-4o", "", 300),
        ("gpt-4o", "in_memory", 300),
        ("gpt-4o", "24h", 86_400),
        ("gpt-5.5", "", 1_800),
        ("gpt-5.5", "24h", 1_800),
        ("gpt-5.6-sol", "", 1_800),
        ("gpt-5.6-sol", "30m", 1_800),
        ("gpt-5.6-sol", "12h", 43_200),
        ("llama-4", "12h", 300),
    ],
)
def test_how_long_an_entry_surely_lives(model: str, name: str, seconds: float) -> None:
    assert policy_for("openai", model).lifetime(name) == seconds


def test_what_the_generations_can_match() -> None:
    steps = [policy_for("openai", model).step_tokens for model in ("gpt-4o", "gpt-5.5", "gpt-5.6")]
    exact = [policy_for("openai", model).has_exact_boundaries for model in ("gpt-4o", "gpt-5.5", "gpt-5.6")]
    assert (steps, exact) == ([128, 2_048, 1], [False, False, True])


def test_only_the_unknown_rule_is_about_no_models() -> None:
    assert all(policy.is_known for policy in POLICIES)
    assert not UNKNOWN_POLICY.is_known
    assert not policy_for("openai", "llama-4", stated={"*": {"step_tokens": 1}}).is_known


def test_every_rule_says_where_it_was_read_and_when() -> None:
    for policy in (*POLICIES, UNKNOWN_POLICY):
        assert policy.source
        assert policy.checked >= "2026-11-20"
        assert policy.has_cache or policy.minimum_tokens is None


def test_a_stated_rule_changes_what_it_names() -> None:
    stated = check_policies({"gpt-4o": {"minimum_tokens": 2_048, "lifetime_seconds": 600.0}})
    policy = policy_for("openai", "gpt-4o", stated=stated)
    assert (policy.family, policy.source) == ("gpt-4o", "stated by the user")
    assert (policy.minimum_tokens, policy.lifetime("")) == (2_048, 600.0)
    assert policy.step_tokens == 128
    assert policy.lifetime("24h") == 86_400
    assert policy_for("openai", "gpt-4o-mini", stated=stated).family == "gpt-4o to gpt-5.4"


def test_a_rule_can_be_stated_for_the_name_that_a_model_is_asked_for_by() -> None:
    stated = check_policies({"gpt-4o": {"step_tokens": 64}, "my-deployment": {"has_cache": False}})
    by_alias = policy_for("openai", "gpt-4o-2024-08-06", "gpt-4o", stated=stated)
    assert (by_alias.step_tokens, by_alias.minimum_tokens) == (64, 1_024)
    assert not policy_for("azure.ai.openai", "gpt-4.1", "my-deployment", stated=stated).has_cache
    assert policy_for("openai", "gpt-4.1", None, stated=stated).family == "gpt-4o to gpt-5.4"


def test_a_rule_can_be_stated_for_all_other_models() -> None:
    stated = check_policies({"*": {"step_tokens": 16}, "gpt-4o": {"step_tokens": 64}})
    assert policy_for("openai", "llama-4", stated=stated).step_tokens == 16
    assert policy_for("openai", "gpt-4o-2024-08-06", "gpt-4o", stated=stated).step_tokens == 64


@pytest.mark.parametrize(
    ("member", "value", "complaint"),
    [
        ("minimum", 1, "gpt-4o: minimum is not a rule; the rules are has_cache, minimum_tokens"),
        ("pattern", "x", "pattern is not a rule"),
        ("has_cache", 1, "has_cache is 1: expected true or false"),
        ("has_exact_boundaries", "yes", "'yes': expected true or false"),
        ("minimum_tokens", 0, "minimum_tokens is 0: expected a whole number above 0"),
        ("minimum_tokens", -5, "expected a whole number above 0"),
        ("minimum_tokens", True, "expected a whole number above 0"),
        ("minimum_tokens", None, "expected a whole number above 0"),
        ("step_tokens", "128", "expected a whole number above 0"),
        ("step_tokens", 12.5, "step_tokens is 12.5: expected a whole number above 0"),
        ("lifetime_seconds", float("nan"), "expected a number above 0"),
        (
            "lifetime_seconds",
            float("inf"),
            "lifetime_seconds is inf: expected a number above 0, at most 1,000,000,000",
        ),
        ("max_requests_per_minute", 10**400, "is an integer of 1,329 bits: expected a number above 0"),
        ("step_tokens", 10**9 + 1, "expected a whole number above 0, at most 1,000,000,000"),
    ],
)
def test_a_rule_that_is_not_in_order_is_refused(member: str, value: Any, complaint: str) -> None:
    with pytest.raises(InvalidPolicyError) as error:
        check_policies({"gpt-4o": {member: value}})
    assert complaint in str(error.value)


def test_rules_that_are_in_order_are_accepted_as_they_are() -> None:
    stated = {"m": {"has_cache": True, "lifetime_seconds": 1.5, "max_requests_per_minute": 60}}
    assert check_policies(stated) is stated
    assert check_policies({}) == {}

from __future__ import annotations

import pytest

from otel_promptcache.sim.cache.models import (
    BLOCKS_OF_128,
    BLOCKS_OF_2048,
    EXACT_BREAKPOINTS,
    FAMILIES,
    NO_CACHE,
    UNKNOWN_MODEL,
    CachePolicy,
    is_known,
    model_names,
    policy_for,
    resolve_alias,
)


@pytest.mark.parametrize(
    ("model", "policy"),
    [
        ("gpt-5.6", EXACT_BREAKPOINTS),
        ("gpt-5.6-sol", EXACT_BREAKPOINTS),
        ("gpt-5.10-luna", EXACT_BREAKPOINTS),
        ("gpt-6-astra", EXACT_BREAKPOINTS),
        ("gpt-6.2-sol", EXACT_BREAKPOINTS),
        ("gpt-10", EXACT_BREAKPOINTS),
        ("gpt-5.5", BLOCKS_OF_2048),
        ("gpt-5.5-pro-2026-04-23", BLOCKS_OF_2048),
        ("gpt-5", BLOCKS_OF_128),
        ("gpt-5-mini", BLOCKS_OF_128),
        ("gpt-5.4-nano", BLOCKS_OF_128),
        ("gpt-4o-mini-2024-07-18", BLOCKS_OF_128),
        ("gpt-4.1", BLOCKS_OF_128),
        ("o3", BLOCKS_OF_128),
        ("o4-mini-2025-04-16", BLOCKS_OF_128),
        ("gpt-4", NO_CACHE),
        ("gpt-4-turbo", NO_CACHE),
        ("gpt-3.5-turbo-instruct", NO_CACHE),
        ("deepseek-chat", UNKNOWN_MODEL),
        ("my-gpt-4o", UNKNOWN_MODEL),
    ],
)
def test_each_family_has_its_rules(model: str, policy: CachePolicy) -> None:
    assert policy_for(model) is policy
    assert is_known(model) == (policy is not UNKNOWN_MODEL)


def test_every_policy_names_its_source() -> None:
    for _, policy in FAMILIES:
        assert "checked 2026-11-20" in policy.source
    assert UNKNOWN_MODEL.source.startswith("Assumption")


def test_an_alias_has_the_rules_of_its_snapshot() -> None:
    for name in model_names():
        assert policy_for(name) is policy_for(resolve_alias(name))


def test_zero_data_retention_changes_the_default_of_models_that_have_a_choice() -> None:
    assert BLOCKS_OF_128.retention(zero_data_retention=False) == "24h"
    assert BLOCKS_OF_128.retention(zero_data_retention=True) == "in_memory"
    assert BLOCKS_OF_2048.retention(zero_data_retention=True) == "24h"

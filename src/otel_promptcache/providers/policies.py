"""Finds the rules by which a provider's model is judged."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from otel_promptcache.core.policy import UNKNOWN_POLICY, CachePolicy
from otel_promptcache.providers.profiles import profile_named


@lru_cache(256)
def is_opt_in(provider: str, model: str) -> bool:
    """Whether a model's cache stores only what a request marks.

    Args:
        provider: A value of `gen_ai.provider.name`.
        model: The model's id.
    """
    return policy_for(provider, model).is_opt_in


def policy_for(
    provider: str,
    model: str,
    asked: str | None = None,
    *,
    stated: Mapping[str, Mapping[str, Any]] | None = None,
) -> CachePolicy:
    """Find the first policy that applies to a model, or `UNKNOWN_POLICY`, which excludes nothing.

    Args:
        provider: A value of `gen_ai.provider.name`.
        model: The model's id.
        asked: The name under which the model was requested, such as an alias or an Azure deployment.
        stated: The user's overrides, as `check_policies` accepts them; `*` stands for all other models.
    """
    profile = profile_named(provider)
    published = profile.policies if profile is not None else ()
    policy = next((policy for policy in published if policy.applies_to(model)), UNKNOWN_POLICY)
    own = (stated.get(model) or stated.get(asked or "") or stated.get("*")) if stated else None
    return policy.stated(model, own) if own else policy

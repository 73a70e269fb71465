"""Self-hosted servers. The setting `hosts` names them; they are never priced."""

from __future__ import annotations

import re
from dataclasses import replace

from otel_promptcache.core.policy import UNKNOWN_POLICY
from otel_promptcache.providers.profile import Profile

VLLM = Profile(
    name="vllm",
    policies=(
        replace(
            UNKNOWN_POLICY,
            family="vLLM",
            pattern=re.compile(r""),
            is_known=True,
            step_tokens=16,
            source="https://docs.vllm.ai/en/latest/design/prefix_caching: full blocks, 16 tokens by default, until "
            "evicted",
        ),
    ),
    reports_with="--enable-prompt-tokens-details",
    source="vLLM #44961: reports cached tokens with `--enable-prompt-tokens-details`",
)

SGLANG = Profile(
    name="sglang",
    reports_with="--enable-cache-report",
    source="SGLang #28801: reports cached tokens with `--enable-cache-report`, and no zeros",
)

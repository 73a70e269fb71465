"""Google's hosts."""

from __future__ import annotations

import re

from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.providers.claude import CLAUDE, CLAUDE_VARIANTS
from otel_promptcache.providers.profile import PriceList, Profile

_ADVICE = (
    "Implicit caching does not guarantee hits. If you need a guarantee, create a cached content and name it in the "
    "request."
)
# Source: Vertex AI, OpenAI libraries; Gemini API, list of models (checked 2026-11-25).
_PRICES = PriceList("google", model_prefixes=("google/", "models/"), variants=CLAUDE_VARIANTS)


def _family(family: str, pattern: str, minimum_tokens: int) -> CachePolicy:
    return CachePolicy(
        family=family,
        pattern=re.compile(rf"(?:google/|models/)?{pattern}"),
        minimum_tokens=minimum_tokens,
        expects_reads=False,
        source="https://ai.google.dev/gemini-api/docs/caching: implicit caching, no cost saving guarantee",
        checked="2026-11-25",
    )


_FAMILIES = (
    # From an edition of the page before this model was removed from it.
    _family("gemini-3-flash-preview", r"gemini-3-flash", 1_024),
    _family("Gemini 2.5", r"gemini-2\.5", 2_048),
    _family("Gemini 3 and later", r"gemini-(?:[3-9]|\d\d)", 4_096),
)

GEMINI = Profile(
    name="gcp.gemini",
    domains=("generativelanguage.googleapis.com",),
    prices=_PRICES,
    policies=_FAMILIES,
    advice=_ADVICE,
    source="openai-python #2544: the details are null on a miss",
)

VERTEX_AI = Profile(
    name="gcp.vertex_ai",
    domains=("aiplatform.googleapis.com",),
    pattern=re.compile(r"[a-z0-9-]+-aiplatform\.googleapis\.com"),
    platform="vertex",
    prices=_PRICES,
    policies=(*_FAMILIES, *CLAUDE),
    advice=_ADVICE,
    source="Vertex AI, OpenAI compatibility: the base URL; answers as Gemini's",
)

GEN_AI = Profile(
    name="gcp.gen_ai",
    domains=("googleapis.com",),
    advice=_ADVICE,
    source="OpenTelemetry GenAI semantic conventions: any Google endpoint",
)

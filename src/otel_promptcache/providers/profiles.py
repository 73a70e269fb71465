"""Who answers at which host: one row each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

OTHER = "_OTHER"
"""`gen_ai.provider.name` of a host that nobody is known for."""
_CHECKED = "2026-11-25"


@dataclass(frozen=True, slots=True)
class Profile:
    """A provider, and the hosts at which it answers.

    Source: as in `source` (checked as in `checked`).
    """

    name: str
    """`gen_ai.provider.name`, if the conventions have one for it."""
    domains: tuple[str, ...]
    """Ends of host names."""
    pattern: re.Pattern[str] | None = None
    """Matches hosts that no end of a name tells, such as regional ones."""
    source: str = "OpenTelemetry GenAI semantic conventions, registry of provider names"
    checked: str = _CHECKED

    def serves(self, host: str) -> bool:
        """Whether it answers at a host."""
        is_matched = self.pattern is not None and self.pattern.fullmatch(host) is not None
        return is_matched or any(host == domain or host.endswith(f".{domain}") for domain in self.domains)


_DOCUMENTATION = "the base URL in the provider's documentation"

PROFILES: tuple[Profile, ...] = (
    Profile("github_models", ("models.github.ai", "models.inference.ai.azure.com"), source=_DOCUMENTATION),
    Profile("azure.ai.openai", ("openai.azure.com", "cognitiveservices.azure.com")),
    Profile("azure.ai.inference", ("services.ai.azure.com", "inference.ai.azure.com", "models.ai.azure.com")),
    Profile("openai", ("openai.com",)),
    Profile("deepseek", ("deepseek.com",)),
    Profile("groq", ("groq.com",)),
    Profile("x_ai", ("x.ai",)),
    Profile("mistral_ai", ("mistral.ai",)),
    Profile("moonshot_ai", ("moonshot.ai", "moonshot.cn", "kimi.com"), source=_DOCUMENTATION),
    Profile("perplexity", ("perplexity.ai",)),
    Profile("anthropic", ("anthropic.com",)),
    Profile("gcp.gemini", ("generativelanguage.googleapis.com",)),
    Profile(
        "gcp.vertex_ai", ("aiplatform.googleapis.com",), re.compile(r"[a-z0-9-]+-aiplatform\.googleapis\.com")
    ),
    Profile("gcp.gen_ai", ("googleapis.com",)),
    Profile("aws.bedrock", ("amazonaws.com", "api.aws")),
    Profile("openrouter", ("openrouter.ai",), source=_DOCUMENTATION),
    Profile("together_ai", ("together.xyz", "together.ai"), source=_DOCUMENTATION),
    Profile("fireworks_ai", ("fireworks.ai",), source=_DOCUMENTATION),
    Profile("cerebras", ("cerebras.ai",), source=_DOCUMENTATION),
    Profile("z_ai", ("z.ai", "bigmodel.cn"), source=_DOCUMENTATION),
    Profile("minimax", ("minimax.io", "minimaxi.com"), source=_DOCUMENTATION),
    Profile(
        "dashscope",
        ("dashscope.aliyuncs.com",),
        re.compile(r"dashscope-[a-z0-9-]+\.aliyuncs\.com"),
        source=_DOCUMENTATION,
    ),
    Profile("huggingface", ("router.huggingface.co",), source=_DOCUMENTATION),
    Profile("vercel", ("ai-gateway.vercel.sh",), source=_DOCUMENTATION),
)
"""In the order in which they are tried."""

PROVIDER_BY_PLATFORM = {"azure": "azure.ai.openai", "bedrock": "aws.bedrock", "vertex": "gcp.vertex_ai"}
"""By the word of the SDK's client.

Source: openai 3.57.0, `lib/azure.py`, `providers/bedrock.py`, `providers/vertex.py` (checked 2026-11-25).
"""

_OPENAI_MODEL = re.compile(
    r"(?:openai/)?(?:ft:)?(?:gpt-(?!oss)|chatgpt-|o\d|codex|computer-use|text-|davinci|babbage)"
)


@lru_cache(256)
def known_provider(host: str) -> str | None:
    """The name of the provider that answers at a host; None if nobody is known for it."""
    return next((profile.name for profile in PROFILES if profile.serves(host)), None)


@lru_cache(1_024)
def is_openai_model(model: str) -> bool:
    """Whether a model is one of OpenAI's own, which a proxy may pass on. Open weights are anybody's."""
    return _OPENAI_MODEL.match(model) is not None

"""The servers that can be simulated, one row each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from otel_promptcache.sim.cache.models import is_known, model_names
from otel_promptcache.sim.cache.policies import Lifetime, PagePolicy
from otel_promptcache.sim.servers.reporting import HIT_AND_MISS, NULL_DETAILS, SHAPES, UsageShape

ServerName = Literal["openai", "vllm", "sglang", "deepseek", "groq"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerProfile:
    """How a server caches, and how it reports that. Its answers are otherwise OpenAI's.

    Attributes:
        source: Where this is documented.
        policy: Its cache rules, for all models. None: OpenAI's, which depend on the model; requests are then routed
            to machines, and settings are part of the prompt.
        usage: How it reports cached tokens; with its flag set, if it has one.
        usage_without_flag: How it reports them without its flag. None: it has no such flag.
        unasked_usage: Path at which a stream's last chunk with a choice carries usage, requested or not. Empty:
            it carries none.
        keeps_alive: Whether it sends comments in a stream, and empty lines before a body, while a request waits.
        has_accounts: Whether each account has its own cache.
        models: The models its list offers. Empty: OpenAI's models.
        assumptions: What no source documents.
        checked: When the source was read.
    """

    source: str
    policy: PagePolicy | None = None
    usage: UsageShape = SHAPES["openai"]
    usage_without_flag: UsageShape | None = None
    unasked_usage: tuple[str, ...] = ()
    keeps_alive: bool = False
    has_accounts: bool = True
    models: tuple[str, ...] = ()
    assumptions: str = ""
    checked: str = "2026-11-25"

    def model_names(self) -> tuple[str, ...]:
        """Return the models its list offers."""
        return self.models or model_names()

    def knows(self, model: str) -> bool:
        """Tell whether a model is one of its own."""
        return model in self.models if self.models else is_known(model)


SERVERS: dict[ServerName, ServerProfile] = {
    "openai": ServerProfile(source="OpenAI, prompt caching guide", checked="2026-11-20"),
    "vllm": ServerProfile(
        policy=PagePolicy(name="vllm", page_tokens=16, recomputed_tokens=1),
        usage=UsageShape(members=("cached_tokens", "created_cache_tokens")),
        usage_without_flag=NULL_DETAILS,
        has_accounts=False,
        models=("meta-llama/Llama-3.3-70B-Instruct",),
        source="vLLM, automatic prefix caching: full blocks of 16 tokens, the last token recomputed, the ends of "
        "prompts evicted first; --enable-prompt-tokens-details is off by default",
        assumptions="`created_cache_tokens` counts the tokens of new blocks.",
    ),
    "sglang": ServerProfile(
        policy=PagePolicy(name="sglang", page_tokens=1, recomputed_tokens=1),
        usage=UsageShape(on_miss="null", members=("cached_tokens",)),
        usage_without_flag=NULL_DETAILS,
        has_accounts=False,
        models=("Qwen/Qwen3-32B",),
        source="SGLang, RadixAttention: pages of one token by default, the last token recomputed, leaves evicted "
        "first; --enable-cache-report is off by default, and even with it a miss is null (pull request 28801)",
    ),
    "deepseek": ServerProfile(
        policy=PagePolicy(name="deepseek", page_tokens=64, has_units=True),
        usage=HIT_AND_MISS,
        keeps_alive=True,
        models=("deepseek-chat", "deepseek-reasoner"),
        source="DeepSeek, context caching: a unit at the end of a prompt, of an answer, and of what requests "
        "have in common; an older edition: steps of 64 tokens. Rate limits: comments and empty lines",
        assumptions="Units are kept until they are evicted. There are none at fixed intervals, as the intervals are "
        "not published.",
    ),
    "groq": ServerProfile(
        policy=PagePolicy(name="groq", page_tokens=128, lifetime=Lifetime(idle_seconds=2 * 3600.0)),
        usage=UsageShape(on_miss="absent", members=("cached_tokens",)),
        unasked_usage=("x_groq", "usage"),
        models=("openai/gpt-oss-120b", "openai/gpt-oss-20b", "moonshotai/kimi-k2-instruct-0905"),
        source="GroqCloud, prompt caching: automatic, two hours without use. Its Python SDK: optional details, "
        "`x_groq.usage` in a stream's last chunk",
        assumptions="Steps of 128 tokens: all counts that were seen are multiples of 128.",
    ),
}
"""The servers that `SimConfig.server` can name."""

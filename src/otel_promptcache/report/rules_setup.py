"""Findings about settings, lifetimes, rates and the provider: the prompt itself is what it was."""

from __future__ import annotations

from otel_promptcache.report.rules import Cause, Rule

SETUP_RULES: tuple[Rule, ...] = (
    Rule(
        id="model-changed",
        title="Requests that share a prompt go to different models",
        what="The model is another one than that of earlier requests with this prompt, and each model has a cache "
        "of its own.",
        advice="Keep to one model within a conversation; let a router or a fallback decide at its start.",
        reasons=frozenset({"model_changed"}),
    ),
    Rule(
        id="cache-key-changed",
        title="The cache key separates requests that share a prompt",
        what="`prompt_cache_key` is another one than that of earlier requests with this prompt. From gpt-5.6 on "
        "nothing is shared between keys; before, another key may mean another machine.",
        advice="Use one key for each prompt template, not one for each user or request, unless the separation is "
        "wanted. Only above about 15 requests a minute is it worth splitting a key.",
        reasons=frozenset({"prompt_cache_key_changed"}),
    ),
    Rule(
        id="service-tier-changed",
        title="Requests are served in different service tiers",
        what="The tier that served the request is another one than before, and tiers do not share a cache.",
        advice="Name the tier instead of leaving it at `auto`. The response says which one it really was: a tier "
        "that is full may be replaced by another one.",
        reasons=frozenset({"service_tier_changed"}),
    ),
    Rule(
        id="effort-changed",
        title="The reasoning effort changes",
        what="The reasoning effort is a part of the cached prefix, and it is not that of earlier requests with this "
        "prompt.",
        advice="Keep one effort within a conversation. On gpt-6 models an input item `configuration_update` changes "
        "it without a new prefix.",
        reasons=frozenset({"reasoning_effort_changed"}),
    ),
    Rule(
        id="verbosity-changed",
        title="The verbosity changes",
        what="`text.verbosity` is a part of the cached prefix, and it is not that of earlier requests with this "
        "prompt.",
        advice="Keep one verbosity for all requests of a template, or ask for shorter answers in the last message.",
        reasons=frozenset({"verbosity_changed"}),
    ),
    Rule(
        id="context-compacted",
        title="The conversation was compacted",
        what="Compaction replaces the history, so the next request begins anew. That is its price, paid once for "
        "each compaction.",
        advice="Where it happens often, compact later and keep less.",
        reasons=frozenset({"context_compacted"}),
    ),
    Rule(
        id="cold-start",
        title="Most requests are the first of their kind",
        what="No earlier request of the process had this prompt, so there was nothing to read. That is so for "
        "the first request of every prompt, but here it is most of them.",
        advice="Where the prompts have something in common, put it first. Where short-lived processes send them, the "
        "provider may still have the prefix from another one. One-off prompts have nothing to gain from a cache.",
        cause=Cause.TRAFFIC,
        reasons=frozenset({"cold_start"}),
    ),
    Rule(
        id="expired",
        title="The cached prefix expires between requests",
        what="The prompt did not change, but more time passed than the provider keeps a prefix.",
        advice="Ask for a longer lifetime where the model offers one: `prompt_cache_retention` of `24h` up to gpt-5.5, "
        "and from gpt-5.6 on `prompt_cache_options` with a `ttl` of `12h` on the Responses API. Or send requests "
        "that share a prompt closer together.",
        cause=Cause.TRAFFIC,
        reasons=frozenset({"expired"}),
    ),
    Rule(
        id="below-minimum",
        title="The prompts are too short to be cached",
        what="A provider caches from a certain length on, OpenAI from 1,024 tokens. These prompts, or what they share "
        "with earlier ones, are shorter.",
        advice="Nothing is wrong with a short prompt. Where one is only just too short and is sent often, further "
        "examples or instructions may pay for themselves.",
        cause=Cause.NOBODY,
        reasons=frozenset({"below_minimum"}),
    ),
    Rule(
        id="caching-disabled",
        title="Caching is off: explicit mode without a breakpoint",
        what="`prompt_cache_options` says `explicit`, but no part of the prompt has a `prompt_cache_breakpoint`. Such "
        "a request does not use the cache.",
        advice="Mark the end of what requests share with a breakpoint, or leave the mode at `implicit`.",
        reasons=frozenset({"caching_disabled"}),
    ),
    Rule(
        id="mode-changed",
        title="Requests change between implicit and explicit caching",
        what="The mode of `prompt_cache_options` is another one than before. The two set breakpoints in different "
        "places, so what one wrote the other may not find.",
        advice="Keep one mode for all requests of a template.",
        reasons=frozenset({"mode_changed"}),
    ),
    Rule(
        id="no-matching-breakpoint",
        title="What the prompts share does not end at a breakpoint",
        what="From gpt-5.6 on only prefixes that end at a breakpoint can be read, and these prompts part in the "
        "middle of a message.",
        advice="Make what they share a message of its own, and put a `prompt_cache_breakpoint` at its end.",
        reasons=frozenset({"no_matching_breakpoint"}),
    ),
    Rule(
        id="rate-overflow",
        title="More requests than one machine takes",
        what="Above about 15 requests a minute with the same start and key, the provider sends some to machines "
        "that do not have the prefix yet. That is the likely reason here.",
        advice="Spread the requests over a few values of `prompt_cache_key`, so that each stays below that rate.",
        cause=Cause.TRAFFIC,
        reasons=frozenset({"rate_overflow"}),
    ),
    Rule(
        id="concurrent",
        title="Requests do not wait for the first one to fill the cache",
        what="The prefix was being written by a request that had only just been sent, so it could not be read yet.",
        advice="Send one request first, and the others once its first token is there. From gpt-5.6 on the "
        "Responses API has `prewarm` for that.",
        cause=Cause.TRAFFIC,
        reasons=frozenset({"concurrent"}),
    ),
    Rule(
        id="provider",
        title="The provider did not read what it could have read",
        what="The prompt had not changed, its lifetime had not passed and the rate was low. This is not your "
        "application: the provider routed the request elsewhere or had dropped the prefix.",
        advice="There is nothing to change. Where it happens often, a `prompt_cache_key` for the template keeps its "
        "requests together; else ask the provider.",
        cause=Cause.PROVIDER,
        reasons=frozenset({"provider"}),
    ),
)

OTHER_REASON = Rule(
    id="other-reason",
    title="Misses for a reason that this version does not know",
    what="The reason that was given is not one that this report can explain.",
    advice="Look it up in the provider's documentation of prompt caching.",
    cause=Cause.MEASUREMENT,
)
"""For reasons that come with later versions."""

"""Findings about settings, endpoints, lifetimes and rates: the prompt itself did not change."""

from __future__ import annotations

from otel_promptcache.report.rules import snippets
from otel_promptcache.report.rules.rule import Cause, Rule, Situation, Variant
from otel_promptcache.report.rules.settings import SERVER_SETTINGS

SETUP_RULES: tuple[Rule, ...] = (
    Rule(
        id="model-changed",
        title="Requests that share a prompt go to different models",
        what="Earlier requests with this prompt went to a different model{or_speed}, and each has its own cache.",
        advice="Keep one model within a conversation. Let a router or a fallback decide only at its start.",
        reasons=frozenset({"model_changed"}),
    ),
    Rule(
        id="endpoint-changed",
        title="Another endpoint has the prompt in its cache",
        what="Earlier requests with this prompt were served by a different host, or by a different provider "
        "behind a router. Each has its own cache, so the prompt is processed again.",
        advice="Keep one endpoint within a conversation: make routing sticky, and fall back only if the first "
        "endpoint stays down.{routing}",
        reasons=frozenset({"endpoint_changed"}),
    ),
    Rule(
        id="settings-changed",
        title="A setting separates requests that share a prompt",
        what="`{path}` differs from earlier requests with this prompt. It is rendered into the prompt or decides "
        "which server gets it, so its values do not share a cache.",
        advice="Keep `{path}` the same for all requests of a conversation, and for all requests of a template "
        "unless their caches must be separate. A new value for each request disables the cache.",
        reasons=frozenset({"settings_changed"}),
        settings=SERVER_SETTINGS,
    ),
    Rule(
        id="cache-key-changed",
        title="The cache key separates requests that share a prompt",
        what="`prompt_cache_key` differs from earlier requests with this prompt. {between_keys}",
        advice="Give all requests of a template the same key, whichever user or tenant they are for. Use separate "
        "keys only to keep their caches apart on purpose.{split_key}",
        reasons=frozenset({"prompt_cache_key_changed"}),
        snippet=snippets.CACHE_KEY,
    ),
    Rule(
        id="service-tier-changed",
        title="Requests are served in different service tiers",
        what="Earlier requests with this prompt were served in a different tier, and tiers do not share a cache.",
        advice="Name the tier instead of leaving it at `auto`. The response names the tier that was actually "
        "used: if a tier is full, another one may take its place.",
        reasons=frozenset({"service_tier_changed"}),
    ),
    Rule(
        id="effort-changed",
        title="The reasoning effort changes",
        what="The reasoning effort differs from earlier requests with this prompt. {effort}",
        advice="Keep one effort within a conversation.{effort_item}",
        reasons=frozenset({"reasoning_effort_changed"}),
    ),
    Rule(
        id="verbosity-changed",
        title="The verbosity changes",
        what="The verbosity differs from earlier requests with this prompt. It is part of the cached prefix.",
        advice="Keep one verbosity for all requests of a template, or ask for shorter answers in the last message.",
        reasons=frozenset({"verbosity_changed"}),
    ),
    Rule(
        id="context-compacted",
        title="The conversation was compacted",
        what="Compaction replaces the history, so the next request starts with an empty cache. Each compaction "
        "costs this once.",
        advice="If it happens often, compact later and keep less.",
        reasons=frozenset({"context_compacted"}),
    ),
    Rule(
        id="cold-start",
        title="Most requests are the first of their kind",
        what="No earlier request of the process had this prompt, so there was nothing to read. That is normal for "
        "the first request with a prompt, but here it is most of the requests.",
        advice="If the prompts have something in common, put it first. If short-lived processes send them, the "
        "provider may still have the prefix from an earlier process. One-off prompts have nothing to gain from a "
        "cache.",
        cause=Cause.TRAFFIC,
        reasons=frozenset({"cold_start"}),
    ),
    Rule(
        id="expired",
        title="The cached prefix expires between requests",
        what="The prompt did not change, but more time passed than the provider keeps a prefix.",
        advice="{longer} requests that share a prompt closer together.",
        cause=Cause.TRAFFIC,
        reasons=frozenset({"expired"}),
        snippet=snippets.LONGER_LIFETIME,
    ),
    Rule(
        id="below-minimum",
        title="The prompts are too short to be cached",
        what="{minimum} These prompts, or what they share with earlier ones, are shorter.",
        advice="Nothing is wrong with a short prompt. If one is only just too short and is sent often, more examples "
        "or instructions may pay for themselves.",
        cause=Cause.NOBODY,
        reasons=frozenset({"below_minimum"}),
    ),
    Rule(
        id="caching-disabled",
        title="Caching is off: nothing in the prompts is marked",
        what="In the explicit mode of OpenAI's `prompt_cache_options`, a prompt is cached only up to the end of a "
        "part with a `prompt_cache_breakpoint`, and these prompts have no such part.",
        advice="Leave the mode at `implicit`, or mark the end of what requests share with a breakpoint.",
        reasons=frozenset({"caching_disabled"}),
        snippet=snippets.IMPLICIT_MODE,
    ),
    Rule(
        id="mode-changed",
        title="Requests switch between implicit and explicit caching",
        what="The mode of `prompt_cache_options` differs from earlier requests. The two modes set breakpoints in "
        "different places, so one may not find what the other wrote.",
        advice="Keep one mode for all requests of a template.",
        reasons=frozenset({"mode_changed"}),
        snippet=snippets.IMPLICIT_MODE,
    ),
    Rule(
        id="no-matching-breakpoint",
        title="The shared prefix does not end at a breakpoint",
        what="{only_at_breakpoints}. There is none at the end of the prefix that these prompts share.",
        advice="Put {breakpoint} at the end of the shared prefix{or_implicit}.",
        reasons=frozenset({"no_matching_breakpoint"}),
        variants={
            Situation.HISTORY_GREW: Variant(
                title="The history comes after the last breakpoint",
                what="{only_at_breakpoints}. These prompts only grew, but no breakpoint follows the part that grew, "
                "so the history is processed again with each turn.",
                advice="{implicit_or_keep} at the end of the history, on `{message}`.",
                snippet=snippets.IMPLICIT_MODE,
            ),
            Situation.MESSAGE_ENDS: Variant(
                title="The shared prefix does not end at a breakpoint",
                what="{only_at_breakpoints}. The prefix that these prompts share ends with `{message}`, which has "
                "none.",
                advice="Put {breakpoint} at the end of `{message}`.{part_of_content}",
                snippet=snippets.BREAKPOINT,
            ),
            Situation.INSIDE_A_MESSAGE: Variant(
                title="The shared prefix ends inside a message",
                what="{only_at_breakpoints}, and these prompts diverge inside `{path}`.",
                advice="Split the message: put what they share into a separate part, with {breakpoint}, and what "
                "differs into the next part.",
                snippet=snippets.SPLIT_MESSAGE,
            ),
        },
    ),
    Rule(
        id="rate-overflow",
        title="More requests than one machine handles",
        what="Above {rate} with the same start{and_key}, the provider sends some of them to machines that do not "
        "have the prefix yet. That is the likely reason here.",
        advice="{spread}",
        cause=Cause.TRAFFIC,
        reasons=frozenset({"rate_overflow"}),
        snippet=snippets.SPREAD_KEYS,
    ),
    Rule(
        id="concurrent",
        title="Requests do not wait for the first one to fill the cache",
        what="The prefix was being written by a request that had only just been sent, so it could not be read yet.",
        advice="Send one request first, and the others once its first token is there.{prewarm}",
        cause=Cause.TRAFFIC,
        reasons=frozenset({"concurrent"}),
    ),
    Rule(
        id="unseen",
        title="Misses that one process alone cannot explain",
        what="More tokens were read from the cache than this process had sent, so other processes send these prompts "
        "too. This process does not see their requests: together they may have sent too many in a minute, and the "
        "others may have sent or kept alive what seems new or expired here.",
        advice="Let the processes share a memory: set `fleet` to a file for the workers of one host, or to Redis. "
        "Or analyse them together once, by starting all of them with one `otel-promptcache run`.",
        cause=Cause.MEASUREMENT,
        reasons=frozenset({"unseen"}),
    ),
    Rule(
        id="provider",
        title="The provider did not read what it could have read",
        what="The prompt had not changed, its lifetime had not passed and the rate was low. Your application did "
        "not cause this: the provider sent the request to a different machine or had dropped the prefix.",
        advice="An occasional miss is normal, and there is nothing to change. If it happens often, try "
        "the following. {affinity}",
        cause=Cause.PROVIDER,
        reasons=frozenset({"provider"}),
        variants={
            Situation.PERSISTENT: Variant(
                title="An unchanged prompt misses again and again",
                what="The prompt had not changed, its lifetime had not passed and the rate was low, but it was "
                "rarely read. The requests probably reach machines or replicas that do not share a cache, or the "
                "cache is off.",
                advice="{affinity}",
                cause=Cause.TRAFFIC,
            ),
        },
    ),
)
"""In the order in which they are tried."""

OTHER_REASON = Rule(
    id="other-reason",
    title="Misses for a reason unknown to this version",
    what="This version of the report cannot explain the reason that was reported.",
    advice="Look it up in the provider's documentation of prompt caching.",
    cause=Cause.MEASUREMENT,
)
"""For reasons that later versions add."""

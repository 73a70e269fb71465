"""Findings about settings, endpoints, lifetimes and rates: the prompt itself is what it was."""

from __future__ import annotations

from otel_promptcache.report.rules import snippets
from otel_promptcache.report.rules.rule import Cause, Rule, Situation, Variant

SETUP_RULES: tuple[Rule, ...] = (
    Rule(
        id="model-changed",
        title="Requests that share a prompt go to different models",
        what="Earlier requests with this prompt went to another model, and each model has a cache of its own.",
        advice="Keep one model within a conversation. Let a router or a fallback decide at its start.",
        reasons=frozenset({"model_changed"}),
    ),
    Rule(
        id="endpoint-changed",
        title="Another endpoint has the prompt in its cache",
        what="Earlier requests with this prompt were served by another host, or by another provider behind a router. "
        "Each has a cache of its own, so the prompt is processed again.",
        advice="Keep one endpoint within a conversation: make routing sticky, and fall back only if the first "
        "endpoint stays down. At OpenRouter, name one provider in `provider.order` and switch `allow_fallbacks` off.",
        reasons=frozenset({"endpoint_changed"}),
    ),
    Rule(
        id="settings-changed",
        title="A setting separates requests that share a prompt",
        what="`{path}` is not what it was in earlier requests with this prompt. It is rendered into the prompt or "
        "decides which server gets it, so its values do not share a cache.",
        advice="Keep `{path}` the same for all requests of a conversation, and for all requests of a template if "
        "nothing has to be kept apart. A value for each request switches the cache off.",
        reasons=frozenset({"settings_changed"}),
    ),
    Rule(
        id="cache-key-changed",
        title="The cache key separates requests that share a prompt",
        what="`prompt_cache_key` is not that of earlier requests with this prompt. From gpt-5.6 on nothing is shared "
        "between keys; before, another key may mean another machine.",
        advice="Use one key for each prompt template, not one for each user or request, unless you want the "
        "separation.{split_key}",
        reasons=frozenset({"prompt_cache_key_changed"}),
        snippet=snippets.CACHE_KEY,
    ),
    Rule(
        id="service-tier-changed",
        title="Requests are served in different service tiers",
        what="Another tier served the request than before, and tiers do not share a cache.",
        advice="Name the tier instead of leaving it at `auto`. The response says which one it really was: a full "
        "tier may be replaced by another one.",
        reasons=frozenset({"service_tier_changed"}),
    ),
    Rule(
        id="effort-changed",
        title="The reasoning effort changes",
        what="The reasoning effort is part of the cached prefix, and it is not that of earlier requests with this "
        "prompt.",
        advice="Keep one effort within a conversation. On gpt-6 models an input item `configuration_update` changes "
        "it without a new prefix.",
        reasons=frozenset({"reasoning_effort_changed"}),
    ),
    Rule(
        id="verbosity-changed",
        title="The verbosity changes",
        what="The verbosity is part of the cached prefix, and it is not that of earlier requests with this prompt.",
        advice="Keep one verbosity for all requests of a template, or ask for shorter answers in the last message.",
        reasons=frozenset({"verbosity_changed"}),
    ),
    Rule(
        id="context-compacted",
        title="The conversation was compacted",
        what="Compaction replaces the history, so the next request starts anew. That is its price, once for each "
        "compaction.",
        advice="If it happens often, compact later and keep less.",
        reasons=frozenset({"context_compacted"}),
    ),
    Rule(
        id="cold-start",
        title="Most requests are the first of their kind",
        what="No earlier request of the process had this prompt, so there was nothing to read. That holds for the "
        "first request of every prompt, but here it is most of them.",
        advice="If the prompts have something in common, put it first. If short-lived processes send them, the "
        "provider may still have the prefix from another one. One-off prompts have nothing to gain from a cache.",
        cause=Cause.TRAFFIC,
        reasons=frozenset({"cold_start"}),
    ),
    Rule(
        id="expired",
        title="The cached prefix expires between requests",
        what="The prompt did not change, but more time passed than the provider keeps a prefix.",
        advice="Ask for a longer lifetime if the model offers one: `prompt_cache_retention` of `24h` up to gpt-5.5, "
        "and from gpt-5.6 on `prompt_cache_options` with a `ttl` of `12h` on the Responses API. Or send requests "
        "that share a prompt closer together.",
        cause=Cause.TRAFFIC,
        reasons=frozenset({"expired"}),
        snippet=snippets.LONGER_LIFETIME,
    ),
    Rule(
        id="below-minimum",
        title="The prompts are too short to be cached",
        what="A provider caches from a certain length on, OpenAI from 1,024 tokens. These prompts, or what they "
        "share with earlier ones, are shorter.",
        advice="Nothing is wrong with a short prompt. If one is only just too short and is sent often, more examples "
        "or instructions may pay for themselves.",
        cause=Cause.NOBODY,
        reasons=frozenset({"below_minimum"}),
    ),
    Rule(
        id="caching-disabled",
        title="Caching is off: nothing in the prompts is marked",
        what="In the explicit mode of OpenAI's `prompt_cache_options` only what has a `prompt_cache_breakpoint` is "
        "cached. No part of these prompts has one.",
        advice="Leave the mode at `implicit`, or mark the end of what requests share with a breakpoint.",
        reasons=frozenset({"caching_disabled"}),
        snippet=snippets.IMPLICIT_MODE,
    ),
    Rule(
        id="mode-changed",
        title="Requests change between implicit and explicit caching",
        what="The mode of `prompt_cache_options` is not what it was before. The two modes set breakpoints in "
        "different places, so one may not find what the other wrote.",
        advice="Keep one mode for all requests of a template.",
        reasons=frozenset({"mode_changed"}),
        snippet=snippets.IMPLICIT_MODE,
    ),
    Rule(
        id="no-matching-breakpoint",
        title="What the prompts share does not end at a breakpoint",
        what="From gpt-5.6 on only prefixes that end at a breakpoint can be read. There is none at the end of what "
        "these prompts share.",
        advice="Put a `prompt_cache_breakpoint` at the end of what they share, or use implicit mode.",
        reasons=frozenset({"no_matching_breakpoint"}),
        variants={
            Situation.HISTORY_GREW: Variant(
                title="The history is behind the last breakpoint",
                what="From gpt-5.6 on only prefixes that end at a breakpoint can be read. These prompts only grew, "
                "but no breakpoint follows the part that grew, so the history is processed again with each turn.",
                advice="Use implicit mode, the default: it sets a breakpoint behind the latest message. Or keep "
                "explicit mode and put one more breakpoint at the end of the history, on `{message}`.",
                snippet=snippets.IMPLICIT_MODE,
            ),
            Situation.MESSAGE_ENDS: Variant(
                title="What the prompts share does not end at a breakpoint",
                what="From gpt-5.6 on only prefixes that end at a breakpoint can be read. What these prompts share "
                "ends with `{message}`, which has none.",
                advice="Put a `prompt_cache_breakpoint` at the end of `{message}`. A breakpoint belongs on a part of "
                "a message's content; `instructions` takes none, so send them as a developer message.",
                snippet=snippets.BREAKPOINT,
            ),
            Situation.INSIDE_A_MESSAGE: Variant(
                title="What the prompts share ends inside a message",
                what="From gpt-5.6 on only prefixes that end at a breakpoint can be read, and these prompts diverge "
                "inside `{path}`.",
                advice="Split it: put what they share into a part of its own, with a `prompt_cache_breakpoint`, and "
                "what differs into the next part.",
                snippet=snippets.SPLIT_MESSAGE,
            ),
        },
    ),
    Rule(
        id="rate-overflow",
        title="More requests than one machine takes",
        what="Above about 15 requests a minute with the same start and key, the provider sends some to machines that "
        "do not have the prefix yet. That is the likely reason here.",
        advice="{spread}",
        cause=Cause.TRAFFIC,
        reasons=frozenset({"rate_overflow"}),
        snippet=snippets.CACHE_KEY,
    ),
    Rule(
        id="concurrent",
        title="Requests do not wait for the first one to fill the cache",
        what="The prefix was being written by a request that had only just been sent, so it could not be read yet.",
        advice="Send one request first, and the others once its first token is there. From gpt-5.6 on the Responses "
        "API has `prewarm` for that.",
        cause=Cause.TRAFFIC,
        reasons=frozenset({"concurrent"}),
    ),
    Rule(
        id="unseen",
        title="Other processes send these prompts, too, and one alone cannot say why they miss",
        what="More of these prompts was read from the cache than the process had sent, so others send them as well. "
        "What they did is not known to it: together they may have sent too many requests in a minute, and what has "
        "expired or is new here may have been kept alive by them.",
        advice="Let the processes share a memory: set `fleet` to a file for the workers of one host, or to a Redis. Or "
        "judge them together once: start all of them with one `otel-promptcache run`.",
        cause=Cause.MEASUREMENT,
        reasons=frozenset({"unseen"}),
    ),
    Rule(
        id="provider",
        title="The provider did not read what it could have read",
        what="The prompt had not changed, its lifetime had not passed and the rate was low. This is not your "
        "application: the provider sent the request to another machine or had dropped the prefix.",
        advice="A miss once in a while is normal, and there is nothing to change. If it happens often: "
        "{affinity}",
        cause=Cause.PROVIDER,
        reasons=frozenset({"provider"}),
        variants={
            Situation.PERSISTENT: Variant(
                title="An unchanged prompt misses again and again",
                what="The prompt had not changed, its lifetime had not passed and the rate was low, but it was "
                "hardly ever read. The requests probably reach machines or replicas that do not share a cache, or "
                "the cache is off.",
                advice="{affinity}",
                cause=Cause.TRAFFIC,
            ),
        },
    ),
)
"""In the order in which they are tried."""

OTHER_REASON = Rule(
    id="other-reason",
    title="Misses for a reason that this version does not know",
    what="This report cannot explain the reason that was given.",
    advice="Look it up in the provider's documentation of prompt caching.",
    cause=Cause.MEASUREMENT,
)
"""For reasons that come with later versions."""

"""Findings about a cache that holds only what a request marks: Anthropic's, wherever its models are served."""

from __future__ import annotations

from otel_promptcache.report.rules import snippets
from otel_promptcache.report.rules.rule import Cause, Rule, Situation, Variant

_READ = (
    "Entries are written only at blocks with `cache_control`, and each marker finds them at most 20 blocks back, its "
    "own block included."
)

OPT_IN_RULES: tuple[Rule, ...] = (
    Rule(
        id="markers-absent",
        title="Nothing in the prompts is marked, so nothing is cached",
        what="Claude's cache is opt-in: only what is in front of a block with `cache_control` is cached. No part of "
        "these prompts has one.",
        advice="Put `cache_control` on the last block that requests share, such as the end of the system prompt. For "
        "a conversation put it at the top of the request, which marks the last block.",
        reasons=frozenset({"caching_disabled"}),
        snippet=snippets.MARKER,
    ),
    Rule(
        id="marker-misplaced",
        title="No marker is where the shared part ends",
        what=f"{_READ} There is no entry at the end of what these prompts share.",
        advice="Put `cache_control` on the last block that they share.",
        reasons=frozenset({"no_matching_breakpoint"}),
        snippet=snippets.MARKER,
        variants={
            Situation.HISTORY_GREW: Variant(
                title="The last write is more than 20 blocks back",
                what=f"{_READ} These prompts only grew, but by more blocks than that, or without a marker behind the "
                "part that grew, so the history is processed again.",
                advice="Put one more marker on `{message}`, and so on every 20 blocks of a long turn; a request can "
                "have four. `cache_control` at the top of the request marks the last block of each turn.",
                snippet=snippets.AUTOMATIC_MARKER,
            ),
            Situation.MESSAGE_ENDS: Variant(
                title="The marker is on content that changes",
                what=f"{_READ} What these prompts share ends with `{{message}}`, but the marker is on a later block, "
                "which is different each time: it writes an entry that no other request finds.",
                advice="Move the marker to `{message}`, in front of what changes, or put one more there.",
                snippet=snippets.MARKER,
            ),
            Situation.INSIDE_A_MESSAGE: Variant(
                title="What the prompts share ends inside a block",
                what=f"{_READ} These prompts diverge inside `{{path}}`.",
                advice="Split it into two blocks: what they share, with `cache_control`, and what differs behind it.",
                snippet=snippets.MARKER,
            ),
        },
    ),
    Rule(
        id="marked-setting-changed",
        title="A setting that entries depend on changes",
        what="`{path}` is not what it was in earlier requests with this prompt. Another `tool_choice`, and the first "
        "image or the last one that goes, spoil what is cached of the messages; `thinking`, `speed` and "
        "`output_config` may spoil the tools and the system prompt as well.",
        advice="Keep `{path}` the same within a conversation. Give the system prompt a marker of its own, so that at "
        "least that is read after a change.",
        reasons=frozenset({"settings_changed"}),
        snippet=snippets.MARKER,
    ),
    Rule(
        id="marked-prefix-expired",
        title="The entries lapse between requests",
        what="The prompt did not change, but more time passed than the entry lives: five minutes from the start of "
        "the request that wrote or read it last, or an hour if its marker says so.",
        advice='Mark it with `"ttl": "1h"`. Writing then costs 2 times the input price instead of 1.25 times, and pays '
        "if it is read once in that hour. Markers for an hour come before those for five minutes.",
        cause=Cause.TRAFFIC,
        reasons=frozenset({"expired"}),
        snippet=snippets.HOUR,
    ),
    Rule(
        id="marked-part-too-short",
        title="What is marked is too short to be cached",
        what="What is in front of the last marker is shorter than the model caches: from 512 tokens on Claude Opus 5 "
        "to 4,096 on Haiku 4.5. Nothing is written then, and no error says so.",
        advice="Move the marker further back, behind more of what requests share. Nothing is wrong with a prompt "
        "that is short as a whole.",
        cause=Cause.NOBODY,
        reasons=frozenset({"below_minimum"}),
    ),
    Rule(
        id="concurrent-writes",
        title="Requests do not wait for the first one to fill the cache",
        what="An entry can be read once the response that writes it has begun. Requests that are sent before each "
        "write it again, and pay for it.",
        advice="Send one request first, and the others once its first token is there. A request with `max_tokens` of "
        "0 only fills the cache.",
        cause=Cause.TRAFFIC,
        reasons=frozenset({"concurrent"}),
    ),
)
"""In the order in which they are tried, in front of all others."""

MARKS_NOT_READ = Rule(
    id="marks-not-read",
    title="What is marked is hardly read back",
    what="Writing costs 1.25 times the input price, or 2 times for an hour, and here it cost more than reading "
    "saved: it would have been cheaper without markers.",
    advice="Mark only what other requests begin with: the end of the system prompt, or of a conversation that goes "
    "on. A marker behind a one-off question only costs.",
    snippet=snippets.MARKER,
)

HOUR_NOT_NEEDED = Rule(
    id="hour-not-needed",
    title="Entries are written for an hour and are never needed that long",
    what="Writing for an hour costs 2 times the input price, for five minutes 1.25 times, and each read renews the "
    "lifetime. These requests follow each other closely enough for five minutes.",
    advice='Leave `"ttl": "1h"` out, unless pauses of more than five minutes are to be expected.',
    snippet=snippets.MARKER,
)

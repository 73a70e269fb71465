"""Findings about a cache that stores only what a request marks: Anthropic's, wherever its models are served."""

from __future__ import annotations

from otel_promptcache.report.rules import snippets
from otel_promptcache.report.rules.rule import Cause, Rule, Situation, Variant
from otel_promptcache.report.rules.settings import CLAUDE_SETTINGS

_READ = (
    "Entries are written only at blocks with `cache_control`, and each marker finds entries at most 20 blocks "
    "back, including its own block."
)

OPT_IN_RULES: tuple[Rule, ...] = (
    Rule(
        id="markers-absent",
        title="Nothing in the prompts is marked, so nothing is cached",
        what="Claude's cache is opt-in: a prompt is cached only up to the end of a block with `cache_control`, "
        "and these prompts have no such block.",
        advice="{mark}",
        reasons=frozenset({"caching_disabled"}),
        snippet=snippets.MARKER,
    ),
    Rule(
        id="marker-misplaced",
        title="There is no marker at the end of the shared prefix",
        what=f"{_READ} There is no entry at the end of the prefix that these prompts share.",
        advice="Put `cache_control` on the last block that they share.",
        reasons=frozenset({"no_matching_breakpoint"}),
        snippet=snippets.MARKER,
        variants={
            Situation.HISTORY_GREW: Variant(
                title="The last write is 20 or more blocks back",
                what=f"{_READ} These prompts only grew, but by more blocks than that, or without a marker after "
                "the part that grew, so the history is processed again.",
                advice="Put another marker on `{message}`, and one on at least every 19th block of a long "
                "turn, because a marker on the 20th does not reach it; a request can have four. `cache_control` at the "
                "top level of the request marks the last block of each turn, which is enough for turns of up to 19 "
                "blocks.",
                snippet=snippets.AUTOMATIC_MARKER,
            ),
            Situation.MESSAGE_ENDS: Variant(
                title="The marker is on content that changes",
                what=f"{_READ} The prefix that these prompts share ends with `{{message}}`, but the marker is on "
                "a later block, which is different each time: it writes an entry that no other request finds.",
                advice="Move the marker to `{message}`, before what changes, or put another one there.",
                snippet=snippets.MARKER,
            ),
            Situation.INSIDE_A_MESSAGE: Variant(
                title="The shared prefix ends inside a block",
                what=f"{_READ} These prompts diverge inside `{{path}}`.",
                advice="Split it into two blocks: first what they share, with `cache_control`, then what differs.",
                snippet=snippets.MARKER,
            ),
        },
    ),
    Rule(
        id="marked-setting-changed",
        title="A setting changes that cache entries depend on",
        what="`{path}` differs from earlier requests with this prompt, so their entries are not found.",
        advice="Keep `{path}` the same within a conversation. Give the system prompt its own marker, so that at "
        "least that part is read after a change.",
        reasons=frozenset({"settings_changed"}),
        snippet=snippets.MARKER,
        settings=CLAUDE_SETTINGS,
    ),
    Rule(
        id="marked-prefix-expired",
        title="The entries expire between requests",
        what="The prompt did not change, but more time passed than the lifetime of the entry: five minutes from "
        "the start of the request that wrote or read it last, or an hour if its marker says so.",
        advice='Mark it with `"ttl": "1h"`. Writing then costs 2 times the input price instead of 1.25 times, and pays '
        "off if the entry is read once in that hour. Markers for an hour come before those for five minutes.",
        cause=Cause.TRAFFIC,
        reasons=frozenset({"expired"}),
        snippet=snippets.HOUR,
    ),
    Rule(
        id="marked-part-too-short",
        title="What is marked is too short to be cached",
        what="The prompt up to the last marker is too short. {minimum} Otherwise nothing is written, and no "
        "error is reported.",
        advice="Move the marker towards the end, after more of what requests share. Nothing is wrong with a "
        "prompt that is short as a whole.",
        cause=Cause.NOBODY,
        reasons=frozenset({"below_minimum"}),
    ),
    Rule(
        id="concurrent-writes",
        title="Requests do not wait for the first one to fill the cache",
        what="An entry can be read once the response that writes it has started. Requests sent before that each "
        "write it again, and pay for it.",
        advice="Send one request first, and the others once its first token is there.{fill_only}",
        cause=Cause.TRAFFIC,
        reasons=frozenset({"concurrent"}),
    ),
)
"""In the order in which they are tried, before all others."""

MARKS_NOT_READ = Rule(
    id="marks-not-read",
    title="What is marked is rarely read back",
    what="Writing costs 1.25 times the input price, or 2 times for an hour, and here it cost more than reading "
    "saved: it would have been cheaper without markers.",
    advice="Mark only what other requests begin with: at the end of the system prompt, or of a conversation that "
    "continues. A marker after a one-off question only adds cost.",
    snippet=snippets.MARKER,
)

HOUR_NOT_NEEDED = Rule(
    id="hour-not-needed",
    title="Entries are written for an hour, which does not pay off",
    what="Writing for an hour costs 2 times the input price, for five minutes 1.25 times, and each read renews "
    "the lifetime. Reads after more than five minutes saved less than the longer lifetime costs.",
    advice='Leave `"ttl": "1h"` out, or keep it for the prompts that come back after more than five minutes.',
    snippet=snippets.MARKER,
)

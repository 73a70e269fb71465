"""Findings about instructions and messages that differ from before, by place and kind of the difference."""

from __future__ import annotations

from otel_promptcache.report.rules.places import HISTORY, LEADING, Place
from otel_promptcache.report.rules.rule import Rule, Situation, Variant

_INPUT = frozenset({"input_changed"})
VOLATILE = frozenset({"timestamp", "uuid", "number"})
BEHIND = "A prompt cache matches from the start, so everything after this place is processed again."

OTHER_TEMPLATE = Variant(
    title="Another template shares this text",
    what="Two prompt templates contain the same text, but start differently. Each is cached separately, so the "
    "shared text is processed once for each of them.",
    advice="This is fine if the two are different agents. To share a cache, both must start the same way: with "
    "the same tools ({limit_tools}) and the same first message, followed by what differs.",
)
"""The variant of any finding whose earlier prompt is from a different template."""


def _rule(
    rule_id: str, title: str, what: str, advice: str, places: frozenset[Place] | None, *kinds: str
) -> Rule:
    return Rule(
        id=rule_id,
        title=title,
        what=what,
        advice=advice,
        reasons=_INPUT,
        places=places,
        kinds=frozenset(kinds) if kinds else None,
        variants={Situation.OTHER_TEMPLATE: OTHER_TEMPLATE},
    )


PROMPT_RULES: tuple[Rule, ...] = (
    _rule(
        "history-truncated",
        "The conversation is cut at its start",
        "The oldest messages are dropped to keep the prompt short. Consecutive requests then start differently, and "
        "the rest of the conversation is processed again.",
        "Trim rarely but a lot at a time, such as half of the history, instead of one message with every turn. Or "
        "compact the conversation.",
        None,
        "truncated",
    ),
    _rule(
        "time-in-front",
        "A date or time in {place} changes",
        f"There is a date or time in {{place}}, before text that stays the same. {BEHIND}",
        "Move it to the end of the input. If the day is precise enough, leave out the time of day.",
        LEADING,
        "timestamp",
    ),
    _rule(
        "id-in-front",
        "A random id in {place} changes",
        "There is an id of a request, a session or a user in {place}, before text that stays the same. "
        f"{BEHIND}",
        "Leave it out of the prompt if the model does not need it{beside_the_prompt}. Otherwise move it to the end of "
        "the input.",
        LEADING,
        "uuid",
    ),
    _rule(
        "number-in-front",
        "A number in {place} changes",
        "A number, such as a count, an amount or a short id, changes in {place}, before text that stays the same. "
        + BEHIND,
        "Move it to the end of the input.",
        LEADING,
        "number",
    ),
    _rule(
        "reordered-in-front",
        "The order inside {place} changes",
        "The same parts of {place} come in a different order from request to request, as with sets and search "
        "results. " + BEHIND,
        "Sort the parts by something that does not change before you put them into the prompt.",
        LEADING,
        "reordered",
    ),
    _rule(
        "inserted-in-front",
        "Something is inserted into {place}",
        f"New text is inserted into {{place}}, before text that was sent earlier. {BEHIND}",
        "{append}",
        LEADING,
        "added",
    ),
    _rule(
        "removed-in-front",
        "Something disappears from {place}",
        f"Text that an earlier request had in {{place}} is missing, and what followed it moved up. {BEHIND}",
        "{leave_in_place}",
        LEADING,
        "removed",
    ),
    _rule(
        "edited-in-front",
        "The text of {place} is not the same every time",
        f"The text of {{place}} differs from earlier requests, before text that stays the same. {BEHIND}",
        "Keep it the same byte for byte, and put what belongs to one user or request at the end of the input. A "
        "few versions are fine, because each is cached separately. One for each request is not.",
        LEADING,
    ),
    _rule(
        "arguments-rewritten",
        "Arguments of earlier tool calls are serialised differently",
        "An earlier tool call has the same JSON arguments in a different form, for example with sorted keys or "
        f"different whitespace. {BEHIND}",
        "{same_arguments}",
        frozenset({Place.ARGUMENTS}),
    ),
    _rule(
        "results-rewritten",
        "Earlier tool results are shortened or rewritten",
        f"A tool result differs from when it was first sent. {BEHIND}",
        "Resend results unchanged. If they must be shortened, trim each once, before it is first sent, or trim "
        "many at a time, and rarely.",
        frozenset({Place.TOOL_RESULT}),
    ),
    _rule(
        "volatile-history",
        "Earlier messages contain something that changes",
        "A date, an id or a number in an earlier message differs from when the message was first sent. This "
        f"happens if the history is rendered again for each request. {BEHIND}",
        "Store messages as they were sent, and resend them unchanged.",
        HISTORY,
        *VOLATILE,
    ),
    _rule(
        "history-inserted",
        "Something is inserted into the conversation",
        f"A message or a passage is inserted before messages that were already sent. {BEHIND}",
        "Append it: reminders, reasoning, search results and summaries belong after the last message.",
        HISTORY,
        "added",
    ),
    _rule(
        "history-removed",
        "Parts of the conversation are removed",
        "An earlier message is missing, or has lost part of its text, for example because tool results or images "
        f"were pruned or reasoning was not sent back. {BEHIND}",
        "Leave messages unchanged. Prune rarely but a lot at a time, instead of a little with every "
        "turn.{send_reasoning}",
        HISTORY,
        "removed",
    ),
    _rule(
        "history-reordered",
        "The order of messages changes",
        f"The same messages come in a different order. {BEHIND}",
        "Keep the order in which they were first sent, and append what is new.",
        HISTORY,
        "reordered",
    ),
    _rule(
        "history-edited",
        "Earlier messages are rewritten",
        "An earlier message differs from when it was first sent. Common causes are shortened tool results, "
        f"replaced images and JSON that is serialised again. {BEHIND}",
        "Resend messages unchanged, and append corrections instead of making them in place.",
        HISTORY,
    ),
    _rule(
        "input-changed",
        "The prompt differs from what was sent before",
        f"Something in the prompt changes before text that stays the same. {BEHIND}",
        "Put what stays the same first and what changes last. Compare two requests to see what it is.",
        None,
    ),
)
"""In the order in which they are tried."""

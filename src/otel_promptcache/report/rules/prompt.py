"""Findings about instructions and messages that are not what they were before, by place and kind of the difference."""

from __future__ import annotations

from otel_promptcache.report.rules.places import HISTORY, LEADING, Place
from otel_promptcache.report.rules.rule import Rule, Situation, Variant

_INPUT = frozenset({"input_changed"})
VOLATILE = frozenset({"timestamp", "uuid", "number"})
BEHIND = "A prompt cache matches from the start, so everything after this place is processed again."

OTHER_TEMPLATE = Variant(
    title="Another template shares this text",
    what="Two prompt templates contain the same text, but start differently. Each is cached on its own, so the "
    "shared text is processed once for each of them.",
    advice="This is fine if the two are different agents. To share a cache, both must start the same way: the same "
    "tools (limit them with `tool_choice`), the same first message, and what differs behind them.",
)
"""Of any finding whose earlier prompt is of another template."""


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
        "Trim rarely and by a lot, such as half of the history at once, instead of one message with every turn. Or "
        "compact the conversation.",
        None,
        "truncated",
    ),
    _rule(
        "time-in-front",
        "A date or time in {place} changes",
        f"A date or time is in {{place}}, in front of text that stays the same. {BEHIND}",
        "Move it to the end of the input. If the day is precise enough, leave out the time of day.",
        LEADING,
        "timestamp",
    ),
    _rule(
        "id-in-front",
        "A random id in {place} changes",
        f"An id of a request, a session or a user is in {{place}}, in front of text that stays the same. {BEHIND}",
        "Leave it out of the prompt if the model does not need it (`metadata` and `safety_identifier` are for that). "
        "Otherwise move it to the end of the input.",
        LEADING,
        "uuid",
    ),
    _rule(
        "number-in-front",
        "A number in {place} changes",
        "A number, such as a count, an amount or a short id, changes in {place}, in front of text that stays the same. "
        + BEHIND,
        "Move it to the end of the input.",
        LEADING,
        "number",
    ),
    _rule(
        "reordered-in-front",
        "Parts of {place} come in changing order",
        "The same parts of {place} come in another order from request to request, as sets and search results do. "
        + BEHIND,
        "Sort the parts by something that does not change before you put them into the prompt.",
        LEADING,
        "reordered",
    ),
    _rule(
        "inserted-in-front",
        "Something is inserted into {place}",
        f"New text is inserted into {{place}}, in front of text that was sent before. {BEHIND}",
        "Append it: new text belongs behind what was sent before.",
        LEADING,
        "added",
    ),
    _rule(
        "removed-in-front",
        "Something disappears from {place}",
        f"Text that an earlier request had in {{place}} is missing, and what followed it moved up. {BEHIND}",
        "Leave what was sent in its place for the whole session, or put parts that come and go at the end of the "
        "input.",
        LEADING,
        "removed",
    ),
    _rule(
        "edited-in-front",
        "The text of {place} is not the same every time",
        f"The text of {{place}} differs from earlier requests, in front of text that stays the same. {BEHIND}",
        "Keep it the same byte for byte, and put what belongs to one user or request at the end of the input. A few "
        "versions are fine, because each is cached on its own. One for each request is not.",
        LEADING,
    ),
    _rule(
        "arguments-rewritten",
        "Arguments of earlier tool calls are serialised again",
        f"An earlier tool call has the same JSON arguments in another form, such as sorted keys or other spaces. "
        f"{BEHIND}",
        "Keep the model's own string and send it back byte for byte as it was. Do not parse and serialise it on the "
        "way through a store.",
        frozenset({Place.ARGUMENTS}),
    ),
    _rule(
        "results-rewritten",
        "Earlier tool results are shortened or rewritten",
        f"A tool result is not what it was when it was sent first. {BEHIND}",
        "Send results again as they were. If they must be shortened, trim each once, before it is first sent, or "
        "many at once and rarely.",
        frozenset({Place.TOOL_RESULT}),
    ),
    _rule(
        "volatile-history",
        "Earlier messages contain something that changes",
        "A date, an id or a number in an earlier message is not what it was when the message was sent first. This "
        f"happens if history is rendered anew for each request. {BEHIND}",
        "Store messages as they were sent, and send them again unchanged.",
        HISTORY,
        *VOLATILE,
    ),
    _rule(
        "history-inserted",
        "Something is inserted into the conversation",
        f"A message or a passage is inserted in front of messages that were sent before. {BEHIND}",
        "Append it: reminders, reasoning, search results and summaries belong behind the last message.",
        HISTORY,
        "added",
    ),
    _rule(
        "history-removed",
        "Parts of the conversation are removed",
        "An earlier message is missing, or has lost part of its text, as when tool results or images are pruned or "
        f"reasoning is not sent back. {BEHIND}",
        "Leave messages as they were. Prune rarely and by a lot instead of a little with every turn. With the "
        "Responses API send reasoning items back, or use `previous_response_id`.",
        HISTORY,
        "removed",
    ),
    _rule(
        "history-reordered",
        "Messages change their order",
        f"The same messages come in another order. {BEHIND}",
        "Keep the order in which they were sent first, and append what is new.",
        HISTORY,
        "reordered",
    ),
    _rule(
        "history-edited",
        "Earlier messages are rewritten",
        "An earlier message is not what it was when it was sent first. Tool results that are shortened, images that "
        f"are replaced and JSON that is serialised again are common causes. {BEHIND}",
        "Send messages again as they were, and append corrections instead of making them in place.",
        HISTORY,
    ),
    _rule(
        "input-changed",
        "The prompt differs from what was sent before",
        f"Something in the prompt changes in front of text that stays the same. {BEHIND}",
        "Put what stays the same first and what changes last. Compare two requests to see what it is.",
        None,
    ),
)
"""In the order in which they are tried."""

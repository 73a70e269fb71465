"""Findings about prompts that are not what they were before, by place and kind of the difference."""

from __future__ import annotations

from otel_promptcache.report.places import LEADING, Place
from otel_promptcache.report.rules import Rule

_INPUT = frozenset({"input_changed"})
_TOOLS = frozenset({"tools_changed"})
_CONVERSATION = frozenset({Place.CONVERSATION})
_VOLATILE = frozenset({"timestamp", "uuid", "number"})
_BEHIND = "A prompt cache matches from the start, so all that stands behind it is processed again."

PROMPT_RULES: tuple[Rule, ...] = (
    Rule(
        id="history-truncated",
        title="The conversation is cut at its start",
        what="The oldest messages are dropped to keep the prompt short, so requests that follow each other do not "
        "begin alike, and the whole rest of the conversation is processed again.",
        advice="Cut seldom and much, such as half of the history at once, instead of a message with every turn. "
        "Or have the conversation compacted.",
        reasons=_INPUT,
        kinds=frozenset({"truncated"}),
    ),
    Rule(
        id="time-in-front",
        title="A date or time in {place} changes",
        what=f"A date or time stands in {{place}}, in front of text that stays the same. {_BEHIND}",
        advice="Move it to the end of the input. Where the day is precise enough, leave out the time of day.",
        reasons=_INPUT,
        places=LEADING,
        kinds=frozenset({"timestamp"}),
    ),
    Rule(
        id="id-in-front",
        title="A random id in {place} changes",
        what="An id of a request, a session or a user stands in {place}, in front of text that stays the same. "
        + _BEHIND,
        advice="Leave it out of the prompt where the model does not need it (`metadata` and `safety_identifier` are "
        "for that), else move it to the end of the input.",
        reasons=_INPUT,
        places=LEADING,
        kinds=frozenset({"uuid"}),
    ),
    Rule(
        id="number-in-front",
        title="A number in {place} changes",
        what="A number, such as a count, an amount or a short id, changes in {place}, in front of text that stays "
        f"the same. {_BEHIND}",
        advice="Move it to the end of the input.",
        reasons=_INPUT,
        places=LEADING,
        kinds=frozenset({"number"}),
    ),
    Rule(
        id="reordered-in-front",
        title="Pieces of {place} come in changing order",
        what="The same pieces of {place} come in another order from request to request, as sets and search results "
        f"do. {_BEHIND}",
        advice="Sort the pieces by something that does not change before they are put into the prompt.",
        reasons=_INPUT,
        places=LEADING,
        kinds=frozenset({"reordered"}),
    ),
    Rule(
        id="inserted-in-front",
        title="Something is inserted into {place}",
        what=f"New text is inserted in {{place}}, in front of text that was sent before. {_BEHIND}",
        advice="Append: what is new belongs behind what was sent before.",
        reasons=_INPUT,
        places=LEADING,
        kinds=frozenset({"added"}),
    ),
    Rule(
        id="removed-in-front",
        title="Something disappears from {place}",
        what=f"Text that an earlier request had in {{place}} is missing, and what followed it moved up. {_BEHIND}",
        advice="Leave what was sent in its place, or put parts that come and go at the end of the input.",
        reasons=_INPUT,
        places=LEADING,
        kinds=frozenset({"removed"}),
    ),
    Rule(
        id="edited-in-front",
        title="The text of {place} is not the same every time",
        what="The text of {place} differs from what earlier requests sent, in front of text that stays the same. "
        + _BEHIND,
        advice="Keep it the same byte for byte, and put what belongs to one user or request at the end of the input. "
        "A few versions are fine, since each is cached on its own; one for each request is not.",
        reasons=_INPUT,
        places=LEADING,
    ),
    Rule(
        id="volatile-history",
        title="Earlier messages contain something that changes",
        what="A date, an id or a number in an earlier message is not what it was when the message was sent first, "
        f"as when history is rendered anew for each request. {_BEHIND}",
        advice="Keep messages as they were sent, and send them again unchanged.",
        reasons=_INPUT,
        places=_CONVERSATION,
        kinds=_VOLATILE,
    ),
    Rule(
        id="history-inserted",
        title="Something is inserted into the conversation",
        what=f"A message or a passage is put in front of messages that were sent before. {_BEHIND}",
        advice="Append it: reminders, search results and summaries belong behind the last message.",
        reasons=_INPUT,
        places=_CONVERSATION,
        kinds=frozenset({"added"}),
    ),
    Rule(
        id="history-removed",
        title="Messages are taken out of the conversation",
        what="An earlier message is missing, as when results of tools are pruned or reasoning is not sent back. "
        + _BEHIND,
        advice="Prune seldom and much instead of a little with every turn. With the Responses API send reasoning "
        "items back, or use `previous_response_id`.",
        reasons=_INPUT,
        places=_CONVERSATION,
        kinds=frozenset({"removed"}),
    ),
    Rule(
        id="history-reordered",
        title="Messages change their order",
        what=f"The same messages come in another order. {_BEHIND}",
        advice="Keep the order in which they were sent first, and append what is new.",
        reasons=_INPUT,
        places=_CONVERSATION,
        kinds=frozenset({"reordered"}),
    ),
    Rule(
        id="history-edited",
        title="Earlier messages are rewritten",
        what="An earlier message is not what it was when it was sent first, as when results of tools are shortened "
        f"or JSON is written anew. {_BEHIND}",
        advice="Send messages again as they were, and append corrections instead of making them in place.",
        reasons=_INPUT,
        places=_CONVERSATION,
    ),
    Rule(
        id="input-changed",
        title="The prompt differs from what was sent before",
        what=f"Something in the prompt changes in front of text that stays the same. {_BEHIND}",
        advice="Put what stays the same first and what changes last, and compare two requests to see what it is.",
        reasons=_INPUT,
    ),
    Rule(
        id="tools-reordered",
        title="The tools come in changing order",
        what="The same tools come in another order from request to request. They are the first part of a prompt, so "
        "nothing of it can be read from the cache.",
        advice="Sort the tools by name before they are sent.",
        reasons=_TOOLS,
        kinds=frozenset({"reordered"}),
    ),
    Rule(
        id="tools-come-and-go",
        title="The set of tools changes",
        what="Tools are added or left out from request to request. They are the first part of a prompt, so all that "
        "stands behind the first difference is processed again.",
        advice="Send all tools every time, and say which may be used with `tool_choice` of the type `allowed_tools`: "
        "it is no part of the cached prefix.",
        reasons=_TOOLS,
        kinds=frozenset({"added", "removed", "truncated"}),
    ),
    Rule(
        id="tools-volatile",
        title="A tool's definition contains something that changes",
        what="A date, an id or a number in the definition of a tool changes. Tools are the first part of a prompt, "
        "so all that stands behind it is processed again.",
        advice="Take it out of the definition: a description may say where to find a value instead of stating it.",
        reasons=_TOOLS,
        kinds=_VOLATILE,
    ),
    Rule(
        id="tools-changed",
        title="The tools are not the same every time",
        what="The definition of a tool changes: its description, its parameters or the order of the keys in its "
        "schema; or `parallel_tool_calls` does. Tools are the first part of a prompt, so all that stands behind "
        "the difference is processed again.",
        advice="Make the definitions once and send them unchanged, with the keys of the schemas in a fixed order.",
        reasons=_TOOLS,
    ),
    Rule(
        id="format-changed",
        title="The output format changes",
        what="Requests that share a prompt ask for different output formats. The schema is a part of the cached "
        "prefix, so they do not share its cache.",
        advice="Use one schema for all requests of a template, with its keys in a fixed order.",
        reasons=frozenset({"text_format_changed"}),
    ),
)
"""In the order in which they are tried."""

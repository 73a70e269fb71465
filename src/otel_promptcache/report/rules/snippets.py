"""The lines to write, by the format of the request. The tests run each of them."""

from __future__ import annotations

from dataclasses import dataclass

from otel_promptcache.report.reading.record import MESSAGES

RESPONSES = "responses"
"""`openai.api.type` of the Responses API."""
CHAT = "chat_completions"
"""The same of Chat Completions."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """Python that does what a piece of advice says: an expression, or arguments of the call.

    Names in capitals are the application's own values.
    """

    chat: str = ""
    responses: str = ""
    messages: str = ""

    def for_format(self, name: str | None) -> str:
        """The lines for the format that the calls use; empty if it needs none, or is another one."""
        return {RESPONSES: self.responses, CHAT: self.chat, MESSAGES: self.messages}.get(name or "", "")


BREAKPOINT = Snippet(
    chat="""\
{"role": ROLE, "content": [
    {"type": "text", "text": TEXT, "prompt_cache_breakpoint": {"mode": "explicit"}},
]}""",
    responses="""\
{"role": ROLE, "content": [
    {"type": "input_text", "text": TEXT, "prompt_cache_breakpoint": {"mode": "explicit"}},
]}""",
)

SPLIT_MESSAGE = Snippet(
    chat="""\
{"role": ROLE, "content": [
    {"type": "text", "text": SHARED_TEXT, "prompt_cache_breakpoint": {"mode": "explicit"}},
    {"type": "text", "text": OTHER_TEXT},
]}""",
    responses="""\
{"role": ROLE, "content": [
    {"type": "input_text", "text": SHARED_TEXT, "prompt_cache_breakpoint": {"mode": "explicit"}},
    {"type": "input_text", "text": OTHER_TEXT},
]}""",
)

IMPLICIT_MODE = Snippet(
    chat="""extra_body={"prompt_cache_options": {"mode": "implicit"}}""",
    responses="""extra_body={"prompt_cache_options": {"mode": "implicit"}}""",
)

NO_WRITES = Snippet(
    chat="""extra_body={"prompt_cache_options": {"mode": "explicit"}}""",
    responses="""extra_body={"prompt_cache_options": {"mode": "explicit"}}""",
)

CACHE_KEY = Snippet(
    chat="""extra_body={"prompt_cache_key": TEMPLATE}""",
    responses="""extra_body={"prompt_cache_key": TEMPLATE}""",
)

LONGER_LIFETIME = Snippet(
    chat="""extra_body={"prompt_cache_retention": "24h"}""",
    responses="""extra_body={"prompt_cache_options": {"ttl": "12h"}}""",
)

SORTED_TOOLS = Snippet(
    chat="""tools=sorted(TOOLS, key=lambda tool: tool["function"]["name"])""",
    responses="""tools=sorted(TOOLS, key=lambda tool: tool["name"])""",
)

ALLOWED_TOOLS = Snippet(
    chat="""\
tools=ALL_TOOLS,
tool_choice={"type": "allowed_tools", "allowed_tools": {
    "mode": "auto", "tools": [{"type": "function", "function": {"name": name}} for name in NAMES],
}}""",
    responses="""\
tools=ALL_TOOLS,
tool_choice={
    "type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": name} for name in NAMES],
}""",
)

SORTED_SCHEMA = Snippet(
    chat="""json.loads(json.dumps({**SCHEMA, "required": sorted(SCHEMA["required"])}, sort_keys=True))""",
    responses="""json.loads(json.dumps({**SCHEMA, "required": sorted(SCHEMA["required"])}, sort_keys=True))""",
)

USAGE = Snippet(
    chat="""stream_options={"include_usage": True}""",
    responses="",  # its streams report usage by themselves
)

MARKER = Snippet(
    chat="""\
{"role": ROLE, "content": [
    {"type": "text", "text": TEXT, "cache_control": {"type": "ephemeral"}},
]}""",
    messages="""{"type": "text", "text": TEXT, "cache_control": {"type": "ephemeral"}}""",
)

AUTOMATIC_MARKER = Snippet(
    chat="""extra_body={"cache_control": {"type": "ephemeral"}}""",
    messages="""extra_body={"cache_control": {"type": "ephemeral"}}""",
)

HOUR = Snippet(
    chat="""\
{"role": ROLE, "content": [
    {"type": "text", "text": TEXT, "cache_control": {"type": "ephemeral", "ttl": "1h"}},
]}""",
    messages="""{"type": "text", "text": TEXT, "cache_control": {"type": "ephemeral", "ttl": "1h"}}""",
)

ALL_SNIPPETS = {
    "marker": MARKER,
    "automatic marker": AUTOMATIC_MARKER,
    "hour": HOUR,
    "breakpoint": BREAKPOINT,
    "split message": SPLIT_MESSAGE,
    "implicit mode": IMPLICIT_MODE,
    "no writes": NO_WRITES,
    "cache key": CACHE_KEY,
    "longer lifetime": LONGER_LIFETIME,
    "sorted tools": SORTED_TOOLS,
    "allowed tools": ALLOWED_TOOLS,
    "sorted schema": SORTED_SCHEMA,
    "usage": USAGE,
}

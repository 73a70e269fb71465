"""The lines to write, by the format of the request. The tests run each of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from otel_promptcache.report.reading.record import MESSAGES

RESPONSES = "responses"
"""`openai.api.type` of the Responses API."""
CHAT = "chat_completions"
"""The same of Chat Completions."""


class Needs(Enum):
    """What a server must have for a snippet to make sense there."""

    OPENAI = "all that OpenAI's API has"
    CACHE_KEY = "prompt_cache_key"
    MARKERS = "cache_control"


@dataclass(frozen=True, slots=True)
class Snippet:
    """Python that does what a piece of advice says: a call, its arguments, or another expression.

    Names in capitals are the application's own values, and `...` stands for the other arguments.
    """

    chat: str = ""
    responses: str = ""
    messages: str = ""
    needs: Needs | None = None
    """None if only the format matters."""
    elsewhere: Snippet | None = None
    """What to write instead if that is missing."""

    def for_format(self, name: str | None) -> str:
        """The lines for the format that the calls use; empty if it needs none, or is none of these."""
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
    needs=Needs.OPENAI,
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
    needs=Needs.OPENAI,
)

IMPLICIT_MODE = Snippet(
    chat="""extra_body={"prompt_cache_options": {"mode": "implicit"}}""",
    responses="""extra_body={"prompt_cache_options": {"mode": "implicit"}}""",
    needs=Needs.OPENAI,
)

NO_WRITES = Snippet(
    chat="""extra_body={"prompt_cache_options": {"mode": "explicit"}}""",
    responses="""extra_body={"prompt_cache_options": {"mode": "explicit"}}""",
    needs=Needs.OPENAI,
)

CACHE_KEY = Snippet(
    chat="""\
client.chat.completions.create(
    ...,
    extra_body={"prompt_cache_key": "name-of-the-template"},
)""",
    responses="""\
client.responses.create(
    ...,
    extra_body={"prompt_cache_key": "name-of-the-template"},
)""",
    needs=Needs.CACHE_KEY,
)

SPREAD_KEYS = Snippet(
    chat="""\
client.chat.completions.create(
    ...,
    extra_body={"prompt_cache_key": f"name-of-the-template-{NUMBER}"},
)""",
    responses="""\
client.responses.create(
    ...,
    extra_body={"prompt_cache_key": f"name-of-the-template-{NUMBER}"},
)""",
    needs=Needs.CACHE_KEY,
)

LONGER_RETENTION = Snippet(
    chat="""extra_body={"prompt_cache_retention": "24h"}""",
    responses="""extra_body={"prompt_cache_retention": "24h"}""",
    needs=Needs.OPENAI,
)

LONGER_TTL = Snippet(
    responses="""extra_body={"prompt_cache_options": {"ttl": "12h"}}""",
    needs=Needs.OPENAI,
)

LONGER_LIFETIME = Snippet(
    chat=LONGER_RETENTION.chat,
    responses=LONGER_TTL.responses,
    needs=Needs.OPENAI,
)

SORTED_TOOLS = Snippet(
    chat="""tools=sorted(TOOLS, key=lambda tool: tool["function"]["name"])""",
    responses="""tools=sorted(TOOLS, key=lambda tool: tool["name"])""",
    messages="""tools=sorted(TOOLS, key=lambda tool: tool["name"])""",
)

TOOLS_IN_WORDS = Snippet(
    chat="""\
tools=ALL_TOOLS,
messages=[*MESSAGES, {"role": "user", "content": f"{QUESTION}\\nUse only: {', '.join(NAMES)}."}]""",
    responses="""\
tools=ALL_TOOLS,
input=[*MESSAGES, {"role": "user", "content": f"{QUESTION}\\nUse only: {', '.join(NAMES)}."}]""",
    messages="""\
tools=ALL_TOOLS,
messages=[*MESSAGES, {"role": "user", "content": f"{QUESTION}\\nUse only: {', '.join(NAMES)}."}]""",
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
    needs=Needs.OPENAI,
    elsewhere=TOOLS_IN_WORDS,
)

SORTED_SCHEMA = Snippet(
    chat="""json.loads(json.dumps({**SCHEMA, "required": sorted(SCHEMA["required"])}, sort_keys=True))""",
    responses="""json.loads(json.dumps({**SCHEMA, "required": sorted(SCHEMA["required"])}, sort_keys=True))""",
    messages="""json.loads(json.dumps({**SCHEMA, "required": sorted(SCHEMA["required"])}, sort_keys=True))""",
)

USAGE = Snippet(
    chat="""stream_options={"include_usage": True}""",
    responses="",  # its streams report usage unasked
)

MARKER = Snippet(
    chat="""\
{"role": ROLE, "content": [
    {"type": "text", "text": TEXT, "cache_control": {"type": "ephemeral"}},
]}""",
    messages="""{"type": "text", "text": TEXT, "cache_control": {"type": "ephemeral"}}""",
    needs=Needs.MARKERS,
)

AUTOMATIC_MARKER = Snippet(
    chat="""extra_body={"cache_control": {"type": "ephemeral"}}""",
    messages="""extra_body={"cache_control": {"type": "ephemeral"}}""",
    needs=Needs.MARKERS,
)

HOUR = Snippet(
    chat="""\
{"role": ROLE, "content": [
    {"type": "text", "text": TEXT, "cache_control": {"type": "ephemeral", "ttl": "1h"}},
]}""",
    messages="""{"type": "text", "text": TEXT, "cache_control": {"type": "ephemeral", "ttl": "1h"}}""",
    needs=Needs.MARKERS,
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
    "spread keys": SPREAD_KEYS,
    "longer retention": LONGER_RETENTION,
    "longer ttl": LONGER_TTL,
    "longer lifetime": LONGER_LIFETIME,
    "sorted tools": SORTED_TOOLS,
    "allowed tools": ALLOWED_TOOLS,
    "tools in words": TOOLS_IN_WORDS,
    "sorted schema": SORTED_SCHEMA,
    "usage": USAGE,
}

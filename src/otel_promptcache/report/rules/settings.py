"""What to do about each setting that separates requests that share a prompt, by its name in the request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from otel_promptcache.report.rules import snippets
from otel_promptcache.report.rules.rule import Variant
from otel_promptcache.report.rules.snippets import Snippet

_CHANGED = "`{path}` differs from earlier requests with this prompt."


def _everywhere(lines: str) -> Snippet:
    return Snippet(chat=lines, responses=lines, messages=lines)


def _in_body(name: str, value: str) -> Snippet:
    return _everywhere(f'extra_body={{"{name}": {value}}}')


def _in_headers(name: str, value: str) -> Snippet:
    return _everywhere(f'extra_headers={{"{name.removeprefix("headers.")}": {value}}}')


def _snippet(name: str, value: str) -> Snippet:
    return _in_headers(name, value) if name.startswith("headers.") else _in_body(name, value)


_ROUTING = (
    "headers.session_id", "headers.session-id", "headers.x-session-id", "headers.conversation_id",
    "headers.conversation-id", "headers.x-conversation-id", "headers.x-session-affinity", "headers.x-affinity-key",
    "headers.x-multi-turn-session-id", "headers.x-grok-conv-id", "headers.x-grok-session-id", "session_id",
)  # fmt: skip
_SEPARATING = (
    "cache_salt", "prompt_cache_isolation_key", "headers.x-prompt-cache-isolation-key", "headers.x-prompt-cache-key",
)  # fmt: skip
_RENDERED = (
    "add_generation_prompt", "add_special_tokens", "chat_template", "chat_template_kwargs", "continue_final_message",
    "enable_thinking", "include_reasoning", "mm_processor_kwargs", "reasoning", "thinking", "web_search_options",
)  # fmt: skip

SETTING_GROUPS: Mapping[str, tuple[str, ...]] = {
    "Routing headers and fields": _ROUTING,
    "Keys that separate caches": _SEPARATING,
    "Options rendered into the prompt": _RENDERED,
}
"""What settings have in common about which the same is said."""


def _of_servers() -> Iterator[tuple[str, Variant]]:
    for name in _ROUTING:
        yield (
            name,
            Variant(
                title=f"`{name}` sends requests that share a prompt to different machines",
                what=f"{_CHANGED} It decides which machine gets a request, and each machine has its own cache.",
                advice="Keep `{path}` the same for a whole conversation. A new value for each request disables "
                "the cache.",
                snippet=_snippet(name, "CONVERSATION"),
            ),
        )
    for name in _SEPARATING:
        yield (
            name,
            Variant(
                title=f"`{name}` separates requests that share a prompt",
                what=f"{_CHANGED} Nothing is shared between its values.",
                advice="Give `{path}` one value for everything that may share a cache, such as a tenant. A "
                "separate value for each user or request disables the cache.",
                snippet=_snippet(name, "TENANT"),
            ),
        )
    for name in _RENDERED:
        yield (
            name,
            Variant(
                title=f"`{name}` changes",
                what=f"{_CHANGED} It is rendered into the prompt, so what follows it is processed again.",
                advice="Keep `{path}` the same for all requests of a conversation.",
                snippet=_snippet(name, "VALUE"),
            ),
        )
    yield (
        "documents",
        Variant(
            title="`documents` change",
            what=f"{_CHANGED} It is rendered before the messages, so these are processed again.",
            advice="Keep `{path}` the same for a conversation, and put what belongs to one question into its message.",
            snippet=_in_body("documents", "DOCUMENTS"),
        ),
    )


_INVALIDATES_MESSAGES = "invalidates the cached messages, but not the tools and the system prompt"
_MAY_INVALIDATE_ALL = (
    "invalidates the cached messages, and on some models the tools and the system prompt, too"
)


def _of_claude(name: str, value: str, what: str, advice: str) -> tuple[str, Variant]:
    return name, Variant(
        title=f"`{name}` changes",
        what=f"{_CHANGED} {what}",
        advice=advice,
        snippet=_snippet(name, value),
    )


SERVER_SETTINGS: Mapping[str, Variant] = dict(_of_servers())
"""For servers that speak OpenAI's API."""

CLAUDE_SETTINGS: Mapping[str, Variant] = {
    **SERVER_SETTINGS,
    "tool_choice": Variant(
        title="`tool_choice` changes",
        what=f"{_CHANGED} That {_INVALIDATES_MESSAGES}.",
        advice="Keep `{path}` the same within a conversation, and say in the last message which tool to use. If "
        "the system prompt has its own marker, at least that part is read after a change.",
        snippet=_everywhere('tool_choice={"type": "auto"}'),
    ),
    "images": Variant(
        title="Images come and go",
        what=f"Adding the first image to the messages, or removing the last one, {_INVALIDATES_MESSAGES}.",
        advice="Resend an image with each turn for as long as the conversation continues. If the system prompt "
        "has its own marker, at least that part is read after a change.",
        snippet=snippets.MARKER,
    ),
    "citations": Variant(
        title="Citations are switched on and off",
        what="Documents have citations in some requests and not in others. Each switch invalidates the cached "
        "system prompt and messages.",
        advice="Set `citations` to the same value on the documents of all requests.",
        snippet=Snippet(messages='{"type": "document", "source": SOURCE, "citations": {"enabled": True}}'),
    ),
    **dict(
        (
            _of_claude(
                "thinking",
                "THINKING",
                f"A different mode or budget {_MAY_INVALIDATE_ALL}.",
                "Choose one mode and one budget for a whole conversation.",
            ),
            _of_claude(
                "output_config",
                "CONFIG",
                f"A different effort or output format {_MAY_INVALIDATE_ALL}.",
                "Choose one effort and one format for a whole conversation, and name both in each request.",
            ),
            _of_claude(
                "output_format",
                "FORMAT",
                f"A different output format {_MAY_INVALIDATE_ALL}.",
                "Choose one format for a whole conversation, and name it in each request.",
            ),
            _of_claude(
                "speed",
                "SPEED",
                "A different speed invalidates the cached system prompt and messages.",
                "Choose one speed for a whole conversation.",
            ),
            _of_claude(
                "context_management",
                "EDITS",
                "It decides what is cleared from the history.",
                "Send the same edits with each request of a conversation.",
            ),
            _of_claude(
                "mcp_servers",
                "SERVERS",
                "These servers provide tools that are part of the prompt.",
                "Name the same servers in the same order in each request.",
            ),
            _of_claude(
                "headers.anthropic-beta",
                '",".join(sorted(BETAS))',
                "A different set of beta headers invalidates everything that is cached.",
                "Send the same ones in the same order with each request, whether it needs them or not.",
            ),
        )
    ),
}
"""For Claude, whose cache is based on what is marked.

Source: Anthropic, prompt caching, what invalidates the cache; anthropics/skills, `claude-api/shared/prompt-caching.md`
(checked 2026-11-26).
"""

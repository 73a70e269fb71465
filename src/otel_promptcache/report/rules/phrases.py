"""What the rules say that depends on the API: each phrase by API, so that it names nothing that the API lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum


class Api(Enum):
    """Whose API is used, and for whose model, which decides what can be said about a request."""

    OPENAI = "With OpenAI"
    """Or Azure OpenAI: everything that OpenAI's API has."""
    OTHER = "With another server"
    """That speaks OpenAI's API."""
    CLAUDE = "With Claude"
    """Through Anthropic's Messages API, whoever serves it."""
    CLAUDE_CHAT = "With Claude through OpenAI's API"
    UNCACHED_CHAT = "With Claude through OpenAI's API at Anthropic itself"
    """Which has no prompt cache there."""
    MESSAGES = "With another model through Anthropic's API"


APIS_WITH_MARKERS = (Api.CLAUDE, Api.CLAUDE_CHAT, Api.UNCACHED_CHAT)
"""The APIs for models whose cache stores only what is marked."""

Phrase = Mapping[Api, str]
"""By API; one that is missing uses the phrase of the more general API in `_GENERAL`."""

_GENERAL = {
    Api.OPENAI: Api.OTHER,
    Api.UNCACHED_CHAT: Api.CLAUDE_CHAT,
    Api.CLAUDE_CHAT: Api.CLAUDE,
    Api.CLAUDE: Api.OTHER,
    Api.MESSAGES: Api.OTHER,
}

_SAME_STRING = (
    "Keep the model's own string and send it back byte for byte. Do not parse and re-serialise it when you store "
    "it."
)
_SAME_OBJECT = "Send `input` back with its keys in their original order, whatever store it goes through."
_NO_USAGE = "Inspect one answer, and look for a setting of the server or the gateway that adds usage to it."
_NO_USAGE_OF_A_MESSAGE = (
    "This API always reports usage; in a stream, it is in `message_start` and `message_delta`. Check what is "
    "between the application and the API: a gateway must pass the usage on."
)

PHRASES: Mapping[str, Phrase] = {
    "keep_tools": {
        Api.OPENAI: "Send all tools every time, and say which may be used with `tool_choice`: it is not part of the "
        "cached prefix.",
        Api.CLAUDE: "Send all tools every time, and say in the last message which may be used. A different "
        "`tool_choice` keeps the cached tools and system prompt, but invalidates the cached messages.",
        Api.OTHER: "Send all tools every time, and say in the last message which may be used.",
    },
    "limit_tools": {
        Api.OPENAI: "limit them with `tool_choice`",
        Api.OTHER: "say in the last message which may be used",
    },
    "beside_the_prompt": {
        Api.OPENAI: " (`metadata` and `safety_identifier` are for that)",
        Api.CLAUDE: " (`metadata` is for that)",
        Api.MESSAGES: " (`metadata` is for that)",
        Api.CLAUDE_CHAT: "",
        Api.OTHER: "",
    },
    "mark": {
        Api.OTHER: "Put `cache_control` on the last block that requests share, such as the end of the system "
        "prompt. For a conversation, put it at the top level of the request, which marks the last block; older "
        "models on Amazon Bedrock accept it only on blocks.",
        Api.UNCACHED_CHAT: "Anthropic has no prompt cache for requests in OpenAI's format. Send them with Anthropic's "
        "SDK, and put `cache_control` on the last block that they share.",
    },
    "append": {
        Api.OPENAI: "Append it: new text belongs after what was sent before; from gpt-5.6 on, in a separate "
        "message after a breakpoint.",
        Api.CLAUDE: "Append it as a separate block, after the one with `cache_control`: different text in the "
        "same block makes a different entry.",
        Api.OTHER: "Append it: new text belongs after what was sent before.",
    },
    "leave_in_place": {
        Api.CLAUDE: "Leave what was sent where it is for the whole session, in a separate block after what all "
        "sessions share, and mark both blocks.",
        Api.OTHER: "Leave what was sent where it is for the whole session, or put parts that come and go at the "
        "end of the input.",
    },
    "send_reasoning": {
        Api.OPENAI: " With the Responses API, send reasoning items back, or use `previous_response_id`.",
        Api.CLAUDE: " Send `thinking` blocks back unchanged.",
        Api.MESSAGES: " Send `thinking` blocks back unchanged.",
        Api.CLAUDE_CHAT: "",
        Api.OTHER: "",
    },
    "same_arguments": {
        Api.CLAUDE: _SAME_OBJECT,
        Api.MESSAGES: _SAME_OBJECT,
        Api.CLAUDE_CHAT: _SAME_STRING,
        Api.OTHER: _SAME_STRING,
    },
    "or_parallel": {
        Api.CLAUDE: "",
        Api.MESSAGES: "",
        Api.CLAUDE_CHAT: ", or `parallel_tool_calls` does",
        Api.OTHER: ", or `parallel_tool_calls` does",
    },
    "or_speed": {Api.CLAUDE: ", or asked for a different `speed`", Api.CLAUDE_CHAT: "", Api.OTHER: ""},
    "between_keys": {
        Api.OPENAI: "From gpt-5.6 on, nothing is shared between keys; with earlier models, a different key may "
        "mean a different machine.",
        Api.OTHER: "A different key may mean a different machine.",
    },
    "effort": {
        Api.CLAUDE: "The cached messages depend on it, and on some models so does the rest of the prompt.",
        Api.OTHER: "It is part of the cached prefix.",
    },
    "effort_item": {
        Api.OPENAI: " On gpt-6 models, a `configuration_update` input item changes it without a new prefix.",
        Api.OTHER: "",
    },
    "prewarm": {
        Api.OPENAI: " From gpt-5.6 on, the Responses API has `prewarm` for that.",
        Api.OTHER: "",
    },
    "fill_only": {
        Api.CLAUDE: " A request with `max_tokens` of 0 only fills the cache.",
        Api.CLAUDE_CHAT: "",
        Api.OTHER: "",
    },
    "one_reuse": {
        Api.OPENAI: " One full reuse pays for a write: at 1.25 times the price for the write and 0.1 for the read, two "
        "requests cost 1.35 instead of 2.",
        Api.OTHER: "",
    },
    "write_less": {
        Api.OPENAI: "and breakpoints where the shared part ends. If nothing is shared, explicit mode without "
        "breakpoints writes nothing.",
        Api.OTHER: "and what differs last.",
    },
    "only_at_breakpoints": {
        Api.OPENAI: "From gpt-5.6 on, only prefixes that end at a breakpoint can be read",
        Api.OTHER: "Only prefixes that end at a breakpoint can be read",
    },
    "breakpoint": {Api.OPENAI: "a `prompt_cache_breakpoint`", Api.OTHER: "a breakpoint"},
    "or_implicit": {Api.OPENAI: ", or use implicit mode", Api.OTHER: ""},
    "implicit_or_keep": {
        Api.OPENAI: "Use implicit mode, the default: it sets a breakpoint after the latest message. Or keep "
        "explicit mode and put another breakpoint",
        Api.OTHER: "Put another breakpoint",
    },
    "part_of_content": {
        Api.OPENAI: " A breakpoint belongs on a part of a message's content; `instructions` cannot have one, so "
        "send them as a developer message.",
        Api.OTHER: "",
    },
    "ask_for_usage": {
        Api.OPENAI: "A chat stream reports usage only if the request asks for it",
        Api.OTHER: "On most servers a chat stream reports usage only if the request asks for it",
    },
    "no_usage": {
        Api.CLAUDE: _NO_USAGE_OF_A_MESSAGE,
        Api.MESSAGES: _NO_USAGE_OF_A_MESSAGE,
        Api.CLAUDE_CHAT: _NO_USAGE,
        Api.OTHER: _NO_USAGE,
    },
    "report_cached": {
        Api.CLAUDE: "Check what is between the application and the API: a gateway must pass on "
        "`cache_read_input_tokens` and `cache_creation_input_tokens`.",
        Api.CLAUDE_CHAT: "Check what is between the application and the API: a gateway must pass on "
        "`prompt_tokens_details` with the cached tokens.",
    },
}
"""By the name of the placeholder in a rule's text."""


def phrase(name: str, api: Api) -> str | None:
    """The phrase for a placeholder with an API; None if it does not depend on the API alone."""
    return next((PHRASES[name][each] for each in _from_special(api) if each in PHRASES[name]), None)


def _from_special(api: Api) -> Iterator[Api]:
    yield api
    while (general := _GENERAL.get(api)) is not None:
        api = general
        yield api

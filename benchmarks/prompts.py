"""Prompts of a given size, the same in every run."""

from __future__ import annotations

from typing import Any

_TEXT = (
    "the order system should always answer with care and name each part of a customer account that was "
    "changed when payment or delivery is late because our team reads every report before it goes out "
    "under no condition may private data leave this place while you help people find what they need"
)
_WORDS = _TEXT.split()
_SENTENCE_WORDS = 14
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def words(count: int, seed: int = 0) -> str:
    """English text of about that many tokens, in sentences; a different text for each seed.

    Common words are one token each.
    """
    text: list[str] = []
    number = seed
    for position in range(1, count + 1):
        number = (1_103_515_245 * number + 12_345) % 2**31
        word = _WORDS[(number >> 16) % len(_WORDS)]
        text.append(word if position % _SENTENCE_WORDS else f"{word}.")
    return " ".join(text)


def fresh(text: str) -> str:
    """An equal string that is a new object, as a template engine would return it."""
    return f"{text} "[:-1]


def distinct_instructions(index: int) -> str:
    """Instructions that make a separate template for each index.

    The index is spelled in letters: texts that differ only in numbers are one template.
    """
    name = "".join(_ALPHABET[index // 26**place % 26] for place in range(4))
    return f"You are the assistant of the department {name}. {words(60, index)}"


def tools() -> list[dict[str, Any]]:
    """Eight functions in the nested form of the Chat API, about 400 tokens in total."""
    return [{"type": "function", "function": _function(name)} for name in _FUNCTIONS]


def flat_tools() -> list[dict[str, Any]]:
    """The same functions in the form of the Responses API."""
    return [{"type": "function", "strict": True, **_function(name)} for name in _FUNCTIONS]


_FUNCTIONS = (
    "find_order", "cancel_order", "refund_payment", "change_address",
    "track_parcel", "list_invoices", "open_ticket", "close_ticket",
)  # fmt: skip


def _function(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "description": f"Use this to {name.replace('_', ' ')} once the customer has been identified.",
        "parameters": {
            "type": "object",
            "properties": {
                "customer": {"type": "string", "description": "Identifier of the customer"},
                "reason": {"type": "string", "description": "Why, in one sentence"},
            },
            "required": ["customer"],
            "additionalProperties": False,
        },
    }


def agent_history(turns: int, seed: int = 0, *, result_words: int = 120) -> list[dict[str, Any]]:
    """An agent's conversation: instructions, then for each turn a question, a tool call and its result.

    The instructions are always the same; the rest differs for each seed.
    """
    messages: list[dict[str, Any]] = [{"role": "system", "content": words(1_500)}]
    for turn in range(turns):
        call_id = f"call_{turn:04}"
        function = {"name": _FUNCTIONS[turn % len(_FUNCTIONS)], "arguments": '{"customer":"c-4711"}'}
        messages += [
            {"role": "user", "content": words(40, seed + turn)},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": call_id, "type": "function", "function": function}],
            },
            {"role": "tool", "tool_call_id": call_id, "content": words(result_words, seed - turn)},
        ]
    return messages

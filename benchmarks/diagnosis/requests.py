"""Requests of generated applications, and what is true of each by construction."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]

COARSE, WIDE, EXACT = "gpt-4o", "gpt-5.5", "gpt-5.6-sol"
"""Models whose cache is read in steps of 128 tokens, in steps of 2,048, and at exact boundaries."""

_NOUNS = [
    "invoice",
    "depot",
    "carrier",
    "pallet",
    "refund",
    "route",
    "driver",
    "parcel",
    "gate",
    "manifest",
    "label",
    "shelf",
    "claim",
    "tariff",
    "audit",
    "lantern",
]
_VERBS = [
    "checks",
    "sorts",
    "confirms",
    "rejects",
    "forwards",
    "weighs",
    "records",
    "seals",
    "reopens",
    "inspects",
    "escalates",
    "archives",
    "repairs",
]
_ADJECTIVES = [
    "late",
    "fragile",
    "sealed",
    "overdue",
    "heavy",
    "partial",
    "foreign",
    "urgent",
    "damp",
    "spare",
    "local",
    "narrow",
    "amber",
    "quiet",
    "early",
]


@dataclass(frozen=True, slots=True)
class Truth:
    """What the diagnosis should say about a request."""

    reasons: frozenset[str | None]
    """Each of them is right; None means that nothing was lost."""
    path: str | None = None
    """None if no path should be named, or if it does not matter."""
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Request:
    """A request, and the truth about it."""

    body: Body
    truth: Truth
    fault: str | None = None
    """Fault to inject at the provider."""
    wait_seconds: float = 0.0
    """How long the application waits before it."""


Application = Callable[[random.Random], Iterator[Request]]
"""Yields the requests of one application, in order."""


def is_(*reasons: str | None, path: str | None = None, kinds: str = "") -> Truth:
    """Shorthand for a truth."""
    return Truth(frozenset(reasons), path, frozenset(kinds.split()))


COLD = is_("cold_start")
HIT = is_(None)


def text(tokens: int, rng: random.Random) -> str:
    """Unique sentences without digits, of about that many tokens."""
    words, sentences = 0.0, list[str]()
    while words < tokens * 0.8:
        sentences.append(
            f"The {rng.choice(_ADJECTIVES)} {rng.choice(_NOUNS)} of {_name(rng)} {rng.choice(_VERBS)} the "
            f"{rng.choice(_ADJECTIVES)} {rng.choice(_NOUNS)} before the {rng.choice(_NOUNS)} {rng.choice(_VERBS)} it. "
        )
        words += 15
    return "".join(sentences)


def _name(rng: random.Random) -> str:
    return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(7)).title()


def chat(messages: list[Body], model: str = COARSE, **members: Any) -> Body:
    """A request of the Chat API."""
    return {"model": model, "messages": messages, **members}


def system(content: str) -> Body:
    """A system message."""
    return {"role": "system", "content": content}


def user(content: str) -> Body:
    """A user's message."""
    return {"role": "user", "content": content}


def assistant(content: str) -> Body:
    """An answer."""
    return {"role": "assistant", "content": content}


def tool(name: str, description: str, **schema: Any) -> Body:
    """A tool's definition."""
    parameters = {"type": "object", "properties": {"query": {"type": "string"}}, **schema}
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters},
    }


def volatile(kind: str, rng: random.Random) -> str:
    """A new value of a kind on each call."""
    if kind == "uuid":
        digits = f"{rng.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    if kind == "timestamp":
        day, hour, minute, second = (rng.randrange(10, end) for end in (30, 24, 60, 60))
        return f"2026-11-{day}T{hour}:{minute}:{second}Z"
    return str(rng.randrange(10_000, 99_999))

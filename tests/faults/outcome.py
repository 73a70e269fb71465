"""What a caller gets from a call that may fail: everything that could distinguish two runs."""

from __future__ import annotations

from typing import Any

from openai import AsyncOpenAI, OpenAI

from tests.e2e.surfaces import CHAT, RESPONSES, WITH_USAGE, comparable, seen

Outcome = tuple[list[str], str]
"""Values in the order in which they appeared, then the exception, if any, with its cause and context."""

BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("chat", CHAT),
    "chat stream": ("chat", {**CHAT, **WITH_USAGE}),
    "chat stream without usage": ("chat", {**CHAT, "stream": True}),
    "responses": ("responses", RESPONSES),
    "responses stream": ("responses", {**RESPONSES, "stream": True}),
}


def describe(error: BaseException | None) -> list[Any]:
    """Everything by which a caller can distinguish an exception from another one."""
    if error is None:
        return []
    body = getattr(error, "body", None)
    return [
        type(error).__qualname__,
        str(error),
        body,
        describe(error.__cause__),
        describe(error.__context__),
        error.__suppress_context__,
    ]


def call(client: OpenAI, kind: str, **extra: Any) -> Outcome:
    """Make one call and consume it."""
    api, body = BODIES[kind]
    create = client.chat.completions.create if api == "chat" else client.responses.create
    values: list[str] = []
    try:
        result: Any = create(**body, **extra)
        if not body.get("stream"):
            return [comparable(seen(result))], ""
        for event in result:
            values.append(comparable(seen(event)))  # noqa: PERF401  # what came before an exception counts
    except Exception as error:  # noqa: BLE001  # any exception is a result
        return values, comparable(describe(error))
    return values, ""


async def acall(client: AsyncOpenAI, kind: str, **extra: Any) -> Outcome:
    """Make one call and consume it, asynchronously."""
    api, body = BODIES[kind]
    create = client.chat.completions.create if api == "chat" else client.responses.create
    values: list[str] = []
    try:
        result: Any = await create(**body, **extra)
        if not body.get("stream"):
            return [comparable(seen(result))], ""
        async for event in result:
            values.append(comparable(seen(event)))  # noqa: PERF401  # what came before an exception counts
    except Exception as error:  # noqa: BLE001  # any exception is a result
        return values, comparable(describe(error))
    return values, ""

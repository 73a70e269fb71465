"""An exception in any of our seams: the caller of Anthropic's SDK sees what it would see without us."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

import pytest

from tests.claude.surfaces import client_of, seen
from tests.claude.wire import REQUEST, events, is_stream, message
from tests.conftest import Telemetry
from tests.faults.outcome import Outcome, describe
from tests.faults.seams import SEAMS

ERROR = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
KINDS = {
    "message": ("anthropic", False),
    "stream": ("anthropic", True),
    "frames": ("bedrock", True),
}


def reply(request: Any, body: dict[str, Any]) -> Any:
    return events() if is_stream(request, body) else message()


def broken_reply(request: Any, body: dict[str, Any]) -> Any:
    return [*events()[:4], ERROR] if is_stream(request, body) else ERROR


def call(client: Any, kind: str) -> Outcome:
    """Make one call and consume it."""
    values: list[str] = []
    try:
        if kind == "message":
            values.append(repr(seen(client.messages.create(**REQUEST))))
        elif kind == "stream":
            for event in client.messages.create(**REQUEST, stream=True):
                values.append(repr(seen(event)))  # noqa: PERF401  # what came before an exception counts
        else:
            with client.messages.with_streaming_response.create(**REQUEST, stream=True) as raw:
                values.extend(map(repr, raw.iter_bytes()))
    except Exception as error:  # noqa: BLE001  # any exception is a result
        return values, repr(describe(error))
    return values, ""


def outcomes(kind: str) -> list[Outcome]:
    platform, _ = KINDS[kind]
    found: list[Outcome] = []
    for replies in (reply, broken_reply):
        with client_of(platform, is_async=False, reply=replies) as client:
            # In its own context, because the faulty seam may be the one that detaches the span.
            found += [contextvars.copy_context().run(call, client, kind) for _ in range(2)]
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("owner", "name"), SEAMS, ids=[f"{owner.__name__}.{name}" for owner, name in SEAMS])
def test_caller_does_not_notice(
    owner: type, name: str, kind: str, inject: Callable[[type, str], None], telemetry: Telemetry
) -> None:
    expected = outcomes(kind)
    inject(owner, name)
    telemetry.instrument(strict=False)
    assert outcomes(kind) == expected

"""Reads from a request's headers what decides its place in a cache: the account, and settings that route it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

from otel_promptcache.core.prompt.segments import HashValue, Settings

_ACCOUNT_HEADERS = frozenset(
    {b"authorization", b"api-key", b"x-api-key", b"x-goog-api-key", b"openai-organization", b"openai-project"}
)
"""Headers that identify the account of a request."""

_SETTINGS = {
    name.encode(): f"headers.{name}"
    for name in (
        "session_id", "session-id", "x-session-id", "conversation_id", "conversation-id", "x-conversation-id",
        "x-session-affinity", "x-affinity-key", "x-multi-turn-session-id", "x-grok-conv-id", "x-grok-session-id",
        "x-prompt-cache-isolation-key", "x-prompt-cache-key", "anthropic-beta",
    )
}  # fmt: skip
"""Headers by which servers and gateways choose a replica or separate caches, or which change the rendered prompt.

Sources: xAI, prompt caching guide; Fireworks, prompt caching guide; openai/codex, request headers; Anthropic, cache
diagnostics (checked 2026-11-25).
"""

_RENEWED = (b"AWS4-", b"Bearer eyJ", b"Bearer ya29.")
"""How credentials begin that differ between requests of one account."""
_MAX_VALUE_BYTES = 16_384

_SUBJECT = ("iss", "sub", "aud", "tid", "oid", "azp", "appid", "client_id")
"""Claims of a token that say whose it is, and stay the same when it is renewed."""


def read_headers(pairs: Iterable[tuple[bytes, bytes]], hash_value: HashValue) -> tuple[int, Settings]:
    """The account of a request and the settings in its headers, both as hashes.

    Args:
        pairs: The headers, as pairs of bytes, because each lookup by name would scan all of them.
        hash_value: Makes the hashes.
    """
    account: list[object] = []
    settings: dict[str, int] = {}
    for key, value in pairs:
        name = key.lower()
        if name in _ACCOUNT_HEADERS:
            account += name, _owner(value) if value.startswith(_RENEWED) else value
        elif name in _SETTINGS:
            settings[_SETTINGS[name]] = hash_value(value)
    return hash_value(tuple(account)), tuple(sorted(settings.items())) if settings else ()


def _owner(value: bytes) -> object:
    """The owner of credentials: what stays the same when a token is renewed or a request is signed."""
    scheme, _, credentials = value[:_MAX_VALUE_BYTES].partition(b" ")
    if scheme.startswith(b"AWS4-"):  # a signature of the request, after the name of a key
        return scheme, credentials.partition(b"Credential=")[2].partition(b"/")[0]
    if credentials.startswith(b"ya29."):  # Google's, renewed every hour, and it does not tell whose it is
        return scheme
    return (scheme, _claims(credentials)) if credentials.count(b".") == 2 else value  # noqa: PLR2004  # a JWT


def _claims(token: bytes) -> object:
    payload = token.split(b".")[1]
    try:
        claims: Any = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
        return tuple([str(claims.get(name)) for name in _SUBJECT])
    except (ValueError, AttributeError, RecursionError):
        return token

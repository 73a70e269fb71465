"""The difference between a request and an earlier one: `diagnostics` of the Messages API."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from otel_promptcache.sim.http.wire import JsonObject, as_object, as_text
from otel_promptcache.sim.messages.prompt import MessagesPrompt, Tier

_MAX_REMEMBERED = 1_000
_BYTES_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class _Remembered:
    account: str
    model: str
    prompt: MessagesPrompt
    at_seconds: float


class DiagnosedRequests:
    """Recent requests that asked for diagnostics. Not thread-safe.

    Args:
        retention_seconds: How long one can be compared against. An assumption: "a short time".
    """

    def __init__(self, retention_seconds: float) -> None:
        self._retention_seconds = retention_seconds
        self._by_id: OrderedDict[str, _Remembered] = OrderedDict()

    def diagnose(
        self,
        body: JsonObject,
        message_id: str,
        prompt: MessagesPrompt,
        account: str,
        model: str,
        now_seconds: float,
    ) -> JsonObject:
        """Return the `diagnostics` member of the answer; empty if the request did not ask for it.

        Source: Anthropic, cache diagnostics (checked 2026-11-26).
        """
        asked = as_object(body.get("diagnostics"))
        if asked is None:
            return {}
        current = _Remembered(account, model, prompt, now_seconds)
        self._by_id[message_id] = current
        if len(self._by_id) > _MAX_REMEMBERED:
            self._by_id.popitem(last=False)
        previous_id = as_text(asked.get("previous_message_id"))
        if previous_id is None:
            return {"diagnostics": None}
        earlier = self._by_id.get(previous_id)
        is_known = (
            earlier is not None
            and earlier.account == account
            and now_seconds - earlier.at_seconds <= self._retention_seconds
        )
        if earlier is None or not is_known:
            return {"diagnostics": {"cache_miss_reason": {"type": "previous_message_not_found"}}}
        reason = _first_difference(earlier, current)
        return {"diagnostics": None if reason is None else {"cache_miss_reason": reason}}

    def clear(self) -> None:
        """Forget all requests."""
        self._by_id.clear()


def _first_difference(earlier: _Remembered, current: _Remembered) -> JsonObject | None:
    if earlier.model != current.model or _speed(earlier) != _speed(current):
        return _reason("model_changed", current, 0)
    for tier in ("tools", "system", "messages"):
        before, now = _said(earlier, tier), _said(current, tier)
        if before != (now[: len(before)] if tier == "messages" else now):
            same = sum(1 for one, other in zip(before, now, strict=False) if one == other)
            ahead = (
                sum(len(_said(current, each)) for each in ("tools", "system")) if tier == "messages" else 0
            )
            return _reason(f"{tier}_changed", current, ahead + (same if tier == "messages" else 0))
    return {"type": "unavailable"} if earlier.prompt.settings != current.prompt.settings else None


def _speed(request: _Remembered) -> str:
    return request.prompt.settings["system"].partition('"speed"')[2]


def _said(request: _Remembered, tier: Tier) -> list[str]:
    return [block.identity for block in request.prompt.blocks if block.tier == tier]


def _reason(kind: str, current: _Remembered, same_blocks: int) -> JsonObject:
    """Return a reason, with a byte-based estimate of the tokens after the difference."""
    missed = sum(
        len(block.identity.encode("utf-8", "replace")) for block in current.prompt.blocks[same_blocks:]
    )
    return {"type": kind, "cache_missed_input_tokens": missed // _BYTES_A_TOKEN}

"""Takes out of a chat stream the one event that the application did not ask for."""

from __future__ import annotations

import json
import re

from otel_promptcache.providers.base import mapping
from otel_promptcache.providers.sse import EventAssembler, event_data, split_events

_NO_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*\]')


class UsageEventFilter:
    """Drops the event that has usage and no choices; every other byte passes unchanged.

    Bytes are held back until their event is whole. Only in use where the setting `stream_usage` made the
    request ask for usage.
    """

    def __init__(self) -> None:
        self._assembler = EventAssembler()

    def feed(self, chunk: bytes) -> bytes:
        """The bytes that may pass now; empty where an event is still incomplete."""
        whole = self._assembler.feed(chunk)
        # Not told by `usage`: once it was asked for, each event has it, mostly as null.
        if not _NO_CHOICES.search(whole):
            return whole
        return b"".join(event for event in split_events(whole) if not _is_usage_event(event))

    def rest(self) -> bytes:
        """The bytes of an event that never became whole."""
        return self._assembler.rest()


def _is_usage_event(event: bytes) -> bool:
    try:
        message = mapping(json.loads(event_data(event)))
    except (ValueError, RecursionError):
        return False
    return message.get("choices") == [] and bool(message.get("usage"))

"""Responses that the simulated provider keeps to be retrieved, continued and compared against."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from otel_promptcache.sim.http.responses_api.diagnostics import Fingerprint
from otel_promptcache.sim.http.wire import JsonObject


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response that can be retrieved and continued.

    Attributes:
        organization: Its owner.
        body: The response as it was sent.
        conversation: The items a continuation starts with: those of the responses it continued, then its own input
            and output; after a compaction, only those from its item on. Instructions are not included.
    """

    organization: str
    body: JsonObject
    conversation: tuple[JsonObject, ...]


class ResponseStore:
    """A bounded store of responses; the oldest are dropped first. Can be used from any thread.

    Args:
        max_responses: How many are kept.
        fingerprint_seconds: How long a response can be compared against.
    """

    def __init__(self, max_responses: int, fingerprint_seconds: float) -> None:
        self._max_responses = max_responses
        self._fingerprint_seconds = fingerprint_seconds
        self._lock = threading.Lock()
        self._responses: OrderedDict[str, StoredResponse] = OrderedDict()
        self._fingerprints: OrderedDict[str, Fingerprint] = OrderedDict()

    def put(self, response_id: str, response: StoredResponse) -> None:
        """Keep a response under its id."""
        with self._lock:
            self._responses[response_id] = response
            if len(self._responses) > self._max_responses:
                self._responses.popitem(last=False)

    def get(self, response_id: str, organization: str) -> StoredResponse | None:
        """Return a response, None if the organization has none of that id."""
        with self._lock:
            response = self._responses.get(response_id)
        return response if response is not None and response.organization == organization else None

    def delete(self, response_id: str, organization: str) -> bool:
        """Forget a response and tell whether there was one. It can still be compared against."""
        if self.get(response_id, organization) is None:
            return False
        with self._lock:
            return self._responses.pop(response_id, None) is not None

    def find_item(self, item_id: str, organization: str) -> JsonObject | None:
        """Return an item of a stored conversation, None if the organization has none of that id."""
        with self._lock:
            responses = list(reversed(self._responses.values()))
        conversations = (one.conversation for one in responses if one.organization == organization)
        return next((item for items in conversations for item in items if item.get("id") == item_id), None)

    def put_fingerprint(self, response_id: str, fingerprint: Fingerprint) -> None:
        """Keep what is needed to compare with a response, whether it is stored or not."""
        with self._lock:
            self._fingerprints[response_id] = fingerprint
            if len(self._fingerprints) > self._max_responses:
                self._fingerprints.popitem(last=False)

    def get_fingerprint(self, response_id: str, organization: str, now_seconds: float) -> Fingerprint | None:
        """Return what is needed to compare with a response.

        None if the organization has no response of that id, or it is too old.
        """
        with self._lock:
            found = self._fingerprints.get(response_id)
        if found is None or found.scope.organization != organization:
            return None
        return found if now_seconds - found.created_seconds <= self._fingerprint_seconds else None

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._responses.clear()
            self._fingerprints.clear()

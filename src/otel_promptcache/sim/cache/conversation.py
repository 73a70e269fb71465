"""The conversation that a Responses request continues, and its compaction."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from otel_promptcache.sim.cache.caching_fields import Surface, read_caching_fields
from otel_promptcache.sim.cache.tokens import filler_text
from otel_promptcache.sim.engine import Admission, Engine
from otel_promptcache.sim.http.errors import ApiError
from otel_promptcache.sim.http.exchange import Exchange
from otel_promptcache.sim.http.responses_api.responses_prompt import input_items, responses_prompt
from otel_promptcache.sim.http.wire import JsonObject, as_int, as_text, objects

COMPACTION_TOKENS = 64
"""Length of the summary a compaction produces. An assumption."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """All items of a conversation up to and including a request's own.

    Attributes:
        items: Items of earlier responses come first.
        first_own: Index of the request's first own item.
    """

    items: tuple[JsonObject, ...]
    first_own: int

    @property
    def compactions(self) -> tuple[str, ...]:
        """The contents of its compaction items."""
        return tuple(
            str(one.get("encrypted_content")) for one in self.items if one.get("type") == "compaction"
        )


def read_conversation(exchange: Exchange) -> Conversation:
    """Return the conversation a request belongs to, item references resolved.

    Raises:
        ApiError: 400 for malformed input, for a response or item that does not exist, and for features that are
            not simulated: conversation objects and stored prompts.
    """
    for field in ("conversation", "prompt"):
        if exchange.body.get(field) is not None:
            raise ApiError(400, f"The simulator does not know '{field}' objects.", param=field)
    store, organization = exchange.engine.store, exchange.organization
    own: list[JsonObject] = []
    for item in input_items(exchange.body.get("input")):
        item_id = as_text(item.get("id")) or ""
        found = store.find_item(item_id, organization) if item.get("type") == "item_reference" else item
        if found is None:
            raise ApiError(400, f"Item with id '{item_id}' not found.", param="input")
        own.append(found)
    previous_id = as_text(exchange.body.get("previous_response_id"))
    if previous_id is None:
        return Conversation(tuple(own), 0)
    previous = store.get(previous_id, organization)
    if previous is None:
        message = f"Previous response with id '{previous_id}' not found."
        raise ApiError(400, message, param="previous_response_id", code="previous_response_not_found")
    return Conversation((*previous.conversation, *own), len(previous.conversation))


def admit_conversation(exchange: Exchange, conversation: Conversation, surface: Surface) -> Admission:
    """Accept a conversation and read the cache for it.

    Raises:
        ApiError: 400 for fields or breakpoints that the endpoint or the model does not support.
    """
    model = exchange.model()
    caching = read_caching_fields(
        exchange.body,
        surface,
        model.resolved,
        model.policy,
        reject_ttl_with_retention=exchange.engine.config.reject_ttl_with_retention,
    )
    items, first_own = conversation.items, conversation.first_own
    prompt = responses_prompt(exchange.body, items, first_own, model.resolved, model.policy)
    return exchange.admit(model, prompt, caching)


def wants_compaction(body: JsonObject, input_tokens: int) -> bool:
    """Tell whether a request's `context_management` asks for a compaction at this length."""
    entries = (one for one in objects(body.get("context_management")) if one.get("type") == "compaction")
    thresholds = (as_int(entry.get("compact_threshold")) for entry in entries)
    return any(threshold is not None and input_tokens > threshold for threshold in thresholds)


def compaction_item(engine: Engine, seed: str) -> JsonObject:
    """Return the item that represents a compacted conversation; equal seeds give equal content."""
    summary = base64.b64encode(filler_text(COMPACTION_TOKENS, seed).encode()).decode()
    return {"id": engine.new_id("cmp_"), "type": "compaction", "encrypted_content": summary}


def since_compaction(items: Sequence[JsonObject]) -> tuple[JsonObject, ...]:
    """Return the latest compaction item and what follows it; everything if there is none."""
    starts = [index for index, item in enumerate(items) if item.get("type") == "compaction"]
    return tuple(items[starts[-1] :] if starts else items)

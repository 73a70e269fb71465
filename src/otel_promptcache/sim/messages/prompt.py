"""A Messages request as blocks in rendering order, each with its marker."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from otel_promptcache.sim.cache.tokens import count_tokens
from otel_promptcache.sim.http.errors import ApiError
from otel_promptcache.sim.http.wire import JsonObject, as_list, as_object, as_text, compact_json, objects
from otel_promptcache.sim.messages.models import DEFAULT_TTL, LIFETIME_SECONDS, MAX_MARKERS, forgets_thinking

Tier = Literal["tools", "system", "messages"]
TIERS: tuple[Tier, ...] = ("tools", "system", "messages")

IMAGE_TOKENS = 1_500
"""Tokens per image. An assumption: the real number depends on its size."""
_THINKING = frozenset({"thinking", "redacted_thinking"})
_ROLES = frozenset({"user", "assistant", "system"})

_SETTINGS: dict[Tier, tuple[str, ...]] = {
    "tools": (),
    "system": ("speed",),
    "messages": ("tool_choice", "thinking", "output_config", "output_format"),
}
"""Request members that the entries of a tier, and of the tiers after it, depend on.

Source: Anthropic, prompt caching, what invalidates the cache (checked 2026-11-26).
"""


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a prompt.

    Attributes:
        tier: The part of the prompt it is rendered in.
        path: Where it is in the request.
        identity: Its content, without its marker.
        tokens: Its length in tokens.
        ttl: The TTL of its marker; None without one.
        is_markable: Whether it can have a marker.
        is_thinking: Whether it is the model's thinking.
    """

    tier: Tier
    path: str
    identity: str
    tokens: int
    ttl: str | None = None
    is_markable: bool = True
    is_thinking: bool = False


@dataclass(frozen=True, slots=True)
class MessagesPrompt:
    """The parts of a request that affect caching.

    Attributes:
        blocks: Tools, system, messages.
        settings: What else entries depend on, by tier.
    """

    blocks: tuple[Block, ...]
    settings: dict[Tier, str]

    @property
    def tokens(self) -> int:
        """The total length of all blocks."""
        return sum(block.tokens for block in self.blocks)

    def tokens_up_to(self, index: int) -> int:
        """Return the length up to and including a block; 0 for -1."""
        return sum(block.tokens for block in self.blocks[: index + 1])

    def marked(self) -> list[int]:
        """Return the indices of the marked blocks."""
        return [index for index, block in enumerate(self.blocks) if block.ttl is not None]

    def digests(self) -> list[bytes]:
        """Return a digest of the prefix that ends with each block."""
        found: list[bytes] = []
        state, tier = hashlib.blake2b(digest_size=16), -1
        for block in self.blocks:
            while tier < TIERS.index(block.tier):
                tier += 1
                state.update(_encoded(self.settings[TIERS[tier]]))
            state.update(_encoded(f"{block.tier}\0{block.identity}"))
            found.append(state.digest())
        return found


def read_prompt(body: JsonObject) -> MessagesPrompt:
    """Read a request.

    Raises:
        ApiError: 400 for what the API rejects.
    """
    messages = as_list(body.get("messages"))
    if not messages:
        raise ApiError(400, "messages: at least one message is required")
    blocks = [
        *(_block("tools", f"tools.{index}", tool) for index, tool in enumerate(objects(body.get("tools")))),
        *_content("system", "system", body.get("system")),
    ]
    thinks = (as_object(body.get("thinking")) or {}).get("type") in {"enabled", "adaptive"}
    forgets = thinks and forgets_thinking(as_text(body.get("model")) or "")
    spoken = _last_spoken(messages) if forgets else 0
    for index, value in enumerate(messages):
        message = as_object(value) or {}
        role = as_text(message.get("role"))
        if role not in _ROLES:
            raise ApiError(400, f"messages.{index}.role: Input should be 'user' or 'assistant'")
        rendered = _content("messages", f"messages.{index}.content", message.get("content"), role)
        blocks += [block for block in rendered if index >= spoken or not block.is_thinking]
    blocks = _with_automatic_marker(blocks, body)
    _check_markers([block for block in blocks if block.ttl is not None])
    images = any('"type":"image"' in block.identity for block in blocks)
    citations = any('"citations":{"enabled":true}' in block.identity for block in blocks)
    extra = {"tools": "", "system": f"citations={citations}", "messages": f"images={images}"}
    settings: dict[Tier, str] = {
        tier: extra[tier] + compact_json({name: body.get(name) for name in _SETTINGS[tier]}) for tier in TIERS
    }
    return MessagesPrompt(tuple(blocks), settings)


def _content(tier: Tier, path: str, content: Any, role: str = "") -> Iterator[Block]:
    if content is None and tier == "system":
        return
    if isinstance(content, str):
        if content or tier == "messages":
            yield Block(tier, path, f"{role}\0{content}", count_tokens(content), is_markable=bool(content))
        return
    parts = as_list(content)
    if parts is None:
        raise ApiError(400, f"{path}: Input should be a valid string or list")
    for index, part in enumerate(parts):
        yield _block(tier, f"{path}.{index}", as_object(part) or {}, role)


def _block(tier: Tier, path: str, value: JsonObject, role: str = "") -> Block:
    ttl = _ttl(value, path)
    kind, text = as_text(value.get("type")), as_text(value.get("text"))
    plain = {name: member for name, member in value.items() if name != "cache_control"}
    is_markable = kind not in _THINKING and not (kind == "text" and not text)
    if ttl is not None and not is_markable:
        what = "empty text" if kind == "text" else f"{kind}"
        raise ApiError(400, f"{path}.cache_control: cache_control cannot be set for {what} blocks")
    if kind == "text" and text is not None and not plain.keys() - {"type", "text"}:
        return Block(tier, path, f"{role}\0{text}", count_tokens(text), ttl, is_markable)
    identity = compact_json(plain)
    tokens = IMAGE_TOKENS if kind == "image" else count_tokens(identity)
    return Block(tier, path, f"{role}\0{identity}", tokens, ttl, is_markable, kind in _THINKING)


def _last_spoken(messages: list[Any]) -> int:
    """Return the index of the last user message with more than tool results; 0 for none."""
    for index in range(len(messages) - 1, -1, -1):
        message = as_object(messages[index]) or {}
        content = message.get("content")
        kinds = {as_text((as_object(part) or {}).get("type")) for part in as_list(content) or ()}
        if message.get("role") == "user" and (isinstance(content, str) or kinds - {"tool_result"}):
            return index
    return 0


def _ttl(value: JsonObject, path: str) -> str | None:
    marker = value.get("cache_control")
    if marker is None:
        return None
    stated = as_object(marker) or {}
    if stated.get("type") != "ephemeral":
        raise ApiError(400, f"{path}.cache_control.type: Input should be 'ephemeral'")
    ttl = stated.get("ttl", DEFAULT_TTL)
    if ttl not in LIFETIME_SECONDS:
        raise ApiError(400, f"{path}.cache_control.ephemeral.ttl: Input should be '5m' or '1h'")
    return ttl


def _with_automatic_marker(blocks: list[Block], body: JsonObject) -> list[Block]:
    """Return the blocks, with the marker that a top-level `cache_control` implies."""
    ttl = _ttl(body, "body")
    last = next((index for index in range(len(blocks) - 1, -1, -1) if blocks[index].is_markable), None)
    if ttl is None or last is None:
        return blocks
    own = blocks[last].ttl
    if own is not None and own != ttl:
        raise ApiError(400, "cache_control: the last block has a cache_control with another ttl")
    marked = Block(blocks[last].tier, blocks[last].path, blocks[last].identity, blocks[last].tokens, ttl)
    return [*blocks[:last], marked, *blocks[last + 1 :]]


def _check_markers(marked: list[Block]) -> None:
    if len(marked) > MAX_MARKERS:
        message = (
            f"A maximum of {MAX_MARKERS} blocks with cache_control may be provided. Found {len(marked)}."
        )
        raise ApiError(400, message)
    lifetimes = [LIFETIME_SECONDS[block.ttl or DEFAULT_TTL] for block in marked]
    if lifetimes != sorted(lifetimes, reverse=True):
        raise ApiError(
            400, "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block"
        )


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass") + b"\x1e"

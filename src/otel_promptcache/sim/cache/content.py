"""Message content as tokens: text as its words, anything else by what identifies it."""

from __future__ import annotations

from typing import Any

from otel_promptcache.sim.cache.caching_fields import read_marker
from otel_promptcache.sim.cache.policies import CachePolicy
from otel_promptcache.sim.cache.prompt import Block
from otel_promptcache.sim.cache.tokens import opaque_tokens, tokenize
from otel_promptcache.sim.http.errors import invalid_type
from otel_promptcache.sim.http.wire import JsonObject, as_list, as_object, as_text, compact_json

LOW_DETAIL_IMAGE_TOKENS = 85
HIGH_DETAIL_IMAGE_TOKENS = 765
"""Tokens per image. An assumption: the real number depends on its size and the model."""

_BYTES_PER_OPAQUE_TOKEN = 400

MARKABLE_PARTS = frozenset(
    {
        *("text", "image_url", "input_audio", "file"),
        *("input_text", "input_image", "input_file", "computer_screenshot"),
    }
)
"""Content parts that can carry an explicit breakpoint.

Source: the request types of openai-python 3.52 (checked 2026-11-20).
"""


def content_blocks(
    content: Any, path: str, model: str, policy: CachePolicy, *, by_model: bool = False
) -> list[Block]:
    """Return a message's content as blocks.

    Args:
        content: A string, an array of parts, one part, or null.
        path: Where it is in the request, for the error messages.
        model: For the error messages.
        policy: The model's rules, which decide whether breakpoints are allowed.
        by_model: Whether the model generated it; output carries no breakpoints.

    Raises:
        ApiError: 400 for any other kind of content, or for a breakpoint where none is allowed.
    """
    if content is None:
        return []
    if isinstance(content, str):
        return [text_block(content)]
    single = as_object(content)
    parts = [content] if single is not None else as_list(content)
    if parts is None:
        raise invalid_type(path, "a string or an array of content parts")
    blocks: list[Block] = []
    for index, value in enumerate(parts):
        part = as_object(value)
        where = path if single is not None else f"{path}[{index}]"
        if part is None:
            raise invalid_type(where, "an object")
        supported = as_text(part.get("type")) in MARKABLE_PARTS and not by_model
        marker = read_marker(part, where, model, policy, supported=supported)
        blocks.append(Block(tuple(_part_tokens(part)), marker))
    return blocks


def text_block(text: str) -> Block:
    """Return a block of plain text without a breakpoint."""
    return Block(tuple(tokenize(text)))


def _part_tokens(part: JsonObject) -> list[str]:
    for name in ("text", "refusal", "input_text", "output_text"):
        text = as_text(part.get(name))
        if text is not None:
            return tokenize(text)
    kind = part.get("type")
    if kind in ("image_url", "input_image", "computer_screenshot"):
        return _image_tokens(part)
    source = as_object(part.get("file")) or as_object(part.get("input_audio")) or part
    identity = compact_json({k: v for k, v in source.items() if k != "prompt_cache_breakpoint"})
    return opaque_tokens(identity, 1 + len(identity) // _BYTES_PER_OPAQUE_TOKEN)


def _image_tokens(part: JsonObject) -> list[str]:
    nested = as_object(part.get("image_url"))
    image = nested if nested is not None else part
    source = image.get("url") or image.get("image_url") or image.get("file_id") or ""
    # The same image at a different level of detail is a different prompt.
    detail = image.get("detail") or "auto"
    tokens = LOW_DETAIL_IMAGE_TOKENS if detail == "low" else HIGH_DETAIL_IMAGE_TOKENS
    return opaque_tokens(f"{detail}:{source}", tokens)

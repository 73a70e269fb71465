"""How far a prompt can be read from a cache with exact boundaries, and where it is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.core.prompt.chain import Link
from otel_promptcache.core.prompt.segments import CacheOptions, Role, SegmentKind

MAX_WRITES = 4
"""Boundaries that one request writes.

Sources: OpenAI, prompt caching guide of September 2026; Anthropic, prompt caching (checked 2026-11-26).
"""
# Source: OpenAI, prompt caching guide of September 2026; the SDK's docstring says the latest 80 breakpoints instead of
# 50 (checked 2026-11-20).
FIRST_EXPLICIT_LOOKUPS = 2
LATEST_EXPLICIT_LOOKUPS = 50
EARLIER_MESSAGE_LOOKUPS = 20


class Boundary(NamedTuple):
    """A place where a prompt can be cut."""

    position: int
    """Index of the link that ends there."""
    is_marked: bool
    """It is at an explicit breakpoint. The end of the message is a different place, even if nothing is in between."""


@dataclass(frozen=True, slots=True)
class Boundaries:
    """The boundaries of a prompt, ascending."""

    readable: tuple[Boundary, ...]
    writable: tuple[Boundary, ...]


NO_BOUNDARIES = Boundaries((), ())


def boundaries_of(links: Sequence[Link], options: CacheOptions, policy: CachePolicy) -> Boundaries:
    """The boundaries of a prompt by the rules of a model that has exact ones.

    For an unknown model they are those of a cache that sets breakpoints itself, as the model that
    answers may not be the one requested.
    """
    if policy.is_opt_in:
        return marked_boundaries(links, policy.read_window_blocks)
    return exact_boundaries(links, options)


def exact_boundaries(links: Sequence[Link], options: CacheOptions) -> Boundaries:
    """Find the boundaries of a prompt in a cache that sets breakpoints itself.

    An implicit breakpoint follows the latest eligible message: a user's message, the last of a group of tool
    results, or the last of the leading developer messages. Explicit ones are where the request marks them.

    Source: OpenAI, prompt caching guide of September 2026 (checked 2026-11-20).
    """
    marked = [
        Boundary(index, is_marked=True) for index, link in enumerate(links) if link.breakpoint_ttl is not None
    ]
    implicit = [] if options.is_explicit else list(_latest_eligible(links))
    latest = implicit[:1]
    explicit_writes = MAX_WRITES - (0 if options.is_explicit else 1)
    return Boundaries(
        readable=tuple(
            sorted({*marked[:FIRST_EXPLICIT_LOOKUPS], *marked[-LATEST_EXPLICIT_LOOKUPS:], *implicit})
        ),
        writable=tuple(sorted({*marked[-explicit_writes:], *latest})),
    )


def marked_boundaries(links: Sequence[Link], read_window_blocks: int) -> Boundaries:
    """Find the boundaries of a prompt in an opt-in cache.

    Entries are written only after marked blocks. From each of these, entries are looked up backwards, block by
    block, wherever earlier requests had their marks.

    Args:
        links: The prompt.
        read_window_blocks: How many blocks are looked at, starting with the marked one.

    Source: Anthropic, prompt caching, how automatic prefix checking works (checked 2026-11-26).
    """
    marked = [index for index, link in enumerate(links) if link.breakpoint_ttl is not None][-MAX_WRITES:]
    if not marked:
        return NO_BOUNDARIES
    readable: set[int] = set()
    for mark in marked:
        readable.update(_blocks_before(links, mark, read_window_blocks))
    return Boundaries(
        readable=tuple([Boundary(index, is_marked=True) for index in sorted(readable)]),
        writable=tuple([Boundary(index, is_marked=True) for index in marked]),
    )


def _blocks_before(links: Sequence[Link], mark: int, count: int) -> list[int]:
    """A block and those before it, `count` in all."""
    blocks: list[int] = []
    for index in range(mark, -1, -1):
        if len(blocks) == count:
            break
        if links[index].kind is not SegmentKind.SETTING:
            blocks.append(index)
    return blocks


def _latest_eligible(links: Sequence[Link]) -> Iterator[Boundary]:
    """The latest eligible message, the earlier ones that are looked up, and the instructions; latest first.

    Looks no further back than necessary, as conversations are long.
    """
    remaining = 1 + EARLIER_MESSAGE_LOOKUPS
    for index in range(len(links) - 1, -1, -1):
        if links[index].kind is not SegmentKind.ITEM:
            break
        if _is_eligible(links, index):
            yield Boundary(index, is_marked=False)
            remaining -= 1
            if not remaining:
                break
    for index, link in enumerate(links):
        if link.kind is SegmentKind.ITEM:
            break
        if _is_eligible(links, index):
            yield Boundary(index, is_marked=False)


def _is_eligible(links: Sequence[Link], index: int) -> bool:
    link = links[index]
    following = links[index + 1] if index + 1 < len(links) else None
    if not link.ends_message:
        return False
    if link.kind is SegmentKind.INSTRUCTIONS:
        return following is None or following.kind is not SegmentKind.INSTRUCTIONS
    if link.kind is not SegmentKind.ITEM:
        return False
    if link.role is Role.TOOL:
        return following is None or following.role is not Role.TOOL
    return link.role is Role.USER

"""Where two prompts diverge, and what kind of text is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from otel_promptcache.core.prompt.chain import Link
from otel_promptcache.core.prompt.pieces import Part, Piece
from otel_promptcache.core.prompt.segments import Role, SegmentKind


class DivergenceKind(str, Enum):
    """What happened to the prompt at a place where it differs from an earlier one."""

    TIMESTAMP = "timestamp"
    UUID = "uuid"
    NUMBER = "number"
    REORDERED = "reordered"
    ADDED = "added"
    REMOVED = "removed"
    TRUNCATED = "truncated"
    """The head of the conversation is gone."""
    EDITED = "edited"


class Difference(NamedTuple):
    """A place where a prompt differs from an earlier one."""

    path: str
    """Place in the request body."""
    kind: DivergenceKind
    segment: SegmentKind
    offset_bytes: int
    """How much of the prompt precedes it."""
    end_bytes: int
    """Where in the prompt it ends, as far as is known."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first difference between a prompt and an earlier one."""

    path: str
    """Place in the request body."""
    kind: DivergenceKind
    segment: SegmentKind
    is_compaction: bool
    """The text there replaces a part of the history."""
    offset_bytes: int
    """How much of the prompt precedes it."""
    end_bytes: int = 0
    """Where in the prompt it ends, as far as is known."""
    differences: tuple[Difference, ...] = ()
    """All differences up to the first long unchanged part, this one included; at most five."""


@dataclass(frozen=True, slots=True)
class CutSegment:
    """A segment that differs from an earlier one, on the side whose text is available."""

    pieces: tuple[Piece, ...]
    parts: Sequence[Part]
    """The pieces with their texts; not kept beyond the comparison."""


_RENDER_ORDER = tuple(SegmentKind)


def common_length(new: Sequence[Link], old: Sequence[Link]) -> int:
    """How many links two prompts share from the start."""
    low, high = 0, min(len(new), len(old))
    while low < high:  # equal prefixes have only equal prefixes before them
        middle = (low + high + 1) // 2
        if new[middle - 1].prefix == old[middle - 1].prefix:
            low = middle
        else:
            high = middle - 1
    return low


def common_pieces(mine: Sequence[Piece], theirs: Sequence[Piece]) -> int:
    """How many pieces two segments share from the start."""
    count = 0
    for one, other in zip(mine, theirs, strict=False):
        if one.exact != other.exact:
            break
        count += 1
    return count


class OtherSegment(NamedTuple):
    """Two different segments at the same place: what happened, and how to continue after them."""

    kind: DivergenceKind
    path: str
    segment: SegmentKind
    skips_mine: bool
    skips_theirs: bool


def other_segment(
    new: Sequence[Link], old: Sequence[Link], mine_at: int, theirs_at: int
) -> OtherSegment | None:
    """Tell what happened if two different segments are at the same place; None if one was edited into the other."""
    mine, theirs = new[mine_at], old[theirs_at]
    if mine.kind is not theirs.kind:  # the kinds are ordered, so one of the two has one more segment
        if _RENDER_ORDER.index(mine.kind) < _RENDER_ORDER.index(theirs.kind):
            return OtherSegment(
                DivergenceKind.ADDED, mine.path, mine.kind, skips_mine=True, skips_theirs=False
            )
        return OtherSegment(
            DivergenceKind.REMOVED, theirs.path, theirs.kind, skips_mine=False, skips_theirs=True
        )
    if mine.kind is SegmentKind.TOOL:
        if mine.label == theirs.label:
            return None
        kind = _moved_tool(new[mine_at:], old[theirs_at:])
    else:
        mine_moved = any(link.content == mine.content for link in old[theirs_at + 1 :])
        theirs_moved = any(link.content == theirs.content for link in new[mine_at + 1 :])
        is_same_role = mine.role is theirs.role and mine.role is not Role.COMPACTION
        if is_same_role and not mine_moved and not theirs_moved:
            return None
        kind = _moved(new, mine_at, is_mine=mine_moved, is_theirs=theirs_moved)
    return OtherSegment(
        kind,
        mine.path,
        mine.kind,
        skips_mine=kind is DivergenceKind.ADDED,
        skips_theirs=kind is DivergenceKind.REMOVED,
    )


def _moved_tool(new: Sequence[Link], old: Sequence[Link]) -> DivergenceKind:
    new_tools = {link.label for link in new if link.kind is SegmentKind.TOOL}
    old_tools = {link.label for link in old if link.kind is SegmentKind.TOOL}
    if new_tools == old_tools:
        return DivergenceKind.REORDERED
    return DivergenceKind.ADDED if new_tools - old_tools else DivergenceKind.REMOVED


def _moved(new: Sequence[Link], index: int, *, is_mine: bool, is_theirs: bool) -> DivergenceKind:
    if is_mine and is_theirs:
        return DivergenceKind.REORDERED
    if is_theirs:
        return DivergenceKind.ADDED
    if not is_mine:
        return DivergenceKind.EDITED
    is_head = new[index].kind is SegmentKind.ITEM and (
        index == 0 or new[index - 1].kind is not SegmentKind.ITEM
    )
    return DivergenceKind.TRUNCATED if is_head else DivergenceKind.REMOVED

"""Where two prompts part, and what kind of text stands there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from otel_promptcache.core.chain import Link
from otel_promptcache.core.pieces import Part, Piece
from otel_promptcache.core.prompt import Role, SegmentKind


class DivergenceKind(str, Enum):
    """What happened to the prompt at the place where it parts from an earlier one."""

    TIMESTAMP = "timestamp"
    UUID = "uuid"
    NUMBER = "number"
    REORDERED = "reordered"
    ADDED = "added"
    REMOVED = "removed"
    TRUNCATED = "truncated"
    """The head of the conversation is gone."""
    EDITED = "edited"


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first difference between a prompt and an earlier one."""

    path: str
    """Place in the request body."""
    kind: DivergenceKind
    segment: SegmentKind
    is_compaction: bool
    """What stands there replaces a part of the history."""
    offset_bytes: int
    """How much of the prompt precedes it."""


@dataclass(frozen=True, slots=True)
class CutSegment:
    """The segment in which two prompts part, on the side whose text is at hand."""

    pieces: tuple[Piece, ...]
    parts: Sequence[Part]
    """The pieces with their texts; not kept beyond the comparison."""


_UUID = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}", re.IGNORECASE)
_RENDER_ORDER = tuple(SegmentKind)
_MONTH = (
    r"\b(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b"
)
_TIMESTAMP = re.compile(
    r"\d{4}-\d\d-\d\d|\d\d?:\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\b20\d{6}T\d{4}|\d\u5e74"
    rf"|\b1[5-9]\d{{8}}(?:\d{{3}}){{0,3}}\b|{_MONTH}\.? \d|\d(?:st|nd|rd|th|\.)? {_MONTH}",
    re.IGNORECASE,
)


def locate(new: Sequence[Link], old: Sequence[Link], here: CutSegment, there: Sequence[Piece]) -> Divergence:
    """Find the first difference of a prompt to an earlier one; there is one before either of them ends.

    Args:
        new: The links of the prompt.
        old: The links of the earlier one.
        here: The pieces of the first segment of `new` that differs.
        there: The pieces of the segment of `old` at the same place; empty where they are not remembered.
    """
    index = common_length(new, old)
    mine, theirs = new[index], old[index]
    offset_bytes = mine.end_bytes - mine.size_bytes
    changed = mine
    if mine.kind is not theirs.kind:  # the kinds have their order, so one of the two has one segment more
        is_added = _RENDER_ORDER.index(mine.kind) < _RENDER_ORDER.index(theirs.kind)
        kind = DivergenceKind.ADDED if is_added else DivergenceKind.REMOVED
        changed = mine if is_added else theirs
        path = changed.path
    elif _is_another(new, old, index):
        kind, path = _moved(new, old, index), mine.path
    else:
        position, kind = _first_difference(here, there)
        path = mine.path + (here.parts[position][0] if position < len(here.parts) else "")
        shared_bytes = sum(piece.size_bytes for piece in here.pieces[:position])
        offset_bytes += min(mine.size_bytes, shared_bytes)
    return Divergence(path, kind, changed.kind, mine.role is Role.COMPACTION, offset_bytes)


def common_length(new: Sequence[Link], old: Sequence[Link]) -> int:
    """How many links two prompts share from the start."""
    low, high = 0, min(len(new), len(old))
    while low < high:  # equal prefixes are equal before, too
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


def _is_another(new: Sequence[Link], old: Sequence[Link], index: int) -> bool:
    """Whether two different segments stand there, rather than one that was edited."""
    mine, theirs = new[index], old[index]
    if mine.kind is SegmentKind.TOOL:
        return mine.label != theirs.label
    if mine.role is not theirs.role or Role.COMPACTION in (mine.role, theirs.role):
        return True
    mine_moved = any(link.content == mine.content for link in old[index + 1 :])
    theirs_moved = any(link.content == theirs.content for link in new[index + 1 :])
    return mine_moved or theirs_moved


def _moved(new: Sequence[Link], old: Sequence[Link], index: int) -> DivergenceKind:
    mine, theirs = new[index], old[index]
    if mine.kind is SegmentKind.TOOL:
        new_tools = {link.label for link in new[index:] if link.kind is SegmentKind.TOOL}
        old_tools = {link.label for link in old[index:] if link.kind is SegmentKind.TOOL}
        if new_tools == old_tools:
            return DivergenceKind.REORDERED
        return DivergenceKind.ADDED if new_tools - old_tools else DivergenceKind.REMOVED
    mine_moved = any(link.content == mine.content for link in old[index + 1 :])
    theirs_moved = any(link.content == theirs.content for link in new[index + 1 :])
    if mine_moved and theirs_moved:
        return DivergenceKind.REORDERED
    if theirs_moved:
        return DivergenceKind.ADDED
    if not mine_moved:
        return DivergenceKind.EDITED
    is_head = mine.kind is SegmentKind.ITEM and (index == 0 or new[index - 1].kind is not SegmentKind.ITEM)
    return DivergenceKind.TRUNCATED if is_head else DivergenceKind.REMOVED


def _first_difference(here: CutSegment, there: Sequence[Piece]) -> tuple[int, DivergenceKind]:
    """The first piece that differs, and how."""
    position = common_pieces(here.pieces, there)
    if position >= len(here.pieces) or position >= len(there):
        return position, DivergenceKind.EDITED
    mine, theirs = here.pieces[position], there[position]
    if mine.masked == theirs.masked:
        return position, _volatile_kind(here.parts[position][2])
    mine_moved = any(piece.exact == mine.exact for piece in there[position + 1 :])
    theirs_moved = any(piece.exact == theirs.exact for piece in here.pieces[position + 1 :])
    if mine_moved and theirs_moved:
        return position, DivergenceKind.REORDERED
    if theirs_moved:
        return position, DivergenceKind.ADDED
    return position, DivergenceKind.REMOVED if mine_moved else DivergenceKind.EDITED


def _volatile_kind(text: str) -> DivergenceKind:
    if _UUID.search(text):
        return DivergenceKind.UUID
    return DivergenceKind.TIMESTAMP if _TIMESTAMP.search(text) else DivergenceKind.NUMBER

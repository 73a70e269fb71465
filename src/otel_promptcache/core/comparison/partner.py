"""Which earlier prompt a new one is compared with: the one that most of its content comes from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from otel_promptcache.core.comparison.divergence import common_length
from otel_promptcache.core.memory.earlier import EarlierPrompts
from otel_promptcache.core.memory.index import PrefixIndex
from otel_promptcache.core.memory.match import PrefixMatch
from otel_promptcache.core.memory.nodes import SentPrompt
from otel_promptcache.core.prompt.chain import ContentHash, Link
from otel_promptcache.core.prompt.pieces import Piece
from otel_promptcache.core.prompt.segments import SegmentKind

MIN_REUSED_BYTES = 48
"""Bytes; shorter content, such as "Yes, please.", recurs by chance."""
MAX_CANDIDATES = 8
"""Prompts sent earlier that a new one is compared with."""
_SAME_TEMPLATE = 2 / 3
"""Share that two leading parts must have in common for one to count as an edit of the other."""

Pieces = Mapping[ContentHash, tuple[Piece, ...]]


def find_candidates(
    index: PrefixIndex, sent: SentPrompt, match: PrefixMatch, pieces: Pieces
) -> list[SentPrompt]:
    """Find the earlier prompts that a new one may be compared with; none if nothing like it was sent.

    They are the owners of most of the content after the matched prefix, the latest prompt with that prefix, and the
    newest one of the template.
    """
    votes: Counter[int] = Counter()
    owners: dict[int, SentPrompt] = {}
    for link in sent.prompt.links[match.known_links :]:
        if (owner := index.owner(link.content)) is not None:
            found_here = {id(owner): (owner, link.size_bytes)}
        else:
            found_here = index.owners(pieces.get(link.content, ()), MIN_REUSED_BYTES)
        for key, (prompt, size_bytes) in found_here.items():
            owners[key] = prompt
            votes[key] += size_bytes
    if not owners and match.latest is not None:
        return [match.latest]  # nothing after it is known, so no other prompt has more
    found = {key: owners[key] for key, _ in votes.most_common(MAX_CANDIDATES)}
    for prompt in (match.latest, index.newest_of_template(sent)):
        if prompt is not None:
            found[id(prompt)] = prompt
    return list(found.values())


def nearest_prompt(
    history: EarlierPrompts, sent: SentPrompt, candidates: Sequence[SentPrompt], pieces: Pieces
) -> SentPrompt:
    """Find the candidate that most of a prompt's content comes from, wherever it is in either prompt.

    Ties go to the one with the longest common prefix, then to one of the same template, then to the newest.

    Args:
        history: What was sent before.
        sent: The new prompt.
        candidates: As `find_candidates` gives them; at least one.
        pieces: The pieces of the prompt's segments that the index does not know.
    """
    if len(candidates) == 1:
        return candidates[0]
    links = sent.prompt.links

    def likeness(other: SentPrompt) -> tuple[int, int, bool, float]:
        return (
            shared_bytes(history, links, other.prompt.links, pieces),
            common_length(links, other.prompt.links),
            other.fingerprint == sent.fingerprint,
            history.last_seen_seconds(other),
        )

    return max(candidates, key=likeness)


def is_other_template(history: EarlierPrompts, sent: SentPrompt, other: SentPrompt, pieces: Pieces) -> bool:
    """Tell whether two prompts that share content are of different templates, not two versions of one.

    They are of one template if their fingerprints are equal, if one continues the conversation of the other, if they
    have a tool in common, or if their leading parts are largely the same.
    """
    if other.fingerprint == sent.fingerprint:
        return False
    mine, theirs = sent.prompt.links, other.prompt.links
    if _continues(mine, theirs):
        return False
    my_tools, their_tools = _labels(mine), _labels(theirs)
    if bool(my_tools) != bool(their_tools):
        return True
    if my_tools & their_tools:
        return False
    my_leading, their_leading = _leading(mine), _leading(theirs)
    size_bytes = max(sum(link.size_bytes for link in each) for each in (my_leading, their_leading))
    return shared_bytes(history, my_leading, their_leading, pieces) < _SAME_TEMPLATE * size_bytes


def shared_bytes(
    history: EarlierPrompts, mine: Collection[Link], theirs: Collection[Link], pieces: Pieces
) -> int:
    """How much of the content of some segments is in others."""
    contents = {link.content for link in theirs}
    own = {link.content for link in mine}
    found: set[ContentHash] | None = None
    found_bytes = 0
    for link in mine:
        if link.content in contents:
            found_bytes += link.size_bytes
            continue
        if found is None:  # most prompts share whole segments only
            found = {piece.exact for other in contents - own for piece in history.pieces(other)}
        its_pieces = pieces.get(link.content) or history.pieces(link.content)
        found_bytes += sum([piece.size_bytes for piece in its_pieces if piece.exact in found])
    return found_bytes


def _continues(mine: Sequence[Link], theirs: Sequence[Link]) -> bool:
    """Whether both have the same instructions and the same first message, whatever their tools."""
    pairs = zip(_without_tools(mine), _without_tools(theirs), strict=False)
    for one, other in pairs:
        if one.content != other.content:
            return False
        if one.kind is SegmentKind.ITEM:
            return True
    return False


def _without_tools(links: Sequence[Link]) -> list[Link]:
    return [link for link in links if link.kind not in (SegmentKind.TOOL, SegmentKind.SETTING)]


def _labels(links: Sequence[Link]) -> set[ContentHash]:
    return {link.label for link in links if link.kind is SegmentKind.TOOL}


def _leading(links: Sequence[Link]) -> list[Link]:
    """The tools and instructions of a prompt; if it has neither, its first message."""
    leading = [link for link in links if link.kind in (SegmentKind.TOOL, SegmentKind.INSTRUCTIONS)]
    return leading or list(links[:1])

"""Compares a prompt whose own prefix is not alive with one of the same template that is.

Two workers may each have their own order of the same tools. One whose prefix has expired could have read the other's.
"""

from __future__ import annotations

from collections.abc import Mapping

from otel_promptcache.core.comparison.comparison import Comparison, Cutter, compare_with
from otel_promptcache.core.memory.earlier import EarlierPrompts, EarlierPromptsOfFleet, Variant
from otel_promptcache.core.memory.index import PrefixIndex
from otel_promptcache.core.memory.nodes import SentPrompt
from otel_promptcache.core.prompt.chain import ContentHash
from otel_promptcache.core.prompt.pieces import Piece


class _ContentOfPrompt:
    """What only this prompt has can be read from it, whatever else was sent before."""

    def __init__(self, history: EarlierPrompts, sent: SentPrompt) -> None:
        self._segments = {link.content for link in sent.prompt.links}
        self.known_pieces: Mapping[ContentHash, Piece] = {
            piece.exact: piece for content in self._segments for piece in history.pieces(content)
        }

    def is_known(self, content: ContentHash) -> bool:
        """Whether the prompt has this segment, at any place."""
        return content in self._segments


def compare_with_sibling(
    index: PrefixIndex, sent: SentPrompt, cutter: Cutter, now_seconds: float
) -> Comparison | None:
    """Compare with the newest prompt of the template; None if that is not alive or begins in the same way."""
    sibling = index.newest_of_template(sent)
    if sibling is None or sibling.prompt.leading == sent.prompt.leading:
        return None
    if not index.is_alive(sibling, sent.scope, now_seconds):
        return None
    return compare_with(index, sent, cutter, sibling, known=_ContentOfPrompt(index, sibling))


def compare_with_sibling_of_fleet(
    history: EarlierPromptsOfFleet, sent: SentPrompt, cutter: Cutter, now_seconds: float
) -> Comparison | None:
    """Compare with the newest variant that is alive and begins differently; None if there is none."""
    alive = [variant for variant in history.variants if _is_alive_beside(variant, sent, now_seconds)]
    if not alive:
        return None
    other = alive[0].sent
    return compare_with(history, sent, cutter, other, known=_ContentOfPrompt(history, other))


def _is_alive_beside(variant: Variant, sent: SentPrompt, now_seconds: float) -> bool:
    return (
        variant.sent.scope == sent.scope
        and variant.cached.alive_until_seconds >= now_seconds
        and variant.sent.prompt.leading != sent.prompt.leading
        and variant.sent.fingerprint == sent.fingerprint
    )

"""Compares a prompt whose own prefix is not alive with one of the same template that is.

Two workers may each have their own order of the same tools. One whose prefix has expired could have read the other's.
"""

from __future__ import annotations

from otel_promptcache.core.comparison.comparison import Comparison, Cutter, compare_with
from otel_promptcache.core.memory.earlier import EarlierPromptsOfFleet, Variant
from otel_promptcache.core.memory.index import PrefixIndex
from otel_promptcache.core.memory.nodes import SentPrompt


def compare_with_sibling(
    index: PrefixIndex, sent: SentPrompt, cutter: Cutter, now_seconds: float
) -> Comparison | None:
    """Compare with the newest prompt of the template; None if that is not alive or begins in the same way."""
    sibling = index.newest_of_template(sent)
    if sibling is None or sibling.prompt.leading == sent.prompt.leading:
        return None
    if not index.is_alive(sibling, sent.scope, now_seconds):
        return None
    return compare_with(index, sent, cutter, sibling)


def compare_with_sibling_of_fleet(
    history: EarlierPromptsOfFleet, sent: SentPrompt, cutter: Cutter, now_seconds: float
) -> Comparison | None:
    """Compare with the newest variant that is alive and begins differently; None if there is none."""
    alive = [variant for variant in history.variants if _is_alive_beside(variant, sent, now_seconds)]
    return compare_with(history, sent, cutter, alive[0].sent) if alive else None


def _is_alive_beside(variant: Variant, sent: SentPrompt, now_seconds: float) -> bool:
    return (
        variant.sent.scope == sent.scope
        and variant.cached.alive_until_seconds >= now_seconds
        and variant.sent.prompt.leading != sent.prompt.leading
        and variant.sent.fingerprint == sent.fingerprint
    )

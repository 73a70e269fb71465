"""What comparisons ask about the prompts that this process remembers."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from otel_promptcache.core.memory.nodes import CachedPrefix, PrefixNode, SentPrompt
from otel_promptcache.core.memory.piece_store import PieceStore
from otel_promptcache.core.memory.scopes import ScopeStore
from otel_promptcache.core.prompt.chain import ContentHash, PrefixHash
from otel_promptcache.core.prompt.pieces import Piece
from otel_promptcache.core.prompt.segments import CacheScope


class RememberedPrompts:
    """Finds remembered prompts by their content, and says when they were sent. Thread-safe.

    What is found by a hash is read without the lock. Each such read is one look-up of a key that is compared without
    running Python code, and the values are immutable. Between two reads a prompt may be forgotten, which is as if it
    had been forgotten before both. A node changes, and scopes are compared by Python code: these need the lock.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._prompts: OrderedDict[PrefixHash, SentPrompt] = OrderedDict()
        self._nodes: dict[PrefixHash, PrefixNode] = {}
        self._by_content: dict[ContentHash, SentPrompt] = {}
        self._by_template: dict[tuple[str, int], SentPrompt] = {}
        self._pieces = PieceStore()
        self._scopes = ScopeStore()

    def newest_of_template(self, sent: SentPrompt) -> SentPrompt | None:
        """The prompt of the same template that was answered last; None if none is remembered."""
        return self._by_template.get((sent.fingerprint, sent.account))

    def last_seen_seconds(self, sent: SentPrompt) -> float:
        """When a remembered prompt was last sent, in any scope."""
        with self._lock:
            node = self._nodes.get(sent.prompt.links[-1].prefix)
            return max([seen.at_seconds for seen in node.cached.values()], default=0.0) if node else 0.0

    def is_alive(self, sent: SentPrompt, scope: CacheScope, now_seconds: float) -> bool:
        """Whether the provider is sure to have a remembered prompt cached in a scope."""
        with self._lock:
            node = self._nodes.get(sent.prompt.links[-1].prefix)
            return node is not None and node.is_alive(scope, now_seconds)

    def owner(self, content: ContentHash) -> SentPrompt | None:
        """A remembered prompt that contains this; None if none does."""
        home = self._pieces.homes.get(content)
        return self._by_content.get(content if home is None else home)

    def owners(self, pieces: Iterable[Piece], min_bytes: int) -> dict[int, tuple[SentPrompt, int]]:
        """Remembered prompts that contain some of these pieces, each with their total length in bytes.

        Args:
            pieces: The pieces to look for.
            min_bytes: Shorter pieces are ignored.
        """
        found: dict[int, tuple[SentPrompt, int]] = {}
        homes, by_content = self._pieces.homes, self._by_content
        for piece in pieces:
            if piece.size_bytes < min_bytes or (home := homes.get(piece.exact)) is None:
                continue
            if (owner := by_content.get(home)) is not None:
                key = id(owner)
                found[key] = owner, found[key][1] + piece.size_bytes if key in found else piece.size_bytes
        return found

    def is_known(self, content: ContentHash) -> bool:
        """Whether a remembered prompt contains this, at any place."""
        return content in self._by_content or content in self._pieces.known

    def cached(self, prefix: PrefixHash, scope: CacheScope) -> Mapping[CacheScope, CachedPrefix]:
        """When a prefix was sent in a scope and in the most recent other scopes; empty if it is not remembered."""
        with self._lock:
            node = self._nodes.get(prefix)
            return node.cached_in((scope, *self._scopes.others(scope, node.cached))) if node else {}

    def pieces(self, content: ContentHash) -> tuple[Piece, ...]:
        """The pieces of a segment; empty if they are not, or no longer, remembered."""
        return self._pieces.of(content)

    @property
    def known_pieces(self) -> Mapping[ContentHash, Piece]:
        """The remembered pieces by their exact hash, wherever they stood; to be looked up in, not iterated over."""
        return self._pieces.known

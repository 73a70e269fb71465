"""What a comparison asks about earlier prompts: of this process alone, or also of a fleet."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, cast

from otel_promptcache.core.memory.match import Step
from otel_promptcache.core.memory.nodes import CachedPrefix, SentPrompt
from otel_promptcache.core.prompt.chain import ContentHash, PrefixHash
from otel_promptcache.core.prompt.pieces import Piece
from otel_promptcache.core.prompt.segments import CacheScope


class KnownContent(Protocol):
    """Content that was sent before."""

    @property
    def known_pieces(self) -> Mapping[ContentHash, Piece]:
        """The pieces that are remembered, by their exact hash, wherever they were."""
        ...

    def is_known(self, content: ContentHash, /) -> bool:
        """Whether a remembered prompt contains this, wherever it is."""
        ...


class EarlierPrompts(KnownContent, Protocol):
    """Earlier prompts, by their content."""

    def pieces(self, content: ContentHash, /) -> tuple[Piece, ...]:
        """The pieces of a segment; empty if they are not, or no longer, remembered."""
        ...

    def cached(self, prefix: PrefixHash, scope: CacheScope, /) -> Mapping[CacheScope, CachedPrefix]:
        """When a prefix was sent in a scope and in the latest others; empty if it is not remembered."""
        ...

    def last_seen_seconds(self, sent: SentPrompt, /) -> float:
        """When a remembered prompt was sent last, in any scope."""
        ...


@dataclass(frozen=True, slots=True)
class Variant:
    """An earlier prompt of a template as the fleet remembers it, with this process's own hashes if it has them."""

    sent: SentPrompt
    cached: CachedPrefix
    """When it was sent last, in the scope of `sent`, and until when its leading part is alive there."""
    pieces: Mapping[ContentHash, tuple[Piece, ...]]
    """Of its segments, as far as they were remembered."""


@dataclass(frozen=True, slots=True)
class FleetSnapshot:
    """What the processes of a fleet know of a prompt at the moment it is sent; times are of this process's clock."""

    steps: tuple[Step, ...] = ()
    """As in `PrefixMatch`."""
    known_links: int = 0
    alive_links: int = 0
    requests_last_minute: int = 0
    has_lineage: bool = False
    """The template was answered before."""
    variants: tuple[Variant, ...] = ()
    """Of the template, or of the one that it was made from, newest first; empty if the prompt is alive anyway."""
    is_new_variant: bool | None = None
    """No process has sent the leading part before; None if the store was not queried, or cannot tell."""
    response_id: str | None = None
    """The provider's name for the newest answer on the same account; None if there is none."""


@dataclass(frozen=True, slots=True)
class EarlierPromptsOfFleet:
    """The history of this process, and what the fleet knows of a template."""

    own: EarlierPrompts
    variants: tuple[Variant, ...]
    _pieces: dict[ContentHash, tuple[Piece, ...]] = field(
        init=False, default_factory=dict[ContentHash, "tuple[Piece, ...]"]
    )
    _known: dict[ContentHash, Piece] = field(init=False, default_factory=dict[ContentHash, Piece])
    _contents: set[ContentHash] = field(init=False, default_factory=set[ContentHash])
    _prefixes: dict[PrefixHash, Variant] = field(init=False, default_factory=dict[PrefixHash, Variant])

    def __post_init__(self) -> None:
        for variant in reversed(self.variants):  # newest last
            for link in variant.sent.prompt.links:
                self._contents.add(link.content)
                self._prefixes[link.prefix] = variant
            for content, pieces in variant.pieces.items():
                self._pieces[content] = pieces
                self._known.update((piece.exact, piece) for piece in pieces)

    @property
    def known_pieces(self) -> Mapping[ContentHash, Piece]:
        """The pieces of both."""
        return ChainMap(self._known, cast("dict[ContentHash, Piece]", self.own.known_pieces))

    def pieces(self, content: ContentHash) -> tuple[Piece, ...]:
        """The pieces of a segment, from whichever knows them."""
        return self._pieces.get(content) or self.own.pieces(content)

    def is_known(self, content: ContentHash) -> bool:
        """Whether either knows it."""
        return content in self._contents or self.own.is_known(content)

    def cached(self, prefix: PrefixHash, scope: CacheScope) -> Mapping[CacheScope, CachedPrefix]:
        """What the two know together."""
        own, variant = self.own.cached(prefix, scope), self._prefixes.get(prefix)
        return own if variant is None else {**own, variant.sent.scope: variant.cached}

    def last_seen_seconds(self, sent: SentPrompt) -> float:
        """When a variant was sent last, else what this process knows."""
        for variant in self.variants:
            if variant.sent is sent:
                return variant.cached.at_seconds
        return self.own.last_seen_seconds(sent)

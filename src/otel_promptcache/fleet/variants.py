"""Makes earlier variants of a template, as the fleet remembers them, comparable with a prompt of this process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, partial

from otel_promptcache.core.comparison.divergence import CutSegment
from otel_promptcache.core.comparison.joining import Lacking
from otel_promptcache.core.memory.earlier import Variant
from otel_promptcache.core.memory.nodes import CachedPrefix, SentPrompt
from otel_promptcache.core.prompt.chain import ContentHash, HashedPrompt, Link, PrefixHash, hash_text
from otel_promptcache.core.prompt.pieces import Piece
from otel_promptcache.core.prompt.segments import CacheScope
from otel_promptcache.fleet.naming.bodies import BadBodyError, Body, read_body
from otel_promptcache.fleet.naming.hashes import FleetHashes
from otel_promptcache.fleet.naming.pieces import FleetPieces, OwnNames
from otel_promptcache.fleet.store import MAX_VARIANTS, FoundVariant

MAX_HELD = 256
"""Variants whose segments are held: the most recently used ones."""
_FOREIGN = 1 << 90
"""A bit that is set in no hash of this process."""
_NO_LABEL = hash_text("")


class HeldVariants:
    """The segments of variants that were read or written before, so that the store need not send them again."""

    def __init__(self) -> None:
        self._bodies: OrderedDict[bytes, Body] = OrderedDict()
        self._by_template: OrderedDict[bytes, list[bytes]] = OrderedDict()

    def of(self, template: bytes) -> tuple[bytes, ...]:
        """The variants of a template that are held."""
        return tuple([each for each in self._by_template.get(template, ()) if each in self._bodies])

    def body(self, found: FoundVariant) -> Body | None:
        """The segments of a variant that was found; None if they are unknown or invalid."""
        if found.body:
            try:
                self.hold(found.variant, found.body)
            except BadBodyError:
                return None
        return self._bodies.get(found.variant)

    def hold(self, variant: bytes, data: bytes) -> None:
        """Keep the segments of a variant.

        Raises:
            BadBodyError: They are invalid.
        """
        self._bodies[variant] = body = read_body(data)
        self._bodies.move_to_end(variant)
        known = self._by_template.setdefault(body.template, [])
        if variant not in known:
            known.append(variant)
            del known[: -2 * MAX_VARIANTS]
        for held in (self._bodies, self._by_template):
            if len(held) > MAX_HELD:
                held.popitem(last=False)


class VariantReader:
    """Makes variants comparable with one prompt: what both have gets this process's own hashes."""

    def __init__(
        self,
        sent: SentPrompt,
        template: bytes,
        hashes: FleetHashes,
        pieces: FleetPieces,
        cut: Iterable[CutSegment],
    ) -> None:
        self._sent = sent
        self._template = template
        self._hashes, self._pieces = hashes, pieces
        self._make_names = partial(OwnNames, hashes, pieces, cut)

    @cached_property
    def _contents(self) -> Mapping[bytes, ContentHash]:
        pairs = [(self._hashes.content(link.content), link.content) for link in self._sent.prompt.links]
        return {name: content for name, content in pairs if name is not None}

    @cached_property
    def _labels(self) -> Mapping[bytes, ContentHash]:
        pairs = [(self._hashes.label(link.label), link.label) for link in self._sent.prompt.links]
        return {name: label for name, label in pairs if name}

    @cached_property
    def _names(self) -> OwnNames:
        return self._make_names()

    def has_any(self, body: Body, lacking: Lacking) -> bool:
        """Whether a variant has any of what an earlier prompt lacks."""
        contents, name_of = body.contents, self._hashes.content
        if not contents.isdisjoint([name_of(link.content) for link in lacking.links]):
            return True
        if lacking.piece is None:
            return False
        segment, index = lacking.piece
        name = self._pieces.named(segment)[index].exact
        return any(piece.exact == name for link in body.links for piece in link.pieces)

    def read(self, body: Body, scope: CacheScope, cached: CachedPrefix) -> Variant:
        """Read a variant.

        Args:
            body: Its segments.
            scope: The scope in which it was sent last.
            cached: When that was.
        """
        links = self._links(body)
        translated = self._names.translate([each.pieces for each in body.links])
        pieces: Mapping[ContentHash, tuple[Piece, ...]] = {
            link.content: own for link, own in zip(links, translated, strict=True) if own
        }
        leading = links[body.leading].prefix if 0 <= body.leading < len(links) else None
        prompt = HashedPrompt(tuple(links), ContentHash(0), leading)
        is_same = body.template == self._template
        fingerprint = self._sent.fingerprint if is_same else body.template.hex()
        options = self._sent.options
        sent = SentPrompt(prompt, scope, options, fingerprint, account=self._sent.account)
        return Variant(sent, cached, pieces)

    def _links(self, body: Body) -> Sequence[Link]:
        links: list[Link] = []
        own = self._sent.prompt.links
        is_common, end_bytes, prefix = True, 0, PrefixHash(_FOREIGN)
        for index, each in enumerate(body.links):
            content = self._contents.get(each.content)
            if content is None:
                content = ContentHash(int.from_bytes(each.content, "big") | _FOREIGN)
            mine = own[index] if index < len(own) else None
            begins_alike = (
                index == 0 or links[-1].ends_message == own[index - 1].ends_message if mine else False
            )
            is_common = is_common and mine is not None and mine.content == content and begins_alike
            prefix = mine.prefix if is_common and mine else PrefixHash(hash((prefix, content)) | _FOREIGN)
            end_bytes += each.size_bytes
            links.append(
                Link(
                    each.kind, each.path, each.role, each.ends_message, None,
                    self._label(each.label), content, prefix, each.size_bytes, end_bytes,
                )
            )  # fmt: skip
        return links

    def _label(self, name: bytes) -> ContentHash:
        if not name:
            return _NO_LABEL
        own = self._labels.get(name)
        return ContentHash(int.from_bytes(name, "big") | _FOREIGN) if own is None else own

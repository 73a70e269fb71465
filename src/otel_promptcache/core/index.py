"""What was sent before, without its content: hashes, lengths, times and scopes, bounded whatever the traffic."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from otel_promptcache.core.boundaries import exact_boundaries
from otel_promptcache.core.chain import ContentHash, HashedPrompt, Piece, PrefixHash
from otel_promptcache.core.forking import restart_in_forked_child
from otel_promptcache.core.prompt import CacheOptions, CacheScope

MAX_PROMPTS = 512
"""Prompts that are remembered, the most recently answered ones."""
MAX_LINKS = 50_000
"""Segments of all of them together."""
MAX_PIECES = 100_000
"""Pieces that their segments are cut into, all together."""
_MAX_STARTS = 1_024
_MAX_STARTS_COUNTED = 1_024
_MAX_SCOPES = 8
_MAX_CANDIDATES = 4
_MINUTE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class SentPrompt:
    """A request as it is remembered."""

    prompt: HashedPrompt
    scope: CacheScope
    options: CacheOptions
    fingerprint: str
    response_id: str | None = None
    """The provider's name for the answer; None until there is one."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What is known of one prefix in one scope."""

    at_seconds: float
    """When it was sent last."""
    alive_until_seconds: float
    """Until then the provider surely has it, if it keeps any prefix."""
    boundary_until_seconds: Mapping[bool, float] = field(default_factory=dict[bool, float])
    """The same for the boundaries that were left there, where boundaries count: marked ones, and others."""

    def after(self, earlier: Sighting | None) -> Sighting:
        """What is known after this sighting, given an earlier one: a boundary outlives requests without one."""
        if earlier is None or not earlier.boundary_until_seconds:
            return self
        until = dict(earlier.boundary_until_seconds)
        for is_marked, seconds in self.boundary_until_seconds.items():
            until[is_marked] = max(seconds, until.get(is_marked, seconds))
        return replace(self, boundary_until_seconds=until)


@dataclass(frozen=True, slots=True)
class Step:
    """A place in a new prompt up to which an earlier one was the same."""

    index: int
    """Of the link that ends there."""
    end_bytes: int
    tokens: int | None
    """What the provider reported for a prompt that ended there; None where none did."""
    sightings: Mapping[CacheScope, Sighting]
    """By scope."""
    is_in_flight: bool = False
    """A request in the same scope is being processed."""
    boundaries_in_flight: frozenset[bool] = frozenset()
    """Which boundaries it is going to leave, where boundaries count: marked ones, others."""


@dataclass(frozen=True, slots=True)
class Trail:
    """How far a new prompt goes where others went before, ascending."""

    steps: tuple[Step, ...]
    requests_last_minute: int
    """With the same start and scope, this one included."""
    has_lineage: bool
    """The template was answered before."""


@dataclass(slots=True)
class _Place:
    """What is known about one prefix."""

    latest: SentPrompt
    sightings: dict[CacheScope, Sighting] = field(default_factory=dict[CacheScope, Sighting])
    tokens: int | None = None

    def see(self, scope: CacheScope, sighting: Sighting) -> None:
        """Note a sighting; the scope that was seen longest ago makes room."""
        self.sightings[scope] = sighting.after(self.sightings.pop(scope, None))
        if len(self.sightings) > _MAX_SCOPES:
            del self.sightings[next(iter(self.sightings))]


_InFlight = tuple[CacheScope, PrefixHash, bool | None]
"""A prefix, or a boundary that stands behind it: None, marked or not."""


class PrefixIndex:
    """Finds earlier prompts by prefix and by content. Safe to share by threads.

    A prompt is let in when it was answered: before that the provider may not have processed it. All it
    holds are hashes, lengths, paths and times; no text.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._prompts: OrderedDict[PrefixHash, SentPrompt] = OrderedDict()
        self._places: dict[PrefixHash, _Place] = {}
        self._by_content: dict[ContentHash, SentPrompt] = {}
        self._home_by_piece: dict[ContentHash, ContentHash] = {}
        self._by_fingerprint: dict[str, SentPrompt] = {}
        self._pieces: OrderedDict[ContentHash, tuple[Piece, ...]] = OrderedDict()
        self._in_flight: Counter[_InFlight] = Counter()
        self._starts: OrderedDict[tuple[CacheScope, ContentHash], deque[float]] = OrderedDict()
        self._links_held = 0
        self._pieces_held = 0
        restart_in_forked_child(self)

    def restart(self) -> None:
        """Forget who holds the lock and what only the parent is sending; what was answered stays."""
        self._lock = threading.Lock()
        self._in_flight = Counter()

    def match_prefix(self, sent: SentPrompt, now_seconds: float) -> Trail:
        """Follow a new prompt as far as any earlier one went; counts it for the rate of its start."""
        with self._lock:
            steps: list[Step] = []
            for index, link in enumerate(sent.prompt.links):
                place = self._places.get(link.prefix)
                is_in_flight = (sent.scope, link.prefix, None) in self._in_flight
                if place is None and not is_in_flight:
                    break  # what is not known here is not known further on
                sightings = dict(place.sightings) if place else {}
                tokens = place.tokens if place else None
                boundaries = frozenset(
                    is_marked
                    for is_marked in (True, False)
                    if (sent.scope, link.prefix, is_marked) in self._in_flight
                )
                steps.append(Step(index, link.end_bytes, tokens, sightings, is_in_flight, boundaries))
            rate = self._count_start(sent, now_seconds)
            return Trail(tuple(steps), rate, sent.fingerprint in self._by_fingerprint)

    def candidates(self, sent: SentPrompt) -> list[SentPrompt]:
        """Earlier prompts that a new one may be compared with, at most four.

        One that went the same way for longest, one of the same template, and those with the first content
        known from elsewhere.
        """
        with self._lock:
            found: dict[int, SentPrompt] = {}
            deepest: SentPrompt | None = None
            for link in sent.prompt.links:
                place = self._places.get(link.prefix)
                if place is None:
                    break
                deepest = place.latest
            for prompt in (deepest, self._by_fingerprint.get(sent.fingerprint)):
                if prompt is not None:
                    found[id(prompt)] = prompt
            for link in sent.prompt.links:
                if len(found) >= _MAX_CANDIDATES:
                    break
                if link.prefix not in self._places and (prompt := self._by_content.get(link.content)):
                    found[id(prompt)] = prompt
            return list(found.values())

    def owner(self, content: ContentHash) -> SentPrompt | None:
        """A remembered prompt that contains this; None where none does."""
        return self._by_content.get(self._home_by_piece.get(content, content))

    def is_known(self, content: ContentHash) -> bool:
        """Whether a remembered prompt contains this, wherever it stands."""
        return content in self._by_content or content in self._home_by_piece

    def sightings(self, prefix: PrefixHash) -> Mapping[CacheScope, Sighting]:
        """When and where a prefix was sent; empty where it is not remembered."""
        with self._lock:
            place = self._places.get(prefix)
            return dict(place.sightings) if place else {}

    def pieces(self, content: ContentHash) -> tuple[Piece, ...]:
        """The pieces of a segment; empty where they are not remembered (any more)."""
        return self._pieces.get(content, ())

    def depart(self, sent: SentPrompt) -> None:
        """Note that a prompt is being processed. `arrive` has to follow."""
        with self._lock:
            self._in_flight.update(_keys_in_flight(sent))

    def arrive(self, sent: SentPrompt) -> None:
        """Note that a prompt is not being processed any more, answered or not."""
        with self._lock:
            for key in _keys_in_flight(sent):
                if self._in_flight[key] <= 1:
                    del self._in_flight[key]
                else:
                    self._in_flight[key] -= 1

    def learn(self, sent: SentPrompt, tokens: Mapping[int, int]) -> None:
        """Note the tokens that the provider reported for prefixes of a prompt, by the link that ends them."""
        with self._lock:
            for index, count in tokens.items():
                if place := self._places.get(sent.prompt.links[index].prefix):
                    place.tokens = count

    def admit(
        self,
        sent: SentPrompt,
        sightings: Sequence[Sighting],
        pieces: Mapping[ContentHash, tuple[Piece, ...]],
    ) -> None:
        """Remember an answered prompt.

        Args:
            sent: The prompt.
            sightings: What is to be known at each of its links.
            pieces: Of its segments; those known already may be left out.
        """
        links = sent.prompt.links
        if not links:
            return
        with self._lock:
            if links[-1].prefix not in self._prompts:
                self._links_held += len(links)
            self._prompts[links[-1].prefix] = sent
            self._prompts.move_to_end(links[-1].prefix)
            self._by_fingerprint[sent.fingerprint] = sent
            for link, sighting in zip(links, sightings, strict=True):
                place = self._places.get(link.prefix)
                if place is None:
                    place = self._places[link.prefix] = _Place(sent)
                place.latest = sent
                place.see(sent.scope, sighting)
                self._by_content[link.content] = sent
                if link.content in pieces:
                    self._hold_pieces(link.content, pieces[link.content])
            while len(self._prompts) > 1 and (
                len(self._prompts) > MAX_PROMPTS or self._links_held > MAX_LINKS
            ):
                self._forget(next(iter(self._prompts)))

    def _hold_pieces(self, content: ContentHash, pieces: tuple[Piece, ...]) -> None:
        self._pieces_held += len(pieces) - len(self._pieces.pop(content, ()))
        self._pieces[content] = pieces
        for piece in pieces:
            self._home_by_piece[piece.exact] = content
        while self._pieces_held > MAX_PIECES and len(self._pieces) > 1:
            oldest, gone = self._pieces.popitem(last=False)
            self._pieces_held -= len(gone)
            for piece in gone:
                if self._home_by_piece.get(piece.exact) == oldest:
                    del self._home_by_piece[piece.exact]

    def _forget(self, prompt: PrefixHash) -> None:
        sent = self._prompts.pop(prompt, None)
        if sent is None:
            return
        self._links_held -= len(sent.prompt.links)
        for link in sent.prompt.links:
            place = self._places.get(link.prefix)
            if place is not None and place.latest is sent:
                del self._places[link.prefix]
            if self._by_content.get(link.content) is sent:
                del self._by_content[link.content]
        if self._by_fingerprint.get(sent.fingerprint) is sent:
            del self._by_fingerprint[sent.fingerprint]

    def _count_start(self, sent: SentPrompt, now_seconds: float) -> int:
        key = (sent.scope, sent.prompt.routing)
        times = self._starts.setdefault(key, deque(maxlen=_MAX_STARTS_COUNTED))
        self._starts.move_to_end(key)
        if len(self._starts) > _MAX_STARTS:
            self._starts.popitem(last=False)
        times.append(now_seconds)
        while times and now_seconds - times[0] > _MINUTE_SECONDS:
            times.popleft()
        return len(times)


def _keys_in_flight(sent: SentPrompt) -> Iterator[_InFlight]:
    links = sent.prompt.links
    for link in links:
        yield sent.scope, link.prefix, None
    for boundary in exact_boundaries(links, sent.options).writable:
        yield sent.scope, links[boundary.position].prefix, boundary.is_marked

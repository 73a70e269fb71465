"""The queries to a store, its replies, and the updates written to it; all are hashes, lengths and times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

HASH_BYTES = 8
MAX_CHAIN = 128
"""Prefixes of a prompt that are queried: the first 64 and the newest 64."""
MAX_VARIANTS = 3
"""Leading parts of a template that are remembered: the newest ones."""
MAX_SCOPES = 32
"""Scopes of a prefix that are read; if there are more, the prompt's own and some others."""
MAX_DIGESTS = 512
"""Leading parts of a template that are counted per day."""
DAY_SECONDS = 86_400
RATE_SECONDS = 60
FLIGHT_SECONDS = 60
"""After this, a request that has not been ended no longer counts as in flight: its process may be gone."""
MIN_LIFE_SECONDS = 3_600

READS_UNMARKED, READS_MARKED, LEAVES_UNMARKED, LEAVES_MARKED = 1, 2, 4, 8
"""What a prompt may do at a place if boundaries count: read one that is there, leave one."""
PLAIN, UNMARKED, MARKED = 1, 2, 4
"""What a request in flight will leave: its prefix, boundaries."""


class StoreError(Exception):
    """The store is unavailable, refuses, or replies with something unintelligible. The message has no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A prompt that is being sent."""

    chain: Sequence[bytes]
    """Its prefixes, from the start."""
    roles: bytes
    """A byte for each of them: what it may read and leave there."""
    has_boundaries: bool
    scope: bytes
    call: bytes
    """Names the request while it is in flight."""
    start: bytes
    """Its scope and the first 1,024 characters: requests are counted by it."""
    age_seconds: float
    """How long ago it was sent."""
    template: bytes
    answers: bytes | None
    """The template and the account, if the name of its newest answer is wanted."""
    enough: int
    """How many prefixes must be alive so that other variants of the template do not matter."""
    held: tuple[bytes, ...] = ()
    """Variants whose segments are already held."""
    digest: bytes | None = None
    """Of the leading part, if it is new to the process."""
    pieces: tuple[bytes, ...] = ()
    """By which the template that this one was made from is found."""


class Entry(NamedTuple):
    """What is known of a prefix in one scope; milliseconds of the store's clock, 0 for never."""

    at: int
    until: int
    unmarked_until: int = 0
    marked_until: int = 0


class FoundPrefix(NamedTuple):
    """A known prefix; those before it about which no more is known are left out."""

    place: int
    """In the chain."""
    tokens: int | None
    entries: dict[bytes, Entry]
    """By scope."""


class FoundFlight(NamedTuple):
    """A prefix that other requests in the same scope will leave."""

    place: int
    """In the chain."""
    leaves: int
    """`PLAIN`, `UNMARKED` and `MARKED`, combined."""


class FoundVariant(NamedTuple):
    """An earlier leading part of a template."""

    variant: bytes
    at: int
    until: int
    scope: bytes
    body: bytes
    """Its segments; empty if they are already held, or lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a store knows of a prompt."""

    now: int
    """The store's clock, in milliseconds since the epoch."""
    known: int
    """How many prefixes are known in any scope."""
    alive: int
    """How many are alive in the prompt's own scope."""
    requests: int
    """Requests with the same start in the last minute, this one included."""
    is_new_digest: bool | None
    """None if no digest was given, or if there are too many to tell."""
    digests: int
    """Leading parts of the template in a day; 0 if none was counted."""
    has_template: bool
    is_asked: bool
    """Variants were looked for."""
    prefixes: Sequence[FoundPrefix] = ()
    flights: Sequence[FoundFlight] = ()
    variants: Sequence[FoundVariant] = ()
    """Newest first."""
    response_id: str | None = None


class Left(NamedTuple):
    """A boundary that a prompt left."""

    place: int
    """In the chain of the update."""
    is_marked: bool
    life_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantUpdate:
    """A leading part that was sent."""

    template: bytes
    variant: bytes
    body: bytes | None
    """Its segments; None if the store has them."""
    pieces: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """A prompt that was answered, or given up."""

    scope: bytes = b""
    """In which it was served."""
    age_seconds: float = 0.0
    """How long ago it was answered."""
    life_seconds: float = 0.0
    """How long it lives from the answer on."""
    chain: tuple[bytes, ...] = ()
    """The prefixes that the store does not yet know to live as long."""
    left: tuple[Left, ...] = ()
    tokens: tuple[tuple[bytes, int], ...] = ()
    """By prefix."""
    call: bytes = b""
    asked_scope: bytes = b""
    flights: tuple[bytes, ...] = ()
    """The prefixes at which it was noted as in flight, in the requested scope."""
    variant: VariantUpdate | None = None
    answers: bytes | None = None
    response_id: str | None = None
    start: bytes = b""
    start_age_seconds: float = 0.0
    starts: int = 0
    """Added to the requests counted: 1 for one that was not queried, -1 for one that never reached the provider."""

    @property
    def is_empty(self) -> bool:
        """Whether the store knows all of it already."""
        has_answer = self.answers is not None and self.response_id is not None
        return not (
            self.chain
            or self.left
            or self.tokens
            or self.flights
            or self.variant
            or self.starts
            or has_answer
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """What is done in one round trip, the queries first."""

    queries: Sequence[Query] = field(default_factory=tuple[Query, ...])
    updates: Sequence[Update] = field(default_factory=tuple[Update, ...])


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a batch went; None for what was refused."""

    found: Sequence[Found | None]
    written: Sequence[bool | None]
    """For each update, whether the store lacks the segments of its variant."""
    refusal: str = ""
    """Why something was refused; empty if nothing was."""


class FleetStore(Protocol):
    """Where a fleet keeps what its processes know. Not thread-safe."""

    def run(self, batch: Batch) -> Outcome:
        """Answer the queries and take the updates, in one round trip.

        Raises:
            StoreError: The store is unavailable.
        """
        ...

    def close(self) -> None:
        """Release the connection."""
        ...

    def forget(self) -> None:
        """In a forked child: leave the connection to the parent."""
        ...

"""What is asked of a store, what it answers, and what is written to it; all of it hashes, lengths and times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

HASH_BYTES = 8
MAX_CHAIN = 128
"""Prefixes of a prompt that are asked for: the first 64 and the newest 64."""
MAX_VARIANTS = 3
"""Of a template, the newest leading parts that are remembered."""
MAX_SCOPES = 32
"""Scopes of a prefix that are read; if there are more, its own and some others."""
MAX_DIGESTS = 512
"""Leading parts of a template that are counted in a day."""
DAY_SECONDS = 86_400
RATE_SECONDS = 60
FLIGHT_SECONDS = 60
"""After that a request that nobody has ended is not on its way any more: its process may be gone."""
MIN_LIFE_SECONDS = 3_600

READS_UNMARKED, READS_MARKED, LEAVES_UNMARKED, LEAVES_MARKED = 1, 2, 4, 8
"""What a prompt may do at a place where boundaries count: read one that is there, leave one."""
PLAIN, UNMARKED, MARKED = 1, 2, 4
"""What a request that is on its way is going to leave: its prefix, boundaries."""


class StoreError(Exception):
    """The store is away, refuses, or says something that cannot be understood. Its message has no secret."""


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
    """Names the request, for as long as it is on its way."""
    start: bytes
    """Its scope and the first 1,024 characters: requests are counted by it."""
    age_seconds: float
    """How long ago it was sent."""
    template: bytes
    answers: bytes | None
    """The template and the account, if the name of its newest answer is wanted."""
    enough: int
    """How many prefixes have to be alive so that other variants of the template do not matter."""
    held: tuple[bytes, ...] = ()
    """Variants whose segments are held already."""
    digest: bytes | None = None
    """Of the leading part, if it is new to the process."""
    pieces: tuple[bytes, ...] = ()
    """By which the template is found that this one was made from."""


class Entry(NamedTuple):
    """What is known of a prefix in one scope; milliseconds of the store's clock, 0 for never."""

    at: int
    until: int
    unmarked_until: int = 0
    marked_until: int = 0


class FoundPrefix(NamedTuple):
    """A prefix that is known; those before it that are known no better are left out."""

    place: int
    """In the chain."""
    tokens: int | None
    entries: dict[bytes, Entry]
    """By scope."""


class FoundFlight(NamedTuple):
    """A prefix that other requests in the same scope are going to leave."""

    place: int
    """In the chain."""
    leaves: int
    """`PLAIN`, `UNMARKED` and `MARKED`, added up."""


class FoundVariant(NamedTuple):
    """An earlier leading part of a template."""

    variant: bytes
    at: int
    until: int
    scope: bytes
    body: bytes
    """Its segments; empty if they are held already, or lost."""


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
    """With the same start in the last minute, this one included."""
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
    """The newest first."""
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
    """The prefixes of which the store does not know yet that they live as long."""
    left: tuple[Left, ...] = ()
    tokens: tuple[tuple[bytes, int], ...] = ()
    """By prefix."""
    call: bytes = b""
    asked_scope: bytes = b""
    flights: tuple[bytes, ...] = ()
    """The prefixes at which it was noted that it is on its way, in the scope that it asked for."""
    variant: VariantUpdate | None = None
    answers: bytes | None = None
    response_id: str | None = None
    start: bytes = b""
    start_age_seconds: float = 0.0
    starts: int = 0
    """To be added to the requests that were counted: one that was not asked for, or that never got to the provider."""


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
    """Of each update, whether the store lacks the segments of its variant."""


class FleetStore(Protocol):
    """Where a fleet keeps what its processes know. Not safe to share by threads."""

    def run(self, batch: Batch) -> Outcome:
        """Answer the queries and take the updates, in one round trip.

        Raises:
            StoreError: The store is away.
        """
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...

    def forget(self) -> None:
        """In a forked child: leave the connection to the parent."""
        ...

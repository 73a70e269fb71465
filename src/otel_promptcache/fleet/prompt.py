"""One prompt as the fleet names it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from otel_promptcache.core.comparison.comparison import SegmentSource
from otel_promptcache.core.comparison.divergence import CutSegment
from otel_promptcache.core.memory.nodes import SentPrompt
from otel_promptcache.core.prompt.boundaries import Boundaries
from otel_promptcache.fleet.memory import FleetMemory
from otel_promptcache.fleet.store import (
    HASH_BYTES,
    LEAVES_MARKED,
    LEAVES_UNMARKED,
    MAX_CHAIN,
    READS_MARKED,
    READS_UNMARKED,
)

_TAIL_BYTES = 512
"""New text after a known place may be this long before variants are looked for."""
_MAX_SAMPLE = 32


class FleetPrompt:
    """The names of a prompt. New text is hashed when this is created, the rest by the thread that needs it."""

    __slots__ = (
        "_account",
        "_index_of",
        "_leading",
        "_memory",
        "_template",
        "chain",
        "positions",
        "routing",
        "sent",
    )

    def __init__(self, memory: FleetMemory, sent: SentPrompt, segments: SegmentSource, account: int) -> None:
        """Name a prompt.

        Args:
            memory: What the process knows of the fleet.
            sent: The prompt, which has links.
            segments: What it was hashed from; those that are new are read now.
            account: The account that it is sent on, as the fleet distinguishes accounts.
        """
        memory.hashes.learn(sent.prompt, segments, account)
        self.sent = sent
        self.routing = b""
        """Of the first 1,024 characters."""
        self.positions: Sequence[int] = ()
        """Of the links in which the prefixes of the chain end."""
        self.chain: Sequence[bytes] = ()
        self._memory = memory
        self._account = account
        self._template: bytes | None = None
        self._leading: int | None = None
        self._index_of: Mapping[int, int] | None = None

    def find_names(self) -> bool:
        """Find the names that were learnt; return whether they are still known. Everything else needs them."""
        if self.chain:
            return True
        chain = self._memory.hashes.chain(self.sent.prompt, self._account)
        routing = self._memory.hashes.routing(self.sent.prompt, self._account)
        if chain is None or routing is None:
            return False
        self.routing, self.positions = routing, _positions(len(chain))
        self.chain = chain if len(chain) <= MAX_CHAIN else [chain[position] for position in self.positions]
        return True

    @property
    def template(self) -> bytes:
        """The name of its template on the account."""
        if self._template is None:
            data = self.sent.fingerprint.encode() + self._account.to_bytes(HASH_BYTES, "big")
            self._template = self._memory.hashes.hash(data, b"template")
        return self._template

    @property
    def variant(self) -> bytes | None:
        """The name of its leading part; None if that is too long."""
        return self.chain[self.leading] if self.leading >= 0 else None

    @property
    def leading(self) -> int:
        """Index in the chain of the last link of its leading part; -1 if that is not in the chain."""
        if self._leading is None:
            links, leading = self.sent.prompt.links, self.sent.prompt.leading
            matching = (at for at, position in enumerate(self.positions) if links[position].prefix == leading)
            self._leading = next(matching, -1)
        return self._leading

    @property
    def index_of(self) -> Mapping[int, int]:
        """The index in the chain, by the position of the link."""
        if self._index_of is None:
            self._index_of = {position: index for index, position in enumerate(self.positions)}
        return self._index_of

    @property
    def enough(self) -> int:
        """How many prefixes must be alive so that other variants of the template do not matter."""
        prompt = self.sent.prompt
        least_bytes = prompt.size_bytes - _TAIL_BYTES
        enough = len(self.positions)
        while enough > 1 and prompt.links[self.positions[enough - 2]].end_bytes >= least_bytes:
            enough -= 1
        return enough

    def roles(self, boundaries: Boundaries | None) -> bytes:
        """What it may read and leave at each place of the chain."""
        roles = bytearray(len(self.chain))
        if boundaries is not None:
            for each, bits in (
                (boundaries.readable, (READS_UNMARKED, READS_MARKED)),
                (boundaries.writable, (LEAVES_UNMARKED, LEAVES_MARKED)),
            ):
                for position, is_marked in each:
                    if (index := self.index_of.get(position)) is not None:
                        roles[index] |= bits[is_marked]
        return bytes(roles)

    def sample(self, cut: Mapping[int, CutSegment]) -> tuple[bytes, ...]:
        """Pieces of the leading part by which a different version of the template is found.

        Args:
            cut: The segments of the prompt that were cut, by position.
        """
        if self.leading < 0:
            return ()
        last = self.positions[self.leading]
        found: list[bytes] = []
        for position, segment in cut.items():
            if position <= last:
                found += self._memory.pieces.sample(segment)
        return tuple(found[:_MAX_SAMPLE])


def _positions(links: int) -> Sequence[int]:
    """The positions of the first 64 links, and of the last 64."""
    if links <= MAX_CHAIN:
        return range(links)
    half = MAX_CHAIN // 2
    return (*range(half), *range(links - half, links))

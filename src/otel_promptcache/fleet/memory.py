"""What the calls of one process share of the fleet's memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from otel_promptcache.fleet.naming.hashes import FleetHashes
from otel_promptcache.fleet.naming.pieces import FleetPiece, FleetPieces
from otel_promptcache.fleet.naming.scopes import FleetScopes
from otel_promptcache.fleet.variants import HeldVariants

_MAX_CONTENTS = 512
_MAX_ANSWERS = 1_024
_MAX_TOUCHED = 2_048


@dataclass(slots=True)
class FleetMemory:
    """Names, and what is known to be in the store. All of it can be lost at any time."""

    namespace: str
    key: str | None = None
    """Secret that keys all hashes; None for none."""
    clock: Callable[[], float] = time.perf_counter
    """Of the process, in seconds."""
    hashes: FleetHashes = field(init=False)
    scopes: FleetScopes = field(init=False)
    pieces: FleetPieces = field(init=False)
    held: HeldVariants = field(init=False)
    content_pieces: OrderedDict[bytes, tuple[FleetPiece, ...]] = field(init=False)
    """Pieces of segments by the name of the content: the most recently cut ones."""
    wanted: set[bytes] = field(init=False)
    """Variants whose segments the store has lost."""
    _touched: dict[tuple[bytes, bytes], float] = field(init=False)
    _answers: OrderedDict[bytes, str] = field(init=False)

    def __post_init__(self) -> None:
        self.hashes = FleetHashes(self.namespace, self.key)
        self.scopes, self.pieces = FleetScopes(self.hashes), FleetPieces(self.hashes)
        self.held, self.content_pieces, self.wanted = HeldVariants(), OrderedDict(), set()
        self._touched, self._answers = {}, OrderedDict()

    def hold_pieces(self, content: bytes, pieces: tuple[FleetPiece, ...]) -> None:
        """Keep the pieces of a content until a variant with it is written."""
        self.content_pieces[content] = pieces
        if len(self.content_pieces) > _MAX_CONTENTS:
            self.content_pieces.popitem(last=False)

    def is_due(self, variant: bytes, scope: bytes, until_seconds: float, life_seconds: float) -> bool:
        """Tell whether a variant's lifetime grew by a tenth since the store was last updated; if so, note it."""
        key = variant, scope
        if until_seconds - self._touched.get(key, 0.0) < life_seconds / 10:
            return False
        if len(self._touched) >= _MAX_TOUCHED:
            self._touched.clear()
        self._touched[key] = until_seconds
        return True

    def learn_answer(self, key: bytes, response_id: str) -> None:
        """Note the newest answer of a template on an account."""
        self._answers[key] = response_id
        self._answers.move_to_end(key)
        if len(self._answers) > _MAX_ANSWERS:
            self._answers.popitem(last=False)

    def answer(self, key: bytes) -> str | None:
        """The newest answer of a template on an account, as far as the store was queried."""
        return self._answers.get(key)

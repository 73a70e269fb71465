"""What the processes of one run say about a prompt so that their calls can be judged together."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace

from otel_promptcache.core.prompt.fingerprint import (
    MAX_LEADING_SEGMENTS,
    Fingerprinter,
    LeadingPart,
    PrefixIdentity,
)
from otel_promptcache.core.prompt.segments import CacheScope, Segment, SegmentKind
from otel_promptcache.report.reading import attributes as at
from otel_promptcache.telemetry.exportable import Attributes

_WORD = re.compile(r"\w+")
_MAX_CHARS = 1 << 20


class RunKey:
    """Makes hashes that are equal in all processes of a run, and mean nothing outside of it."""

    def __init__(self, directory: str) -> None:
        # Its name is drawn at random for each run, and the directory is its owner's.
        self._key = hashlib.blake2b(directory.encode("utf-8", "surrogatepass"), digest_size=32).digest()

    def hash(self, *parts: str) -> str:
        """Hash some texts."""
        state = hashlib.blake2b(key=self._key, digest_size=12)
        for part in parts:
            encoded = part.encode("utf-8", "surrogatepass")
            state.update(len(encoded).to_bytes(8, "big") + encoded)
        return state.hexdigest()

    def attributes(self, prefix: PrefixIdentity | None, scope: CacheScope | None) -> Attributes:
        """What the spool has of a call beside its span: where its prompt starts, and of which parts."""
        if prefix is None or scope is None:
            return {}
        # Settings are told apart by hashes that other processes do not have.
        named = scope._replace(settings=())
        leading = prefix.leading
        start = self.hash(prefix.digest if leading is None else leading.whole, *map(str, named))
        if leading is None:
            return {at.RUN_START: start}
        return {at.RUN_START: start, at.RUN_PARTS: leading.parts, at.RUN_LEADING_CHARS: leading.size_chars}


class RunFingerprinter(Fingerprinter):
    """Also tells which templates have the same parts in another order."""

    def __init__(self, key: str | None = None, *, run_key: RunKey) -> None:
        super().__init__(key)
        self._run_key = run_key

    def _identify(self, segments: Iterable[Segment]) -> PrefixIdentity:
        leading: list[Segment] = []
        for segment in segments:
            if segment.kind is SegmentKind.ITEM or len(leading) >= MAX_LEADING_SEGMENTS:
                leading.append(segment)  # by which the template is told if there is nothing else
                break
            leading.append(segment)
        identity = super()._identify(leading)
        texts: list[str] = []
        room_chars = _MAX_CHARS
        for segment in leading:
            if segment.kind is not SegmentKind.ITEM and room_chars > 0:
                texts.append(segment.head(room_chars))
                room_chars -= len(texts[-1])
        if not texts:
            return identity
        words = sorted(word for text in texts for word in _WORD.findall(text))
        whole, parts = self._run_key.hash(*texts), self._run_key.hash(*words)
        return replace(identity, leading=LeadingPart(whole, parts, sum(map(len, texts))))

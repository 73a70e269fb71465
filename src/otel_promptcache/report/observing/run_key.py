"""What the processes of a run record about a prompt, so that their calls can be judged together."""

from __future__ import annotations

import hashlib
import marshal
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from otel_promptcache.core.memory.nodes import SentPrompt
from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.core.prompt.fingerprint import (
    MAX_LEADING_SEGMENTS,
    Fingerprinter,
    LeadingPart,
    PrefixIdentity,
)
from otel_promptcache.core.prompt.segments import Segment, SegmentKind
from otel_promptcache.report.reading import attributes as at
from otel_promptcache.telemetry.exportable import Attributes

_WORD = re.compile(r"\w+")
_MAX_CHARS = 1 << 20
_CHARS_PER_TOKEN = 6
"""More than in most languages, so that a text's length in tokens is not overestimated."""


class RunKey:
    """Makes hashes that are equal in all processes of a run, and mean nothing outside it."""

    def __init__(self, directory: str) -> None:
        # Its name is random for each run, and the directory is private to its owner.
        self._key = hashlib.blake2b(directory.encode("utf-8", "surrogatepass"), digest_size=32).digest()

    def hash(self, *parts: str) -> str:
        """Hash some texts."""
        state = hashlib.blake2b(key=self._key, digest_size=12)
        for part in parts:
            encoded = part.encode("utf-8", "surrogatepass")
            state.update(len(encoded).to_bytes(8, "big") + encoded)
        return state.hexdigest()

    def hash_value(self, value: Any) -> int:
        """Hash what is known about an account or a setting, made of texts, bytes and tuples."""
        # Version 2 of the format does not depend on which objects are shared.
        serialised = marshal.dumps(value, 2)
        return int.from_bytes(hashlib.blake2b(serialised, key=self._key, digest_size=8).digest(), "big")

    def attributes(
        self,
        prefix: PrefixIdentity,
        account: int,
        sent: SentPrompt,
        policy: CachePolicy,
        processed_seconds: float,
    ) -> Attributes:
        """What the spool stores, besides the span, for a call whose prompt the provider has processed.

        Args:
            prefix: How the prompt starts.
            account: The account on which it was sent, from `hash_value`.
            sent: The prompt, with the scope that was served.
            policy: The rules of the model that answered.
            processed_seconds: How long after the start of the call the provider had processed the prompt.
        """
        leading = prefix.leading
        digest = prefix.digest if leading is None else leading.whole
        attributes: Attributes = {
            at.RUN_START: self.hash(digest, str(account), *map(str, sent.scope)),
            at.RUN_PROCESSED: processed_seconds,
        }
        if policy.expects_reads:
            attributes[at.RUN_LIFETIME] = policy.lifetime(sent.options.retention)
        if policy.max_requests_per_minute is not None:
            attributes[at.RUN_MAX_RATE] = policy.max_requests_per_minute
        if leading is not None:
            attributes[at.RUN_LEADING], attributes[at.RUN_PARTS] = leading.whole, leading.parts
            attributes[at.RUN_IS_CACHEABLE] = _is_cacheable(leading, policy)
        return attributes


def _is_cacheable(leading: LeadingPart, policy: CachePolicy) -> bool:
    """Whether a leading part alone is surely long enough to be read from a cache, and ends where a read can."""
    if policy.minimum_tokens is None or policy.has_exact_boundaries or not policy.has_cache:
        return False
    return leading.size_chars >= policy.minimum_tokens * _CHARS_PER_TOKEN


class RunFingerprinter(Fingerprinter):
    """Also recognises templates that have the same parts in a different order."""

    def __init__(self, key: str | None = None, *, run_key: RunKey) -> None:
        super().__init__(key)
        self._run_key = run_key

    def _identify(self, segments: Iterable[Segment]) -> PrefixIdentity:
        leading: list[Segment] = []
        for segment in segments:
            if segment.kind is SegmentKind.ITEM or len(leading) >= MAX_LEADING_SEGMENTS:
                leading.append(segment)  # which identifies the template if there is nothing else
                break
            leading.append(segment)
        identity = super()._identify(leading)
        texts: list[str] = []
        room_chars = _MAX_CHARS
        for segment in leading:
            if segment.kind not in (SegmentKind.ITEM, SegmentKind.SETTING) and room_chars > 0:
                texts.append(segment.head(room_chars))
                room_chars -= len(texts[-1])
        if not texts:
            return identity
        words = sorted(word for text in texts for word in _WORD.findall(text))
        whole, parts = self._run_key.hash(*texts), self._run_key.hash(*words)
        return replace(identity, leading=LeadingPart(whole, parts, sum(map(len, texts))))

"""Anthropic's prompt cache: a pure model. No I/O; the time is an argument.

A request reads at its arrival (`MessagesCache.read`) and writes once its prompt has been processed
(`MessagesCache.write`), so two identical requests in flight at the same time both write.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

from otel_promptcache.sim.messages.models import (
    DEFAULT_TTL,
    LIFETIME_SECONDS,
    LOOKBACK_BLOCKS,
    minimum_tokens,
)
from otel_promptcache.sim.messages.prompt import MessagesPrompt


class EntryKey(NamedTuple):
    """The key of a cached prefix.

    Attributes:
        account: The account it belongs to.
        model: The model it is valid for.
        digest: Digest of the prefix.
    """

    account: str
    model: str
    digest: bytes


@dataclass(slots=True)
class _Entry:
    expires_seconds: float
    ttl: str


@dataclass(frozen=True, slots=True)
class MessagesRead:
    """What a request read from the cache, and what it will write there.

    Attributes:
        input_tokens: Tokens of the whole prompt.
        cached_tokens: How many of them were read from the cache.
        write_tokens_by_ttl: How many are newly written, by TTL.
        started_seconds: When the request began.
        writes: The entries that `MessagesCache.write` will write, with their TTLs.
    """

    input_tokens: int
    cached_tokens: int
    write_tokens_by_ttl: dict[str, int]
    started_seconds: float
    writes: tuple[tuple[EntryKey, str], ...]

    @property
    def write_tokens(self) -> int:
        """Tokens that are newly written."""
        return sum(self.write_tokens_by_ttl.values())

    @property
    def uncached_tokens(self) -> int:
        """Tokens that the model has to process."""
        return self.input_tokens - self.cached_tokens


class MessagesCache:
    """Prefixes that earlier requests marked, and who can read them for how long. Not thread-safe.

    Args:
        max_entries: Above this, the least recently used entries are evicted.
    """

    def __init__(self, max_entries: int = 200_000) -> None:
        self._max_entries = max_entries
        self._entries: OrderedDict[EntryKey, _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def read(
        self, prompt: MessagesPrompt, account: str, model: str, now_seconds: float, *, miss: bool = False
    ) -> MessagesRead:
        """Find the longest prefix that can be read, and what will be written.

        A read restarts the lifetime.

        Args:
            prompt: The request's prompt.
            account: The account that sent it.
            model: The model that answers.
            now_seconds: When the request began.
            miss: Read nothing, for no reason the client could know.
        """
        keys = [EntryKey(account, model, digest) for digest in prompt.digests()]
        marked = prompt.marked()
        hit = -1 if miss else self._longest(keys, marked, now_seconds)
        for index in {hit, *marked} - {-1}:
            if index <= hit and self._is_alive(keys[index], now_seconds):
                entry = self._entries[keys[index]]
                lifetime_seconds = LIFETIME_SECONDS[entry.ttl]
                entry.expires_seconds = max(entry.expires_seconds, now_seconds + lifetime_seconds)
                self._entries.move_to_end(keys[index])
        minimum = minimum_tokens(model)
        written = [index for index in marked if index > hit and prompt.tokens_up_to(index) >= minimum]
        by_ttl = dict.fromkeys(LIFETIME_SECONDS, 0)
        done_tokens = read_tokens = prompt.tokens_up_to(hit)
        for index in written:
            tokens = prompt.tokens_up_to(index)
            by_ttl[prompt.blocks[index].ttl or DEFAULT_TTL] += tokens - done_tokens
            done_tokens = tokens
        return MessagesRead(
            input_tokens=prompt.tokens,
            cached_tokens=read_tokens,
            write_tokens_by_ttl=by_ttl,
            started_seconds=now_seconds,
            writes=tuple((keys[index], prompt.blocks[index].ttl or DEFAULT_TTL) for index in written),
        )

    def write(self, read: MessagesRead) -> None:
        """Write what a request marked, as its response begins. The lifetime counts from the request's start."""
        for key, ttl in read.writes:
            expires_seconds = read.started_seconds + LIFETIME_SECONDS[ttl]
            entry = self._entries.get(key)
            if entry is None or entry.expires_seconds < expires_seconds:
                self._entries[key] = _Entry(expires_seconds, ttl)
            self._entries.move_to_end(key)
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def evict(self, account: str | None = None) -> int:
        """Drop the entries of one account or of all, and return how many were removed."""
        gone = [key for key in self._entries if account is None or key.account == account]
        for key in gone:
            del self._entries[key]
        return len(gone)

    def _longest(self, keys: list[EntryKey], marked: list[int], now_seconds: float) -> int:
        """Return the last block of the longest prefix found from any of the markers; -1 for none."""
        windows = (range(mark, max(mark - LOOKBACK_BLOCKS, -1), -1) for mark in marked)
        found = (index for window in windows for index in window if self._is_alive(keys[index], now_seconds))
        return max(found, default=-1)

    def _is_alive(self, key: EntryKey, now_seconds: float) -> bool:
        entry = self._entries.get(key)
        return entry is not None and entry.expires_seconds >= now_seconds

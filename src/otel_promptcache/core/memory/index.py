"""What was sent before, without its content: hashes, lengths, times and scopes. Bounded, whatever the traffic."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from otel_promptcache.core.memory.forgotten import ForgottenPrefixes
from otel_promptcache.core.memory.forking import restart_in_forked_child
from otel_promptcache.core.memory.in_flight import InFlight, PrefixesInFlight
from otel_promptcache.core.memory.match import PrefixMatch, PrefixMatcher
from otel_promptcache.core.memory.nodes import NODE_BYTES, CachedPrefix, PrefixNode, SentPrompt
from otel_promptcache.core.memory.rate import StartRates
from otel_promptcache.core.memory.remembered import RememberedPrompts
from otel_promptcache.core.prompt.boundaries import Boundary
from otel_promptcache.core.prompt.chain import ContentHash, PrefixHash
from otel_promptcache.core.prompt.pieces import Piece
from otel_promptcache.core.prompt.segments import CacheScope

MAX_PROMPTS = 512
"""Prompts that are remembered, the most recently answered ones."""
MAX_BYTES = 14 << 20
"""Bytes that they and everything known about their prefixes take, apart from their pieces."""
PROMPT_BYTES = 1_100
"""Bytes that one of them takes at most."""
LINK_BYTES = 8
"""Bytes that each of its segments takes in it."""
MAX_SCOPE_BYTES = 6 << 20
"""Bytes of these that scopes take. Above it the least recently used scope is forgotten, except for the last few."""


class PrefixIndex(RememberedPrompts):
    """Remembers earlier prompts, within bounds, and finds them by prefix and by content. Thread-safe.

    A prompt is admitted once it was answered: before that the provider may not have processed it. The index
    stores hashes, lengths, paths and times only, never text. Lookups of single keys take no lock: each is atomic, and
    what it finds is never changed.
    """

    def __init__(self) -> None:
        super().__init__()
        self._in_flight = PrefixesInFlight()
        self._starts = StartRates()
        self._forgotten = ForgottenPrefixes()
        self._bytes_held = 0
        restart_in_forked_child(self)

    def restart(self) -> None:
        """Forget who holds the lock and what only the parent has in flight. Answered prompts stay."""
        self._lock = threading.Lock()
        self._in_flight = PrefixesInFlight()

    def match_prefix(
        self, sent: SentPrompt, now_seconds: float, boundaries: Sequence[Boundary] = ()
    ) -> PrefixMatch:
        """Follow a new prompt as far as any earlier one went, and count it towards the rate of its start.

        Args:
            sent: The prompt.
            now_seconds: The present time.
            boundaries: Where it could be read from a cache with exact boundaries, ascending.
        """
        links = sent.prompt.links
        with self._lock:
            scope = self._scopes.same(sent.scope)
            start = self._nodes.get(links[0].prefix) if links else None
            others = self._scopes.others(scope, start.cached) if start else ()
            matcher = PrefixMatcher(links, scope, now_seconds, self._nodes, self._in_flight, others)
            known_links = matcher.known_links()
            alive_links = matcher.alive_links(known_links, scope)
            served = self._scopes.served.get(scope, scope)
            has_others = start is not None and (seen := start.cached.get(served)) and seen.is_sent_by_others
            shared_links = matcher.shared_links(known_links, served) if has_others else 0
            latest = self._nodes[links[known_links - 1].prefix].latest if known_links else None
            # A signal handler may have interrupted the admission of the latest before its end was reached.
            end = self._nodes.get(latest.prompt.links[-1].prefix) if latest is not None else None
            return PrefixMatch(
                steps=matcher.steps(known_links, alive_links, boundaries, shared_links),
                known_links=known_links,
                alive_links=alive_links,
                latest=latest,
                latest_tokens=end.tokens if end is not None and end.tokens_model == scope.model else None,
                requests_last_minute=self._starts.count(scope, sent.prompt.routing, now_seconds),
                has_lineage=(sent.fingerprint, sent.account) in self._by_template,
            )

    def begin(
        self, sent: SentPrompt, boundaries: Iterable[Boundary] = (), alive_links: int = 0
    ) -> Sequence[InFlight]:
        """Note that a prompt is being processed.

        Args:
            sent: The prompt.
            boundaries: Those that it is going to leave, if the cache has boundaries.
            alive_links: How many of its links can already be read, so that nobody has to wait for them.

        Returns:
            The argument for `finish`.
        """
        with self._lock:
            scope = self._scopes.same(sent.scope)
            return self._in_flight.begin(scope, sent.prompt.links, alive_links, boundaries)

    def finish(self, in_flight: Iterable[InFlight]) -> None:
        """Note that a prompt is no longer being processed, answered or not."""
        with self._lock:
            self._in_flight.finish(in_flight)

    def learn(self, sent: SentPrompt, tokens: Mapping[int, int]) -> None:
        """Note the token counts that the provider reported for prefixes of a prompt, by the link that ends them."""
        with self._lock:
            for index, count in tokens.items():
                if node := self._nodes.get(sent.prompt.links[index].prefix):
                    node.tokens, node.tokens_model = count, sent.scope.model

    def admit(
        self,
        sent: SentPrompt,
        seen: CachedPrefix,
        boundaries: Mapping[int, CachedPrefix],
        pieces: Mapping[ContentHash, tuple[Piece, ...]],
        asked_scope: CacheScope | None = None,
    ) -> int:
        """Remember an answered prompt.

        Args:
            sent: The prompt.
            seen: What is known from now on at each of its links.
            boundaries: The same for the links where it left a boundary, by index.
            pieces: Of its segments; those already known may be left out.
            asked_scope: The scope of the request, if that of the answer is a different one.

        Returns:
            How many of its links were known before.
        """
        if not sent.prompt.links:
            return 0
        with self._lock:
            scope = self._scopes.same(sent.scope)
            sent, nodes, known_links = self._with_known_links(sent)
            links = sent.prompt.links
            end = links[-1].prefix
            if end not in self._prompts:
                self._bytes_held += _prompt_bytes(sent)
            self._prompts[end] = sent
            self._prompts.move_to_end(end)
            self._by_template[sent.fingerprint, sent.account] = sent
            by_content, more_bytes = self._by_content, 0
            prefixes = self._scopes.used(scope, asked_scope)
            start = nodes[0].cached.get(scope)
            has_others = start is not None and start.is_sent_by_others
            if_others = seen._replace(is_sent_by_others=True) if has_others else None
            for link, node in zip(links, nodes, strict=True):
                node.latest = sent
                if scope_bytes := node.see(scope, seen, if_others):
                    more_bytes += scope_bytes
                    prefixes.add(link.prefix)
                by_content[link.content] = sent
            for index, left in boundaries.items():
                more_bytes += nodes[index].see(scope, left)
            self._bytes_held += more_bytes
            self._scopes.size_bytes += more_bytes
            while self._scopes.size_bytes > MAX_SCOPE_BYTES and (old := self._scopes.forget_oldest()):
                self._forget_scope(*old)
            for content, its_pieces in pieces.items():
                self._pieces.hold(content, its_pieces)
            while len(self._prompts) > 1 and (
                len(self._prompts) > MAX_PROMPTS or self._bytes_held > MAX_BYTES
            ):
                self._forget(next(iter(self._prompts)))
            if sent.options.is_continued:  # what the provider puts before it was sent as well
                self._forgotten.add_unknown()
        return known_links

    def share(self, sent: SentPrompt, links: int) -> None:
        """Note that other processes also send the first links of a remembered prompt in its scope."""
        with self._lock:
            scope = self._scopes.same(sent.scope)
            for link in reversed(sent.prompt.links[:links]):
                node = self._nodes.get(link.prefix)
                seen = node and node.cached.get(scope)
                if node is None or seen is None:
                    continue
                if seen.is_sent_by_others:  # and so are all earlier ones
                    break
                node.cached[scope] = seen._replace(is_sent_by_others=True)

    def may_have_sent(self, prefix: PrefixHash, sent: SentPrompt) -> bool:
        """Whether a prefix of a prompt may have been sent although it is not remembered.

        It may have been forgotten or never answered, or sent with another key, which may belong to the same account.
        """
        with self._lock:
            is_by_other_key = any(
                fingerprint == sent.fingerprint and account != sent.account
                for fingerprint, account in self._by_template
            )
            return is_by_other_key or prefix in self._forgotten

    def lose(self, sent: SentPrompt) -> None:
        """Note that a prompt was not answered. The provider may have processed it anyway."""
        with self._lock:
            for link in sent.prompt.links:
                self._forgotten.add(link.prefix)

    def uncount_start(self, sent: SentPrompt, now_seconds: float) -> None:
        """Remove a request from the rate of its start: it never reached the provider."""
        with self._lock:
            self._starts.uncount(self._scopes.same(sent.scope), sent.prompt.routing, now_seconds)

    def _with_known_links(self, sent: SentPrompt) -> tuple[SentPrompt, Sequence[PrefixNode], int]:
        """The prompt, its nodes, and how many of these were known before.

        The prompt gets the link objects of earlier prompts that begin in the same way, so that each is stored once.
        """
        nodes: list[PrefixNode] = []
        has_known_objects, new_links = True, 0
        for link in sent.prompt.links:
            node = self._nodes.get(link.prefix)
            if node is None:
                node = self._nodes[link.prefix] = PrefixNode(sent, link)
                self._bytes_held += NODE_BYTES
                new_links += 1
            has_known_objects = has_known_objects and node.link is link
            nodes.append(node)
        if not has_known_objects:
            links = tuple([node.link for node in nodes])
            sent = replace(sent, prompt=replace(sent.prompt, links=links))
        return sent, nodes, len(nodes) - new_links

    def _forget_scope(self, scope: CacheScope, prefixes: Iterable[PrefixHash]) -> None:
        for prefix in prefixes:
            if (node := self._nodes.get(prefix)) and (seen := node.cached.pop(scope, None)):
                self._bytes_held -= seen.size_bytes
                self._scopes.size_bytes -= seen.size_bytes

    def _forget(self, prompt: PrefixHash) -> None:
        sent = self._prompts.pop(prompt)
        self._bytes_held -= _prompt_bytes(sent)
        for link in sent.prompt.links:
            node = self._nodes.get(link.prefix)
            if node is not None and node.latest is sent:
                del self._nodes[link.prefix]
                self._forgotten.add(link.prefix)
                self._bytes_held -= node.size_bytes
                self._scopes.size_bytes -= node.size_bytes - NODE_BYTES
                self._scopes.drop(link.prefix, node.cached)
            if self._by_content.get(link.content) is sent:
                del self._by_content[link.content]
                self._pieces.drop(link.content)
        template = sent.fingerprint, sent.account
        if self._by_template.get(template) is sent:
            del self._by_template[template]


def _prompt_bytes(sent: SentPrompt) -> int:
    return PROMPT_BYTES + len(sent.prompt.links) * LINK_BYTES

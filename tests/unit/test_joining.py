"""A process's own knowledge joined with its fleet's; the snapshots are made up."""

from __future__ import annotations

import pytest

from otel_promptcache.core.comparison.comparison import Cutter
from otel_promptcache.core.comparison.joining import View, join, join_matches
from otel_promptcache.core.memory.earlier import EarlierPromptsOfFleet, FleetSnapshot, Variant
from otel_promptcache.core.memory.index import PrefixIndex
from otel_promptcache.core.memory.match import PrefixMatch, Step
from otel_promptcache.core.memory.nodes import CachedPrefix, SentPrompt
from otel_promptcache.core.prompt.chain import ContentHash, PrefixHash
from otel_promptcache.core.prompt.pieces import Piece
from otel_promptcache.core.prompt.segments import CacheScope
from otel_promptcache.wire.openai.chat import CHAT_COMPLETIONS
from tests.unit.prompts import Body, chat, prompt_of, prose, system, user

RULES = system(prose(1_000))
NOTHING = View(PrefixMatch((), 0, 0, None, 1, has_lineage=False), None, None)


def cutter_of(body: Body, index: PrefixIndex) -> Cutter:
    segments = tuple(CHAT_COMPLETIONS.segments(body))
    cutter = Cutter(index, prompt_of(body).prompt.links, segments)
    for position in range(len(segments)):
        cutter.cut(position)
    cutter.release()
    return cutter


def variant_of(body: Body, at_seconds: float = 0.0, scope: CacheScope = CacheScope()) -> Variant:  # noqa: B008
    cutter = cutter_of(body, PrefixIndex())
    return Variant(prompt_of(body, scope=scope), CachedPrefix(at_seconds, at_seconds + 300), cutter.pieces)


def joined(body: Body, snapshot: FleetSnapshot, own: View = NOTHING) -> View:
    index = PrefixIndex()
    return join(index, prompt_of(body), own, cutter_of(body, index), snapshot, 10.0)


def test_matches_are_joined_place_by_place() -> None:
    near, far = Step(0, 10, None, {}), Step(2, 30, 7, {})
    latest = prompt_of(chat(RULES))
    own = PrefixMatch((near,), 1, 1, latest, 3, has_lineage=False)
    snapshot = FleetSnapshot((far,), known_links=3, alive_links=0, requests_last_minute=9, has_lineage=True)
    assert join_matches(own, snapshot) == PrefixMatch((near, far), 3, 1, None, 9, has_lineage=True)
    assert join_matches(own, FleetSnapshot()) == own


def test_without_a_variant_there_is_nothing_to_compare_with() -> None:
    assert joined(chat(RULES), FleetSnapshot(known_links=1)).comparison is None


@pytest.mark.parametrize(("tokens", "is_compared"), [(400, True), (4_000, False)])
def test_a_variant_has_to_have_half_of_what_is_behind_the_known_place(tokens: int, is_compared: bool) -> None:
    earlier = variant_of(chat(system("It is one. " + prose(1_000)), user("Hi")))
    body = chat(system("It is two. " + prose(1_000)), user(prose(tokens, "parcels")))
    assert (joined(body, FleetSnapshot(variants=(earlier,))).comparison is not None) == is_compared


def test_the_own_comparison_counts_if_it_goes_as_far() -> None:
    body = chat(system("It is two. " + prose(1_000)), user("Hi"))
    earlier = variant_of(chat(system("It is one. " + prose(1_000)), user("Hi")))
    own = joined(body, FleetSnapshot(variants=(earlier,)))
    assert own.comparison is not None
    view = View(NOTHING.match, own.comparison, None)
    assert joined(body, FleetSnapshot(), view).comparison is own.comparison
    assert joined(body, FleetSnapshot(known_links=1), view).comparison is None
    again = joined(body, FleetSnapshot(variants=(earlier,)), view).comparison
    assert again is not None
    assert again.nearest is earlier.sent


def test_of_the_own_prompt_and_a_variant_the_one_counts_that_has_more() -> None:
    body = chat(system("It is two. " + prose(1_000)), user("Hi"))
    own = joined(body, FleetSnapshot(variants=(variant_of(body),)))
    far = variant_of(chat(system("It is one. " + prose(600) + "Else."), user("Hi")))
    assert own.comparison is not None
    view = View(NOTHING.match, own.comparison, None)
    assert joined(body, FleetSnapshot(variants=(far,)), view).comparison is own.comparison


@pytest.mark.parametrize(
    ("at_seconds", "scope", "is_sibling"),
    [(0.0, CacheScope(), True), (-291.0, CacheScope(), False), (0.0, CacheScope(model="other"), False)],
)
def test_a_sibling_is_alive_in_the_same_scope(at_seconds: float, scope: CacheScope, is_sibling: bool) -> None:
    body = chat(system("It is two. " + prose(1_000)), user("Hi"))
    sibling = variant_of(chat(system("It is one. " + prose(1_000)), user("Hi")), at_seconds, scope)
    snapshot = FleetSnapshot(known_links=2, alive_links=0, variants=(sibling,))
    assert (joined(body, snapshot).sibling is not None) == is_sibling
    alive = FleetSnapshot(known_links=2, alive_links=2, variants=(sibling,))
    assert joined(body, alive).sibling is None


def test_the_own_sibling_comes_first() -> None:
    body = chat(system("It is two. " + prose(1_000)), user("Hi"))
    sibling = variant_of(chat(system("It is one. " + prose(1_000)), user("Hi")))
    own = joined(body, FleetSnapshot(known_links=2, variants=(sibling,)))
    assert own.sibling is not None
    view = View(NOTHING.match, None, own.sibling)
    assert joined(body, FleetSnapshot(known_links=2, variants=(sibling,)), view).sibling is own.sibling


class Own:
    """A process's own memory."""

    known_pieces = {ContentHash(1): Piece(ContentHash(1), ContentHash(1), 9)}  # noqa: RUF012

    def pieces(self, content: ContentHash) -> tuple[Piece, ...]:
        return tuple(self.known_pieces.values()) if content == 100 else ()

    def is_known(self, content: ContentHash) -> bool:
        return content == 100

    def cached(self, prefix: PrefixHash, scope: CacheScope) -> dict[CacheScope, CachedPrefix]:
        return {scope: CachedPrefix(1.0, 2.0)}

    def last_seen_seconds(self, sent: SentPrompt) -> float:
        return 5.0


def test_a_fleets_history_knows_what_either_knows() -> None:
    variant = variant_of(chat(RULES, user("Hi")), 7.0, CacheScope("other"))
    history = EarlierPromptsOfFleet(Own(), (variant,))
    (rules, _) = variant.sent.prompt.links
    piece = variant.pieces[rules.content][0]
    assert history.known_pieces[ContentHash(1)].size_bytes == 9
    assert history.known_pieces[piece.exact] == piece
    assert history.pieces(rules.content)[0] == piece
    assert history.pieces(ContentHash(100))
    assert [history.is_known(each) for each in (rules.content, ContentHash(100), ContentHash(101))] == [
        True,
        True,
        False,
    ]
    assert set(history.cached(rules.prefix, CacheScope())) == {CacheScope(), CacheScope("other")}
    assert set(history.cached(PrefixHash(1), CacheScope())) == {CacheScope()}
    assert history.last_seen_seconds(variant.sent) == 7.0
    assert history.last_seen_seconds(prompt_of(chat(RULES))) == 5.0

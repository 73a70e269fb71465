"""What is remembered of prompts: found by prefix and by content, bounded, and without any text."""

from __future__ import annotations

import gc
import types
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass, replace

import pytest

from otel_promptcache.core.memory import in_flight as in_flight_module
from otel_promptcache.core.memory import index as index_module
from otel_promptcache.core.memory import nodes as nodes_module
from otel_promptcache.core.memory import piece_store as pieces_module
from otel_promptcache.core.memory import rate as rate_module
from otel_promptcache.core.memory.index import PrefixIndex
from otel_promptcache.core.memory.nodes import CachedPrefix, SentPrompt
from otel_promptcache.core.memory.scopes import SCOPE_ALONE_BYTES
from otel_promptcache.core.prompt.boundaries import Boundary
from otel_promptcache.core.prompt.chain import ContentHash, Link, hash_prompt
from otel_promptcache.core.prompt.pieces import cut, hash_pieces
from otel_promptcache.core.prompt.segments import CacheScope, Segment, SegmentKind
from otel_promptcache.wire.openai.chat import CHAT_COMPLETIONS
from tests.unit.prompts import (
    Application,
    Body,
    assistant,
    chat,
    marked,
    prompt_of,
    prose,
    system,
    tool,
    user,
)

SECRET = "sesame"


def admit(index: PrefixIndex, sent: SentPrompt, now_seconds: float = 0.0) -> SentPrompt:
    index.admit(sent, CachedPrefix(now_seconds, now_seconds + 300), {}, {})
    return sent


def piece_of(sentence: str) -> ContentHash:
    (piece,) = hash_pieces(cut(Segment(SegmentKind.ITEM, "", sentence)))
    return piece.exact


def reachable(start: object) -> Iterator[object]:
    """Every object that is reachable, down to strings and numbers."""
    seen: set[int] = set()
    stack = [start]
    while stack:
        one = stack.pop()
        if id(one) in seen or isinstance(one, (type, types.ModuleType, types.FunctionType)):
            continue
        seen.add(id(one))
        yield one
        stack += gc.get_referents(one)
        if is_dataclass(one):
            stack += [getattr(one, each.name) for each in fields(one)]


def test_no_text_of_a_prompt_is_held_after_its_examination() -> None:
    application = Application()
    body = chat(
        system(f"{SECRET} {prose(200)} {SECRET}."),
        {"role": "user", "name": "bob", "content": [{"type": "text", "text": f"Open {SECRET}! 12:30"}]},
        assistant(f"{SECRET} it is"),
        tools=[tool("open", f"Opens {SECRET}")],
        prompt_cache_key=SECRET,
    )
    application.send(body)
    application.send({**body, "messages": [*body["messages"], user(f"{SECRET} again")]})
    pending = application.open(body)
    held = list(reachable((application.index, pending)))
    assert not [one for one in held if isinstance(one, (str, bytes)) and SECRET in str(one)]
    assert any(isinstance(one, Link) for one in held)


def test_a_prompt_is_followed_as_far_as_another_went() -> None:
    index = PrefixIndex()
    admit(index, prompt_of(chat(system("a"), user("b"), assistant("c"))))
    new = prompt_of(chat(system("a"), user("b"), assistant("other"), user("d")))
    match = index.match_prefix(new, 0.0)
    (step,) = match.steps
    assert (match.known_links, match.alive_links, step.position, step.end_bytes) == (2, 2, 1, 2)
    assert set(step.cached) == {new.scope}
    other = index.match_prefix(prompt_of(chat(system("x"), user("b"))), 0.0)
    assert (other.steps, other.known_links, other.latest) == ((), 0, None)


def test_the_furthest_place_that_is_alive_is_found_before_those_that_are_not() -> None:
    index = PrefixIndex()
    conversation = [user(str(number)) for number in range(40)]
    admit(index, prompt_of(chat(*conversation)), 0.0)
    admit(index, prompt_of(chat(*conversation[:7])), 100.0)
    match = index.match_prefix(prompt_of(chat(*conversation, user("more"))), 350.0)
    assert (match.known_links, match.alive_links) == (40, 7)
    assert [step.position for step in match.steps] == [6, 39]


def test_steps_do_not_get_more_as_a_conversation_grows() -> None:
    index, conversation = PrefixIndex(), [user("0")]
    for number in range(1, 60):
        sent = admit(index, prompt_of(chat(*conversation)))
        index.learn(sent, {len(conversation) - 1: 10 * number})
        conversation.append(user(str(number)))
        assert len(index.match_prefix(prompt_of(chat(*conversation)), 0.0).steps) == 1


def test_the_nearest_place_of_known_length_is_a_step() -> None:
    index, turns = PrefixIndex(), [user(str(number)) for number in range(9)]
    index.learn(admit(index, prompt_of(chat(*turns[:3]))), {2: 30})
    admit(index, prompt_of(chat(*turns[:8])))
    steps = index.match_prefix(prompt_of(chat(*turns)), 0.0).steps
    assert [(step.position, step.tokens) for step in steps] == [(2, 30), (7, None)]


def test_an_empty_prompt_is_not_remembered() -> None:
    index = PrefixIndex()
    admit(index, prompt_of(chat()))
    assert not index._prompts
    assert index.match_prefix(prompt_of(chat()), 0.0).steps == ()


def test_a_template_that_was_answered_has_a_lineage() -> None:
    index = PrefixIndex()
    sent = prompt_of(chat(user("a")), fingerprint="one")
    assert not index.match_prefix(sent, 0.0).has_lineage
    admit(index, sent)
    assert index.match_prefix(prompt_of(chat(user("z")), fingerprint="one"), 0.0).has_lineage
    assert not index.match_prefix(prompt_of(chat(user("a")), fingerprint="two"), 0.0).has_lineage


def test_scopes_are_told_apart() -> None:
    index = PrefixIndex()
    here, there = CacheScope(model="m"), CacheScope(model="n")
    admit(index, prompt_of(chat(user("a")), scope=there))
    (step,) = index.match_prefix(prompt_of(chat(user("a")), scope=here), 0.0).steps
    assert set(step.cached) == {there}


def test_a_boundary_outlives_requests_without_one() -> None:
    index, sent = PrefixIndex(), prompt_of(chat(user("a")))
    for at_seconds, until in ((0.0, {True: 100.0}), (1.0, {}), (2.0, {False: 50.0}), (3.0, {True: 60.0})):
        index.admit(sent, CachedPrefix(at_seconds, at_seconds + 5, until), {}, {})
    seen = index.cached(sent.prompt.links[0].prefix, sent.scope)[sent.scope]
    assert seen == CachedPrefix(3.0, 8.0, {True: 100.0, False: 50.0})
    assert index.cached(prompt_of(chat(user("b"))).prompt.links[0].prefix, sent.scope) == {}


def test_what_is_in_flight_is_known_until_it_arrives() -> None:
    index = PrefixIndex()
    first, second = (prompt_of(chat(system("a"), user("b"))) for _ in range(2))
    one, two = index.begin(first), index.begin(second)
    other = prompt_of(chat(system("a"), user("c")))
    assert [step.is_in_flight for step in index.match_prefix(other, 0.0).steps] == [True]
    index.finish(one)
    assert [step.is_in_flight for step in index.match_prefix(other, 0.0).steps] == [True]
    index.finish(two)
    assert index.match_prefix(other, 0.0).steps == ()
    assert not index._in_flight
    index.finish(two)  # once too often, which changes nothing
    assert not index._in_flight


def test_boundaries_in_flight_are_those_that_will_be_left() -> None:
    index = PrefixIndex()
    sent = prompt_of(chat(marked(system("a")), user("b")))
    boundaries = (Boundary(0, is_marked=True), Boundary(1, is_marked=False))
    in_flight = index.begin(sent, boundaries)
    for readable, found in ((boundaries, {False}), (boundaries[:1], {True})):
        steps = index.match_prefix(sent, 0.0, readable).steps
        assert found in [step.boundaries_in_flight for step in steps]
    index.finish(in_flight)
    assert not index._in_flight


def test_in_flight_requests_of_another_scope_do_not_count() -> None:
    index = PrefixIndex()
    index.begin(prompt_of(chat(user("a")), scope=CacheScope(model="m")))
    assert index.match_prefix(prompt_of(chat(user("a"))), 0.0).steps == ()


def test_reported_tokens_are_known_at_their_place() -> None:
    index = PrefixIndex()
    sent = prompt_of(chat(system("a"), user("b")))
    index.learn(sent, {0: 7})  # not admitted: nowhere to store it
    admit(index, sent)
    index.learn(sent, {1: 10})
    assert [step.tokens for step in index.match_prefix(sent, 0.0).steps] == [10]


def test_the_rate_counts_a_minute_of_the_same_start_and_scope() -> None:
    index = PrefixIndex()
    sent = prompt_of(chat(system("s" * 2_000), user("a")))
    rates = [index.match_prefix(sent, at_seconds).requests_last_minute for at_seconds in (0, 30, 60, 61, 200)]
    assert rates == [1, 2, 3, 3, 1]
    same_start = prompt_of(chat(system("s" * 2_000), user("b")))
    assert index.match_prefix(same_start, 200).requests_last_minute == 2
    assert index.match_prefix(replace(sent, scope=CacheScope(model="m")), 200).requests_last_minute == 1


def test_content_is_found_wherever_it_stood() -> None:
    application = Application()
    application.send(chat(system(prose(100)), user("Hi")))
    index, piece = application.index, piece_of(prose(20))
    assert index.is_known(piece)
    assert index.owner(piece) is next(iter(index._prompts.values()))
    unknown = piece_of("Never said. ")
    assert not index.is_known(unknown)
    assert index.owner(unknown) is None
    assert index.pieces(unknown) == ()


def sizes(index: PrefixIndex) -> dict[str, int]:
    return {name: len(value) for name, value in vars(index).items() if hasattr(value, "__len__")}


def pieces_and_segments(index: PrefixIndex) -> int:
    return sum(len(pieces) + 1 for pieces in index._pieces._pieces.values())


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> PrefixIndex:
    """An index with low limits, so that a small flood exceeds them."""
    monkeypatch.setattr(index_module, "MAX_PROMPTS", 8)
    monkeypatch.setattr(index_module, "PROMPT_BYTES", 0)
    monkeypatch.setattr(index_module, "LINK_BYTES", 0)
    monkeypatch.setattr(index_module, "NODE_BYTES", 1)
    for name, size_bytes in (("NODE_BYTES", 1), ("SCOPE_BYTES", 0), ("BOUNDARY_BYTES", 0)):
        monkeypatch.setattr(nodes_module, name, size_bytes)
    monkeypatch.setattr(index_module, "MAX_BYTES", 40)
    monkeypatch.setattr(pieces_module, "MAX_PIECES", 60)
    monkeypatch.setattr(rate_module, "MAX_STARTS", 10)
    return PrefixIndex()


def test_a_flood_of_one_off_prompts_leaves_no_more_than_the_bounds(small: PrefixIndex) -> None:
    application = Application(index=small)
    for number in range(200):
        application.send(chat(system(prose(200, f"agent {number}")), user(f"Question {number}.")))
    assert len(small._prompts) == 8
    assert small._bytes_held == len(small._nodes) == 16
    assert len(small._pieces) == pieces_and_segments(small) <= 60
    assert sizes(small)["_starts"] == 10
    assert sizes(small)["_nodes"] == sizes(small)["_by_content"] == 16
    assert len(small._pieces.known) == len(small._pieces.homes) <= 60
    assert sizes(small)["_by_template"] <= 8
    assert not small._in_flight


def test_a_prompt_of_too_many_segments_makes_room_for_itself_only(small: PrefixIndex) -> None:
    for length in (10, 10, 50, 10):
        admit(small, prompt_of(chat(*(user(f"{length} {number}") for number in range(length)))))
        assert small._bytes_held == len(small._nodes)
    assert small._bytes_held == 10


def test_forgetting_a_prompt_leaves_what_others_share(small: PrefixIndex) -> None:
    shared = system("shared")
    for number in range(9):
        admit(small, prompt_of(chat(shared, user(str(number))), fingerprint=f"template {number}"))
    assert small.match_prefix(prompt_of(chat(shared, user("0"))), 0.0).steps[-1].position == 0
    assert small.match_prefix(prompt_of(chat(shared, user("1"))), 0.0).steps[-1].position == 1
    assert ("template 0", 0) not in small._by_template
    assert len(small._prompts) == 8


def test_what_is_sent_again_is_forgotten_last(small: PrefixIndex) -> None:
    kept = prompt_of(chat(system("kept"), user("kept")))
    for number in range(12):
        if number in {0, 7}:
            admit(small, kept)
        admit(small, prompt_of(chat(user(str(number)))))
    assert small.match_prefix(kept, 0.0).known_links == 2


def test_a_segment_that_returns_is_counted_once(small: PrefixIndex) -> None:
    application = Application(index=small)
    twice = user(prose(100))
    application.send(chat(twice, assistant("Well."), twice))
    tools = [tool(name) for name in "abc"]
    for number in range(50):
        application.send(chat(user("Hi"), tools=tools[number % 3 :] + tools[: number % 3]))
    assert len(small._pieces) == pieces_and_segments(small)


def test_pieces_that_a_newer_variant_has_too_are_not_forgotten_with_an_older_one(small: PrefixIndex) -> None:
    application = Application(index=small)
    for number in range(20):
        application.send(chat(system(f"Variant {number}.\n{prose(400)}")))
    assert small.is_known(piece_of(prose(20)))


def test_old_prompts_are_not_held_by_the_pieces_they_brought(small: PrefixIndex) -> None:
    application, messages = Application(index=small), [system("s")]
    for number in range(15):
        messages = [*messages, user(f"Question {number}."), assistant(f"Answer {number}.")]
        application.send(chat(*messages))
    alive = {id(one) for one in reachable(small) if isinstance(one, SentPrompt)}
    assert alive == {id(sent) for sent in small._prompts.values()}


def keyed(number: int, *turns: Body) -> SentPrompt:
    """A prompt with a cache key of its own."""
    return prompt_of(chat(system("s"), *turns), scope=CacheScope(cache_key=str(number)))


def test_a_prefix_remembers_many_scopes_and_compares_with_the_latest() -> None:
    index = PrefixIndex()
    for number in range(1_000):
        admit(index, keyed(number, user(str(number))))
    for number in (0, 500, 999):
        match = index.match_prefix(keyed(number, user("new")), 0.0)
        assert match.alive_links == 1
    own = keyed(0)
    seen = index.cached(own.prompt.links[0].prefix, own.scope)
    latest = range(999, 998 - nodes_module.MAX_SCOPES, -1)
    assert [scope.cache_key for scope in seen] == ["0", *map(str, latest)]


def test_the_scopes_that_were_used_longest_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "MAX_SCOPE_BYTES", 100 * 1_300)
    index = PrefixIndex()
    for number in range(1_000):
        admit(index, keyed(number, user(str(number))))
        admit(index, keyed(0))
        assert index._scopes.size_bytes <= 100 * 1_300
    assert 50 < len(index._scopes) < 150
    alive = [number for number in range(1_000) if index.match_prefix(keyed(number), 0.0).alive_links]
    assert alive == [0, *range(1_001 - len(alive), 1_000)]
    assert index._scopes.size_bytes == SCOPE_ALONE_BYTES * len(index._scopes) + sum(
        place.size_bytes - nodes_module.NODE_BYTES for place in index._nodes.values()
    )


def test_the_last_scopes_are_kept_whatever_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "MAX_SCOPE_BYTES", 1)
    index = PrefixIndex()
    for number in range(20):
        admit(index, keyed(number))
    assert [bool(index.match_prefix(keyed(number), 0.0).alive_links) for number in range(20)] == [
        number >= 20 - nodes_module.MAX_SCOPES for number in range(20)
    ]


def test_the_scope_that_was_served_is_compared_with_however_long_ago_it_was_used() -> None:
    index, asked = PrefixIndex(), keyed(0)
    served = replace(asked, scope=asked.scope.served_by("flex", "DeepInfra"))
    index.admit(served, CachedPrefix(0.0, 100.0), {}, {}, asked.scope)
    for number in range(1, 100):
        admit(index, keyed(number))
    (step,) = index.match_prefix(asked, 1.0).steps
    assert served.scope in step.cached


def test_a_prompt_of_another_account_has_nothing_in_common() -> None:
    index = PrefixIndex()
    one, other = (
        replace(
            prompt_of(body), prompt=hash_prompt(CHAT_COMPLETIONS.segments(body), account), account=account
        )
        for account, body in ((1, chat(system("s"), user("a"))), (2, chat(system("s"), user("a"))))
    )
    admit(index, one)
    match = index.match_prefix(other, 0.0)
    assert (match.known_links, match.has_lineage) == (0, False)
    assert not any(index.is_known(link.content) for link in other.prompt.links)
    assert index.match_prefix(one, 0.0).known_links == 2


def test_a_minute_of_very_many_requests_is_counted_in_bounded_memory() -> None:
    index, sent = PrefixIndex(), prompt_of(chat(user("a")))
    rates = [index.match_prefix(sent, number / 100).requests_last_minute for number in range(8_000)]
    assert rates[:6_000] == list(range(1, 6_001))
    assert set(rates[6_100:]) <= set(range(6_000, 6_101))
    (rate,) = index._starts.values()
    assert len(rate) == 61


def test_threads_leave_the_index_in_order(small: PrefixIndex) -> None:
    def work(seed: int) -> None:
        application = Application(index=small)
        for number in range(40):
            body = chat(system(prose(40, f"agent {number % 5}")), user(f"{seed * number % 7}"))
            application.send(body)
            application.open(body).close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert not small._in_flight
    assert small._bytes_held == len(small._nodes)
    assert len(small._pieces) == pieces_and_segments(small)
    assert len(small._prompts) <= 8


def test_a_forked_child_forgets_what_its_parent_is_sending_and_who_holds_the_lock() -> None:
    index = PrefixIndex()
    sent = admit(index, prompt_of(chat(user("a"))))
    index.begin(sent)
    index._lock.acquire()
    index.restart()
    (step,) = index.match_prefix(sent, 0.0).steps
    assert not step.is_in_flight
    assert step.cached


def test_what_is_beyond_the_bound_is_not_known_to_be_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_flight_module, "MAX_IN_FLIGHT", 3)
    index = PrefixIndex()
    first, second = (prompt_of(chat(user(text), user("b"))) for text in "xy")
    in_flight = index.begin(first)
    assert index.begin(second) == ()
    assert index.match_prefix(second, 0.0).steps == ()
    index.finish(in_flight)
    assert len(index.begin(second)) == 2


def test_a_prefix_that_is_hashed_anew_is_held_once() -> None:
    index = PrefixIndex()
    for last in "ab":
        admit(index, prompt_of(chat(system("s"), user("u"), user(last))))
    one, other = index._prompts.values()
    assert one.prompt.links[0] is other.prompt.links[0]
    assert one.prompt.links[2] is not other.prompt.links[2]
    assert len([each for each in reachable(index) if isinstance(each, Link)]) == 4


def test_the_bytes_of_a_prefix_are_those_of_its_scopes_and_boundaries() -> None:
    index = PrefixIndex()
    for number in range(12):
        sent = prompt_of(chat(user("a")), scope=CacheScope(cache_key=str(number)))
        for until in ({}, {True: 100.0}, {False: 50.0}, {}):
            index.admit(sent, CachedPrefix(1.0, 2.0, until), {}, {})
    (place,) = index._nodes.values()
    assert index._bytes_held == place.size_bytes + index_module.PROMPT_BYTES + index_module.LINK_BYTES
    assert place.size_bytes == 950 + 12 * (220 + 300)
    admit(index, prompt_of(chat(user("b"))))
    index._forget(next(iter(index._prompts)))
    index._forget(next(iter(index._prompts)))
    assert index._bytes_held == 0


def test_a_request_that_never_got_to_the_provider_is_taken_out_of_the_rate() -> None:
    index, sent = PrefixIndex(), prompt_of(chat(user("a")))
    index.uncount_start(sent, 0.0)  # never counted
    assert [index.match_prefix(sent, 1.0).requests_last_minute for _ in range(2)] == [1, 2]
    index.uncount_start(sent, 1.0)
    index.uncount_start(sent, 500.0)  # at another time
    assert index.match_prefix(sent, 1.0).requests_last_minute == 2


def test_pieces_whose_prompt_is_forgotten_have_no_owner() -> None:
    application = Application()
    application.send(chat(system(prose(100)), user("Hi")))
    index = application.index
    pieces = hash_pieces(cut(Segment(SegmentKind.ITEM, "", prose(100))))
    (found,) = index.owners(pieces, 48).values()
    assert found[1] == sum(piece.size_bytes for piece in pieces if piece.size_bytes >= 48)
    index._by_content.clear()
    assert index.owners(pieces, 48) == {}


def test_a_scope_is_forgotten_although_some_of_its_prefixes_are_gone() -> None:
    index, sent = PrefixIndex(), keyed(1)
    admit(index, sent)
    index._forget_scope(CacheScope(cache_key="never"), [sent.prompt.links[0].prefix])
    index._forget_scope(
        sent.scope, [hash_prompt(CHAT_COMPLETIONS.segments(chat(user("gone")))).links[0].prefix]
    )
    assert index.match_prefix(sent, 0.0).alive_links == 1

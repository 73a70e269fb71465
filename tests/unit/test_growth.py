"""Time and memory scale with the size of what is sent, whatever its content; what stays in memory is bounded."""

from __future__ import annotations

import gc
import itertools
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Protocol

import pytest
from benchmarks.adversarial import Observed, growth, memory, mixed_flood, situations
from benchmarks.adversaries import (
    ADVERSARIES,
    Adversary,
    Body,
    chat,
    few_tools,
    marked,
    message,
    size_bytes,
    text,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_promptcache.core.memory import forgotten, piece_store, rate
from otel_promptcache.core.memory import in_flight as in_flight_module
from otel_promptcache.core.memory import index as index_module
from otel_promptcache.core.memory.index import PrefixIndex
from otel_promptcache.core.memory.piece_store import PIECE_BYTES
from otel_promptcache.core.memory.scopes import SCOPE_ALONE_BYTES
from otel_promptcache.core.prompt import chain
from tests.unit.prompts import prompt_of

SMALL_BYTES, LARGE_BYTES, VERY_LARGE_BYTES = 50_000, 500_000, 3_000_000
MOST_GROWTH = 3
MOST_KEPT_BYTES = 64 << 20
MOST_PEAK_BYTES = 16 << 20
"""On top of four times the size of the request."""


@pytest.mark.parametrize("adversary", ADVERSARIES.values(), ids=ADVERSARIES)
def test_a_byte_takes_as_long_in_a_large_request_as_in_a_small_one(adversary: Adversary) -> None:
    grown = growth(adversary, SMALL_BYTES, LARGE_BYTES, rounds=1)
    if max(grown.values()) > MOST_GROWTH:  # once more, in case the machine was busy
        grown = growth(adversary, SMALL_BYTES, LARGE_BYTES, rounds=3)
    assert max(grown.values()) <= MOST_GROWTH, grown


@pytest.mark.parametrize(
    "name",
    [
        "long words",
        "long hexadecimal words",
        "empty system messages",
        "sentences of a letter",
        "a long property name",
    ],
)
def test_a_byte_takes_as_long_in_a_very_large_request(name: str) -> None:
    grown = growth(ADVERSARIES[name], SMALL_BYTES, VERY_LARGE_BYTES, rounds=1)
    assert max(grown.values()) <= MOST_GROWTH, grown


@pytest.mark.parametrize("adversary", ADVERSARIES.values(), ids=ADVERSARIES)
def test_a_request_is_read_in_memory_that_follows_its_size(adversary: Adversary) -> None:
    bodies = list(itertools.islice(situations(adversary, LARGE_BYTES), 2))
    peak, kept = memory(bodies, Observed())
    assert peak <= 4 * size_bytes(bodies[0]) + MOST_PEAK_BYTES
    assert kept <= MOST_KEPT_BYTES


FRAGMENTS = st.sampled_from(
    ["a" * 32, "deadbeef" * 4, "a", " ", "\n", ". ", ".", "1", "#", ",", "may", "(", "\u0663", "天", "。", "\U0001f600", "-", ":"]
)  # fmt: skip


@settings(max_examples=5, deadline=None)
@given(st.lists(FRAGMENTS, min_size=1, max_size=4).map("".join))
def test_no_text_of_repeated_fragments_takes_longer_for_a_byte_when_there_is_more_of_it(unit: str) -> None:
    grown = growth(text(unit), SMALL_BYTES, LARGE_BYTES, rounds=1)
    assert max(grown.values()) <= MOST_GROWTH, grown


def test_a_flood_of_everything_leaves_no_more_than_the_bound() -> None:
    assert memory(mixed_flood(len(ADVERSARIES), 10_000), Observed()).kept <= MOST_KEPT_BYTES


# The memory in use, and its estimate.


def conversations() -> Iterator[Body]:
    for number in range(40):
        turns = [message(f"Rules of agent {number}", "system")]
        for turn in range(20):
            turns = [
                *turns,
                message(f"Question {number} {turn}"),
                message(f"Answer {number} {turn}", "assistant"),
            ]
            yield chat(turns, model="gpt-5.6-sol")


def long_prompts() -> Iterator[Body]:
    for number in range(20):
        yield chat([message(f"{number} {turn}") for turn in range(1_000)])


def documents() -> Iterator[Body]:
    for number in range(60):
        sentences = "".join(f"Sentence {each} of text {number} is this. " for each in range(900))
        yield chat([message(sentences, "system"), message(f"Question {number}")])


def breakpoints() -> Iterator[Body]:
    for number in range(25):
        yield {**marked(40_000, f"{number}", "end"), "model": "gpt-5.6-sol"}


def scopes() -> Iterator[Body]:
    for number in range(160):
        turns = [message(f"{number // 8} {turn}") for turn in range(300)]
        yield chat(turns, prompt_cache_key=f"key {number}")


def keys() -> Iterator[Body]:
    for number in range(6_000):
        yield chat([message(f"{turn}") for turn in range(10)], prompt_cache_key=f"key {number}")


def numbers() -> Iterator[Body]:
    for number in range(60):
        text = "".join(
            f"Row {row} of {number} at 2026-11-25T10:{row % 60:02}:00Z costs {row}.\n" for row in range(1_000)
        )
        yield chat([message(text)])


def tools_of_users() -> Iterator[Body]:
    for number in range(80):
        yield few_tools(30_000, f"user {number}", "Hi")


class Clearable(Protocol):
    def clear(self) -> None: ...


def freed_bytes(*stores: Clearable) -> int:
    """The memory that is freed when these are emptied."""
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    for store in stores:
        store.clear()
    gc.collect()
    return before - tracemalloc.get_traced_memory()[0]


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize(
    ("flood", "is_ordinary"),
    [(conversations, True), (long_prompts, True), (documents, True), (breakpoints, True), (scopes, False), (keys, False),
     (numbers, True), (tools_of_users, False)],
)  # fmt: skip
def test_what_is_held_is_no_more_than_it_is_taken_for(
    flood: Callable[[], Iterator[Body]], is_ordinary: bool
) -> None:
    observed = Observed()
    for number, body in enumerate(flood()):
        observed.send(body, 1_000.0 + number)
    index, pieces = observed.index, observed.index._pieces
    alone_bytes = len(index._scopes) * SCOPE_ALONE_BYTES
    estimates = index._bytes_held + alone_bytes, len(pieces) * PIECE_BYTES
    observed.hasher._known.clear()
    held = (
        freed_bytes(
            index._prompts, index._nodes, index._by_content, index._by_template, index._scopes._prefixes
        ),
        freed_bytes(pieces._pieces, pieces.known, pieces.homes),
    )
    # Links and hashes that both refer to are freed with the second.
    assert sum(held) <= sum(estimates)
    assert held[0] <= estimates[0] <= index_module.MAX_BYTES + alone_bytes
    assert estimates[1] <= piece_store.MAX_PIECES * PIECE_BYTES
    if is_ordinary:
        assert sum(estimates) <= 2 * sum(held)


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("flood", [long_prompts, breakpoints, tools_of_users])
def test_what_is_recognised_takes_no_more_than_it_is_taken_for(flood: Callable[[], Iterator[Body]]) -> None:
    observed = Observed()
    for body in flood():
        observed.send(body)
    observed.index = PrefixIndex()
    links_held = observed.hasher._links_held
    assert 0 < links_held <= chain.MAX_KNOWN_LINKS
    assert freed_bytes(observed.hasher._known) <= links_held * chain.LINK_BYTES


def test_all_bounds_together_are_below_what_is_promised() -> None:
    bounded_bytes = (
        index_module.MAX_BYTES
        + piece_store.MAX_PIECES * PIECE_BYTES
        + chain.MAX_KNOWN_LINKS * chain.LINK_BYTES
        + in_flight_module.MAX_IN_FLIGHT * in_flight_module.IN_FLIGHT_BYTES
        + rate.MAX_STARTS * rate.START_BYTES
        + forgotten.FILTER_BYTES
    )
    assert bounded_bytes <= MOST_KEPT_BYTES * 7 // 8  # the rest is for templates, scopes and rules


@pytest.mark.usefixtures("traced")
def test_what_is_on_its_way_takes_no_more_than_it_is_taken_for() -> None:
    index = PrefixIndex()
    prompts = [
        prompt_of(chat([message(f"{number} {turn}") for turn in range(1_000)])) for number in range(40)
    ]
    in_flight = [index.begin(sent) for sent in prompts]
    assert 24_000 <= (keys := sum(map(len, in_flight))) <= in_flight_module.MAX_IN_FLIGHT
    assert keys == len(index._in_flight)
    assert freed_bytes(index._in_flight, in_flight) <= keys * in_flight_module.IN_FLIGHT_BYTES
    for each in in_flight:
        index.finish(each)


@pytest.mark.usefixtures("traced")
def test_the_starts_of_prompts_take_no_more_than_they_are_taken_for() -> None:
    index = PrefixIndex()
    prompts = [prompt_of(chat([message(f"{number}")])) for number in range(100)]
    for second in range(70):
        for sent in prompts:
            index.match_prefix(sent, 1_000.0 + second)
    assert freed_bytes(index._starts) <= len(prompts) * rate.START_BYTES

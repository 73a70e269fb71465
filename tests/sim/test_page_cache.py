"""The cache of servers with pages: what is read, the order of eviction, and DeepSeek's units."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.sim import SERVERS
from otel_promptcache.sim.cache.cache import CacheRead, CacheScope
from otel_promptcache.sim.cache.policies import PagePolicy
from otel_promptcache.sim.cache.prompt import Message
from otel_promptcache.sim.servers.page_cache import PageCache
from tests.sim.prompts import message, stream_of

HOUR = 3600.0
SYSTEM = message("developer", 1_000, "system")
ORGANIZATION = CacheScope("org", "model", "default", None)


def policy_of(server: str) -> PagePolicy:
    policy = SERVERS[server].policy
    assert policy is not None
    return policy


class Server:
    """A cache with a server's rules, and a clock that tests move."""

    def __init__(self, server: str = "vllm", **knobs: float) -> None:
        self.policy = policy_of(server)
        self.cache = PageCache(**knobs)
        self.now_seconds = 1_000.0

    def ask(
        self, *messages: Message, scope: CacheScope = ORGANIZATION, miss: bool = False, write: bool = True
    ) -> CacheRead:
        read = self.cache.read(stream_of(*messages), scope, self.policy, self.now_seconds, miss=miss)
        if write:
            self.cache.write(read, self.now_seconds)
        return read

    def answer(self, *messages: Message) -> None:
        self.cache.extend(stream_of(*messages), ORGANIZATION, self.policy, self.now_seconds)


@pytest.mark.parametrize(
    ("server", "again"), [("vllm", 992), ("sglang", 999), ("deepseek", 960), ("groq", 896)]
)
def test_whole_pages_are_read(server: str, again: int) -> None:
    simulated = Server(server)
    first = simulated.ask(SYSTEM)
    page_tokens = simulated.policy.page_tokens
    assert (first.cached_tokens, first.write_tokens) == (0, 1_000 // page_tokens * page_tokens)
    assert simulated.ask(SYSTEM).cached_tokens == again


@pytest.mark.parametrize(("tokens", "cached"), [(15, 0), (16, 0), (17, 16), (32, 16), (33, 32)])
def test_the_last_token_of_a_prompt_is_computed_anew(tokens: int, cached: int) -> None:
    vllm = Server()
    vllm.ask(message("user", tokens))
    assert vllm.ask(message("user", tokens)).cached_tokens == cached


def test_there_is_no_minimum_but_one_page() -> None:
    vllm = Server()
    short = vllm.ask(message("user", 15))
    assert (short.write_tokens, short.reusable_position) == (0, None)
    vllm.ask(message("developer", 17), message("user", 50, "one"))
    assert vllm.ask(message("developer", 17), message("user", 50, "two")).cached_tokens == 16


def test_what_two_prompts_begin_with_is_read_at_once() -> None:
    vllm = Server()
    vllm.ask(SYSTEM, message("user", 100, "one"))
    assert vllm.ask(SYSTEM, message("user", 100, "two")).cached_tokens == 992


def test_a_page_is_known_by_all_that_stands_in_front_of_it() -> None:
    vllm = Server()
    vllm.ask(message("user", 16, "one"), SYSTEM)
    assert vllm.ask(message("user", 16, "two"), SYSTEM).cached_tokens == 0


@pytest.mark.parametrize("server", ["vllm", "sglang", "deepseek"])
def test_nothing_expires(server: str) -> None:
    simulated = Server(server)
    simulated.ask(SYSTEM)
    simulated.now_seconds += 10_000 * HOUR
    assert simulated.ask(SYSTEM).cached_tokens > 0
    assert simulated.policy.lifetime.idle_seconds == math.inf


@pytest.mark.parametrize(("idle_seconds", "cached"), [(2 * HOUR, 896), (2 * HOUR + 1, 0)])
def test_groq_keeps_pages_for_two_hours_without_use(idle_seconds: float, cached: int) -> None:
    groq = Server("groq")
    for _ in range(3):
        groq.ask(SYSTEM)
        groq.now_seconds += 1.5 * HOUR
    groq.ask(SYSTEM)
    groq.now_seconds += idle_seconds
    assert groq.ask(SYSTEM).cached_tokens == cached
    assert groq.ask(SYSTEM).cached_tokens == 896


def test_the_ends_of_prompts_go_before_their_starts() -> None:
    vllm = Server(max_pages=80)
    vllm.ask(SYSTEM)  # 62 pages
    vllm.ask(message("user", 480, "another"))  # 30 pages: 12 must be evicted
    assert len(vllm.cache) == 80
    assert vllm.ask(SYSTEM, write=False).cached_tokens == 50 * 16


def test_what_was_used_stays() -> None:
    vllm = Server(max_pages=124)
    other = message("user", 1_000, "other")
    vllm.ask(SYSTEM)
    vllm.ask(other)
    vllm.ask(SYSTEM)
    vllm.ask(message("user", 1_000, "third"))
    assert [vllm.ask(each, write=False).cached_tokens for each in (SYSTEM, other)] == [992, 0]


@given(
    sizes=st.lists(st.tuples(st.integers(1, 3), st.integers(4, 200)), min_size=1, max_size=20),
    max_pages=st.integers(1, 20),
)
def test_a_page_never_outlives_those_before_it(sizes: list[tuple[int, int]], max_pages: int) -> None:
    vllm = Server(max_pages=max_pages)
    for seed, tokens in sizes:
        vllm.ask(message("user", tokens, seed))
        assert len(vllm.cache) <= max_pages
    for seed, _ in sizes:
        pages = vllm.ask(message("user", 200, seed), write=False).writes
        held = [key in vllm.cache._pages for key, _ in pages]
        assert held == sorted(held, reverse=True)


def test_deepseek_reads_a_common_prefix_from_the_third_request_on() -> None:
    deepseek = Server("deepseek")
    prompts = [(SYSTEM, message("user", 500, question)) for question in "BCDE"]
    assert [deepseek.ask(*prompt).cached_tokens for prompt in prompts] == [0, 0, 960, 960]


def test_deepseek_reads_a_whole_prompt_from_the_second_request_on() -> None:
    deepseek = Server("deepseek")
    first = (SYSTEM, message("user", 500, "question"))
    deepseek.ask(*first)
    assert deepseek.ask(*first).cached_tokens == 1_472
    longer = (*first, message("assistant", 200), message("user", 100))
    assert deepseek.ask(*longer).cached_tokens == 1_472


@pytest.mark.parametrize(
    ("server", "without", "with_answer"), [("vllm", 1_488, 1_696), ("deepseek", 1_472, 1_664)]
)
def test_answers_are_cached_too(server: str, without: int, with_answer: int) -> None:
    first = (SYSTEM, message("user", 500, "question"))
    second = (*first, message("assistant", 200, "answer"), message("user", 100))
    for has_answer, cached in ((False, without), (True, with_answer)):
        simulated = Server(server)
        simulated.ask(*first)
        if has_answer:
            simulated.answer(*second[:3])
        assert simulated.ask(*second).cached_tokens == cached


def test_what_deepseek_has_seen_is_bounded() -> None:
    deepseek = Server("deepseek", max_pages=20)
    for number in range(50):
        deepseek.ask(message("user", 640, number))
        assert len(deepseek.cache) <= 20
        assert len(deepseek.cache._seen) <= 20


def test_an_eviction_is_of_one_organization_or_of_all() -> None:
    deepseek = Server("deepseek")
    other = ORGANIZATION._replace(organization="other")
    for scope in (ORGANIZATION, other):
        deepseek.ask(SYSTEM, scope=scope)
    assert deepseek.cache.evict("org") == 1
    assert deepseek.ask(SYSTEM, write=False).cached_tokens == 0
    assert deepseek.ask(SYSTEM, scope=other, write=False).cached_tokens == 960
    assert deepseek.cache.evict() == 1
    assert not deepseek.cache._seen


def test_a_page_becomes_readable_after_its_warm_up() -> None:
    vllm = Server(warm_up_seconds=2.0)
    vllm.ask(SYSTEM)
    assert vllm.ask(SYSTEM, write=False).cached_tokens == 0
    vllm.now_seconds += 2.0
    assert vllm.ask(SYSTEM, write=False).cached_tokens == 992


def test_misses_can_be_asked_for_or_drawn() -> None:
    vllm = Server(unexplained_miss_rate=0.5, seed=3)
    vllm.ask(SYSTEM)
    assert vllm.ask(SYSTEM, miss=True, write=False).cached_tokens == 0
    vllm.cache.clear()
    drawn = [vllm.ask(SYSTEM).cached_tokens for _ in range(40)]
    assert 5 < drawn.count(0) < 35
    vllm.cache.clear()
    assert [vllm.ask(SYSTEM).cached_tokens for _ in range(40)] == drawn

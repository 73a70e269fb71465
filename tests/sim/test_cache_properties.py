"""Properties of the cache model that hold for any traffic."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.sim.cache.boundaries import CachingOptions, find_boundaries
from otel_promptcache.sim.cache.policies import BreakpointPolicy
from otel_promptcache.sim.cache.prompt import Marker, Message, Role
from tests.sim.prompts import MIDDLE, NEW, OLD, Provider, message, stream_of

MODELS = st.sampled_from([NEW, MIDDLE, OLD, "gpt-4", "some-model"])
MARKERS = st.sampled_from([None, None, Marker(), Marker("12h")])


def messages(*roles: Role) -> st.SearchStrategy[Message]:
    return st.builds(
        lambda role, tokens, seed, marker: message(role, tokens, seed, marker=marker),
        st.sampled_from(roles),
        st.sampled_from([3, 10, 700, 1500, 2600]),
        st.integers(0, 2),
        MARKERS,
    )


MESSAGES = messages("developer", "user", "assistant", "tool")
# A developer message can extend the initial block, and a tool response its group: both move a boundary.
TURNS = messages("user", "assistant")
CONVERSATIONS = st.lists(MESSAGES, min_size=1, max_size=7)
OPTIONS = st.builds(
    CachingOptions, mode=st.sampled_from(["implicit", "explicit"]), ttl=st.sampled_from(["30m", "12h"])
)
LONGEST_LIFE_SECONDS = 24 * 3600.0


def longest_boundary(provider: Provider, conversation: list[Message], options: CachingOptions) -> int:
    stream = stream_of(*conversation, model=provider.model)
    writable = find_boundaries(stream, provider.policy, options).writable
    return max((one.reported_tokens for one in writable), default=0)


@given(MODELS, st.lists(st.tuples(CONVERSATIONS, OPTIONS, st.floats(0, 4000)), max_size=5))
def test_reads_stay_within_the_input_and_end_at_a_boundary(
    model: str, traffic: list[tuple[list[Message], CachingOptions, float]]
) -> None:
    provider = Provider(model)
    for conversation, options, pause_seconds in traffic:
        provider.now_seconds += pause_seconds
        read = provider.ask(*conversation, options=options)
        readable = find_boundaries(stream_of(*conversation, model=model), provider.policy, options).readable
        assert 0 <= read.cached_tokens <= read.input_tokens
        assert read.cached_tokens + read.write_tokens <= read.input_tokens
        assert read.cached_tokens in {0, *(one.reported_tokens for one in readable)}
        assert sum(read.write_tokens_by_ttl.values()) == read.write_tokens
        assert min(read.write_tokens_by_ttl.values(), default=0) >= 0
        if not isinstance(provider.policy, BreakpointPolicy):
            assert read.write_tokens == 0


@given(MODELS, CONVERSATIONS, OPTIONS, st.floats(0, 5 * 60))
def test_an_identical_request_within_the_lifetime_reads_the_longest_boundary(
    model: str, conversation: list[Message], options: CachingOptions, pause_seconds: float
) -> None:
    provider = Provider(model)
    provider.ask(*conversation, options=options)
    provider.now_seconds += pause_seconds
    read = provider.ask(*conversation, options=options)
    assert read.cached_tokens == longest_boundary(provider, conversation, options)
    assert read.write_tokens == 0


@given(MODELS, CONVERSATIONS, OPTIONS)
def test_after_the_lifetime_nothing_is_read(
    model: str, conversation: list[Message], options: CachingOptions
) -> None:
    provider = Provider(model)
    first = provider.ask(*conversation, options=options)
    provider.now_seconds += LONGEST_LIFE_SECONDS + 1
    read = provider.ask(*conversation, options=options)
    assert read.cached_tokens == 0
    assert read.write_tokens == first.write_tokens


@given(MODELS, CONVERSATIONS, st.lists(TURNS, max_size=3))
def test_a_conversation_that_grows_by_turns_never_reads_less_than_before(
    model: str, conversation: list[Message], turns: list[Message]
) -> None:
    provider = Provider(model)
    cached = provider.ask(*conversation).cached_tokens
    for length in range(len(turns) + 1):
        read = provider.ask(*conversation, *turns[:length])
        assert read.cached_tokens >= cached
        cached = read.cached_tokens


@given(CONVERSATIONS, OPTIONS)
def test_other_organizations_do_not_exist(conversation: list[Message], options: CachingOptions) -> None:
    provider = Provider()
    first = provider.ask(*conversation, options=options)
    other = provider.ask(*conversation, options=options, scope=provider.scope._replace(organization="other"))
    assert (other.cached_tokens, other.write_tokens) == (0, first.write_tokens)

from __future__ import annotations

from otel_promptcache.sim.cache.boundaries import Boundary, CachingOptions, find_boundaries
from otel_promptcache.sim.cache.models import BLOCKS_OF_128, BLOCKS_OF_2048, EXACT_BREAKPOINTS, NO_CACHE
from otel_promptcache.sim.cache.prompt import Message
from tests.sim.prompts import MIDDLE, OLD, mark, message, stream_of

EXPLICIT = CachingOptions(mode="explicit")


def reported(boundaries: tuple[Boundary, ...]) -> list[int]:
    return [one.reported_tokens for one in boundaries]


def conversation(turns: int, *, tokens: int = 2000, marked: bool = False) -> list[Message]:
    marker = mark() if marked else None
    return [message("user", tokens, index, marker=marker) for index in range(turns)]


def test_blocks_of_5_5_are_counted_from_the_hidden_start_and_reported_in_steps_of_128() -> None:
    stream = stream_of(message("user", 5000), model=MIDDLE)
    found = find_boundaries(stream, BLOCKS_OF_2048, CachingOptions())
    assert [one.position_tokens for one in found.readable] == [2048, 4096]
    assert reported(found.readable) == [(p - stream.hidden_tokens) // 128 * 128 for p in (2048, 4096)]
    assert found.readable == found.writable
    assert not found.charged


def test_blocks_of_older_models_are_counted_in_visible_tokens_from_the_minimum_on() -> None:
    for tokens, expected in ((1023, []), (1024, [1024]), (1300, [1024, 1152, 1280])):
        stream = stream_of(message("user", tokens), model=OLD)
        assert reported(find_boundaries(stream, BLOCKS_OF_128, CachingOptions()).readable) == expected


def test_implicit_mode_writes_the_end_of_the_latest_eligible_message() -> None:
    stream = stream_of(message("developer", 2000), message("user", 500), message("assistant", 100))
    found = find_boundaries(stream, EXACT_BREAKPOINTS, CachingOptions())
    assert reported(found.writable) == [2500]
    assert reported(found.readable) == [2000, 2500]
    assert found.charged


def test_implicit_mode_writes_the_latest_three_markers_besides() -> None:
    stream = stream_of(*conversation(6, marked=True))
    found = find_boundaries(stream, EXACT_BREAKPOINTS, CachingOptions())
    assert reported(found.writable) == [7999, 9999, 11999, 12000]


def test_implicit_mode_writes_three_markers_even_without_a_message_to_end_at() -> None:
    stream = stream_of(*(message("assistant", 2000, seed, marker=mark()) for seed in range(5)))
    found = find_boundaries(stream, EXACT_BREAKPOINTS, CachingOptions())
    assert reported(found.writable) == [5999, 7999, 9999]


def test_explicit_mode_writes_the_latest_four_markers_and_reads_no_message_ends() -> None:
    stream = stream_of(*conversation(6, marked=True))
    found = find_boundaries(stream, EXACT_BREAKPOINTS, EXPLICIT)
    assert reported(found.writable) == [5999, 7999, 9999, 11999]
    assert reported(found.readable) == [1999, 3999, 5999, 7999, 9999, 11999]


def test_explicit_mode_without_markers_does_not_cache() -> None:
    found = find_boundaries(stream_of(*conversation(3)), EXACT_BREAKPOINTS, EXPLICIT)
    assert not found.readable
    assert not found.writable


def test_lookback_is_twenty_earlier_message_ends() -> None:
    stream = stream_of(*conversation(30))
    found = find_boundaries(stream, EXACT_BREAKPOINTS, CachingOptions())
    assert reported(found.readable) == [2000 * turn for turn in range(10, 31)]


def test_lookback_is_the_first_two_and_latest_fifty_markers() -> None:
    stream = stream_of(*conversation(60, marked=True))
    found = find_boundaries(stream, EXACT_BREAKPOINTS, EXPLICIT)
    assert reported(found.readable) == [1999, 3999, *(2000 * turn - 1 for turn in range(11, 61))]


def test_the_developer_block_is_looked_up_however_far_back() -> None:
    stream = stream_of(message("developer", 3000, "dev"), *conversation(30))
    found = find_boundaries(stream, EXACT_BREAKPOINTS, CachingOptions())
    assert reported(found.readable)[0] == 3000
    assert len(found.readable) == 22


def test_boundaries_under_1024_visible_tokens_do_not_exist() -> None:
    for tokens, expected in ((1023, []), (1024, [1024])):
        found = find_boundaries(stream_of(message("user", tokens)), EXACT_BREAKPOINTS, CachingOptions())
        assert reported(found.writable) == expected


def test_a_marker_has_its_own_ttl_or_that_of_the_request() -> None:
    stream = stream_of(message("user", 2000, 1, marker=mark("12h")), message("user", 2000, 2, marker=mark()))
    found = find_boundaries(stream, EXACT_BREAKPOINTS, CachingOptions(ttl="30m"))
    assert [(one.reported_tokens, one.ttl) for one in found.writable] == [
        (1999, "12h"),
        (3999, "30m"),
        (4000, "30m"),
    ]
    assert found.writable[0].lifetime.idle_seconds == 12 * 3600


def test_models_without_caching_have_no_boundaries() -> None:
    found = find_boundaries(stream_of(message("user", 9000)), NO_CACHE, CachingOptions())
    assert found.readable == found.writable == ()

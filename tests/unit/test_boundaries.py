"""Up to where a prompt can be read, and where it is written, by the rules of exact boundaries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.core.prompt.boundaries import (
    EARLIER_MESSAGE_LOOKUPS,
    FIRST_EXPLICIT_LOOKUPS,
    LATEST_EXPLICIT_LOOKUPS,
    MAX_WRITES,
    exact_boundaries,
)
from otel_promptcache.core.prompt.chain import hash_prompt
from otel_promptcache.core.prompt.segments import CacheOptions, Role, Segment, SegmentKind

IMPLICIT, EXPLICIT = CacheOptions(), CacheOptions(is_explicit=True)
_KINDS = {
    "F": (SegmentKind.FORMAT, Role.DEVELOPER),
    "T": (SegmentKind.TOOL, Role.DEVELOPER),
    "D": (SegmentKind.INSTRUCTIONS, Role.DEVELOPER),
    "d": (SegmentKind.ITEM, Role.DEVELOPER),
    "u": (SegmentKind.ITEM, Role.USER),
    "a": (SegmentKind.ITEM, Role.ASSISTANT),
    "t": (SegmentKind.ITEM, Role.TOOL),
    "c": (SegmentKind.ITEM, Role.COMPACTION),
}


def segments(script: str) -> list[Segment]:
    """One segment per word: a letter of `_KINDS`, `*` for a breakpoint, `+` if the message continues."""
    return [
        Segment(
            *_kind(word[0]),
            ends_message="+" not in word,
            breakpoint_ttl="" if "*" in word else None,
        )
        for word in script.split()
    ]


def _kind(letter: str) -> tuple[SegmentKind, str, object, str, Role]:
    kind, role = _KINDS[letter]
    return kind, "path", letter, "", role


def boundaries(script: str, options: CacheOptions = IMPLICIT) -> tuple[str, str]:
    """Readable and writable places: the index of a segment, with `*` if its breakpoint is meant."""
    found = exact_boundaries(hash_prompt(segments(script)).links, options)

    def written(places: tuple[tuple[int, bool], ...]) -> str:
        return " ".join(f"{index}*" if is_marked else str(index) for index, is_marked in places)

    return written(found.readable), written(found.writable)


@pytest.mark.parametrize(
    ("script", "readable", "writable"),
    [
        ("", "", ""),
        ("u", "0", "0"),
        ("D u", "0 1", "1"),
        ("D", "0", "0"),
        ("D D u", "1 2", "2"),
        ("T T F D u", "3 4", "4"),
        ("T F", "", ""),
        ("D u a u", "0 1 3", "3"),
        ("D u a", "0 1", "1"),
        ("D u a t t t", "0 1 5", "5"),
        ("D u a t t a t u", "0 1 4 6 7", "7"),
        ("D u d", "0 1", "1"),
        ("D c u", "0 2", "2"),
        ("D u+ u+ u", "0 3", "3"),
        ("D+ D u", "1 2", "2"),
        ("a", "", ""),
        ("D* u", "0 0* 1", "0* 1"),
        ("D u*", "0 1 1*", "1 1*"),
        ("D u+* u", "0 1* 2", "1* 2"),
        ("D a* u", "0 1* 2", "1* 2"),
    ],
)
def test_implicit_mode_reads_and_writes_at_message_ends(script: str, readable: str, writable: str) -> None:
    assert boundaries(script) == (readable, writable)


@pytest.mark.parametrize(
    ("script", "readable", "writable"),
    [
        ("D u", "", ""),
        ("D* u", "0*", "0*"),
        ("D* u a u*", "0* 3*", "0* 3*"),
        ("D* u* u* u* u*", "0* 1* 2* 3* 4*", "1* 2* 3* 4*"),
    ],
)
def test_explicit_mode_knows_marked_places_only(script: str, readable: str, writable: str) -> None:
    assert boundaries(script, EXPLICIT) == (readable, writable)


def test_the_end_of_a_message_is_not_its_breakpoint() -> None:
    implicit = exact_boundaries(hash_prompt(segments("u")).links, IMPLICIT)
    explicit = exact_boundaries(hash_prompt(segments("u*")).links, EXPLICIT)
    assert not set(implicit.readable) & set(explicit.writable)


def test_implicit_mode_writes_three_marked_places_beside_its_own() -> None:
    _, writable = boundaries("D* u* a* a* u")
    assert writable == "1* 2* 3* 4"


def test_twenty_earlier_messages_are_looked_up() -> None:
    readable, writable = boundaries("D " + "u a " * 30 + "u")
    ends = list(range(1, 60, 2))
    assert readable == " ".join(map(str, [0, *ends[-EARLIER_MESSAGE_LOOKUPS:], 61]))
    assert writable == "61"


def test_the_first_two_and_the_latest_fifty_breakpoints_are_looked_up() -> None:
    readable, _ = boundaries("a* " * 60, EXPLICIT)
    wanted = [*range(FIRST_EXPLICIT_LOOKUPS), *range(60 - LATEST_EXPLICIT_LOOKUPS, 60)]
    assert readable == " ".join(f"{index}*" for index in wanted)


SCRIPTS = st.tuples(
    st.lists(st.sampled_from("TF"), max_size=2),
    st.lists(st.sampled_from(["D", "D*"]), max_size=3),
    st.lists(st.sampled_from(["u", "u*", "a", "t", "t*", "d", "c", "u+", "u+*"]), max_size=80),
).map(lambda parts: " ".join(word for part in parts for word in part))


@given(SCRIPTS, st.sampled_from([IMPLICIT, EXPLICIT]))
def test_what_is_written_can_be_read_by_the_same_prompt(script: str, options: CacheOptions) -> None:
    found = exact_boundaries(hash_prompt(segments(script)).links, options)
    assert set(found.writable) <= set(found.readable)
    assert len(found.writable) <= MAX_WRITES
    assert list(found.readable) == sorted(set(found.readable))
    assert (
        len(found.readable) <= FIRST_EXPLICIT_LOOKUPS + LATEST_EXPLICIT_LOOKUPS + EARLIER_MESSAGE_LOOKUPS + 2
    )


@given(SCRIPTS)
def test_a_conversation_that_grows_by_a_turn_reads_what_it_wrote(script: str) -> None:
    before = segments(script + " u")
    after = before + segments("a u")
    written = exact_boundaries(hash_prompt(before).links, IMPLICIT).writable
    readable = exact_boundaries(hash_prompt(after).links, IMPLICIT).readable
    assert any(place in readable for place in written)

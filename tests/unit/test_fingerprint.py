"""The promises of `core.fingerprint`, each as a property."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.core.prompt import fingerprint as fingerprint_module
from otel_promptcache.core.prompt.fingerprint import (
    IDENTITY_CHARS,
    LEADING_CHARS,
    MAX_LEADING_SEGMENTS,
    Fingerprinter,
    PrefixIdentity,
)
from otel_promptcache.core.prompt.masking import mask_volatile
from otel_promptcache.core.prompt.segments import Segment, SegmentKind, canonical_json

GOLDEN_WITH_TOOLS = ("24974f8512a8f032", "42d9f05c585eedf991f43ae8cde74ecc")
GOLDEN_RULES = ("ca7e36c683db0f16", "125f2c050b46f02bd358051f6c2dd448")
GOLDEN_ITEM = ("f21ae6a77a6efe16", "cd5fa5a999499f10aea58026a271a983")

words = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=9)
prose = st.lists(words, min_size=5, max_size=400).map(" ".join)
timestamps = st.datetimes(min_value=dt.datetime(2000, 1, 1), max_value=dt.datetime(2099, 12, 31)).flatmap(  # noqa: DTZ001
    lambda at: st.sampled_from(
        [
            at.isoformat(),
            at.isoformat() + "Z",
            f"{at:%Y-%m-%d %H:%M:%S.%f}",
            f"{at:%A, %B %d, %Y}",
            f"{at:%d %b %Y %I:%M %p}",
            f"{at:%a %b %d %H:%M:%S} UTC {at:%Y}",
        ]
    )
)
numbers = st.one_of(st.integers(-(10**12), 10**12).map(str), st.floats(0, 1e6).map(lambda f: f"{f:.3f}"))
ids = st.one_of(
    st.uuids().map(str),
    st.binary(min_size=12, max_size=32).map(lambda b: "req_" + b.hex() + "0"),
    st.integers(0).map(lambda i: f"user_{i}"),
)
volatile = st.one_of(timestamps, numbers, ids)


def prompt(
    instructions: str = "", *, tools: list[dict[str, object]] | None = None, items: tuple[str, ...] = ()
) -> list[Segment]:
    segments = [
        Segment(SegmentKind.TOOL, f"tools[{index}]", tool, str(tool["name"]))
        for index, tool in enumerate(tools or [])
    ]
    if instructions:
        segments.append(Segment(SegmentKind.INSTRUCTIONS, "instructions", instructions))
    return segments + [Segment(SegmentKind.ITEM, f"input[{i}]", item) for i, item in enumerate(items)]


def identify(*args: object, key: str | None = None, **kwargs: object) -> PrefixIdentity:
    return Fingerprinter(key).identify(prompt(*args, **kwargs))  # type: ignore[arg-type]


@given(prose, prose, volatile, volatile)
def test_fingerprint_ignores_per_request_values(head: str, tail: str, one: str, other: str) -> None:
    first, second = (identify(f"{head} {value} {tail}") for value in (one, other))
    assert first.fingerprint == second.fingerprint
    assert (first.digest == second.digest) == (one == other)


@given(st.lists(st.tuples(prose, volatile, volatile), min_size=1, max_size=5))
def test_fingerprint_ignores_several_values_at_once(parts: list[tuple[str, str, str]]) -> None:
    first = " ".join(f"{text} {one}" for text, one, _ in parts)
    second = " ".join(f"{text} {other}" for text, _, other in parts)
    # Values of any length must not move text across the edge of the leading part.
    padding = " end of the rules" * (IDENTITY_CHARS // 10)
    assert identify(first + padding).fingerprint == identify(second + padding).fingerprint


@given(prose, prose)
def test_identity_ignores_what_is_appended_to_a_long_prompt(one: str, other: str) -> None:
    stable = "You answer questions about orders. " * (LEADING_CHARS // 30)
    assert identify(stable + one) == identify(stable + other)


@given(prose, st.lists(prose, max_size=4), st.lists(prose, max_size=4))
def test_identity_ignores_the_growth_of_the_conversation(text: str, one: list[str], other: list[str]) -> None:
    assert identify(text, items=tuple(one)) == identify(text, items=tuple(other))


@given(
    prose,
    st.lists(words, min_size=2, max_size=6, unique=True).flatmap(
        lambda n: st.tuples(st.just(n), st.permutations(n))
    ),
)
def test_order_of_tools_changes_the_digest_but_not_the_fingerprint(
    text: str, names: tuple[list[str], list[str]]
) -> None:
    one, other = (identify(text, tools=[{"name": name} for name in order]) for order in names)
    assert one.fingerprint == other.fingerprint
    assert (one.digest == other.digest) == (names[0] == names[1])


@given(st.lists(prose, min_size=2, max_size=2, unique=True))
def test_different_instructions_are_different_templates(texts: list[str]) -> None:
    one, other = (text[:IDENTITY_CHARS] for text in texts)
    same_to_us = mask_volatile(one) == mask_volatile(other)
    assert (identify(one).fingerprint == identify(other).fingerprint) == same_to_us


@given(prose, words, words)
def test_different_tools_are_different_templates(text: str, one: str, other: str) -> None:
    first, second = (identify(text, tools=[{"name": name}]).fingerprint for name in (one, other))
    assert (first == second) == (one == other)


@given(words, words)
def test_without_tools_and_instructions_the_first_item_counts(one: str, other: str) -> None:
    assert (identify(items=(one, "x")) == identify(items=(other, "x"))) == (one == other)
    assert identify(items=(one, "x")) == identify(items=(one, "y"))


@given(st.text(max_size=50))
def test_nothing_readable_is_in_it(text: str) -> None:
    identity = identify(text, items=("x",))
    assert len(identity.fingerprint) == 16
    assert len(identity.digest) == 32
    assert set(identity.fingerprint + identity.digest) <= set("0123456789abcdef")


@given(prose, words, words)
def test_a_key_makes_it_another_hash(text: str, one: str, other: str) -> None:
    plain, keyed = identify(text), identify(text, key=one)
    assert plain.fingerprint != keyed.fingerprint
    assert plain.digest != keyed.digest
    assert (identify(text, key=one) == identify(text, key=other)) == (one == other)


def test_a_key_that_is_no_utf8_makes_a_hash_of_its_own() -> None:
    keys = ("\udcff", "\udcfe", "\ud800", "", "?")
    assert len({identify("rules", key=key).fingerprint for key in keys}) == len(keys)


@given(prose)
def test_a_digest_is_new_once(text: str) -> None:
    fingerprinter = Fingerprinter()
    first, second = (fingerprinter.identify(prompt(text)) for _ in range(2))
    assert first.is_new_variant
    assert not second.is_new_variant
    assert (first.fingerprint, first.digest) == (second.fingerprint, second.digest)


def test_memory_is_bounded_and_holds_no_text() -> None:
    fingerprinter = Fingerprinter()
    for number in range(6_000):
        fingerprinter.identify(prompt(f"agent {number}"))
    known = fingerprinter._fingerprint_by_digest
    assert len(known) == 4_096
    assert all(len(digest) == 32 and len(fingerprint) == 16 for digest, fingerprint in known.items())
    assert not fingerprinter.identify(prompt("agent 5999")).is_new_variant
    assert fingerprinter.identify(prompt("agent 0")).is_new_variant


def test_what_was_identified_is_recalled_by_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint_module, "MAX_KNOWN_DIGESTS", 5)
    fingerprinter = Fingerprinter()
    assert fingerprinter.recall(None) is None
    for number in range(12):
        segments = [Segment(SegmentKind.INSTRUCTIONS, "instructions", f"{'a' * number} b")]
        identity = fingerprinter.identify(segments, number)
        assert identity.is_new_variant
        assert fingerprinter.recall(number) == replace(identity, is_new_variant=False)
        assert len(fingerprinter._known) <= 5


def test_of_two_threads_that_identify_the_same_one_finds_it_new(monkeypatch: pytest.MonkeyPatch) -> None:
    fingerprinter, segments = Fingerprinter(), prompt("rules")
    masked_head = fingerprint_module.masked_head

    def meanwhile(text: str, chars: int) -> str:
        monkeypatch.setattr(fingerprint_module, "masked_head", masked_head)
        assert fingerprinter.identify(segments).is_new_variant
        return masked_head(text, chars)

    monkeypatch.setattr(fingerprint_module, "masked_head", meanwhile)
    assert not fingerprinter.identify(segments).is_new_variant


def test_no_more_is_read_than_the_leading_part() -> None:
    read: list[str] = []

    def lazily() -> Iterator[Segment]:
        for segment in prompt("rules", items=tuple(map(str, range(100)))):
            read.append(segment.path)
            yield segment

    Fingerprinter().identify(lazily())
    assert read == ["instructions", "input[0]"]


def test_a_megabyte_is_not_serialised_beyond_the_leading_part() -> None:
    first, second = ({"name": f"tool{i}", "description": "x" * LEADING_CHARS} for i in range(2))

    class Untouchable(Segment):
        def text(self) -> str:
            raise AssertionError("read beyond the bound")

    segments = [
        Segment(SegmentKind.TOOL, "tools[0]", first, "tool0"),
        Untouchable(SegmentKind.TOOL, "tools[1]", second, "tool1"),
    ]
    assert Fingerprinter().identify(segments).fingerprint


def test_identity_is_the_same_in_another_process_with_another_hash_seed() -> None:
    program = (
        "from otel_promptcache.core.prompt.fingerprint import Fingerprinter\n"
        "from otel_promptcache.core.prompt.segments import Segment, SegmentKind\n"
        "s = [Segment(SegmentKind.TOOL, 't', {'b': 1, 'a': [1.5, None]}, 'f'),\n"
        "     Segment(SegmentKind.INSTRUCTIONS, 'i', 'Rules \\ud800 at 12:30')]\n"
        "print(Fingerprinter('k').identify(s).fingerprint, Fingerprinter('k').identify(s).digest)"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1")
    }
    # The literal holds for every Python version and host that this test runs on.
    assert outputs == {"6365ee1fddd2fb61 6df31d9f3a5ab261ce36ab4be688562e\n"}


def test_identities_do_not_change_between_releases() -> None:
    function = {"description": "Finds things. " * 40, "parameters": {"type": "object"}}
    tools = [{"type": "function", "function": {"name": f"tool_{number}", **function}} for number in range(12)]
    rules = [
        Segment(SegmentKind.INSTRUCTIONS, "messages", f"Rule {number} of 2026-11-20: be kind é. " * 30)
        for number in range(5)
    ]
    segments = [Segment(SegmentKind.TOOL, "tools", one, one["function"]["name"]) for one in tools] + rules
    for prompt_, golden in (
        (segments, GOLDEN_WITH_TOOLS),
        (rules, GOLDEN_RULES),
        ([Segment(SegmentKind.ITEM, "input", "What is it at 9:30?")], GOLDEN_ITEM),
    ):
        identity = Fingerprinter().identify(prompt_)
        assert (identity.fingerprint, identity.digest) == golden


def test_very_many_tools_are_not_all_read() -> None:
    read: list[Segment] = []

    def tools() -> Iterator[Segment]:
        for number in range(3 * MAX_LEADING_SEGMENTS):
            read.append(Segment(SegmentKind.TOOL, "tools", {}, f"tool {number}"))
            yield read[-1]

    assert Fingerprinter().identify(tools()).fingerprint
    assert len(read) == MAX_LEADING_SEGMENTS


def test_canonical_json_keeps_order_and_never_fails_on_types() -> None:
    assert canonical_json({"b": 1, "a": uuid.UUID(int=1)}) == '{"b":1,"a":"<UUID>"}'
    assert canonical_json({("k",): 1, "é": "\ud800"}) == '{"é":"\ud800"}'
    assert json.loads(canonical_json([1.5, None, True])) == [1.5, None, True]

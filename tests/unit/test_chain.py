"""Hashes and lengths of a prompt: how far two prompts agree, and what is told apart."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otel_promptcache.core.chain import HashedPrompt, hash_prompt, hash_text
from otel_promptcache.core.pieces import MAX_PIECES, cut, hash_pieces
from otel_promptcache.core.prompt import Role, Segment, SegmentKind
from tests.unit.prompts import prose

TEXTS = st.text(max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
SEGMENTS = st.builds(
    Segment,
    kind=st.sampled_from(SegmentKind),
    path=st.just("messages[0].content"),
    value=JSON,
    label=st.sampled_from(["", "search"]),
    role=st.sampled_from(Role),
    ends_message=st.booleans(),
    breakpoint_ttl=st.none() | st.sampled_from(["", "30m"]),
    size_bytes=st.none(),
)
PROMPTS = st.lists(SEGMENTS, max_size=6)


def item(text: object, role: Role = Role.USER, *, ends_message: bool = True) -> Segment:
    return Segment(SegmentKind.ITEM, "input[0]", text, role=role, ends_message=ends_message)


def prefixes(prompt: HashedPrompt) -> list[bytes]:
    return [link.prefix for link in prompt.links]


@given(PROMPTS, PROMPTS)
def test_the_hashes_of_a_prefix_are_a_prefix_of_the_hashes_of_the_whole(
    head: list[Segment], tail: list[Segment]
) -> None:
    assert prefixes(hash_prompt(head + tail))[: len(head)] == prefixes(hash_prompt(head))


@given(PROMPTS, SEGMENTS, SEGMENTS, PROMPTS)
def test_two_prompts_agree_exactly_as_far_as_their_chained_hashes(
    head: list[Segment], one: Segment, other: Segment, tail: list[Segment]
) -> None:
    first, second = (hash_prompt([*head, each, *tail]) for each in (one, other))
    is_same = (one.kind, one.role, one.text()) == (other.kind, other.role, other.text())
    agreeing = [a.prefix == b.prefix for a, b in zip(first.links, second.links, strict=True)]
    assert agreeing[: len(head)] == [True] * len(head)
    assert agreeing[len(head)] == is_same
    if not is_same:
        assert not any(agreeing[len(head) :])  # what follows a difference never agrees again


@given(PROMPTS)
def test_sizes_add_up(segments: list[Segment]) -> None:
    prompt = hash_prompt(segments)
    sizes = [len(segment.text().encode("utf-8", "surrogatepass")) for segment in segments]
    assert [link.size_bytes for link in prompt.links] == sizes
    assert [link.end_bytes for link in prompt.links] == [sum(sizes[: i + 1]) for i in range(len(sizes))]
    assert prompt.size_bytes == sum(sizes)


@given(PROMPTS)
def test_breakpoints_paths_and_labels_are_no_part_of_the_prompt(segments: list[Segment]) -> None:
    plain = [each._replace(breakpoint_ttl=None, path="elsewhere", label="other") for each in segments]
    assert prefixes(hash_prompt(plain)) == prefixes(hash_prompt(segments))


def test_who_speaks_is_a_part_of_the_content() -> None:
    links = [hash_prompt([item("Yes", role)]).links[0] for role in Role]
    assert len({link.content for link in links}) == len(Role)
    kinds = [hash_prompt([Segment(kind, "p", "Yes")]).links[0] for kind in SegmentKind]
    assert len({link.content for link in kinds}) == len(SegmentKind)


def test_content_is_the_same_wherever_it_stands() -> None:
    first, second = hash_prompt([item("a"), item("b")]), hash_prompt([item("b")])
    assert first.links[1].content == second.links[0].content
    assert first.links[1].prefix != second.links[0].prefix


def test_two_messages_are_not_one_message_of_two_parts() -> None:
    messages = hash_prompt([item("a"), item("b")])
    parts = hash_prompt([item("a", ends_message=False), item("b")])
    assert prefixes(messages)[0] == prefixes(parts)[0]
    assert prefixes(messages)[1] != prefixes(parts)[1]


def test_where_a_text_is_divided_matters() -> None:
    assert prefixes(hash_prompt([item("ab"), item("c")])) != prefixes(hash_prompt([item("a"), item("bc")]))


def test_a_stated_size_stands_for_the_length() -> None:
    prompt = hash_prompt([item({"url": "data:" + "A" * 100_000})._replace(size_bytes=3_000), item("1234")])
    assert [link.end_bytes for link in prompt.links] == [3_000, 3_004]


@given(TEXTS, TEXTS)
def test_requests_are_routed_by_their_first_characters(one: str, other: str) -> None:
    start = "s" * 1_000
    same = hash_prompt([item(start), item("t" * 24 + one)]).routing
    assert same == hash_prompt([item(start), item("t" * 24 + other), item(one)]).routing
    assert same != hash_prompt([item(start), item("t" * 23 + "u" + other)]).routing
    assert (hash_prompt([item(one)]).routing == hash_prompt([item(other)]).routing) == (one == other)


def test_an_empty_prompt_has_no_length() -> None:
    assert hash_prompt([]).size_bytes == 0


def test_no_text_is_kept() -> None:
    secret = "The vault opens with sesame."
    assert secret not in repr(hash_prompt([item(secret), item({"key": secret})]))


@given(st.text(max_size=3_000))
def test_pieces_of_a_text_join_to_the_text(text: str) -> None:
    assert "".join(piece for _, piece in cut(item(text))) == text
    assert {path for path, _ in cut(item(text))} <= {""}


@given(st.text(alphabet="ab.!?\n 。！", max_size=400))
def test_pieces_of_a_text_of_marks_join_to_it_too(text: str) -> None:
    assert "".join(piece for _, piece in cut(item(text))) == text


def test_a_text_of_very_many_pieces_ends_with_a_long_one() -> None:
    text = prose(20 * (MAX_PIECES + 500))
    pieces = [piece for _, piece in cut(item(text))]
    assert len(pieces) == MAX_PIECES + 1
    assert "".join(pieces) == text


def test_a_value_of_very_many_members_ends_with_a_long_piece() -> None:
    pieces = list(cut(item({"rows": list(range(MAX_PIECES + 10))})))
    assert len(pieces) == MAX_PIECES + 1
    assert pieces[-1] == (f".rows[{MAX_PIECES}]", "".join(map(str, range(MAX_PIECES, MAX_PIECES + 10))))


@given(st.integers(0, 100), st.sampled_from([" really", "\n", "Wait. What? ", "x" * 300]))
def test_most_pieces_survive_an_insertion(place: int, insertion: str) -> None:
    text = prose(2_000)
    offset = len(text) * place // 100
    before = [piece for _, piece in cut(item(text))]
    after = {piece for _, piece in cut(item(text[:offset] + insertion + text[offset:]))}
    assert sum(piece not in after for piece in before) <= 2


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("One. Two!  Three?\nFour", ["One. ", "Two!  ", "Three?\n", "Four"]),
        ("Version 1.2.3 of example.com is here. Go", ["Version 1.2.3 of example.com is here. ", "Go"]),
        ("At 2026-11-20T11:46:27.125Z it was.\n", ["At 2026-11-20T11:46:27.125Z it was.\n"]),
        ("Am 20.11.2026 um 11:46. Ja", ["Am 20.11.2026 um 11:46. ", "Ja"]),
        ("回答问题。不要编造！好", ["回答问题。", "不要编造！", "好"]),
        ("...\n\nWell", ["...\n\n", "Well"]),
        ("a" * 300, ["a" * 256, "a" * 44]),
        ("", []),
    ],
)
def test_a_piece_ends_where_a_sentence_or_a_line_does(text: str, pieces: list[str]) -> None:
    assert [piece for _, piece in cut(item(text))] == pieces


def test_a_value_is_cut_into_its_members() -> None:
    value = {"name": "f", "parameters": {"a": [1, {"b": None}], "c": "é"}}
    assert list(cut(item(value))) == [
        (".name", '"f"'),
        (".parameters.a[0]", "1"),
        (".parameters.a[1].b", "null"),
        (".parameters.c", '"é"'),
    ]


@pytest.mark.parametrize("unit", ["a", ".", "a.", "\n", ". ", "。", "a.b", "  "])
def test_cutting_takes_linear_time_whatever_the_text(unit: str) -> None:
    # Not timed: a quadratic pattern would need minutes and hit the time limit of the whole run.
    assert sum(len(piece) for _, piece in cut(item(unit * 200_000))) == len(unit) * 200_000


def test_a_piece_is_known_exactly_and_without_its_volatile_values() -> None:
    one, other = hash_pieces([("", f"It is {hour}:30 now. ") for hour in (9, 10)])
    assert one.exact != other.exact
    assert one.masked == other.masked
    assert (one.size_bytes, other.size_bytes) == (len("It is 9:30 now. "), len("It is 10:30 now. "))
    stable = hash_pieces([("", "Be kind. ")])[0]
    assert stable.masked == stable.exact


@given(st.text(max_size=4), st.text(max_size=4), st.text(max_size=4), st.text(max_size=4))
@example("a1", "2", "a", "12")
@example("a\0", "b", "a", "\0b")
def test_pieces_are_the_same_only_at_the_same_path(path: str, text: str, path_2: str, text_2: str) -> None:
    same = hash_pieces([(f".{path}", text)])[0].exact == hash_pieces([(f".{path_2}", text_2)])[0].exact
    assert same == ((path, text) == (path_2, text_2))


def test_a_lone_surrogate_is_hashed() -> None:
    assert hash_text("\ud800") != hash_text("\ud801")
    assert hash_pieces([("", "\ud800")])[0].size_bytes == 3

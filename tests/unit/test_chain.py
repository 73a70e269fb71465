"""Hashes and lengths of a prompt: how far two prompts agree, and what is distinguished."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otel_promptcache.core.prompt import pieces as pieces_module
from otel_promptcache.core.prompt.chain import HashedPrompt, hash_prompt, hash_text
from otel_promptcache.core.prompt.pieces import MAX_DEPTH, MAX_PIECES, Piece, cut, hash_pieces
from otel_promptcache.core.prompt.segments import Role, Segment, SegmentKind
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
    assert "".join(part[2] for part in cut(item(text))) == text
    assert {part[0] for part in cut(item(text))} <= {""}


@given(st.text(alphabet="ab.!?\n 。！", max_size=400))
def test_pieces_of_a_text_of_marks_join_to_it_too(text: str) -> None:
    assert "".join(part[2] for part in cut(item(text))) == text


@given(
    st.lists(
        st.sampled_from(["a" * 300, "b. ", "1.5", "\n", " " * 300, "!" * 300, "。", "e"]), max_size=40
    ).map(lambda parts: "".join(["With a space, so no file. ", *parts]))
)
def test_a_text_is_cut_in_blocks_as_it_is_in_one(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        whole = cut(item(text))
        patch.setattr(pieces_module, "_BLOCK_CHARS", 3_000)
        assert cut(item(text)) == whole


def test_a_text_of_very_many_pieces_ends_with_a_long_one() -> None:
    text = prose(20 * (MAX_PIECES + 500))
    parts = cut(item(text))
    assert len(parts) == MAX_PIECES + 1
    assert text.startswith("".join(part[2] for part in parts))
    assert sum(piece.size_bytes for piece in hash_pieces(parts)) == len(text)
    assert parts[-1] != cut(item(text + "."))[-1]
    assert parts[-1] == cut(item(text))[-1]


def test_a_value_that_has_more_members_than_there_may_be_pieces_is_one() -> None:
    rows = list(range(MAX_PIECES + 1))
    parts = cut(item({"name": "f", "type": rows, "description": "d"}))
    assert [part[0] for part in parts] == [".name", ".type", ".description"]
    assert parts[1] != cut(item({"name": "f", "type": rows[1:], "description": "d"}))[1]
    many = cut(
        item(
            {"type": rows[: MAX_PIECES - 4], "description": "d", "title": ["a", "b"], "name": ["a", "b", "c"]}
        )
    )
    assert len(many) == MAX_PIECES
    assert [part[0] for part in many[-4:]] == [".description", ".title[0]", ".title[1]", ".name"]


def test_a_value_that_is_nested_deeply_is_cut_as_far_as_paths_go() -> None:
    one, other = ([[[0], 2]], [[[1], 2]])
    for _ in range(MAX_DEPTH):
        one, other = [one], [other]
    assert [part[0] for part in cut(item(one))] == ["[0]" * MAX_DEPTH]
    assert cut(item(one)) != cut(item(other))


def test_a_text_in_a_value_is_cut_into_sentences_as_far_as_there_is_room() -> None:
    text = "It is 9:30 now. And that is all. "
    parts = cut(item({"content": text, "name": "f"}))
    assert [part[0] for part in parts] == [".content", ".content", ".name"]
    pieces = hash_pieces(parts)
    others = hash_pieces(cut(item({"content": text.replace("9:30", "9:31"), "name": "f"})))
    assert [one.exact == other.exact for one, other in zip(pieces, others, strict=True)] == [
        False,
        True,
        True,
    ]
    assert [one.masked == other.masked for one, other in zip(pieces, others, strict=True)] == [
        True,
        True,
        True,
    ]
    long = text * MAX_PIECES
    parts = cut(item({"content": long, "name": "f"}))
    assert len(parts) == MAX_PIECES + 1
    *sentences, rest, name = hash_pieces(parts)
    assert rest == Piece(rest.exact, rest.exact, len(long) - sum(piece.size_bytes for piece in sentences))
    assert name.size_bytes == 1


def test_an_encoded_file_is_one_piece_and_json_in_a_text_is_cut_into_members() -> None:
    url = "data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUg" * 100
    assert [part[:1] for part in cut(item({"image_url": {"url": url}}))] == [(".image_url.url",)]
    rows = ",".join(f'{{"id":{number},"name":"{"x" * 60}","town":"Rome"}}' for number in range(20))
    before, after = (
        {piece.exact for piece in hash_pieces(cut(item({"content": f'{{"at":"{at}","rows":[{rows}]}}'})))}
        for at in ("9:30", "10:30 in the morning")
    )
    assert len(before - after) <= 2


@given(st.integers(0, 100), st.sampled_from([" really", "\n", "Wait. What? ", "x" * 300]))
def test_most_pieces_survive_an_insertion(place: int, insertion: str) -> None:
    text = prose(2_000)
    offset = len(text) * place // 100
    before = [part[2] for part in cut(item(text))]
    after = {part[2] for part in cut(item(text[:offset] + insertion + text[offset:]))}
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
    assert [part[2] for part in cut(item(text))] == pieces


@pytest.mark.parametrize(
    ("keeps_names", "paths"),
    [
        (False, [".name", ".parameters[0][0]", ".parameters[0][1][0]", ".parameters[1]", ".parameters[2]"]),
        (True, [".name", ".parameters.a[0]", ".parameters.a[1].b", ".parameters.c", ".parameters.d"]),
    ],
)
def test_a_value_is_cut_into_its_members(keeps_names: bool, paths: list[str]) -> None:
    value = {"name": "f", "parameters": {"a": [1, {"b": None}], "c": "é", "d": {}}}
    parts = cut(item(value), keeps_names=keeps_names)
    assert [part[0] for part in parts] == paths
    assert [part[2] for part in parts] == ["f", "1", "null", "é", "{}"]


@pytest.mark.parametrize("unit", ["a", ".", "a.", "\n", ". ", "。", "a.b", "  "])
def test_cutting_takes_linear_time_whatever_the_text(unit: str) -> None:
    # Not timed: a quadratic pattern would need minutes and hit the time limit of the whole run.
    text = unit * 200_000
    assert sum(piece.size_bytes for piece in hash_pieces(cut(item(text)))) == len(text.encode())


def test_a_piece_is_known_exactly_and_without_its_volatile_values() -> None:
    one, other = hash_pieces([*cut(item("It is 9:30 now. ")), *cut(item("It is 10:30 now. "))])
    assert one.exact != other.exact
    assert one.masked == other.masked
    assert (one.size_bytes, other.size_bytes) == (len("It is 9:30 now. "), len("It is 10:30 now. "))
    (stable,) = hash_pieces(cut(item("Be kind. ")))
    assert stable.masked == stable.exact


@given(st.text(max_size=4), st.text(max_size=4), st.text(max_size=4), st.text(max_size=4))
@example("a1", "2", "a", "12")
@example("a\0", "b", "a", "\0b")
def test_pieces_are_the_same_only_at_the_same_place(name: str, text: str, name_2: str, text_2: str) -> None:
    one, other = (
        [piece.exact for piece in hash_pieces(cut(item({key: value})))]
        for key, value in ((name, text), (name_2, text_2))
    )
    assert (one == other) == ((name, text) == (name_2, text_2))


def test_a_member_is_recognised_when_another_is_put_in_front_of_it_and_not_when_it_is_renamed() -> None:
    before, after, renamed = (
        hash_pieces(cut(item({"parameters": {"properties": properties}})))
        for properties in ({"b": 1, "c": 2}, {"a": 0, "b": 1, "c": 2}, {"b": 1, "d": 2})
    )
    assert after[1:] == before
    assert [one == other for one, other in zip(before, renamed, strict=True)] == [True, False]


def test_a_lone_surrogate_is_hashed() -> None:
    assert hash_text("\ud800") != hash_text("\ud801")
    assert hash_pieces(cut(item("\ud800")))[0].size_bytes == 3

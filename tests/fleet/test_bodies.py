"""A template's variant as bytes: what is written is read back, and malformed bytes are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.core.prompt.chain import HashedPrompt, PromptHasher
from otel_promptcache.core.prompt.literals import MARK_BYTES, MAX_LITERALS
from otel_promptcache.core.prompt.segments import Role, SegmentKind
from otel_promptcache.fleet.naming.bodies import (
    MAX_BODY_BYTES,
    MAX_LINKS,
    MAX_PIECES,
    BadBodyError,
    read_body,
    write_body,
)
from otel_promptcache.fleet.naming.hashes import FleetHashes
from otel_promptcache.fleet.naming.pieces import FleetPiece
from otel_promptcache.wire.openai.chat import CHAT_COMPLETIONS
from tests.unit.prompts import Body, chat, prose, system, tool, user

TEMPLATE = b"template"
BODY = chat(system(prose(600)), user("Hi"), tools=[tool("find"), tool("pay")])


def hashed(body: Body, hashes: FleetHashes) -> HashedPrompt:
    prompt, segments = PromptHasher().hash(lambda: CHAT_COMPLETIONS.blocks(body))
    hashes.learn(prompt, segments, 0)
    return prompt


def test_a_prompt_is_read_as_it_was_written() -> None:
    hashes = FleetHashes("n")
    prompt = hashed(BODY, hashes)
    content = hashes.content(prompt.links[0].content)
    assert content is not None
    pieces = (FleetPiece(b"exact", b"exact", 300, b""), FleetPiece(b"exac2", b"maske", 2, b"\1\2"))
    data = write_body(TEMPLATE, prompt, hashes, {content: pieces}, is_explicit=True)
    assert data is not None
    body = read_body(data)
    assert (body.template, body.is_explicit, body.leading) == (TEMPLATE, True, 2)
    assert [(link.kind, link.role, link.path, link.size_bytes) for link in body.links] == [
        (link.kind, link.role, link.path, link.size_bytes) for link in prompt.links
    ]
    assert [link.pieces for link in body.links] == [pieces, (), (), ()]
    assert [bool(link.label) for link in body.links] == [True, True, False, False]
    assert body.links[2].kind is SegmentKind.INSTRUCTIONS
    assert body.links[3].role is Role.USER


def test_segments_and_pieces_have_a_bound() -> None:
    hashes = FleetHashes("n")
    prompt = hashed(chat(system("Be kind."), *[user(f"Question {n}") for n in range(100)]), hashes)
    names = [hashes.content(link.content) for link in prompt.links]
    piece = FleetPiece(b"exact", b"masks", 9, bytes(99))
    pieces = {names[0]: (piece,) * MAX_PIECES, names[1]: (piece,)}
    data = write_body(TEMPLATE, prompt, hashes, pieces, is_explicit=False)  # type: ignore[arg-type]
    assert data is not None
    body = read_body(data)
    assert len(body.links) == MAX_LINKS
    assert [len(link.pieces) for link in body.links[:2]] == [MAX_PIECES, 0]
    assert len(body.links[0].pieces[0].marks) == MAX_LITERALS * MARK_BYTES


def test_a_path_that_is_none_of_the_wire_is_left_out() -> None:
    hashes = FleetHashes("n")
    prompt = hashed(BODY, hashes)
    odd = prompt.links[0]._replace(path="tools.Secret Name")
    data = write_body(TEMPLATE, HashedPrompt((odd,), prompt.routing), hashes, {}, is_explicit=False)
    assert data is not None
    body = read_body(data)
    assert (body.links[0].path, body.leading) == ("", -1)


def test_without_the_names_nothing_is_written() -> None:
    hashes = FleetHashes("n")
    prompt = hashed(BODY, hashes)
    hashes.forget()
    assert write_body(TEMPLATE, prompt, hashes, {}, is_explicit=False) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for tried in (data, TEMPLATE + b"\0\0\1" + data):
        try:
            body = read_body(tried)
        except BadBodyError:
            continue
        assert len(body.links) <= MAX_LINKS


@pytest.mark.parametrize(
    "data",
    [
        bytes(MAX_BODY_BYTES + 1),
        TEMPLATE + bytes((0, 0, MAX_LINKS + 1)),
        TEMPLATE + bytes((0, 2, 1)),
        TEMPLATE + bytes((0, 0, 1, 0, 0, 0)) + bytes(8) + b"\xff" * 7,  # a size of too many bytes
        TEMPLATE + bytes((0, 0, 1, 0x1C, 0, 0)) + bytes(10),  # a role that does not exist
    ],
)
def test_what_has_another_shape_is_refused(data: bytes) -> None:
    with pytest.raises(BadBodyError):
        read_body(data)

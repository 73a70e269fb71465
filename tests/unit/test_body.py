"""Bodies without I/O: whatever the chunking, the documents are the same."""

from __future__ import annotations

import gzip
import json
import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.wire import body as body_module
from otel_promptcache.wire.body import Body, DocumentTooLongError, OpaqueBody, body_reader
from otel_promptcache.wire.openai import usage_event_filter
from otel_promptcache.wire.openai.usage_event_filter import UsageEventFilter
from otel_promptcache.wire.sse import EventAssembler, event_data, event_documents, split_events

line_ends = st.sampled_from([b"\n", b"\r\n", b"\r"])
payloads = st.lists(st.text('abc {}:"é', min_size=1, max_size=12).map(str.encode), min_size=1, max_size=6)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    chunks, start = [], 0
    for size in sizes:
        chunks.append(data[start : start + size])
        start += size
    return [*chunks, data[start:]]


def read(reader: Body, chunks: list[bytes]) -> list[bytes]:
    return [document for chunk in chunks for document in event_documents(reader.feed(chunk))] + list(
        reader.close()
    )


@given(payloads, line_ends, st.lists(st.integers(0, 9)), st.booleans())
def test_events_do_not_depend_on_the_chunking(
    data: list[bytes], end: bytes, sizes: list[int], is_last_complete: bool
) -> None:
    stream = b"".join(b"event: x" + end + b"data: " + each + end + end for each in data)
    if not is_last_complete:
        stream = stream[: -len(end)]
    chunks = cut(stream, sizes)
    assert read(body_reader(""), chunks) == data


# Pieces that form streams of any shape: all line endings, events with and without data, with and without blank lines.
fragments = st.lists(
    st.sampled_from([b"data: {}", b"data:late", b"data: [DONE]", b"event: x", b": hi", b"\n", b"\r\n", b"\r"])
    | line_ends.map(lambda end: end * 2),
    max_size=20,
)


def documents_of(stream: bytes) -> list[bytes]:
    """A simple parser of a whole stream, as the reference for the fast one."""
    documents = []
    for event in re.split(rb"\n\n|\r\n\r\n|\r\r", stream):
        lines = [line for line in re.split(rb"\r\n|\n|\r", event) if line.startswith(b"data:")]
        documents.append(b"\n".join(line[5:].removeprefix(b" ") for line in lines))
    return [document for document in documents if document]


@given(fragments, st.lists(st.integers(0, 9)))
def test_documents_of_any_stream_do_not_depend_on_the_chunking(pieces: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(pieces)
    reader = body_reader("")
    assert read(reader, cut(stream, sizes)) == documents_of(stream)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_an_event_comes_with_the_last_byte_of_its_blank_line(end: bytes) -> None:
    event = b"data: x" + end + end
    for size in range(len(event)):
        reader = body_reader("")
        assert reader.feed(event[:size]) == b""
        assert reader.feed(event[size:]) == event


@given(fragments, st.lists(st.integers(0, 9)))
def test_whole_events_are_passed_on_at_once(pieces: list[bytes], sizes: list[int]) -> None:
    assembler, seen, passed = EventAssembler(), b"", b""
    for chunk in cut(b"".join(pieces), sizes):
        seen += chunk
        passed += assembler.feed(chunk)
        assert not passed or passed.endswith((b"\n\n", b"\r\n\r\n", b"\r\r"))
        assert seen.startswith(passed)
        assert not re.search(rb"\n\n|\r\n\r\n|\r\r", seen[len(passed) :])
    assert passed + assembler.rest() == seen
    assert assembler.rest() == b""


@given(fragments)
def test_splitting_loses_and_adds_no_byte(pieces: list[bytes]) -> None:
    whole = b"".join(pieces) + b"\n\n"
    events = list(split_events(whole))
    assert b"".join(events) == whole
    assert list(event_documents(whole)) == documents_of(whole)


def test_data_of_an_event() -> None:
    assert event_data(b": comment\n\n") == b""
    assert event_data(b"data: a\ndata:b\nid: 1\n\n") == b"a\nb"
    assert event_data(b"data:  two spaces\n\n") == b" two spaces"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "GZIP "])
@given(sizes=st.lists(st.integers(0, 40)))
def test_a_deflated_body_is_inflated(encoding: str, sizes: list[int]) -> None:
    plain = b'data: {"a": 1}\n\ndata: [DONE]\n\n'
    packed = zlib.compress(plain) if encoding == "deflate" else gzip.compress(plain)
    reader = body_reader(encoding)
    assert read(reader, cut(packed, sizes)) == [b'{"a": 1}', b"[DONE]"]


def test_a_body_that_is_not_what_it_says_raises_for_the_guard() -> None:
    reader = body_reader("gzip")
    with pytest.raises(zlib.error):
        reader.feed(b"\x00\x01garbage")


def test_an_encoding_that_cannot_be_undone_is_not_understood() -> None:
    reader = body_reader("br")
    assert isinstance(reader, OpaqueBody)
    assert read(reader, [b"data: x\n\n"]) == []


def test_a_document_is_whole_at_the_end() -> None:
    assert read(body_reader("identity"), [b'{"a"', b": 1}"]) == [b'{"a": 1}']
    assert read(body_reader(""), []) == []


@pytest.mark.parametrize("is_event_stream", [True, False])
def test_a_document_that_never_ends_is_forgotten(
    is_event_stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_module, "MAX_DOCUMENT_BYTES", 100)
    reader = body_reader("")
    assert reader.feed(b"data: " + b"x" * 90) == b""
    with pytest.raises(DocumentTooLongError, match="longer than 100 bytes"):
        reader.feed(b"x" * 20)
    assert reader.feed(b"x" * 50) == b""
    assert list(reader.close()) in ([], [b""])


def test_what_came_before_a_document_that_never_ends_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "MAX_DOCUMENT_BYTES", 10)
    reader = body_reader("")
    assert reader.feed(b"data: 1\n\ndata: " + b"x" * 20) == b"data: 1\n\n"
    with pytest.raises(DocumentTooLongError):
        reader.feed(b"x")
    assert reader.feed(b"data: 2\n\n") == b"data: 2\n\n"


def test_a_document_and_events_are_told_apart_by_their_first_bytes() -> None:
    for lead in (b"", b"\xef\xbb\xbf", b" \r\n"):
        assert read(body_reader(""), [lead, b'{"a"', b": 1}"]) == [lead + b'{"a": 1}']
    assert read(body_reader(""), [b"\n", b": hi\n\n", b"data: 1\n\n"]) == [b"1"]


def test_a_body_that_inflates_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "MAX_DOCUMENT_BYTES", 1_000_000)
    reader = body_reader("gzip")
    with pytest.raises(DocumentTooLongError):
        reader.feed(gzip.compress(b"{" + b" " * 5_000_000))
    assert reader.feed(b"anything") == b""


def test_several_members_of_a_gzip_body_are_read() -> None:
    packed = gzip.compress(b"data: 1\n\n") + gzip.compress(b"data: 2\n\n")
    assert read(body_reader("gzip"), [packed]) == [b"1", b"2"]


def event(message: object, end: bytes = b"\n") -> bytes:
    return b"data: " + json.dumps(message).encode() + end + end


def passed(chunks: list[bytes]) -> list[bytes]:
    event_filter = UsageEventFilter()
    return [kept for chunk in chunks for kept in event_filter.feed(chunk)] + event_filter.rest()


KEPT = (
    event({"choices": [{"delta": {"content": "a"}}], "usage": None})
    + event({"choices": [], "prompt_filter_results": []})
    + event({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}})
    + b'data: {"usage" broken, "choices": []\n\n'
    + event({"choices": [], "usage": None})
    + event({"choices": [], "usage": {}})
    + event({"error": {"message": "no"}, "usage": {"prompt_tokens": 1}})
    + event({"choices": [{"delta": {"content": '"choices": []'}}], "usage": {"prompt_tokens": 1}})
    + b'data: {"choices": [{"x": {"choices": []}}], "usage": {"prompt_tokens": 1}}\n\n'
    + b": comment\n\nevent: x\nid: 1\n" + event({"choices": [{}]})
)  # fmt: skip


@pytest.mark.parametrize("choices", [{"choices": []}, {"choices": None}, {}])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@given(sizes=st.lists(st.integers(0, 30)))
def test_only_the_usage_event_is_taken_out(choices: dict[str, object], end: bytes, sizes: list[int]) -> None:
    usage = event({**choices, "usage": {"prompt_tokens": 1}}, end)
    behind = b"data: [DONE]" + end + end + b"tail"
    assert b"".join(passed(cut(KEPT + usage + behind, sizes))) == KEPT + behind


def test_nothing_is_held_back_of_what_cannot_be_the_usage_event() -> None:
    for chunks in (
        [b": ping", b"\n", b"\n", b": pong\n\n"],
        [b'data: {"id": 1, "choices": [{', b'"delta"', b": {}}]}\n", b"\n"],
        [b"data: [DO", b"NE]\n", b"\n"],
        [b"data: " + b"x" * 20_000, b"x", b"\n\n"],
    ):
        event_filter = UsageEventFilter()
        assert [event_filter.feed(chunk) for chunk in chunks] == [[chunk] for chunk in chunks]


def test_events_that_come_in_one_chunk_are_each_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    one = event({"choices": [{"delta": {"content": "a"}}]})
    chunk = one * 1_000
    end_of_event, looked_at = usage_event_filter._END_OF_EVENT, 0

    class Counting:
        def search(self, data: bytes, start: int = 0) -> re.Match[bytes] | None:
            nonlocal looked_at
            match = end_of_event.search(data, start)
            is_copy = data is not chunk
            looked_at += len(data) if is_copy or match is None else match.end() - start
            return match

    monkeypatch.setattr(usage_event_filter, "_END_OF_EVENT", Counting())
    assert passed([chunk]) == [chunk]
    assert len(chunk) <= looked_at <= 2 * len(chunk)


def test_what_was_held_back_keeps_its_chunks() -> None:
    chunks = [b'data: {"id"', b": 1, ", b'"choices": [{}]}\n', b"\n"]
    assert passed(chunks) == chunks
    assert passed(chunks[:2]) == chunks[:2]
    assert passed([b'data: {"usage": {"prompt_tokens": 1}}']) == []

"""AWS event streams, cut anywhere and malformed."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.wire.anthropic.frames import (
    MAX_FRAME_BYTES,
    MAX_HEADERS_BYTES,
    FrameBody,
    MalformedFrameError,
)
from otel_promptcache.wire.sse import event_documents
from tests.claude.wire import events, frame, raw_frame, string_header

EVENTS = events()
STREAM = b"".join(map(frame, EVENTS))


def read(chunks: list[bytes]) -> list[Any]:
    body = FrameBody()
    found = [json.loads(document) for chunk in chunks for document in event_documents(body.feed(chunk))]
    assert list(body.close()) == []
    return found


@given(st.lists(st.integers(0, len(STREAM)), max_size=12).map(sorted))
def test_events_are_read_however_the_stream_is_cut(cuts: list[int]) -> None:
    ends = [*cuts, len(STREAM)]
    assert read([STREAM[start:end] for start, end in zip([0, *cuts], ends, strict=True)]) == EVENTS


def test_byte_by_byte() -> None:
    assert read([STREAM[index : index + 1] for index in range(len(STREAM))]) == EVENTS


def test_a_stream_that_breaks_off_says_what_came_until_then() -> None:
    assert read([STREAM[:-1]]) == EVENTS[:-1]


def test_line_ends_in_the_json_do_not_end_the_event() -> None:
    payload = json.dumps({"bytes": "eyJ0eXBlIjoKCg0KInBpbmcifQ=="}).encode()  # {"type":\n\n\r\n"ping"}
    assert read([raw_frame(payload)]) == [{"type": "ping"}]


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({":message-type": "exception", ":exception-type": "throttlingException"}, "throttlingException"),
        ({":message-type": "error", ":error-code": "InternalError"}, "InternalError"),
        ({":message-type": "exception", ":exception-type": "free text!"}, None),
    ],
)
def test_an_exception_is_an_error_event(headers: dict[str, str], name: str | None) -> None:
    assert read([frame({"type": "ping"}, **headers)]) == [{"type": "error", "error": {"type": name}}]


def test_headers_of_all_types_are_passed_over() -> None:
    values = {
        0: b"",
        1: b"",
        2: b"\x01",
        3: b"\0\1",
        4: b"\0" * 4,
        5: b"\0" * 8,
        6: b"\0\2ab",
        8: b"\0" * 8,
        9: b"\0" * 16,
    }
    headers = b"".join(b"\x01h" + bytes([kind]) + value for kind, value in values.items())
    payload = raw_frame(b"{}", headers + string_header(":exception-type", "x"))
    assert read([payload]) == [{"type": "error", "error": {"type": "x"}}]


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b'{"bytes": 7}', b'{"bytes": ""}'])
def test_a_frame_without_an_event_says_nothing(payload: bytes) -> None:
    assert read([raw_frame(payload) + frame(EVENTS[0])]) == EVENTS[:1]


@pytest.mark.parametrize(
    "bad",
    [
        struct.pack(">III", 15, 0, 0),
        struct.pack(">III", 20, 5, 0),
        struct.pack(">III", MAX_FRAME_BYTES + 1, 0, 0),
        struct.pack(">III", MAX_FRAME_BYTES, MAX_HEADERS_BYTES + 1, 0),
        b"event: message_start\n",
        raw_frame(b"{}", b"\x09too short"),
        raw_frame(b"{}", b"\x01h"),
        raw_frame(b"{}", b"\x01h\x07\x00"),
        raw_frame(b"{}", b"\x01h\x0a"),
    ],
)
def test_a_malformed_frame_is_told_once_and_nothing_is_read_after_it(bad: bytes) -> None:
    body = FrameBody()
    with pytest.raises(MalformedFrameError):
        body.feed(bad)
    assert body.feed(STREAM) == b""
    assert list(body.close()) == []


@pytest.mark.parametrize(
    "bad", [b"not JSON", b'{"bytes": "%%%"}', b'{"bytes": ' + b"[" * 200_000], ids=["text", "Base64", "depth"]
)
def test_a_payload_without_an_event_is_passed_over_as_the_sdk_does(bad: bytes) -> None:
    whole = FrameBody().feed(STREAM + STREAM)
    assert FrameBody().feed(STREAM + raw_frame(bad) + STREAM) == whole != b""


@given(st.binary(max_size=200), st.integers(0, len(STREAM) - 1))
def test_anything_may_come(junk: bytes, place: int) -> None:
    body = FrameBody()
    try:
        body.feed(STREAM[:place] + junk)
        body.feed(STREAM[place:])
    except MalformedFrameError:
        assert body.feed(STREAM) == b""

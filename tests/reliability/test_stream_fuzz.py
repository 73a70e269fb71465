"""What an application sees of a stream is the same with and without us: thousands of streams, no difference."""

from __future__ import annotations

import asyncio
from ast import literal_eval
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from otel_promptcache.wire.openai import usage_event_filter
from tests.conftest import Telemetry

from .stream_cases import ENCODINGS, StreamCase, make_case
from .stream_reading import ASKED, Seen, aread, read

STREAMS = 2_500
_ASYNC_EVERY = 4


def seen_of(case: StreamCase) -> Seen:
    return asyncio.run(aread(case)) if case.seed % _ASYNC_EVERY == 0 else read(case)


@pytest.fixture(scope="module")
def patient_sdk() -> Iterator[None]:
    """Have what follows `[DONE]` read to its end even on slow machines; the SDK gives it a tenth of a second.

    Source: openai 3.57.0, `_streaming_cleanup.py` (checked 2026-11-26).
    """
    with pytest.MonkeyPatch.context() as patch:
        if find_spec("openai._streaming_cleanup") is not None:
            patch.setattr("openai._streaming_cleanup._DRAIN_TIMEOUT", 600.0)
        yield


@pytest.fixture(scope="module")
def expected(patient_sdk: None) -> dict[int, Seen]:  # before anything is read
    """What an application that is not instrumented sees."""
    return {seed: seen_of(make_case(seed)) for seed in range(STREAMS)}


def differences(expected: dict[int, Seen], *, joins_bytes: bool = False) -> list[int]:
    """The seeds of the streams that differ.

    Args:
        expected: What is seen without us, by seed.
        joins_bytes: Compare bytes as a whole. Those of an undecided event may come in different pieces, and later;
            items come when they would have come without us.
    """
    found = []
    for seed, seen in expected.items():
        case = make_case(seed)
        mine = seen_of(case)
        if joins_bytes and case.reading == "lines":
            seen, mine = ([each for each in log if each != ASKED] for log in (seen, mine))  # noqa: PLW2901  # likewise
        elif joins_bytes and case.reading in ("bytes", "raw", "text"):
            seen, mine = joined(seen), joined(mine)  # noqa: PLW2901  # compared below
        if mine != seen:
            found.append(seed)
    return found


def joined(seen: Seen) -> tuple[bytes, Seen]:
    """The bytes of all pieces together, and what else was seen."""
    seen = [each for each in seen if each != ASKED]
    pieces = [literal_eval(each) for each in seen if each.startswith(("b'", 'b"', "'", '"'))]
    content = b"".join(each if isinstance(each, bytes) else each.encode() for each in pieces)
    return content, seen[len(pieces) :]


def test_the_streams_are_of_all_shapes(expected: dict[int, Seen]) -> None:
    cases = [make_case(seed) for seed in expected]
    assert {case.reading for case in cases} >= {"for", "next", "with", "bytes", "raw", "lines", "text"}
    assert len({case.error for case in cases}) == 5
    assert {case.api for case in cases} == {"chat", "responses", "completions"}
    assert {case.headers.get("content-encoding", "") for case in cases} == {"", *ENCODINGS}
    assert {"gzip", "deflate", "br", "zstd"} <= set(ENCODINGS)
    assert sum(case.chunks != case.chunks_with_usage for case in cases) > STREAMS / 8
    assert sum(len(seen) > 1 for seen in expected.values()) > STREAMS / 2


def test_no_stream_differs(telemetry: Telemetry, expected: dict[int, Seen]) -> None:
    telemetry.instrument()
    assert differences(expected) == []
    assert telemetry.total("promptcache.requests") == STREAMS


def test_no_stream_differs_while_the_usage_event_is_hidden(
    telemetry: Telemetry, expected: dict[int, Seen]
) -> None:
    telemetry.instrument(stream_usage=True)
    assert differences(expected, joins_bytes=True) == []
    assert telemetry.total("promptcache.requests") == STREAMS


def test_a_filter_that_hides_nothing_is_found(
    telemetry: Telemetry, expected: dict[int, Seen], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_event_filter, "_is_usage_event", lambda _: False)
    telemetry.instrument(stream_usage=True)
    few = {seed: expected[seed] for seed in range(100)}
    assert len(differences(few, joins_bytes=True)) > 10

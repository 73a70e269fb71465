"""What the package runs for a call, a chunk and a message must not creep up: it is counted, not timed."""

# ruff: noqa: S101  # asserts are how tests speak

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from benchmarks import answers, counts, prompts
from benchmarks.counting import Counts, count
from benchmarks.messages import workloads as messages
from benchmarks.ours import switched
from benchmarks.telemetry import Telemetry
from benchmarks.workloads import (
    Workload,
    chat_arguments,
    chat_stream,
    response_stream,
    short_chat,
    stable_chat,
    stable_response,
)

_WARM_UP_CALLS = 100

# Calls of Python functions of the package.
FUNCTIONS_PER_SHORT_CALL = 285
FUNCTIONS_PER_CALL_WITH_TOOLS = 315
FUNCTIONS_PER_MESSAGE: dict[str, int] = dict(zip(messages.WORKLOADS, (406, 438, 697, 544, 786), strict=True))
FUNCTIONS_PER_EVENT = 5
FUNCTIONS_PER_EVENT_ASYNC = 8
FUNCTIONS_PER_EVENT_OF_ANTHROPIC = 6
FUNCTIONS_PER_KNOWN_MESSAGE = 8

# Bytecode instructions of the package; their number differs somewhat between versions of Python.
INSTRUCTIONS_PER_EVENT = 200
INSTRUCTIONS_PER_KNOWN_MESSAGE = 300

# Calls of OpenTelemetry's SDK.
HISTOGRAM_RECORDS_PER_CALL = 3
HISTOGRAM_RECORDS_PER_STREAM = 5
SPAN_WRITES_PER_CALL = 1
PARSES_PER_MESSAGE: dict[str, int] = dict(zip(messages.WORKLOADS, (1, 1, 5, 1, 1), strict=True))

# JSON documents parsed or written: the answer, and each kind of item in the request that is not text.
PARSES_PER_SHORT_CALL = 1
PARSES_PER_STREAM = 8
PARSES_PER_KNOWN_MESSAGE = 0.1


@pytest.fixture(scope="module", autouse=True)
def instrumented() -> Iterator[None]:
    """Turn every setting on, and let faults of the instrumentation reach the test."""
    with pytest.MonkeyPatch.context() as patch, closing(Telemetry()) as telemetry:
        patch.setenv("OTEL_PYTHON_PROMPTCACHE_STRICT", "true")
        with switched(telemetry) as switch:
            switch.on()
            yield


@pytest.mark.parametrize(
    ("workload", "functions"),
    [
        (short_chat(), FUNCTIONS_PER_SHORT_CALL),
        (stable_chat(), FUNCTIONS_PER_CALL_WITH_TOOLS),
        (stable_response(), FUNCTIONS_PER_CALL_WITH_TOOLS),
    ],
    ids=lambda value: getattr(value, "name", None),
)
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_call_runs_so_much_and_no_more(workload: Workload, functions: int, is_async: bool) -> None:  # noqa: FBT001
    """A plain call of a service that has made many."""
    counted = counts.of_call(workload, is_async=is_async)

    assert 0 < counted.functions <= functions
    assert counted.histogram_records <= HISTOGRAM_RECORDS_PER_CALL
    assert counted.span_writes <= SPAN_WRITES_PER_CALL


@pytest.mark.parametrize("workload", messages.WORKLOADS)
def test_a_call_of_anthropics_sdk_runs_so_much_and_no_more(workload: str) -> None:
    """Each call asks a new question after a known prompt."""
    counted = of_message(workload)

    assert 0 < counted.functions <= FUNCTIONS_PER_MESSAGE[workload]
    assert counted.parses <= PARSES_PER_MESSAGE[workload]
    assert counted.histogram_records <= HISTOGRAM_RECORDS_PER_STREAM
    assert counted.span_writes <= SPAN_WRITES_PER_CALL


def test_one_more_event_of_anthropics_runs_next_to_nothing() -> None:
    """It is skipped, as the events of OpenAI's streams are."""
    (stream,) = (name for name in messages.WORKLOADS if name.endswith("stream"))
    added = (of_message(stream, words=60) - of_message(stream, words=10)) / 50

    assert 0 < added.functions <= FUNCTIONS_PER_EVENT_OF_ANTHROPIC
    assert added.instructions <= INSTRUCTIONS_PER_EVENT
    assert (added.parses, added.histogram_records, added.span_writes) == (0, 0, 0)


def of_message(workload: str, words: int = 10) -> Counts:
    """Count one call of a service that has made many such calls."""
    with messages.calling(words) as run:
        run(workload, _WARM_UP_CALLS)
        return count(functools.partial(run, workload, 1))


def test_a_call_without_tools_parses_nothing_but_its_answer() -> None:
    """The request is already available as Python objects."""
    assert counts.of_call(short_chat()).parses == PARSES_PER_SHORT_CALL


@pytest.mark.parametrize("stream", [chat_stream, response_stream])
def test_a_stream_records_and_parses_no_more_than_a_stream_of_any_length_must(stream: counts.Stream) -> None:
    """This is the fixed cost of a call."""
    counted = counts.of_call(stream(30))

    assert counted.histogram_records <= HISTOGRAM_RECORDS_PER_STREAM
    assert counted.span_writes <= SPAN_WRITES_PER_CALL
    assert counted.parses <= PARSES_PER_STREAM


@pytest.mark.parametrize(
    ("is_async", "functions"), [(False, FUNCTIONS_PER_EVENT), (True, FUNCTIONS_PER_EVENT_ASYNC)]
)
@pytest.mark.parametrize("stream", [chat_stream, response_stream])
def test_one_more_event_runs_next_to_nothing(
    stream: counts.Stream,
    is_async: bool,  # noqa: FBT001
    functions: int,
) -> None:
    """After the first token, events pass without being parsed or recorded."""
    added = counts.of_further_event(stream, is_async=is_async)

    assert 0 < added.functions <= functions
    assert added.instructions <= INSTRUCTIONS_PER_EVENT
    assert (added.parses, added.histogram_records, added.span_writes) == (0, 0, 0)


def test_one_more_known_message_runs_next_to_nothing() -> None:
    """What a conversation resends is recognised, not read again."""
    added = counts.of_further_message()

    assert added.functions <= FUNCTIONS_PER_KNOWN_MESSAGE
    assert added.instructions <= INSTRUCTIONS_PER_KNOWN_MESSAGE
    assert added.parses <= PARSES_PER_KNOWN_MESSAGE
    assert (added.histogram_records, added.span_writes) == (0, 0)


@pytest.mark.parametrize("is_fresh", [False, True], ids=["same objects", "fresh strings"])
def test_a_known_prompt_costs_the_same_whatever_its_length(is_fresh: bool) -> None:  # noqa: FBT001
    """No Python code iterates over a text that was seen before."""
    assert stable_prompt(100_000, is_fresh=is_fresh) == stable_prompt(4_600, is_fresh=is_fresh)


def stable_prompt(tokens: int, *, is_fresh: bool) -> Counts:
    """Count a call with instructions that never change."""
    text, question = prompts.words(tokens), prompts.words(60)
    workload = Workload(
        name=f"{tokens} tokens",
        answer=answers.chat_answer(),
        arguments=lambda _: chat_arguments(prompts.fresh(text) if is_fresh else text, question),
        sample_calls=1,
    )
    return counts.of_call(workload)


def test_counting_the_same_twice_gives_the_same() -> None:
    """The figures are deterministic, except for a branch that runs if a new second begins in between."""
    one, other = counts.of_call(short_chat()), counts.of_call(short_chat())
    assert replace(one, instructions=0) == replace(other, instructions=0)
    assert one.instructions == pytest.approx(other.instructions, rel=0.01)


def test_work_outside_of_the_package_counts_nothing() -> None:
    """Code of other packages is not counted."""
    assert count(lambda: prompts.words(10)) == Counts()

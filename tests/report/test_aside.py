"""Observing aside, in this process: everything is written, and nothing of it is visible to the program."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import APIConnectionError, OpenAI, _base_client
from opentelemetry import trace

from otel_promptcache import PromptCacheInstrumentor, prefix
from otel_promptcache.report.observing.aside import AsideInstrumentor, start
from otel_promptcache.report.observing.spans import SpoolTracerProvider
from otel_promptcache.report.observing.spool import Spool
from otel_promptcache.report.reading.gather import Gathered, gather
from otel_promptcache.sdk.sdks import Sdk
from otel_promptcache.sim import Simulator
from tests.conftest import Telemetry

SYSTEM = {"role": "system", "content": "You are helpful. " * 700}


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(AsideInstrumentor, "_instance", None)
    logger = logging.getLogger("otel_promptcache")
    filters = list(logger.filters)
    yield tmp_path
    logger.filters[:] = filters
    vars(PromptCacheInstrumentor()).pop("_instrument", None)
    if AsideInstrumentor().is_instrumented_by_opentelemetry:
        AsideInstrumentor().uninstrument()


def ask(simulator: Simulator, **arguments: object) -> None:
    with OpenAI(base_url=simulator.base_url, api_key="key", max_retries=0) as client, prefix("bot"):
        messages = [SYSTEM, {"role": "user", "content": "Hi"}]
        answer = client.chat.completions.create(model="gpt-4.1", messages=messages, **arguments)  # type: ignore[call-overload]
        if arguments.get("stream"):
            list(answer)


def results(gathered: Gathered) -> list[str]:
    return [call.result for call in gathered.calls]


def test_calls_are_written(directory: Path, simulator: Simulator) -> None:
    start(str(directory), "openai")
    assert gather(directory).processes == 1
    ask(simulator)
    ask(simulator)
    first, second = gather(directory).calls
    assert (first.result, second.result) == ("miss", "hit")
    assert first.name == "bot"
    assert first.reason == "cold_start"
    assert first.started_seconds <= first.ended_seconds <= second.started_seconds
    assert first.read_tokens == 0
    assert not PromptCacheInstrumentor().is_instrumented_by_opentelemetry


def test_starting_twice_observes_once(directory: Path, simulator: Simulator) -> None:
    start(str(directory), "openai")
    start(str(directory), "openai")
    ask(simulator)
    assert results(gather(directory)) == ["miss"]


def test_errors_are_calls_too(directory: Path, simulator: Simulator) -> None:
    start(str(directory), "openai")
    with pytest.raises(Exception, match="400"):
        ask(simulator, n=0)
    (call,) = gather(directory).calls
    assert call.error_type == "BadRequestError"
    assert call.start is None  # the provider has not processed it


@pytest.mark.parametrize("is_stream", [False, True])
def test_when_the_prompt_was_processed_is_written(
    directory: Path, simulator: Simulator, is_stream: bool
) -> None:
    start(str(directory), "openai")
    ask(simulator, stream=is_stream)
    (call,) = gather(directory).calls
    duration_seconds = call.ended_seconds - call.started_seconds
    assert call.start is not None
    assert call.processed_seconds is not None
    if is_stream:
        assert call.first_token_seconds is not None
        assert call.first_token_seconds <= call.processed_seconds < duration_seconds
    else:
        assert call.processed_seconds == pytest.approx(duration_seconds, abs=1e-6)


def test_an_instrumentation_of_the_program_is_not_disturbed(
    directory: Path, simulator: Simulator, telemetry: Telemetry
) -> None:
    start(str(directory), "openai")
    telemetry.instrument()
    tracer = telemetry.tracer_provider.get_tracer("program")
    with tracer.start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}) as span:
        ask(simulator)
        assert trace.get_current_span() is span
    assert results(gather(directory)) == ["miss"]
    assert telemetry.span["promptcache.result"] == "miss"  # joined by the program's own instrumentation
    PromptCacheInstrumentor().uninstrument()
    ask(simulator)
    assert results(gather(directory)) == ["miss", "hit"]
    assert len(telemetry.spans) == 1


def test_what_we_would_log_becomes_a_note(
    directory: Path, simulator: Simulator, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_PYTHON_PROMPTCACHE_PRICES", "/no/such/file.json")
    start(str(directory), "openai")
    ask(simulator, stream=True)  # without usage, for which the report has a finding
    assert results(gather(directory)) == ["unknown"]
    (note,) = gather(directory).notes
    assert note.startswith("prices: cannot read /no/such/file.json")
    assert not caplog.records
    logging.getLogger("otel_promptcache").warning("said by somebody else")
    assert [record.getMessage() for record in caplog.records] == ["said by somebody else"]


def test_a_note_does_not_say_how_often_it_is_logged(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    httpx: Any = getattr(_base_client, "httpx2", None) or getattr(_base_client, "httpx", None)  # older SDKs

    def refuse(request: Any) -> Any:
        raise httpx.ConnectError("refused", request=request)

    start(str(directory), "openai")
    transport = httpx.Client(transport=httpx.MockTransport(refuse))
    with (
        OpenAI(
            base_url="https://proxy.invalid/v1", api_key="key", max_retries=0, http_client=transport
        ) as client,
        pytest.raises(APIConnectionError),
    ):
        client.responses.create(model="gpt-4.1", input="Hi")
    assert not caplog.records
    (note,) = gather(directory).notes
    assert note.startswith("proxy.invalid is not a known host")
    assert note.endswith("(OTEL_PYTHON_PROMPTCACHE_HOSTS).")


def test_what_the_program_would_hear_it_hears_once(
    directory: Path, simulator: Simulator, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    start(str(directory), "otel_promptcache")
    telemetry.instrument()
    ask(simulator, stream=True)
    assert [record.getMessage()[:33] for record in caplog.records] == ["A chat stream ended without usage"]
    assert gather(directory).notes == ()


@pytest.mark.parametrize("is_openai_first", [True, False])
def test_a_program_that_asks_for_usage_itself(
    directory: Path,
    simulator: Simulator,
    telemetry: Telemetry,
    monkeypatch: pytest.MonkeyPatch,
    is_openai_first: bool,
) -> None:
    monkeypatch.setenv("OTEL_PYTHON_PROMPTCACHE_STREAM_USAGE", "true")
    start(str(directory), "openai" if is_openai_first else "otel_promptcache")
    telemetry.instrument(stream_usage=True)
    ask(simulator, stream=True)
    assert results(gather(directory)) == ["miss"]
    assert telemetry.span["promptcache.result"] == "miss"
    PromptCacheInstrumentor().uninstrument()
    telemetry.instrument(stream_usage=False)
    ask(simulator, stream=True)
    assert results(gather(directory)) == ["miss", "unknown"]


def test_a_fault_of_ours_is_not_the_programs(
    directory: Path, simulator: Simulator, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    start(str(directory), "otel_promptcache")
    monkeypatch.setattr(AsideInstrumentor, "observe", broken)
    telemetry.instrument()
    ask(simulator)
    assert telemetry.span["promptcache.result"] == "miss"
    assert gather(directory).notes == ("not observed: RuntimeError: broken",)


def test_an_sdk_that_is_not_supported_is_left_alone(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unsupported = Sdk("openai", "openai >= 99", ("OpenAI", "AsyncOpenAI"))
    monkeypatch.setattr("otel_promptcache.instrumentor.SDKS", (unsupported,))
    start(str(directory), "openai")
    (note,) = gather(directory).notes
    assert note.startswith("not observed: ")
    assert "openai >= 99" in note
    assert gather(directory).processes == 0


def test_hooks_that_are_being_imported_come_first(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from otel_promptcache.sdk import patches  # noqa: PLC0415

    with monkeypatch.context() as patched:
        patched.delattr(patches, "Patches")
        start(str(directory), "openai")
    assert not AsideInstrumentor().is_instrumented_by_opentelemetry
    start(str(directory), "openai")
    assert AsideInstrumentor().is_instrumented_by_opentelemetry


def test_only_the_way_that_calls_take_is_there() -> None:
    tracer = SpoolTracerProvider(Spool("/nowhere")).get_tracer("x")
    with pytest.raises(NotImplementedError):
        tracer.start_as_current_span("x")

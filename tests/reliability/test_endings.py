"""Each call leaves one span and one request, and only what the provider or the network did is an error."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import APIConnectionError, AsyncOpenAI

from otel_promptcache.sim import Simulator
from tests.conftest import Telemetry

from .server import BODY, STREAM, USAGE, Chunks, answering, chunk, client_of, completion, streaming


def test_a_stream_that_is_closed_ends_at_once(telemetry: Telemetry) -> None:
    telemetry.instrument()
    with client_of(streaming(STREAM)) as client:
        with client.chat.completions.create(**BODY, stream=True) as stream:
            next(iter(stream))
        (span,) = telemetry.exporter.get_finished_spans()
    assert dict(span.attributes or {})["promptcache.abandoned"] is True
    assert span.status.is_ok or not span.status.description
    assert "error.type" not in (span.attributes or {})
    assert telemetry.total("promptcache.requests") == 1


def test_a_flush_finds_a_stream_that_was_broken_off(telemetry: Telemetry) -> None:
    telemetry.instrument()
    with client_of(streaming(STREAM)) as client:
        stream = client.chat.completions.create(**BODY, stream=True)
        for _ in stream:
            break
        assert telemetry.exporter.get_finished_spans() == ()
        telemetry.tracer_provider.force_flush()
        assert len(telemetry.exporter.get_finished_spans()) == 1
        assert len(list(stream)) == 3  # the application gets the rest all the same
    assert telemetry.total("promptcache.requests") == 1
    assert "force_flush" in vars(telemetry.tracer_provider)


async def test_a_flush_finds_a_stream_that_a_task_broke_off(telemetry: Telemetry) -> None:
    telemetry.instrument()
    transport = httpx2.MockTransport(streaming(STREAM))
    async with AsyncOpenAI(
        api_key="key",
        base_url="http://provider.test",
        http_client=httpx2.AsyncClient(transport=AsyncChunks(transport)),
    ) as client:

        async def broken_off() -> Any:
            stream = await client.chat.completions.create(**BODY, stream=True)
            async for _ in stream:
                break
            return stream

        first = await asyncio.create_task(broken_off())
        second = await broken_off()
        telemetry.tracer_provider.force_flush()
        assert len(telemetry.exporter.get_finished_spans()) == 2
        for stream in (first, second):
            await stream.close()
    assert telemetry.total("promptcache.requests") == 2


async def test_a_flush_leaves_a_stream_alone_that_was_opened_here_and_a_thread_reads(
    telemetry: Telemetry,
) -> None:
    telemetry.instrument()
    with client_of(streaming(STREAM)) as client:
        stream = iter(client.chat.completions.create(**BODY, stream=True))
        await asyncio.to_thread(next, stream)
        telemetry.tracer_provider.force_flush()
        assert telemetry.exporter.get_finished_spans() == ()
        await asyncio.to_thread(list, stream)
    assert telemetry.span["gen_ai.usage.input_tokens"] == 2_000


@pytest.mark.parametrize("is_waited_for", [False, True])
async def test_a_flush_leaves_a_stream_alone_that_a_task_for_each_event_reads(
    telemetry: Telemetry, is_waited_for: bool
) -> None:
    telemetry.instrument()
    transport = httpx2.MockTransport(streaming(STREAM))
    async with AsyncOpenAI(
        api_key="key",
        base_url="http://provider.test",
        http_client=httpx2.AsyncClient(transport=AsyncChunks(transport)),
    ) as client:
        stream = await client.chat.completions.create(**BODY, stream=True)
        events = 0
        with contextlib.suppress(StopAsyncIteration):
            while True:
                step = asyncio.ensure_future(anext(stream))
                await (asyncio.wait_for(step, 5) if is_waited_for else asyncio.wait({step}))
                step.result()
                events += 1
                telemetry.tracer_provider.force_flush()
    assert events == 4
    assert telemetry.span["gen_ai.usage.input_tokens"] == 2_000
    assert "promptcache.abandoned" not in telemetry.span


class AsyncChunks(httpx2.AsyncBaseTransport):
    """Gives a synchronous transport's answers to an asynchronous client."""

    def __init__(self, transport: httpx2.MockTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = self._transport.handle_request(request)
        chunks = list(response.stream)  # type: ignore[arg-type]

        class Body(httpx2.AsyncByteStream):
            async def __aiter__(self) -> Any:
                for each in chunks:
                    yield each

        return httpx2.Response(200, headers=response.headers, stream=Body())


def test_a_flush_leaves_a_stream_alone_that_another_thread_reads(telemetry: Telemetry) -> None:
    telemetry.instrument()
    with client_of(streaming(STREAM)) as client:
        stream = iter(client.chat.completions.create(**BODY, stream=True))
        reader = threading.Thread(target=lambda: next(stream))
        reader.start()
        reader.join()
        telemetry.tracer_provider.force_flush()
        assert telemetry.exporter.get_finished_spans() == ()
        list(stream)
    assert telemetry.span["gen_ai.usage.input_tokens"] == 2_000


def test_a_stream_that_the_collector_closes_ends_with_the_next_collection_of_metrics(
    telemetry: Telemetry,
) -> None:
    telemetry.instrument()
    with client_of(streaming(STREAM)) as client:
        next(iter(client.chat.completions.create(**BODY, stream=True)))
        gc.collect()
        assert telemetry.span["promptcache.abandoned"] is True


PROGRAM = """
import otel_promptcache
from opentelemetry import trace
from openai import OpenAI
otel_promptcache.instrument()
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
stream = OpenAI().chat.completions.create(
    model="gpt-5.4", messages=[{"role": "user", "content": "Hi"}], stream=True
)
for _ in stream:
    break
"""


def run(folder: Path, text: str, simulator: Simulator) -> subprocess.CompletedProcess[str]:
    """Run a program that asks the simulator."""
    program = folder / "program.py"
    program.write_text(text)
    environment = {
        "OPENAI_BASE_URL": simulator.base_url,
        "OPENAI_API_KEY": "key",
        "PYTHONPATH": ":".join(sys.path),
    }
    return subprocess.run(
        [sys.executable, program], env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def test_the_end_of_the_program_ends_what_was_broken_off(simulator: Simulator, tmp_path: Path) -> None:
    done = run(tmp_path, PROGRAM, simulator)
    assert done.stdout.count('"promptcache.abandoned": true') == 1
    # Python 3.13.0 crashes at exit if a stream of the SDK is left open, even without us.
    assert done.stderr == "" or done.returncode < 0


class SlowTransport(httpx2.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(3_600)
        raise AssertionError


SLOW_END = """
import threading, time
import otel_promptcache
from opentelemetry import trace
from openai import OpenAI
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

ending = threading.Event()

class Slow(SpanProcessor):
    def on_end(self, span):
        ending.set()
        time.sleep(0.05)

otel_promptcache.instrument()
trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(Slow())
trace.get_tracer_provider().add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))

def read():
    for _ in OpenAI().chat.completions.create(
        model="gpt-5.4", messages=[{"role": "user", "content": "Hi"}], stream=True
    ):
        pass

threading.Thread(target=read, daemon=True).start()
ending.wait(60)
"""


def test_the_end_of_the_program_waits_for_a_call_that_is_being_recorded(
    simulator: Simulator, tmp_path: Path
) -> None:
    done = run(tmp_path, SLOW_END, simulator)
    assert done.stdout.count('"promptcache.result"') == 1, done.stderr


async def test_a_cancelled_call_is_no_error(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    telemetry.instrument(hosts={"provider.test": "openai"})
    async with AsyncOpenAI(
        api_key="key",
        base_url="http://provider.test",
        http_client=httpx2.AsyncClient(transport=SlowTransport()),
    ) as client:
        task = asyncio.create_task(client.chat.completions.create(**BODY))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert telemetry.span["promptcache.abandoned"] is True
    assert "error.type" not in telemetry.span
    assert telemetry.total("promptcache.requests") == 1
    assert caplog.text == ""


def test_what_the_network_did_is_an_error(telemetry: Telemetry) -> None:
    telemetry.instrument()
    with (
        client_of(streaming([chunk("a"), httpx2.ReadError("cut")])) as client,
        pytest.raises(APIConnectionError),
    ):
        list(client.chat.completions.create(**BODY, stream=True))
    assert telemetry.span["error.type"] == "ReadError"
    assert "promptcache.abandoned" not in telemetry.span


def test_threads_that_end_one_call_count_it_once(telemetry: Telemetry) -> None:
    telemetry.instrument()
    with client_of(streaming(STREAM)) as client:
        for _ in range(50):
            stream: Any = client.chat.completions.create(**BODY, stream=True)
            threads = [threading.Thread(target=stream.close) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert telemetry.total("promptcache.requests") == 50


@pytest.mark.parametrize(
    ("body", "error_type"),
    [
        ({"error": {"message": "no", "code": "overloaded"}}, "overloaded"),
        ({"id": "resp_1", "status": "failed", "output": [], "model": "gpt-5.4"}, "failed"),
        ({"id": "resp_1", "status": "cancelled", "output": [], "model": "gpt-5.4"}, None),
    ],
)
def test_what_was_not_processed_is_not_unpriced(
    telemetry: Telemetry, body: dict[str, Any], error_type: str | None
) -> None:
    telemetry.instrument()
    with client_of(answering(body)) as client:
        client.responses.with_raw_response.create(model="gpt-5.4", input="Hi " * 5_000)
        assert telemetry.total("promptcache.unpriced") == 0
        assert telemetry.span.get("error.type") == error_type
    usage = {"input_tokens": 5_000, "output_tokens": 1, "input_tokens_details": {"cached_tokens": 0}}
    answered = {"id": "resp_2", "status": "completed", "output": [], "model": "gpt-5.4", "usage": usage}
    with client_of(answering(answered)) as client:
        client.responses.with_raw_response.create(model="gpt-5.4", input="Hi " * 5_000)
    assert telemetry.total("promptcache.misses", promptcache__miss__reason="cold_start") == 1


def test_usage_of_several_events_is_merged(telemetry: Telemetry) -> None:
    telemetry.instrument()
    later = [chunk(choices=[], usage=usage) for usage in (USAGE, {"completion_tokens": 9.0}, {})]
    with client_of(streaming([chunk("a"), *later, b"data: [DONE]\n\n"])) as client:
        list(client.chat.completions.create(**BODY, stream=True))
    assert telemetry.span["gen_ai.usage.cache_read.input_tokens"] == 1_500
    assert telemetry.span["gen_ai.usage.output_tokens"] == 9


def test_an_answer_is_read_by_what_it_is(telemetry: Telemetry) -> None:
    telemetry.instrument(strict=False)
    with client_of(answering(completion())) as client:
        list(client.chat.completions.create(**BODY, stream=True))
    with client_of(streaming(STREAM)) as client:
        client.chat.completions.with_raw_response.create(**BODY)
    assert telemetry.total("promptcache.tokens", promptcache__token__state="read") == 3_000


class OwnResponse(httpx2.Response):
    """The application's own response class."""


def test_a_response_of_a_subclass_is_watched(telemetry: Telemetry) -> None:
    telemetry.instrument()
    with client_of(lambda _: OwnResponse(200, stream=Chunks(STREAM))) as client:
        list(client.chat.completions.create(**BODY, stream=True))
    assert telemetry.span["gen_ai.usage.input_tokens"] == 2_000


def test_the_wait_for_an_attempt_that_failed_is_not_the_time_to_the_first_token(telemetry: Telemetry) -> None:
    telemetry.instrument()
    answers = [
        httpx2.Response(429, headers={"retry-after-ms": "400"}),
        httpx2.Response(200, stream=Chunks(STREAM)),
    ]
    with client_of(lambda _: answers.pop(0), max_retries=1) as client:
        list(client.chat.completions.create(**BODY, stream=True))
    (span,) = telemetry.spans
    assert ((span.end_time or 0) - (span.start_time or 0)) / 1e9 > 0.4
    assert dict(span.attributes or {})["promptcache.time_to_first_token"] < 0.4  # type: ignore[operator]


def test_a_body_that_the_provider_cut_is_not_abandoned(telemetry: Telemetry) -> None:
    telemetry.instrument()
    cut = json.dumps({"id": "resp_1", "status": "completed", "output": [], "model": "gpt-5.4"}).encode()[:-5]
    with (
        client_of(lambda _: httpx2.Response(200, stream=httpx2.ByteStream(cut))) as client,
        client.responses.with_streaming_response.create(model="gpt-5.4", input="Hi") as response,
    ):
        assert b"".join(response.iter_bytes()) == cut
    assert telemetry.span["promptcache.result"] == "unknown"
    assert "promptcache.abandoned" not in telemetry.span

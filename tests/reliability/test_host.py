"""What the host does with our context managers, hooks and signals works as it would without us."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import importlib
import inspect
import json
import pickle
import signal
import sys
import zlib
from collections.abc import AsyncIterator, Iterator
from types import FrameType
from typing import Any

import openai
import pytest
from openai import OpenAI

import otel_promptcache
from otel_promptcache import prefix
from otel_promptcache.guard import guarded
from otel_promptcache.prefix import current_prefix_name
from tests.conftest import Telemetry
from tests.faults.seams import SEAMS

from .server import BODY, STREAM, USAGE_EVENT, answering, client_of, completion, streaming


def test_a_block_may_be_left_in_another_context_than_it_was_entered_in() -> None:
    def steps() -> Iterator[str | None]:
        with prefix("support"):
            yield current_prefix_name()
            yield current_prefix_name()

    running = steps()
    context = contextvars.copy_context()
    assert context.run(next, running) == "support"
    running.close()  # in another context
    assert current_prefix_name() is None
    assert context.run(current_prefix_name) is None


async def test_an_async_generator_may_be_closed_by_another_task() -> None:
    async def steps() -> AsyncIterator[str | None]:
        with prefix("support"):
            yield current_prefix_name()

    running: Any = steps()
    assert await asyncio.create_task(anext(running)) == "support"
    await asyncio.create_task(running.aclose())
    assert current_prefix_name() is None


async def test_a_decorated_function_keeps_its_kind_and_names_the_calls_inside() -> None:
    @prefix("plain")
    def plain() -> str | None:
        return current_prefix_name()

    @prefix("coroutine")
    async def coroutine() -> str | None:
        await asyncio.sleep(0)
        return current_prefix_name()

    @prefix("generator")
    def generator() -> Iterator[Any]:
        sent = yield current_prefix_name()
        try:
            yield sent
        except KeyError:
            yield "thrown"
        return "returned"

    @prefix("async generator")
    async def async_generator() -> AsyncIterator[str | None]:
        yield current_prefix_name()
        await asyncio.sleep(0)
        yield current_prefix_name()

    assert plain() == "plain"
    assert inspect.iscoroutinefunction(coroutine)
    assert await coroutine() == "coroutine"
    assert inspect.isgeneratorfunction(generator)
    running: Any = generator()
    assert next(running) == "generator"
    assert current_prefix_name() is None
    assert running.send("sent") == "sent"
    assert running.throw(KeyError()) == "thrown"
    with pytest.raises(StopIteration, match="returned"):
        next(running)
    assert inspect.isasyncgenfunction(async_generator)
    seen = [(name, current_prefix_name()) async for name in async_generator()]
    assert seen == [("async generator", None)] * 2


class TimeLimit(Exception):  # noqa: N818  # as applications call it
    """What a host's signal handler raises."""


@pytest.mark.parametrize("error", [TimeLimit, TimeoutError, ValueError, KeyboardInterrupt])
@pytest.mark.parametrize(("owner", "name"), SEAMS, ids=[f"{owner.__name__}.{name}" for owner, name in SEAMS])
def test_a_time_limit_that_strikes_in_our_code_reaches_the_host(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, error: type[BaseException]
) -> None:
    strikes: list[None] = []

    def limit(_: int, __: FrameType | None) -> None:
        raise error

    method = vars(owner)[name].__wrapped__

    def struck(*args: Any, **kwargs: Any) -> Any:
        if not strikes:
            strikes.append(None)
            signal.raise_signal(signal.SIGALRM)
        return method(*args, **kwargs)

    struck.__signature__ = inspect.signature(method)  # type: ignore[attr-defined]
    struck.__qualname__ = method.__qualname__
    monkeypatch.setattr(owner, name, guarded(struck))
    previous = signal.signal(signal.SIGALRM, limit)
    telemetry.instrument(strict=False, stream_usage=True, request_diagnostics=1.0)
    reached = 0
    try:
        for answer, is_stream in ((answering(completion()), False), (streaming(STREAM), True)):
            with client_of(answer) as client:
                try:
                    result = client.chat.completions.create(**BODY, stream=is_stream)
                    assert not is_stream or list(result)
                except error:
                    reached += 1
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert reached == len(strikes)
    assert telemetry.total("promptcache.internal.errors") == 0


def test_most_seams_are_struck() -> None:
    assert len(SEAMS) >= 25


def test_methods_are_copied_and_pickled_as_before(telemetry: Telemetry) -> None:
    telemetry.instrument()
    assert copy.copy(OpenAI.request) is copy.deepcopy(OpenAI.request) is OpenAI.request
    assert pickle.loads(pickle.dumps(OpenAI.request)) is OpenAI.request  # noqa: S301  # our own
    with client_of(answering(completion())) as client:
        copied = copy.copy(client.request)
        assert copied == client.request
        assert type(client.request) is type(client.post)


def test_a_package_that_is_imported_anew_can_be_instrumented(telemetry: Telemetry) -> None:
    dropped = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "openai"}
    telemetry.instrument()
    otel_promptcache.uninstrument()
    try:
        for name in dropped:
            del sys.modules[name]
        anew = importlib.import_module("openai")
        assert anew is not openai
        telemetry.instrument()
        with anew.OpenAI(api_key="key", http_client=client_of(answering(completion()))._client) as client:
            client.chat.completions.create(**BODY)
        assert telemetry.total("promptcache.requests") == 1
    finally:
        otel_promptcache.uninstrument()
        for name in [name for name in sys.modules if name.partition(".")[0] == "openai"]:
            del sys.modules[name]
        sys.modules.update(dropped)


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_only_what_was_asked_for_is_hidden(telemetry: Telemetry, encoding: str) -> None:
    telemetry.instrument(stream_usage=True)
    headers = {"content-encoding": encoding} if encoding else {}
    pieces = [*STREAM[:3], USAGE_EVENT.replace(b'"choices": []', b'"choices": null'), STREAM[4]]
    if encoding:
        packer = zlib.compressobj(wbits=31)
        pieces = [packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH) for piece in pieces]
    with client_of(streaming(pieces, **headers)) as client:
        seen = list(client.chat.completions.create(**BODY, stream=True))
    assert len(seen) == (4 if encoding else 3)
    assert telemetry.span["gen_ai.usage.input_tokens"] == 2_000


def test_a_response_id_stays_on_its_account(telemetry: Telemetry) -> None:
    sent: list[dict[str, Any]] = []

    def answer(request: Any) -> Any:
        sent.append(json.loads(request.content))
        usage = {"input_tokens": 2_000, "output_tokens": 1, "input_tokens_details": {"cached_tokens": 0}}
        return answering(
            {"id": "resp_1", "status": "completed", "output": [], "model": "gpt-5.6", "usage": usage}
        )(request)

    telemetry.instrument(request_diagnostics=1.0)
    with client_of(answer) as client, client_of(answer, base_url="http://other.test/v1") as other:
        body: dict[str, Any] = {"model": "gpt-5.6", "instructions": "Be kind. " * 900, "input": "Hi"}
        client.responses.with_raw_response.create(**body)
        for caller in (
            other,
            client.with_options(api_key="another"),
            client.with_options(organization="another"),
            client.with_options(default_headers={"OpenAI-Project": "another"}),
        ):
            caller.responses.with_raw_response.create(**body)
        client.responses.with_raw_response.create(
            **body, extra_headers={"Authorization": "Bearer another one"}
        )
        assert not any("comparison_response_id" in (each.get("prompt_cache_options") or {}) for each in sent)
        client.responses.with_raw_response.create(
            **body, extra_headers={"Authorization": "Bearer another one"}
        )
    assert sent[-1]["prompt_cache_options"]["comparison_response_id"] == "resp_1"

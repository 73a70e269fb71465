"""Middleware of the client, which may ask again, answer itself, use a thread, or raise."""

from __future__ import annotations

import concurrent.futures
import gc
import inspect
from collections.abc import Callable
from typing import Any

import anthropic
import pytest

from otel_promptcache.instrumentor import PromptCacheInstrumentor
from tests.claude.wire import PRICES, REQUEST, client, events, http, message
from tests.conftest import Telemetry

pytestmark = pytest.mark.skipif(
    "middleware" not in inspect.signature(anthropic.Anthropic.__init__).parameters,
    reason="this version of the SDK has no middleware",
)

BUSY: dict[str, Any] = {"type": "error", "error": {"type": "overloaded_error", "message": "Busy."}}


class TenantAcmeError(Exception):
    """A name that the application made up."""


def passing(request: Any, call_next: Callable[[Any], Any]) -> Any:
    return call_next(request)


def in_a_thread(request: Any, call_next: Callable[[Any], Any]) -> Any:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(call_next, request).result()


def answering(request: Any, call_next: Callable[[Any], Any]) -> Any:
    return anthropic.types.Message.model_validate(message())


def raising(request: Any, call_next: Callable[[Any], Any]) -> Any:
    call_next(request)
    raise TenantAcmeError


@pytest.fixture
def observed(telemetry: Telemetry) -> Telemetry:
    telemetry.instrument(prices=PRICES)
    return telemetry


@pytest.mark.parametrize("is_stream", [False, True])
def test_an_attempt_that_failed_is_not_the_answer(observed: Telemetry, is_stream: bool) -> None:
    answers = iter([BUSY, events() if is_stream else message()])
    sdk = client(lambda *_: next(answers), max_retries=1, middleware=[passing])
    reply = sdk.messages.create(**REQUEST, stream=is_stream)
    if is_stream:
        assert len(list(reply)) == len(events()) - 1  # the SDK passes over the ping
    assert observed.span["promptcache.result"] == "hit"
    assert "error.type" not in observed.span
    assert observed.total("promptcache.requests") == observed.total(
        "promptcache.requests", promptcache__result="hit"
    )
    assert observed.total("promptcache.tokens") == 1_321


def test_the_last_attempt_ends_with_the_error_of_the_sdk(observed: Telemetry) -> None:
    with pytest.raises(anthropic.APIStatusError):
        client(lambda *_: BUSY, middleware=[passing]).messages.create(**REQUEST)
    assert observed.span["error.type"] == "OverloadedError"


def test_what_a_middleware_answers_itself_is_no_inference(observed: Telemetry) -> None:
    assert client(middleware=[answering]).messages.create(**REQUEST).id == "msg_01"
    assert not observed.spans
    assert observed.total("promptcache.requests") == 0


def test_a_call_in_a_thread_of_a_middleware_is_one(observed: Telemetry) -> None:
    client(middleware=[in_a_thread]).messages.create(**REQUEST)
    assert observed.span["promptcache.result"] == "hit"
    assert observed.total("promptcache.requests") == 1


def test_calls_without_a_response_in_threads_are_not_kept(observed: Telemetry) -> None:
    def refuse(*_: object) -> Any:
        raise http.ConnectError("refused")

    for _ in range(3):
        with pytest.raises(anthropic.APIConnectionError):
            client(refuse, middleware=[in_a_thread]).messages.create(**REQUEST)
    gc.collect()
    endings = PromptCacheInstrumentor()._endings
    endings.run_pending()
    assert not endings._open
    assert observed.total("promptcache.requests") == 3


def test_a_name_that_the_application_made_up_is_not_exported(observed: Telemetry) -> None:
    with pytest.raises(TenantAcmeError):
        client(middleware=[raising]).messages.create(**REQUEST)
    assert observed.span["error.type"] == "_OTHER"
    assert observed.total("promptcache.requests", error__type="_OTHER") == 1


def test_a_second_request_after_an_answer_is_an_inference_of_its_own(observed: Telemetry) -> None:
    """As the SDK's own fallback after a refusal makes it."""
    other = "claude-sonnet-5"

    def twice(request: Any, call_next: Callable[[Any], Any]) -> Any:
        call_next(request)
        return call_next(request.copy(body={**REQUEST, "model": other}))

    small = {
        "input_tokens": 50,
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 0,
        "output_tokens": 9,
    }
    replies = iter([message(), message(small, model=other, id="msg_02")])
    sdk = client(lambda *_: next(replies), middleware=[twice])
    assert sdk.messages.create(**REQUEST).id == "msg_02"
    said = [
        (span.attributes["gen_ai.request.model"], span.attributes["gen_ai.usage.input_tokens"])
        for span in observed.spans
    ]
    assert said == [(REQUEST["model"], 1_321), (other, 50)]
    assert observed.total("promptcache.requests") == 2
    assert observed.total("promptcache.tokens") == 1_371


def test_a_stream_that_a_middleware_gives_up_is_not_the_next_one(observed: Telemetry) -> None:
    def again(request: Any, call_next: Callable[[Any], Any]) -> Any:
        call_next(request).http_response.close()
        return call_next(request)

    assert list(client(middleware=[again]).messages.create(**REQUEST, stream=True))
    said = [span.attributes.get("gen_ai.usage.input_tokens") for span in observed.spans]
    assert said == [None, 1_321]

"""The ways to switch the instrumentation on, and what an application may do around it."""

from __future__ import annotations

import asyncio
import contextvars
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, AzureOpenAI, OpenAI
from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation

import otel_promptcache
from otel_promptcache.sim import Simulator
from tests.conftest import Telemetry
from tests.e2e.surfaces import CHAT, RESPONSES, WITH_USAGE


def test_clients_and_bound_methods_from_before_are_covered(
    simulator: Simulator, telemetry: Telemetry
) -> None:
    with OpenAI(base_url=simulator.base_url, api_key="key") as client:
        create, raw = client.chat.completions.create, client.responses.with_raw_response.create
        telemetry.instrument()
        create(**CHAT)
        raw(**RESPONSES)
    assert telemetry.total("promptcache.requests") == 2


def test_module_level_client(
    simulator: Simulator, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai, "base_url", simulator.base_url + "/")
    monkeypatch.setattr(openai, "api_key", "key")
    telemetry.instrument()
    openai.chat.completions.create(**CHAT)
    assert telemetry.span["promptcache.result"] == "miss"


@pytest.mark.parametrize("model", ["gpt-4o", None])
def test_azure(model: str | None, simulator: Simulator, telemetry: Telemetry) -> None:
    telemetry.instrument()
    with AzureOpenAI(
        azure_endpoint=simulator.url, azure_deployment="gpt-4o", api_key="key", api_version="2026-01-01"
    ) as client:
        client.chat.completions.create(**{**CHAT, "model": model})
    assert "/deployments/gpt-4o/" in simulator.requests[0].path
    assert telemetry.span["gen_ai.request.model"] == "gpt-4o"


def test_what_is_no_inference_is_not_counted(simulator: Simulator, telemetry: Telemetry) -> None:
    telemetry.instrument()
    with OpenAI(base_url=simulator.base_url, api_key="key") as client:
        response = client.responses.create(**RESPONSES)
        client.responses.retrieve(response.id)
        client.responses.delete(response.id)
        client.embeddings.create(model="text-embedding-3-small", input="Hi")
        client.models.list()
    assert telemetry.total("promptcache.requests") == 1
    assert len(telemetry.spans) == 1


def test_suppressed_means_suppressed(simulator: Simulator, telemetry: Telemetry) -> None:
    telemetry.instrument()
    with OpenAI(base_url=simulator.base_url, api_key="key") as client, suppress_instrumentation():
        client.chat.completions.create(**CHAT)
    assert telemetry.spans == []
    assert telemetry.metrics() == {}


def test_our_span_is_a_child_and_the_parent_of_what_happens_inside(
    simulator: Simulator, telemetry: Telemetry
) -> None:
    telemetry.instrument()
    tracer = telemetry.tracer_provider.get_tracer("app")
    inside: list[trace.SpanContext] = []

    with OpenAI(base_url=simulator.base_url, api_key="key") as client:
        client._client.event_hooks["request"].append(
            lambda _: inside.append(trace.get_current_span().get_span_context())
        )
        with tracer.start_as_current_span("request") as outer:
            client.chat.completions.create(**CHAT)
            assert trace.get_current_span() is outer
            list(client.chat.completions.create(**CHAT, **WITH_USAGE))
            assert trace.get_current_span() is outer
    ours = [span for span in telemetry.spans if span.name == "chat gpt-4o"]
    assert [span.parent and span.parent.span_id for span in ours] == [outer.get_span_context().span_id] * 2
    assert [span.context.span_id for span in ours] == [each.span_id for each in inside]


def test_prefix_names_everything_inside(simulator: Simulator, telemetry: Telemetry) -> None:
    telemetry.instrument()

    async def tasks() -> None:
        async with AsyncOpenAI(base_url=simulator.base_url, api_key="key") as client:
            await asyncio.gather(*(client.chat.completions.create(**CHAT) for _ in range(2)))

    with OpenAI(base_url=simulator.base_url, api_key="key") as client:

        @otel_promptcache.prefix("decorated")
        def decorated() -> None:
            client.chat.completions.create(**CHAT)

        with otel_promptcache.prefix("outer"):
            client.chat.completions.create(**CHAT)
            with otel_promptcache.prefix("inner"), ThreadPoolExecutor(1) as pool:
                # In a new thread, because in this one a loop of the test runner would be left behind.
                pool.submit(contextvars.copy_context().run, asyncio.run, tasks()).result()
                context = contextvars.copy_context()
                pool.submit(context.run, lambda: client.chat.completions.create(**CHAT)).result()
            decorated()
        client.chat.completions.create(**CHAT)
    names = [(span.attributes or {}).get("promptcache.prefix.name") for span in telemetry.spans]
    assert names == ["outer", "inner", "inner", "inner", "decorated", None]
    assert telemetry.total("promptcache.requests", promptcache__prefix__name="inner") == 3


@pytest.mark.parametrize("name", ["", "x" * 101, None, 3])
def test_a_prefix_needs_a_name(name: Any) -> None:
    with pytest.raises(ValueError, match=r"prefix name is .*: expected a string of 1 to 100 characters"):  # noqa: SIM117
        with otel_promptcache.prefix(name):
            pass


def test_money_by_users_own_prices(simulator: Simulator, telemetry: Telemetry, tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"gpt-4o": {"input": 100.0, "cache_read": 10.0}}))
    telemetry.instrument(prices=str(path))
    with OpenAI(base_url=simulator.base_url, api_key="key") as client:
        for _ in range(2):
            client.chat.completions.create(**CHAT)
    usages = [request.usage for request in simulator.requests]
    read = sum(usage["prompt_tokens_details"]["cached_tokens"] for usage in usages)
    total = sum(usage["prompt_tokens"] for usage in usages)
    assert read > 0
    assert telemetry.total("promptcache.savings") == pytest.approx(read * 90 / 1e6)
    assert telemetry.total("promptcache.input_cost") == pytest.approx(
        ((total - read) * 100 + read * 10) / 1e6
    )
    assert telemetry.total("promptcache.write_surcharge") == 0
    assert telemetry.total("promptcache.unpriced") == 0


def test_what_has_no_price_is_counted_and_not_guessed(simulator: Simulator, telemetry: Telemetry) -> None:
    telemetry.instrument()
    with OpenAI(base_url=simulator.base_url, api_key="key") as client:
        client.chat.completions.create(**{**CHAT, "model": "my-own-model"})
    assert telemetry.total("promptcache.unpriced", gen_ai__request__model="my-own-model") == 1
    assert "promptcache.savings.amount" not in telemetry.span
    assert not {"promptcache.savings", "promptcache.input_cost"} & telemetry.metrics().keys()


@pytest.mark.parametrize("source", ["argument", "environment"])
def test_bad_prices(
    source: str, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if source == "argument":
        with pytest.raises(ValueError, match=r"prices: cannot read .*missing\.json"):
            telemetry.instrument(prices="missing.json")
        assert not otel_promptcache.PromptCacheInstrumentor().is_instrumented_by_opentelemetry
    else:
        monkeypatch.setenv("OTEL_PYTHON_PROMPTCACHE_PRICES", "missing.json")
        telemetry.instrument()
        assert "cannot read missing.json" in caplog.text
        assert "the setting prices is ignored" in caplog.text


def test_a_bad_setting_raises_and_leaves_no_trace(telemetry: Telemetry) -> None:
    before = vars(openai._base_client.SyncAPIClient)["request"]
    with pytest.raises(ValueError, match="semconv is 'newest'"):
        telemetry.instrument(semconv="newest")
    assert vars(openai._base_client.SyncAPIClient)["request"] is before


def test_uninstrument_restores_the_sdk_and_instrument_works_again(
    simulator: Simulator, telemetry: Telemetry
) -> None:
    patched = [
        (openai._base_client.SyncAPIClient, "request"),
        (openai._base_client.AsyncAPIClient, "request"),
        (openai._base_client.BaseClient, "_build_request"),
        (openai._base_client.SyncAPIClient, "_process_response"),
        (openai._base_client.AsyncAPIClient, "_process_response"),
    ]
    before = [vars(owner)[name] for owner, name in patched]
    with OpenAI(base_url=simulator.base_url, api_key="key") as client:
        for calls in (1, 2):
            telemetry.instrument()
            assert all(
                vars(owner)[name] is not was for (owner, name), was in zip(patched, before, strict=True)
            )
            client.chat.completions.create(**CHAT)
            assert telemetry.total("promptcache.requests") == calls
            otel_promptcache.uninstrument()
            assert [vars(owner)[name] for owner, name in patched] == before
            client.chat.completions.create(**CHAT)
    assert telemetry.total("promptcache.requests") == 2


@pytest.mark.parametrize(
    ("semconv", "present", "absent"),
    [
        ("released", "gen_ai.client.operation.duration", "gen_ai.client.inference.duration"),
        ("latest", "gen_ai.client.inference.duration", "gen_ai.client.operation.duration"),
        ("off", "promptcache.requests", "gen_ai."),
    ],
)
def test_generations_of_the_conventions_metrics(
    semconv: str, present: str, absent: str, simulator: Simulator, telemetry: Telemetry
) -> None:
    telemetry.instrument(semconv=semconv)
    with OpenAI(base_url=simulator.base_url, api_key="key") as client:
        list(client.chat.completions.create(**CHAT, **WITH_USAGE))
        client.responses.create(**RESPONSES)
    assert present in telemetry.metrics()
    assert not [name for name in telemetry.metrics() if name.startswith(absent)]
    if semconv == "released":
        assert telemetry.total("gen_ai.client.token.usage", gen_ai__token__type="input") > 1_000
        assert "gen_ai.client.operation.time_to_first_chunk" in telemetry.metrics()
    if semconv == "latest":
        name = "gen_ai.client.inference.usage.cache_write.input_tokens"
        written = simulator.requests[-1].usage["input_tokens_details"]["cache_write_tokens"]
        assert telemetry.total(name, gen_ai__token__modality="unknown") == written > 1_000
        assert telemetry.total("gen_ai.client.inference.operation.output_tokens") > 0
        assert "gen_ai.client.inference.time_to_first_chunk" in telemetry.metrics()


def test_an_absolute_url_goes_where_it_says(simulator: Simulator, telemetry: Telemetry) -> None:
    telemetry.instrument()
    with OpenAI(base_url="http://elsewhere.invalid/v1", api_key="key") as client:
        client.post(f"{simulator.base_url}/chat/completions", cast_to=object, body=CHAT)
    assert telemetry.span["server.address"] == "127.0.0.1"

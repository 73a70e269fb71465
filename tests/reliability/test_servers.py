"""Servers other than OpenAI: whose they are, what is priced, and what is blamed on nobody."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import httpx2
import openai
import pytest
from openai.providers.vertex import vertex

from otel_promptcache import call as call_module
from tests.conftest import Telemetry
from tests.reliability.server import answering, client_of, completion
from tests.unit.prompts import prose

MESSAGES = [{"role": "system", "content": prose(3_000)}, {"role": "user", "content": "Hi"}]


class Server:
    """A server whose answers a test scripts, and a clock that it can move."""

    def __init__(self, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
        self._telemetry = telemetry
        self.now_seconds = 1_000.0
        clock = SimpleNamespace(perf_counter=lambda: self.now_seconds, time_ns=call_module.time.time_ns)
        monkeypatch.setattr(call_module, "time", clock)

    def ask(
        self, details: dict[str, Any] | None, *, host: str, model: str, wait_seconds: float = 1.0
    ) -> dict[str, Any]:
        self.now_seconds += wait_seconds
        usage: dict[str, Any] = {"prompt_tokens": 3_010, "completion_tokens": 5}
        if details is not None:
            usage["prompt_tokens_details"] = details

        def answer(request: Any) -> Any:
            return answering(completion(usage=usage, model=json.loads(request.content)["model"]))(request)

        with client_of(answer, base_url=f"https://{host}/v1") as client:
            client.chat.completions.create(model=model, messages=MESSAGES)
        return dict(self._telemetry.exporter.get_finished_spans()[-1].attributes)


@pytest.fixture
def server(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Server:
    return Server(telemetry, monkeypatch)


def reason(attributes: dict[str, Any]) -> str | None:
    return attributes.get("promptcache.miss.reason")


HIT, ZERO = {"cached_tokens": 2_944}, {"cached_tokens": 0}


def test_an_unknown_server_has_no_price_and_no_rules(server: Server, telemetry: Telemetry) -> None:
    telemetry.instrument()
    where = {"host": "vllm.internal", "model": "llama-3.3-70b"}
    told = [
        server.ask(ZERO, **where),
        *(server.ask(HIT, **where) for _ in range(20)),
        server.ask(ZERO, **where),
    ]
    told.append(server.ask(ZERO, **where, wait_seconds=3_600))
    assert {each["gen_ai.provider.name"] for each in told} == {"_OTHER"}
    assert [reason(each) for each in told] == ["cold_start", *[None] * 22]
    assert [each["promptcache.result"] for each in told[-2:]] == ["miss", "miss"]
    assert not any("promptcache.savings.amount" in each for each in told)
    assert telemetry.total("promptcache.unpriced") == len(told)


def test_a_name_of_openai_on_a_server_of_ones_own_is_not_priced(server: Server, telemetry: Telemetry) -> None:
    telemetry.instrument(hosts={"vllm.internal": "vllm"})
    told = [server.ask(HIT, host="vllm.internal", model="gpt-4o") for _ in range(3)]
    assert {each["gen_ai.provider.name"] for each in told} == {"vllm"}
    assert telemetry.total("promptcache.unpriced") == 3


def test_a_proxy_for_openai_keeps_openais_rules(server: Server, telemetry: Telemetry) -> None:
    telemetry.instrument(prices={"gpt-5.4": {"input": 4.0, "cache_read": 0.4}})
    where = {"host": "proxy.internal", "model": "gpt-5.4"}
    told = [server.ask(each, **where) for each in (ZERO, HIT, ZERO)]
    told.append(server.ask(ZERO, **where, wait_seconds=600))
    assert [reason(each) for each in told] == ["cold_start", None, "provider", "expired"]
    assert {each["gen_ai.provider.name"] for each in told} == {"openai"}


@pytest.mark.parametrize(
    ("host", "soon", "later"),
    [
        ("api.x.ai", "provider", None),
        ("api.groq.com", "provider", "provider"),
        ("api.deepseek.com", None, None),
        ("api.mistral.ai", "provider", None),
    ],
)
def test_a_lifetime_that_nobody_published_expires_nothing(
    server: Server, telemetry: Telemetry, host: str, soon: str | None, later: str | None
) -> None:
    telemetry.instrument()
    where = {"host": host, "model": "some-model"}
    assert reason(server.ask(ZERO, **where)) == "cold_start"
    for _ in range(30):
        server.ask(HIT, **where)
    assert reason(server.ask(ZERO, **where)) == soon
    assert reason(server.ask(ZERO, **where, wait_seconds=360)) == later


def test_a_server_that_leaves_zeros_out_has_the_true_ratio(server: Server, telemetry: Telemetry) -> None:
    telemetry.instrument()
    where = {"host": "api.groq.com", "model": "llama-3.3-70b"}
    first = server.ask(None, **where)
    assert first["promptcache.result"] == "unknown"
    server.ask({"cached_tokens": 2_560}, **where)
    for _ in range(9):
        assert server.ask(None, **where)["gen_ai.usage.cache_read.input_tokens"] == 0
    tokens = {
        state: telemetry.total("promptcache.tokens", promptcache__token__state=state)
        for state in ("read", "uncached")
    }
    assert tokens == {"read": 2_560, "uncached": 10 * 3_010 - 2_560}


def test_a_rule_of_the_users_own_makes_it_judgeable(server: Server, telemetry: Telemetry) -> None:
    telemetry.instrument(policies={"llama-3.3-70b": {"lifetime_seconds": 600.0}})
    where = {"host": "vllm.internal", "model": "llama-3.3-70b"}
    told = [server.ask(each, **where) for each in (ZERO, HIT, ZERO)]
    told.append(server.ask(ZERO, **where, wait_seconds=700))
    assert [reason(each) for each in told] == ["cold_start", None, "provider", "expired"]


class OwnAzure(openai.AzureOpenAI):
    """A client of the application's own."""


@pytest.mark.parametrize(
    ("client_class", "options", "provider"),
    [
        (
            openai.AzureOpenAI,
            {"api_version": "v1", "azure_endpoint": "http://llm.corp.test"},
            "azure.ai.openai",
        ),
        (OwnAzure, {"api_version": "v1", "base_url": "http://llm.corp.test/openai/v1"}, "azure.ai.openai"),
        (
            openai.BedrockOpenAI,
            {"aws_region": "eu-west-1", "base_url": "http://llm.corp.test/v1"},
            "aws.bedrock",
        ),
        (openai.OpenAI, {"base_url": "http://llm.corp.test/v1"}, "openai"),
        (openai.AzureOpenAI, {"api_version": "v1", "azure_endpoint": "http://stated.test"}, "my-gateway"),
        (openai.AzureOpenAI, {"api_version": "v1", "azure_endpoint": "http://x.deepseek.com"}, "deepseek"),
    ],
)
def test_the_client_says_whom_it_talks_to_if_the_host_does_not(
    telemetry: Telemetry, client_class: Any, options: dict[str, Any], provider: str
) -> None:
    telemetry.instrument(hosts={"stated.test": "my-gateway"})
    http_client = httpx2.Client(transport=httpx2.MockTransport(answering(completion())))
    with client_class(api_key="key", http_client=http_client, **options) as client:
        client.chat.completions.create(model="gpt-5.4", messages=MESSAGES)
    assert telemetry.span["gen_ai.provider.name"] == provider


def test_a_client_of_the_general_class_may_have_a_platform(telemetry: Telemetry) -> None:
    telemetry.instrument()
    http_client = httpx2.Client(
        transport=httpx2.MockTransport(answering({"id": "resp_1", "status": "completed"}))
    )
    platform = vertex(base_url="http://vertex.corp.test/v1", token_provider=lambda: "token")
    with openai.OpenAI(provider=platform, http_client=http_client) as client:
        client.responses.with_raw_response.create(model="openai/gpt-oss-120b", input="Hi")
    assert telemetry.span["gen_ai.provider.name"] == "gcp.vertex_ai"

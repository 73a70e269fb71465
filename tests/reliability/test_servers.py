"""Servers other than OpenAI's: whose they are, what is priced, and which misses are blamed on nobody."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import httpx2
import openai
import pytest
from openai.providers.vertex import vertex

from otel_promptcache.calls import call as call_module
from tests.conftest import Telemetry
from tests.reliability.server import answering, client_of, completion
from tests.unit.price_tables import needs_table
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
        self,
        details: dict[str, Any] | None,
        *,
        host: str,
        model: str,
        wait_seconds: float = 1.0,
        messages: Sequence[dict[str, Any]] = MESSAGES,
    ) -> dict[str, Any]:
        self.now_seconds += wait_seconds
        usage: dict[str, Any] = {"prompt_tokens": 3_010, "completion_tokens": 5}
        if details is not None:
            usage["prompt_tokens_details"] = details

        def answer(request: Any) -> Any:
            return answering(completion(usage=usage, model=json.loads(request.content)["model"]))(request)

        with client_of(answer, base_url=f"https://{host}/v1") as client:
            client.chat.completions.create(model=model, messages=list(messages))
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


def document(question: str) -> list[dict[str, Any]]:
    return [MESSAGES[0], {"role": "user", "content": question}]


@pytest.mark.parametrize("where", [
    {"host": "api.deepseek.com", "model": "deepseek-v4-pro"},
    {"host": "gpu.internal", "model": "deepseek-v4-pro"},
])  # fmt: skip
def test_what_deepseek_documents_of_its_units_is_blamed_on_nobody(
    server: Server, telemetry: Telemetry, where: dict[str, str]
) -> None:
    telemetry.instrument(hosts={"gpu.internal": "deepseek"})
    a_b, a_c, a_d = (
        server.ask(each, **where, messages=document(question))
        for each, question in ((ZERO, "What is it?"), (ZERO, "Why is it?"), (HIT, "Where is it?"))
    )
    assert [reason(each) for each in (a_b, a_c, a_d)] == ["cold_start", None, None]
    assert [each["promptcache.expected_tokens"] for each in (a_b, a_c, a_d)] == [0, 0, 0]
    assert [each["promptcache.result"] for each in (a_b, a_c, a_d)] == ["miss", "miss", "hit"]
    again = server.ask(HIT, **where, messages=document("What is it?"))
    assert again["promptcache.expected_tokens"] >= 2_944  # the end of an earlier request


def test_units_are_not_looked_for_in_other_scopes_either(server: Server, telemetry: Telemetry) -> None:
    telemetry.instrument()
    host = "api.deepseek.com"
    server.ask(ZERO, host=host, model="deepseek-v4-flash", messages=document("What is it?"))
    server.ask(HIT, host=host, model="deepseek-v4-pro", messages=document("What is it?"))
    assert reason(server.ask(ZERO, host=host, model="deepseek-v4-flash", messages=document("Why?"))) is None
    # All of it was sent to another model, which has its own cache.
    told = server.ask(ZERO, host=host, model="deepseek-chat", messages=document("What is it?"))
    assert reason(told) == "model_changed"


@needs_table
@pytest.mark.parametrize(
    ("host", "model", "details", "is_priced"),
    [
        ("generativelanguage.googleapis.com", "gemini-2.5-flash", HIT, True),
        ("us-central1-aiplatform.googleapis.com", "google/gemini-2.5-flash", HIT, True),
        ("generativelanguage.googleapis.com", "gemini-2.5-flash", {**HIT, "audio_tokens": 7}, False),
        ("generativelanguage.googleapis.com", "gemini-2.5-flash", {**HIT, "image_tokens": 7}, True),
        ("named.internal", "openai/gpt-oss-120b", HIT, True),
        ("cohere.internal", "command-r", HIT, False),  # a list of genai-prices that no row names
        ("vllm.internal", "gpt-4o", HIT, False),
        ("api.openai.com", "gpt-6.2-sol", HIT, False),
    ],
)
def test_what_is_priced(
    server: Server, telemetry: Telemetry, host: str, model: str, details: dict[str, Any], is_priced: bool
) -> None:
    telemetry.instrument(
        hosts={"named.internal": "groq", "cohere.internal": "cohere", "vllm.internal": "vllm"}
    )
    told = server.ask(details, host=host, model=model)
    assert ("promptcache.savings.amount" in told) is is_priced
    assert telemetry.total("promptcache.unpriced") == (0 if is_priced else 1)


@needs_table
def test_audio_that_nobody_counted_has_no_dollars(server: Server, telemetry: Telemetry) -> None:
    telemetry.instrument()
    sound = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
    spoken = [MESSAGES[0], {"role": "user", "content": [sound]}]
    where = {"host": "generativelanguage.googleapis.com", "model": "gemini-2.5-flash"}
    for messages, is_priced in ((spoken, False), (MESSAGES, True), (spoken, False)):
        told = server.ask(HIT, **where, messages=messages)
        assert ("promptcache.savings.amount" in told) is is_priced
    assert telemetry.total("promptcache.unpriced") == 2


def test_a_model_that_no_list_has_is_priced_by_one_line(server: Server, telemetry: Telemetry) -> None:
    telemetry.instrument(prices={"gpt-6.2-sol": {"input": 2.0, "cache_read": 0.2, "cache_write": 2.5}})
    told = server.ask({**HIT, "cache_write_tokens": 0}, host="api.openai.com", model="gpt-6.2-sol")
    assert told["promptcache.savings.amount"] == pytest.approx(2_944 * 1.8 / 1e6)
    assert telemetry.total("promptcache.unpriced") == 0


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
    """The application's own client class."""


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

"""The other endpoints, Azure's paths, authentication, and what is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from openai import (
    AsyncAzureOpenAI,
    AuthenticationError,
    AzureOpenAI,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    OpenAI,
)

from otel_promptcache.sim import SimConfig, Simulator, filler_text

LONG = filler_text(3000)


@pytest.fixture
def http(sim: Simulator) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=sim.url, headers={"authorization": "Bearer key"}) as http:
        yield http


def test_legacy_completions(client: OpenAI) -> None:
    whole = client.completions.create(model="gpt-3.5-turbo-instruct", prompt="hello")
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 16
    with client.completions.create(
        model="gpt-3.5-turbo-instruct", prompt="hello", stream=True, stream_options={"include_usage": True}
    ) as stream:
        *chunks, last = list(stream)
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole.choices[0].text
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert last.usage is not None
    with pytest.raises(InternalServerError):
        client.completions.create(
            model="davinci-002", prompt="hello", extra_headers={"x-sim-fault": "error_event"}
        )
    cut = client.completions.create(model="davinci-002", prompt=["a", "b"], max_tokens=3)
    assert cut.choices[0].finish_reason == "length"


def test_legacy_completions_know_no_caching_fields(client: OpenAI) -> None:
    with pytest.raises(BadRequestError, match="prompt_cache_key"):
        client.completions.create(model="davinci-002", prompt="hello", extra_body={"prompt_cache_key": "k"})


@pytest.mark.parametrize("prompt", [[], 5, [1, 2]])
def test_malformed_prompts(client: OpenAI, prompt: Any) -> None:
    with pytest.raises(BadRequestError):
        client.completions.create(model="davinci-002", prompt=prompt)


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings(client: OpenAI, encoding: Any) -> None:
    answer = client.embeddings.create(
        model="text-embedding-3-small", input=["a", "b"], encoding_format=encoding
    )
    assert answer.usage.prompt_tokens == 2
    assert len(answer.data) == 2
    assert answer.data[0].embedding != answer.data[1].embedding
    same = client.embeddings.create(model="text-embedding-3-small", input="a")
    assert len(same.data[0].embedding) == 8


def test_decisions(client: OpenAI) -> None:
    def decide(question: str) -> Any:
        return client.decisions.create(
            model="gpt-6-luna",
            input=[{"role": "user", "content": LONG}],
            questions=[
                {"type": "predicate", "instructions": question, "name": "p"},
                {"type": "choice", "instructions": "which", "choices": [{"value": "a"}, {"value": False}]},
                {"type": "score", "instructions": "how", "levels": [{"label": "low"}, {"label": "high"}]},
            ],
        )

    first, second = decide("one"), decide("two")
    assert [answer.type for answer in first.answers] == ["predicate", "choice", "score"]
    assert first.answers[0].name == "p"
    assert first.usage.input_tokens_details.cache_write_tokens == 3003
    assert second.usage.input_tokens_details.cached_tokens == 3003


@pytest.mark.parametrize("questions", [None, [], ["x"], [{"type": "riddle"}]])
def test_malformed_decisions(client: OpenAI, questions: Any) -> None:
    with pytest.raises(BadRequestError):
        client.decisions.create(model="gpt-6-luna", input="hello", questions=questions)


def test_models(client: OpenAI) -> None:
    assert {"gpt-4o", "gpt-5.5", "gpt-6.1-sol"} <= {model.id for model in client.models.list()}
    assert client.models.retrieve("gpt-4o").id == "gpt-4o"
    with pytest.raises(NotFoundError):
        client.models.retrieve("some-model")


def test_any_model_is_answered_unless_configured_otherwise(
    client: OpenAI, configured: Callable[..., OpenAI]
) -> None:
    assert client.responses.create(model="some-model", input="hello").model == "some-model"
    with pytest.raises(NotFoundError) as caught:
        configured(known_models_only=True).responses.create(model="some-model", input="hello")
    assert caught.value.code == "model_not_found"


def test_aliases_can_be_left_alone(configured: Callable[..., OpenAI]) -> None:
    client = configured(resolve_model_aliases=False)
    assert client.responses.create(model="gpt-4o", input="hello").model == "gpt-4o"


def test_an_alias_and_its_snapshot_share_a_cache(client: OpenAI) -> None:
    client.responses.create(model="gpt-5.6", input=LONG)
    usage = client.responses.create(model="gpt-5.6-sol", input=LONG).usage
    assert usage is not None
    assert usage.input_tokens_details.cached_tokens == usage.input_tokens


@pytest.fixture
def azure(sim: Simulator) -> Iterator[AzureOpenAI]:
    with AzureOpenAI(azure_endpoint=sim.url, api_key="key", api_version="2026-10-01", max_retries=0) as azure:
        yield azure


def test_azure_chat_goes_by_the_deployment(azure: AzureOpenAI, sim: Simulator) -> None:
    completion = azure.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
    assert completion.usage is not None
    assert sim.requests[-1].path == "/openai/deployments/gpt-4o/chat/completions"
    assert sim.requests[-1].query == {"api-version": "2026-10-01"}


def test_azure_streams_open_with_the_content_filter(azure: AzureOpenAI) -> None:
    with azure.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "hi"}], stream=True
    ) as stream:
        first, *rest = list(stream)
    assert first.choices == []
    assert "prompt_filter_results" in first.model_dump()
    assert all(chunk.choices for chunk in rest)


def test_azure_responses_and_embeddings(azure: AzureOpenAI, sim: Simulator) -> None:
    assert azure.responses.create(model="gpt-4o", input="hi").usage is not None
    assert sim.requests[-1].path == "/openai/responses"
    assert azure.embeddings.create(model="text-embedding-3-small", input="hi").usage.prompt_tokens == 1


def test_azure_with_the_version_in_the_path(sim: Simulator) -> None:
    with OpenAI(base_url=f"{sim.url}/openai/v1/", api_key="key") as client:
        assert client.responses.create(model="gpt-4o", input="hi").usage is not None
    assert sim.requests[-1].path == "/openai/v1/responses"


def test_azure_needs_an_api_version(http: httpx2.Client) -> None:
    assert http.post("/openai/responses", json={"model": "gpt-4o", "input": "hi"}).status_code == 404


async def test_the_async_azure_client(sim: Simulator) -> None:
    async with AsyncAzureOpenAI(azure_endpoint=sim.url, api_key="key", api_version="v") as azure:
        answer = await azure.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "hi"}]
        )
    assert answer.usage is not None


def test_a_deployment_stands_for_its_model(configured: Callable[..., OpenAI]) -> None:
    base_url = str(configured(deployments={"prod": "gpt-5.6-sol"}).base_url)
    with AzureOpenAI(azure_endpoint=base_url.removesuffix("/v1/"), api_key="k", api_version="v") as azure:
        completion = azure.chat.completions.create(model="prod", messages=[{"role": "user", "content": LONG}])
    assert completion.model == "gpt-5.6-sol"
    assert completion.usage is not None
    assert completion.usage.prompt_tokens_details is not None
    assert completion.usage.prompt_tokens_details.cache_write_tokens == 3003


def test_a_key_is_required_unless_configured_otherwise(
    sim: Simulator, configured: Callable[..., OpenAI]
) -> None:
    body = {"model": "gpt-4o", "input": "hi"}
    answer = httpx2.post(f"{sim.base_url}/responses", json=body)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert answer.headers["x-request-id"].startswith("req_")
    open_url = f"{configured(require_api_key=False).base_url}responses"
    assert httpx2.post(open_url, json=body).status_code == 200
    with OpenAI(base_url=sim.base_url, api_key="key") as client, pytest.raises(AuthenticationError):
        client.responses.create(model="m", input="hi", extra_headers={"Authorization": "Basic abc"})


def test_the_organization_header_wins_over_the_key(sim: Simulator) -> None:
    cached: list[int] = []
    for key, organization in (("a", "org"), ("b", "org"), ("a", None), ("b", None)):
        with OpenAI(base_url=sim.base_url, api_key=key, organization=organization) as client:
            usage = client.responses.create(model="gpt-5.6-sol", input=LONG).usage
            assert usage is not None
            cached.append(usage.input_tokens_details.cached_tokens)
    assert cached == [0, 3003, 0, 0]


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b'"x"', b"", b"[" * 100_000])
def test_bodies_that_are_no_json_object(http: httpx2.Client, content: bytes) -> None:
    answer = http.post("/v1/responses", content=content)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("body", [{"input": "hi"}, {"model": 5, "input": "hi"}, {"model": "", "input": "hi"}])
def test_a_model_is_required(http: httpx2.Client, body: dict[str, Any]) -> None:
    answer = http.post("/v1/responses", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "model")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/v1/chat/completions"), ("POST", "/v1/unknown"), ("PUT", "/v1/models")],
)
def test_unknown_urls_are_answered_in_the_envelope_and_recorded(
    http: httpx2.Client, sim: Simulator, method: str, path: str
) -> None:
    answer = http.request(method, path, json={})
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == f"Invalid URL ({method} {path})"
    assert (sim.requests[-1].path, sim.requests[-1].status_code) == (path, 404)


def test_requests_are_recorded(client: OpenAI, sim: Simulator) -> None:
    client.responses.create(model="gpt-5.6-sol", input=LONG, extra_headers={"X-Trace": "1"})
    (request,) = sim.requests
    assert (request.method, request.path, request.status_code) == ("POST", "/v1/responses", 200)
    assert request.headers["x-trace"] == "1"
    assert request.body is not None
    assert request.body["input"] == LONG
    assert request.usage["input_tokens"] == 3003
    assert request.cache is not None
    assert (request.cache.cached_tokens, request.cache.write_tokens) == (0, 3003)
    assert request.completed


def test_recorded_requests_are_bounded() -> None:
    with Simulator(SimConfig(max_requests=2)) as simulator:
        for _ in range(3):
            httpx2.get(simulator.base_url)
        assert len(simulator.requests) == 2


@pytest.mark.parametrize("profile", ["openai", "no_details", "null_details", "deepseek"])
def test_profiles(configured: Callable[..., OpenAI], profile: str) -> None:
    client = configured(profile=profile)
    for _ in range(2):
        chat = client.chat.completions.create(
            model="deepseek-chat", messages=[{"role": "user", "content": LONG}]
        ).usage
    assert chat is not None
    seen = chat.model_dump(exclude_unset=True)
    if profile == "openai":
        assert seen["prompt_tokens_details"]["cached_tokens"] == 2944
    elif profile == "null_details":
        assert seen["prompt_tokens_details"] is None
    else:
        assert "prompt_tokens_details" not in seen
    hit_and_miss = {name: tokens for name, tokens in seen.items() if name.startswith("prompt_cache")}
    expected = {"prompt_cache_hit_tokens": 2944, "prompt_cache_miss_tokens": 3003 - 2944}
    assert hit_and_miss == (expected if profile == "deepseek" else {})
    response = client.responses.with_raw_response.create(
        model="deepseek-chat", input="hi"
    ).http_response.json()
    assert ("input_tokens_details" in response["usage"]) is (profile in {"openai", "null_details"})

"""Which provider answers, by the setting, the host and the model; and what an absent count means."""

from __future__ import annotations

import logging

import pytest

from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.providers.policies import policy_for
from otel_promptcache.providers.profile import AbsentCount, Profile
from otel_promptcache.providers.profiles import PROFILES, SELF_HOSTED, profile_named
from otel_promptcache.providers.reported import CachedCountReporters
from otel_promptcache.providers.resolution import MAX_EXPLAINED_HOSTS, Providers
from otel_promptcache.wire.openai.chat import CHAT_COMPLETIONS
from otel_promptcache.wire.openai.responses import RESPONSES
from otel_promptcache.wire.openai.usage import read_usage


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("api.openai.com", "openai"),
        ("eu.api.openai.com", "openai"),
        ("res.openai.azure.com", "azure.ai.openai"),
        ("res.cognitiveservices.azure.com", "azure.ai.openai"),
        ("res.services.ai.azure.com", "azure.ai.inference"),
        ("models.inference.ai.azure.com", "github_models"),
        ("api.deepseek.com", "deepseek"),
        ("api.groq.com", "groq"),
        ("us-east-1.api.x.ai", "x_ai"),
        ("api.kimi.com", "moonshot_ai"),
        ("generativelanguage.googleapis.com", "gcp.gemini"),
        ("us-central1-aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("bedrock-mantle.us-east-1.api.aws", "aws.bedrock"),
        ("bedrock-runtime.us-east-1.amazonaws.com", "aws.bedrock"),
        ("api.cerebras.ai", "cerebras"),
        ("api.z.ai", "z_ai"),
        ("api.minimax.io", "minimax"),
        ("dashscope-intl.aliyuncs.com", "dashscope"),
        ("dashscope.aliyuncs.com", "dashscope"),
        ("router.huggingface.co", "huggingface"),
        ("ai-gateway.vercel.sh", "vercel"),
        ("notdeepseek.com", "_OTHER"),
        ("evil-api.openai.com.example", "_OTHER"),
        ("", "_OTHER"),
    ],
)
def test_a_provider_is_known_by_its_host(host: str, name: str) -> None:
    assert Providers({}).resolve(host, None, "some-model") == name


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-5.4", "openai"),
        ("gpt-4o-mini-2024-07-18", "openai"),
        ("ft:gpt-4o:acme::1", "openai"),
        ("o4-mini", "openai"),
        ("openai/gpt-5.4", "openai"),
        ("chatgpt-4o-latest", "openai"),
        ("gpt-oss-120b", "_OTHER"),
        ("openai/gpt-oss-20b", "_OTHER"),
        ("llama-3.3-70b", "_OTHER"),
        ("claude-opus-5", "_OTHER"),
        ("orca-2", "_OTHER"),
        (None, "_OTHER"),
    ],
)
def test_at_an_unknown_host_the_model_decides(model: str | None, name: str) -> None:
    assert Providers({}).resolve("proxy.internal", 4000, model) == name


def test_the_setting_wins_with_and_without_a_port() -> None:
    providers = Providers({"vllm:8000": "vllm", "Proxy.Internal": "openai", "api.openai.com": "recorder"})
    assert providers.resolve("vllm", 8000, "gpt-4o") == "vllm"
    assert providers.resolve("vllm", 8001, "gpt-4o") == "openai"
    assert providers.resolve("proxy.internal", 4000, "llama") == "openai"
    assert providers.resolve("api.openai.com", None, "gpt-4o") == "recorder"


@pytest.mark.parametrize(
    ("host", "platform", "model", "name"),
    [
        ("apim.internal", "azure", "my-deployment", "azure.ai.openai"),
        ("apim.internal", "azure", "gpt-5.4", "azure.ai.openai"),
        ("apim.internal", "bedrock", "gpt-5.4", "aws.bedrock"),
        ("apim.internal", "vertex", "gemini-2.5-pro", "gcp.vertex_ai"),
        ("api.openai.com", "azure", "gpt-5.4", "openai"),
        ("stated.internal", "azure", "gpt-5.4", "vllm"),
        ("apim.internal", "openai", "llama", "_OTHER"),
        ("apim.internal", "", "llama", "_OTHER"),
        ("apim.internal", None, "llama", "_OTHER"),
        ("apim.internal", None, "gpt-5.4", "openai"),
    ],
)
def test_a_client_for_one_provider_is_asked_before_the_model(
    host: str, platform: str | None, model: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    providers = Providers({"stated.internal": "vllm"})
    assert providers.resolve(host, None, model, platform=platform) == name
    assert len(caplog.messages) == int((host, name) == ("apim.internal", "openai"))


def test_an_assumption_is_logged_once_for_each_host_and_not_for_ones_own_machine(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    providers = Providers({})
    for number in range(40):
        for _ in range(3):
            providers.resolve(f"proxy-{number}", None, "gpt-5.4")
            providers.resolve("127.0.0.1", 8080, "gpt-5.4")
            providers.resolve(f"own-{number}", None, "llama")
    assert len(caplog.messages) == MAX_EXPLAINED_HOSTS
    assert "proxy-0 is not a known host" in caplog.messages[0]
    assert "OTEL_PYTHON_PROMPTCACHE_HOSTS" in caplog.messages[0]


def test_each_row_says_where_it_is_from() -> None:
    assert all(profile.source and profile.checked for profile in PROFILES)
    assert all(profile.domains or profile.pattern for profile in PROFILES)
    names = [profile.name for profile in PROFILES]
    assert len(names) == len(set(names))


def answer_with(place: str) -> dict[str, object]:
    """An answer for nine input tokens that says at this place that four of them were cached."""
    *outer, last = place.split(".")
    value: dict[str, object] = {last: 4}
    for name in reversed(outer):
        if name == "usage":
            value = {"prompt_tokens": 9, **value}
        value = {"choices": [value]} if name == "choices[0]" else {name: value}
    return value


@pytest.mark.parametrize("profile", [*PROFILES, *SELF_HOSTED], ids=lambda profile: profile.name)
def test_what_a_row_says_of_an_answer_is_read(profile: Profile) -> None:
    assert profile.cached_at
    for place in profile.cached_at:
        usage = read_usage(answer_with(place), input_name="prompt", output_name="completion")
        assert usage is not None
        assert (usage.input_tokens, usage.cache_read_tokens) == (9, 4)


def test_software_that_people_run_is_known_by_the_setting_alone_and_never_priced() -> None:
    for profile in SELF_HOSTED:
        assert profile.is_self_hosted
        assert profile.prices is None
        assert profile_named(profile.name) is profile
        assert Providers({"gpu:8000": profile.name}).resolve("gpu", 8000, "gpt-4o") == profile.name
        assert not policy_for(profile.name, "gpt-4o").expects_reads
    assert not any(profile.is_self_hosted for profile in PROFILES)


SILENT = TokenUsage(input_tokens=3_000)


def test_what_is_left_out_by_one_that_has_reported_it_is_a_zero() -> None:
    reporters = CachedCountReporters()
    assert reporters.completed(SILENT, "groq", "llama").cache_read_tokens is None
    hit = TokenUsage(input_tokens=3_000, cache_read_tokens=2_560)
    assert reporters.completed(hit, "groq", "llama") is hit
    assert reporters.completed(SILENT, "groq", "llama").cache_read_tokens == 0
    assert reporters.completed(SILENT, "sglang", "llama").cache_read_tokens is None
    assert reporters.completed(SILENT, "groq", "other").cache_read_tokens is None
    assert reporters.completed(TokenUsage(), "groq", "llama").cache_read_tokens is None


@pytest.mark.parametrize("profile", [*PROFILES, *SELF_HOSTED], ids=lambda profile: profile.name)
def test_a_provider_that_reports_zeros_means_none_by_leaving_them_out(profile: Profile) -> None:
    reporters = CachedCountReporters()
    hit = TokenUsage(input_tokens=3_000, cache_read_tokens=2_560)
    reporters.completed(hit, "host", "model", profile.name)
    read = reporters.completed(SILENT, "host", "model", profile.name).cache_read_tokens
    assert read == (None if profile.absent_count is AbsentCount.UNKNOWN else 0)


def test_who_reports_zeros_and_who_leaves_them_out() -> None:
    says_zero = {each.name for each in PROFILES if each.absent_count is AbsentCount.UNKNOWN}
    assert {"openai", "azure.ai.openai", "deepseek", "x_ai"} <= says_zero
    assert not says_zero & {"groq", "gcp.gemini", "gcp.vertex_ai"}


@pytest.mark.parametrize(
    ("answer", "read", "written"),
    [
        ({"usage": {"prompt_tokens": 9, "cached_tokens": 4}}, 4, None),
        ({"choices": [{"usage": {"prompt_tokens": 9, "cached_tokens": 4}}]}, 4, None),
        ({"usage": None, "x_groq": {"usage": {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4}}}}, 4, None),
        ({"usage": {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 1, "cache_creation_tokens": 3}}}, 1, 3),
        ({"usage": {"prompt_tokens": 9, "prompt_tokens_details": {"cache_creation_input_tokens": 3}}}, None, 3),
        ({"usage": {"prompt_tokens": 9, "prompt_tokens_details": {"created_cache_tokens": 3}}}, None, 3),
        ({"usage": {"prompt_tokens": 9, "cache_creation_input_tokens": 3}}, None, 3),
        ({"usage": {"prompt_tokens": 9, "cached_tokens": 4, "prompt_tokens_details": {"cached_tokens": 5}}}, 5, None),
    ],
)  # fmt: skip
def test_usage_is_read_by_all_its_names(
    answer: dict[str, object], read: int | None, written: int | None
) -> None:
    usage = CHAT_COMPLETIONS.read_answer(answer).usage
    assert usage is not None
    assert (usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens) == (9, read, written)
    assert RESPONSES.read_answer({"response": {"choices": 7, "x_groq": 7}}).usage is None

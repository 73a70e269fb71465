"""No finding advises a feature that the API in use lacks, whatever the rule and the server."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from otel_promptcache.providers.profiles import OTHER, PROFILES, SELF_HOSTED
from otel_promptcache.report.catalogue import ALL_RULES
from otel_promptcache.report.findings.finding import Finding
from otel_promptcache.report.report import build_report
from otel_promptcache.report.rules.opt_in import HOUR_NOT_NEEDED, MARKS_NOT_READ, OPT_IN_RULES
from otel_promptcache.report.rules.phrases import APIS_WITH_MARKERS, Api, phrase
from otel_promptcache.report.rules.rule import Rule, Situation
from otel_promptcache.report.rules.server import Server
from tests.report.calls import call, findings, miss

OF_OPENAI = (
    "allowed_tools", "previous_response_id", "prompt_cache_retention", "prompt_cache_options", "prompt_cache_breakpoint",
    "safety_identifier", "configuration_update", "prewarm", "gpt-", "Responses API", "OpenAI",
)  # fmt: skip
OF_CHAT = (
    "stream_options",
    "include_usage",
    "STREAM_USAGE",
    "parallel_tool_calls",
    "prompt_tokens",
    "prompt_cache_key",
)
OF_CLAUDE = ("cache_control", "Claude", "20 blocks")

SAYS_WHAT_WAS_SENT = {"caching-disabled", "mode-changed"}
"""They are about `prompt_cache_options`, which the application itself sends."""
OF_CHAT_ALONE = {"usage-not-requested", "cached-outside-input"}
"""They are raised for OpenAI's formats only."""
KEY_WAS_SENT = {"cache-key-changed"}

SERVERS = [
    Server("anthropic", "api.anthropic.com", "messages", "claude-opus-5"),
    Server("aws.bedrock", None, "messages", "anthropic.claude-sonnet-4-5-v1:0"),
    Server("openrouter", "openrouter.ai", "chat_completions", "anthropic/claude-opus-5"),
    Server("anthropic", "api.anthropic.com", "chat_completions", "claude-opus-5"),
    Server("deepseek", "api.deepseek.com", "messages", "deepseek-chat"),
    *(Server(each.name, None, "chat_completions", "some-model") for each in (*PROFILES, *SELF_HOSTED)),
    Server(OTHER, "gateway.internal", "chat_completions", "some-model"),
    Server(OTHER, "gateway.internal", "responses", "some-model"),
    Server(OTHER, "gateway.internal", None, None),
]


def said(rule: Rule, server: Server) -> Iterator[str]:
    """All texts of a rule, in each variant and for each setting."""
    usual: dict[str, object] = {"template": "bot", "requests": 3, "of_requests": 5, "evidence": ""}
    settings = [{"path": name} for name in rule.settings]
    for fields in ({}, *({"situation": each} for each in rule.variants), *settings):
        finding = Finding(rule=rule, server=server, **usual, **fields)  # type: ignore[arg-type]
        texts = (finding.title, finding.what, finding.advice, finding.snippet or "")
        assert not any(re.search(r"\{\w+\}", text) for text in texts[:3]), texts
        yield " ".join(texts)


@pytest.mark.parametrize(
    "server", SERVERS, ids=lambda server: f"{server.provider}, {server.format}, {server.model}"
)
def test_nothing_is_named_that_the_api_does_not_have(server: Server) -> None:
    lacks = [] if server.api is Api.OPENAI else [*OF_OPENAI]
    if server.api is Api.UNCACHED_CHAT:
        lacks.remove("OpenAI")  # the format without a cache is OpenAI's
    if server.format == "messages":
        lacks += OF_CHAT
    else:
        lacks.append("`thinking` blocks")
    if server.api not in APIS_WITH_MARKERS:
        lacks += OF_CLAUDE
    for rule in ALL_RULES:
        if rule.id in SAYS_WHAT_WAS_SENT or (
            server.format == "messages" and rule.id in OF_CHAT_ALONE | KEY_WAS_SENT
        ):
            continue
        if rule in (*OPT_IN_RULES, MARKS_NOT_READ, HOUR_NOT_NEEDED) and server.api not in APIS_WITH_MARKERS:
            continue
        for text in said(rule, server):
            named = [word for word in lacks if word in text]
            assert not named, (rule.id, named, text)


def test_openai_is_advised_what_it_has() -> None:
    server = Server("openai", "api.openai.com", "chat_completions")
    text = " ".join(text for rule in ALL_RULES for text in said(rule, server))
    assert all(word in text for word in OF_OPENAI)


@pytest.mark.parametrize(
    ("model", "api_type", "words", "snippet"),
    [
        ("gpt-4.1", "chat_completions", "`prompt_cache_retention`", "prompt_cache_retention"),
        ("gpt-4.1", "responses", "`prompt_cache_retention`", "prompt_cache_retention"),
        ("gpt-5.6-sol", "responses", "`ttl` of `12h`", '"ttl": "12h"'),
        ("gpt-5.6-sol", "chat_completions", "`ttl` of `12h`", None),
        ("gpt-5.5", "responses", "Send requests that share a prompt closer together", None),
    ],
)
def test_a_longer_lifetime_is_the_one_that_the_model_offers(
    model: str, api_type: str, words: str, snippet: str | None
) -> None:
    fields = {"provider": "openai", "host": "api.openai.com", "model": model, "api_type": api_type}
    finding = findings(*(miss(second, "expired", **fields) for second in range(4)))["expired"]
    assert words in finding.advice
    assert (snippet is None) is (finding.snippet is None)
    assert snippet is None or snippet in str(finding.snippet)


def test_groq_has_no_longer_lifetime_to_ask_for() -> None:
    fields = {"provider": "groq", "host": "api.groq.com", "model": "llama"}
    finding = findings(*(miss(second, "expired", **fields) for second in range(4)))["expired"]
    assert finding.advice == "Send requests that share a prompt closer together."
    assert finding.snippet is None


@pytest.mark.parametrize("situation", Situation)
def test_a_breakpoint_of_a_server_of_ones_own_has_no_name(situation: Situation) -> None:
    fields = {"provider": "our-own", "host": "gateway.internal"}
    finding = findings(*(miss(second, "no_matching_breakpoint", **fields) for second in range(4)))
    (one,) = finding.values()
    assert "prompt_cache_breakpoint" not in f"{one.paragraph} {one.snippet} {situation}"


def test_the_minimum_is_that_of_the_model() -> None:
    def what(provider: str, model: str) -> str:
        fields = {
            "provider": provider,
            "model": model,
            "api_type": None,
            "operation": "chat",
            "missed_usd": None,
        }
        (finding,) = findings(*(miss(second, "below_minimum", **fields) for second in range(6))).values()
        return finding.what

    assert "at least 512 tokens" in what("anthropic", "claude-opus-5")
    assert "at least 4,096 tokens" in what("anthropic", "claude-haiku-4-5")
    assert "at least 2,048 tokens" in what("gcp.gemini", "gemini-2.5-flash")
    assert "such as 1,024 tokens" in what("groq", "llama")


def test_anthropic_itself_caches_nothing_of_chats() -> None:
    fields = {"provider": "anthropic", "host": "api.anthropic.com", "model": "claude-opus-5"}
    (finding,) = findings(*(miss(second, "caching_disabled", **fields) for second in range(4))).values()
    assert finding.rule.id == "markers-absent"
    assert "Send them with Anthropic's SDK" in finding.advice
    assert finding.snippet is None
    at_a_router = {"provider": "openrouter", "host": "openrouter.ai", "model": "anthropic/claude-opus-5"}
    (finding,) = findings(*(miss(second, "caching_disabled", **at_a_router) for second in range(4))).values()
    assert "cache_control" in str(finding.snippet)


def test_tools_are_limited_in_the_words_of_the_server() -> None:
    def snippet(provider: str, model: str, **fields: object) -> str:
        found = findings(
            *(
                miss(
                    second,
                    "tools_changed",
                    path="tools[1]",
                    kind="added",
                    provider=provider,
                    model=model,
                    **fields,
                )
                for second in range(4)
            )
        )
        return str(found["tools-come-and-go"].snippet)

    assert "allowed_tools" in snippet("openai", "gpt-5.6-sol")
    assert "allowed_tools" in snippet("azure.ai.openai", "gpt-5.6-sol", api_type="responses")
    assert "Use only: " in snippet("vllm", "some-model")
    assert "input=[" in snippet("x_ai", "grok", api_type="responses")
    assert "messages=[" in snippet("anthropic", "claude-opus-5", api_type=None, operation="chat")
    assert "messages=[" in snippet("openrouter", "anthropic/claude-opus-5")


def test_a_silent_stream_of_a_message_is_not_told_to_ask() -> None:
    silent = {
        "provider": "anthropic", "model": "claude-opus-5", "api_type": None, "operation": "chat", "is_stream": True,
        "result": "unknown", "input_tokens": None, "read_tokens": None, "net_usd": None, "expected_tokens": None,
    }  # fmt: skip
    found = findings(*(call(second, **silent) for second in range(4)))
    assert set(found) == {"usage-not-reported"}
    assert "message_start" in found["usage-not-reported"].advice


def test_who_speaks_the_messages_api_without_being_claude() -> None:
    at_deepseek = call(provider="deepseek", model="deepseek-chat", api_type=None, operation="chat")
    assert at_deepseek.format == "messages"
    decision = call(provider="openai", model="gpt-5.6", api_type=None, operation="chat")
    assert decision.format is None
    completion = call(provider="vllm", api_type=None, operation="text_completion")
    assert completion.format is None


def test_each_setting_has_a_finding_of_its_own() -> None:
    names = (
        "tool_choice",
        "thinking",
        "images",
        "citations",
        "speed",
        "output_config",
        "headers.anthropic-beta",
    )
    fields = {"provider": "anthropic", "model": "claude-opus-5", "api_type": None, "operation": "chat"}
    calls = [
        miss(second, "settings_changed", path=names[second % len(names)], **fields) for second in range(21)
    ]
    found = {finding.path: finding for finding in build_report(calls).findings}
    assert set(found) == set(names)
    assert {finding.requests for finding in found.values()} == {3}
    assert len({finding.title for finding in found.values()}) == len(names)
    assert 'tool_choice={"type": "auto"}' in str(found["tool_choice"].snippet)
    assert "thinking" in str(found["thinking"].snippet)
    assert '"citations"' in str(found["citations"].snippet)
    assert "cache_control" in str(found["images"].snippet)
    assert "anthropic-beta" in str(found["headers.anthropic-beta"].snippet)


def test_settings_that_nobody_knows_are_one_finding() -> None:
    calls = [miss(second, "settings_changed", path=f"setting_{second}") for second in range(50)]
    assert len(build_report(calls).findings) == 1


def test_every_phrase_has_words_for_each_api_it_is_about() -> None:
    assert phrase("keep_tools", Api.CLAUDE_CHAT) == phrase("keep_tools", Api.CLAUDE)
    assert phrase("prewarm", Api.MESSAGES) == ""
    assert phrase("report_cached", Api.OTHER) is None

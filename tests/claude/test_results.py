"""What is reported about a call: result, reason and dollars."""

from __future__ import annotations

import logging
from typing import Any

import anthropic
import pytest

from tests.claude.surfaces import client_of
from tests.claude.wire import MODEL, REQUEST, USAGE, client, http, message, transport
from tests.conftest import Telemetry
from tests.unit.price_tables import needs_table

TEXT = "Rules. " * 2_000
UNMARKED: dict[str, Any] = {**REQUEST, "system": TEXT}
NOTHING_READ = {
    **USAGE,
    "input_tokens": 3_000,
    "cache_read_input_tokens": 0,
    "cache_creation_input_tokens": 0,
    "cache_creation": None,
}
WRITTEN = {**NOTHING_READ, "input_tokens": 21, "cache_creation_input_tokens": 3_000}


def spans_of(telemetry: Telemetry, *calls: tuple[dict[str, Any], dict[str, Any]]) -> list[dict[str, Any]]:
    """The spans of calls, each given as a request and its answer."""
    telemetry.instrument()
    replies = iter([reply for _, reply in calls])
    with client(lambda *_: next(replies)) as application:
        for request, _ in calls:
            application.messages.create(**request)
    return [dict(span.attributes or {}) for span in telemetry.spans]


def test_a_request_without_a_marker_has_caching_disabled(telemetry: Telemetry) -> None:
    first, second = spans_of(telemetry, (UNMARKED, message(NOTHING_READ)), (UNMARKED, message(NOTHING_READ)))
    for span in (first, second):
        assert span["promptcache.result"] == "miss"
        assert span["promptcache.miss.reason"] == "caching_disabled"
        assert span["promptcache.miss.source"] == "client"
    assert telemetry.total("promptcache.misses", promptcache__miss__reason="caching_disabled") == 2


@pytest.mark.parametrize(
    "request_",
    [
        {**UNMARKED, "extra_body": {"cache_control": {"type": "ephemeral"}}},
        {**UNMARKED, "system": [{"type": "text", "text": TEXT, "cache_control": {"type": "ephemeral"}}]},
        {
            **UNMARKED,
            "tools": [
                {"name": "f", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}}
            ],
        },
    ],
    ids=["top level", "system", "tool"],
)
def test_of_one_with_a_marker_anthropics_rules_are_applied(
    request_: dict[str, Any], telemetry: Telemetry
) -> None:
    read = {**WRITTEN, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 3_000}
    spans = spans_of(telemetry, *[(request_, message(usage)) for usage in (WRITTEN, read, WRITTEN)])
    assert [span["promptcache.result"] for span in spans] == ["miss", "hit", "miss"]
    assert [span.get("promptcache.miss.reason") for span in spans] == ["cold_start", None, "provider"]


def test_what_was_written_was_asked_for_by_somebody(telemetry: Telemetry) -> None:
    (span,) = spans_of(telemetry, (UNMARKED, message(WRITTEN)))
    assert "promptcache.miss.reason" not in span


def test_a_short_prompt_is_ineligible(telemetry: Telemetry) -> None:
    (span,) = spans_of(telemetry, (REQUEST, message({**NOTHING_READ, "input_tokens": 511})))
    assert span["promptcache.result"] == "ineligible"
    assert span["promptcache.miss.reason"] == "below_minimum"


def test_no_usage_no_result(telemetry: Telemetry) -> None:
    (span,) = spans_of(telemetry, (REQUEST, message({"input_tokens": 5, "output_tokens": 1})))
    assert span["promptcache.result"] == "unknown"


def diagnosed(kind: str, tokens: int = 2_000, usage: dict[str, Any] = WRITTEN) -> dict[str, Any]:
    return message(
        usage, diagnostics={"cache_miss_reason": {"type": kind, "cache_missed_input_tokens": tokens}}
    )


@pytest.mark.parametrize(
    ("kind", "reason", "path"),
    [
        ("system_changed", "input_changed", "system"),
        ("messages_changed", "input_changed", "messages"),
        ("tools_changed", "tools_changed", "tools"),
        ("model_changed", "model_changed", None),
    ],
)
def test_what_the_api_itself_says(kind: str, reason: str, path: str | None, telemetry: Telemetry) -> None:
    (span,) = spans_of(telemetry, (REQUEST, diagnosed(kind)))
    assert span["promptcache.miss.reason"] == reason
    assert span["promptcache.miss.source"] == "provider"
    assert span["promptcache.miss.tokens"] == 2_000
    assert span.get("promptcache.divergence.path") == path


def test_its_estimate_is_no_more_than_what_was_not_read(telemetry: Telemetry) -> None:
    (span,) = spans_of(telemetry, (REQUEST, diagnosed("system_changed", 9_999)))
    assert span["promptcache.miss.tokens"] == 3_021


@pytest.mark.parametrize("kind", ["unavailable", "previous_message_not_found"])
def test_where_it_says_nothing_our_own_rules_decide(kind: str, telemetry: Telemetry) -> None:
    (span,) = spans_of(telemetry, (REQUEST, diagnosed(kind)))
    assert span["promptcache.miss.reason"] == "cold_start"
    assert span["promptcache.miss.source"] == "client"


@pytest.mark.parametrize(
    ("request_", "usage"),
    [
        ({}, {"service_tier": "priority"}),
        ({}, {"inference_geo": "us"}),
        ({}, {"iterations": [{"type": "advisor_message"}]}),
        ({"extra_body": {"speed": "fast"}}, {}),
        ({"extra_body": {"inference_geo": "us"}}, {}),
    ],
)
def test_what_is_on_no_list_is_unpriced(request_: Any, usage: dict[str, Any], telemetry: Telemetry) -> None:
    (span,) = spans_of(telemetry, ({**REQUEST, **request_}, message({**USAGE, **usage})))
    assert span["promptcache.result"] == "hit"
    assert "promptcache.savings.amount" not in span
    assert telemetry.total("promptcache.unpriced") == 1


@needs_table
def test_fast_answers_have_a_price_of_their_own(telemetry: Telemetry) -> None:
    fast = {**REQUEST, "extra_body": {"speed": "fast"}}
    spans_of(telemetry, (fast, message({**USAGE, "speed": "fast"})))
    assert telemetry.total("promptcache.input_cost") == pytest.approx(2 * 3_605e-6)


@needs_table
@pytest.mark.parametrize(("region", "factor"), [("global", 1), ("us", 1.1)])
def test_bedrock_bills_by_the_id_that_was_asked_for(region: str, factor: float, telemetry: Telemetry) -> None:
    telemetry.instrument()
    with client_of("bedrock", is_async=False) as bedrock:
        bedrock.messages.create(**{**REQUEST, "model": f"{region}.anthropic.claude-opus-5"})
    assert telemetry.span["gen_ai.response.model"] == MODEL
    assert telemetry.total("promptcache.input_cost") == pytest.approx(factor * 3_605e-6)


def test_a_region_of_vertex_is_unpriced(telemetry: Telemetry) -> None:
    telemetry.instrument()
    vertex = anthropic.AnthropicVertex(
        region="us-east5",
        project_id="p",
        access_token="t",
        http_client=http.Client(transport=transport(lambda *_: message())),
    )
    vertex.messages.create(**REQUEST)
    assert telemetry.total("promptcache.unpriced") == 1


class TestWhoAnswers:
    @pytest.mark.parametrize(
        ("base_url", "model", "provider"),
        [
            ("https://api.anthropic.com", MODEL, "anthropic"),
            ("https://claude.googleapis.com", MODEL, "anthropic"),
            ("https://aws-external-anthropic.us-east-1.api.aws", MODEL, "anthropic"),
            ("https://bedrock-mantle.us-east-1.api.aws/anthropic", MODEL, "aws.bedrock"),
            ("https://resource.services.ai.azure.com/anthropic", MODEL, "azure.ai.inference"),
            ("https://gateway.example", MODEL, "anthropic"),
            ("https://gateway.example", "qwen3-coder", "_OTHER"),
            ("https://api.deepseek.com/anthropic", "deepseek-v4", "deepseek"),
        ],
    )
    def test_the_host_and_the_model_tell(
        self, base_url: str, model: str, provider: str, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
    ) -> None:
        telemetry.instrument()
        with caplog.at_level(logging.WARNING), client(lambda *_: message(), base_url=base_url) as application:
            application.messages.create(**{**REQUEST, "model": model})
        assert telemetry.span["gen_ai.provider.name"] == provider
        is_proxy = "gateway" in base_url and provider == "anthropic"
        assert ["Anthropic's models there are priced" in message for message in caplog.messages] == [
            True
        ] * is_proxy

    def test_an_automatic_cache_needs_no_marker(self, telemetry: Telemetry) -> None:
        telemetry.instrument()
        with client(
            lambda *_: message(NOTHING_READ), base_url="https://api.deepseek.com/anthropic"
        ) as application:
            application.messages.create(**{**UNMARKED, "model": "deepseek-v4"})
        assert telemetry.span["promptcache.miss.reason"] == "cold_start"


@pytest.mark.parametrize(
    ("written", "by_lifetime", "counted"),
    [
        (
            3_000,
            {"ephemeral_5m_input_tokens": 2_000, "ephemeral_1h_input_tokens": 1_000},
            {"5m": 2_000, "1h": 1_000},
        ),
        (3_000, {"ephemeral_5m_input_tokens": 3_000, "ephemeral_1h_input_tokens": 0}, {"5m": 3_000}),
        (3_000, {"ephemeral_1h_input_tokens": 1_000}, {"1h": 1_000, None: 2_000}),
        (3_000, None, {None: 3_000}),
        (0, {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}, {None: 0}),
        (None, None, {}),
    ],
)
def test_written_tokens_are_counted_by_their_lifetime(
    written: int | None,
    by_lifetime: dict[str, int] | None,
    counted: dict[str | None, int],
    telemetry: Telemetry,
) -> None:
    usage = {**WRITTEN, "cache_creation_input_tokens": written, "cache_creation": by_lifetime}
    spans_of(telemetry, (UNMARKED, message(usage)))
    points = [
        (dict(labels), point.value) for labels, point in telemetry.metrics()["promptcache.tokens"].items()
    ]
    writes = {
        labels.get("promptcache.write.ttl"): tokens
        for labels, tokens in points
        if labels["promptcache.token.state"] == "write"
    }
    assert writes == counted
    assert sum(tokens for _, tokens in points) == 21 + (written or 0)

"""Each reason, place and kind leads to its finding, and to no other."""

from __future__ import annotations

from itertools import product

import pytest

from otel_promptcache.core.comparison.divergence import DivergenceKind
from otel_promptcache.core.diagnosis.reasons import MissReason
from otel_promptcache.report.findings.misses import REASON_RULES
from otel_promptcache.report.report import build_report
from otel_promptcache.report.rules.places import Place, describe_kind, place_of
from otel_promptcache.report.rules.rule import Cause
from tests.report.calls import call, findings, miss

CASES = [
    ("input_changed", "instructions", "timestamp", "time-in-front"),
    ("input_changed", "messages[0].content", "timestamp", "time-in-front"),
    ("input_changed", "input[0].content[0]", "uuid", "id-in-front"),
    ("input_changed", "instructions", "number", "number-in-front"),
    ("input_changed", "instructions", "reordered", "reordered-in-front"),
    ("input_changed", "messages[0]", "added", "inserted-in-front"),
    ("input_changed", "messages[0]", "removed", "removed-in-front"),
    ("input_changed", "messages[0]", "truncated", "history-truncated"),
    ("input_changed", "messages[1]", "truncated", "history-truncated"),
    ("input_changed", "instructions", "edited", "edited-in-front"),
    ("input_changed", "input", None, "edited-in-front"),
    ("input_changed", "messages[3].content", "timestamp", "volatile-history"),
    ("input_changed", "messages[3].content", "uuid", "volatile-history"),
    ("input_changed", "messages[12].content", "number", "volatile-history"),
    ("input_changed", "input[4]", "added", "history-inserted"),
    ("input_changed", "input[4]", "removed", "history-removed"),
    ("input_changed", "input[4]", "reordered", "history-reordered"),
    ("input_changed", "input[4].content[1]", "edited", "history-edited"),
    ("input_changed", "messages[10]", None, "history-edited"),
    ("input_changed", "system", "edited", "edited-in-front"),
    ("input_changed", "system", None, "edited-in-front"),
    ("input_changed", "system[1]", "timestamp", "time-in-front"),
    ("input_changed", "messages", None, "history-edited"),
    ("input_changed", "messages[2].content[0].content[1].text", "edited", "results-rewritten"),
    ("input_changed", "messages[2].content[0].input.city", "reordered", "arguments-rewritten"),
    ("tools_changed", "tools[0].input_schema.required[1]", "reordered", "schema-reordered"),
    ("input_changed", None, None, "input-changed"),
    ("input_changed", "something.new", "edited", "input-changed"),
    ("tools_changed", "tools[1]", "reordered", "tools-reordered"),
    ("tools_changed", "tools[1]", "added", "tools-come-and-go"),
    ("tools_changed", "tools[1]", "removed", "tools-come-and-go"),
    ("tools_changed", "tools[3].function.description", "timestamp", "tools-volatile"),
    ("tools_changed", "functions[0].description", "number", "tools-volatile"),
    ("tools_changed", "tools[3].function.parameters", "edited", "tools-changed"),
    ("tools_changed", "tools[3].function.parameters.required[0]", "reordered", "schema-reordered"),
    ("tools_changed", "tools[3].parameters.properties[2].enum[1]", "reordered", "schema-reordered"),
    ("tools_changed", "tools[3].function.description", "reordered", "schema-reordered"),
    ("tools_changed", "tools[3].function.description", "added", "tool-text-changes"),
    ("tools_changed", "functions[3].description", "removed", "tool-text-changes"),
    ("input_changed", "messages[2].tool_calls[0].function.arguments", "reordered", "arguments-rewritten"),
    ("input_changed", "input[2].arguments", "edited", "arguments-rewritten"),
    ("input_changed", "input[3].output", "edited", "results-rewritten"),
    ("input_changed", "input[3].output", "removed", "results-rewritten"),
    ("input_changed", "input[3].output[0].text", "timestamp", "results-rewritten"),
    ("endpoint_changed", None, None, "endpoint-changed"),
    ("settings_changed", "headers.session_id", None, "settings-changed"),
    ("tools_changed", None, None, "tools-changed"),
    ("text_format_changed", "text.format", "edited", "format-changed"),
    ("text_format_changed", None, None, "format-changed"),
    ("model_changed", None, None, "model-changed"),
    ("prompt_cache_key_changed", None, None, "cache-key-changed"),
    ("service_tier_changed", None, None, "service-tier-changed"),
    ("reasoning_effort_changed", None, None, "effort-changed"),
    ("verbosity_changed", None, None, "verbosity-changed"),
    ("context_compacted", "input[1]", "edited", "context-compacted"),
    ("expired", None, None, "expired"),
    ("caching_disabled", None, None, "caching-disabled"),
    ("mode_changed", None, None, "mode-changed"),
    ("no_matching_breakpoint", "input[1]", "edited", "no-matching-breakpoint"),
    ("rate_overflow", None, None, "rate-overflow"),
    ("concurrent", None, None, "concurrent"),
    ("unseen", None, None, "unseen"),
    ("provider", None, None, "provider"),
    ("a_reason_of_tomorrow", None, None, "other-reason"),
]
DOMINATING = {"cold_start", "below_minimum"}


@pytest.mark.parametrize(("reason", "path", "kind", "rule"), CASES)
def test_a_miss_leads_to_its_finding(reason: str, path: str | None, kind: str | None, rule: str) -> None:
    found = findings(call(0), miss(1, reason, path=path, kind=kind))
    assert set(found) == {rule}
    finding = found[rule]
    assert (finding.requests, finding.of_requests, finding.template) == (1, 2, "bot")
    assert (finding.reason, finding.path, finding.kind, finding.source) == (reason, path, kind, "client")
    assert finding.lost_usd == 0.002
    assert finding.usd_per_1000_requests == 1.0
    assert finding.lost_tokens == 1800
    assert "{" not in finding.paragraph
    assert f"`{path}`" in finding.paragraph or path is None
    for sentences in (finding.what, finding.evidence, finding.advice, finding.cost):
        assert sentences.endswith(".")
        assert sentences[0].isupper() or sentences[0] == "`"


def test_every_reason_is_covered() -> None:
    assert {reason for rule in REASON_RULES for reason in rule.reasons} == {
        reason.value for reason in MissReason
    }
    tested = {reason for reason, *_ in CASES} | DOMINATING
    assert tested > {reason.value for reason in MissReason}


def test_every_rule_is_reached() -> None:
    kinds = [None, *(kind.value for kind in DivergenceKind)]
    paths = [
        None, "tools[0]", "tools[0].parameters.required", "instructions", "messages[0]", "messages[1]", "text.format",
        "input[1].arguments", "input[1].output",
    ]  # fmt: skip
    reached = set[str]()
    for reason, path, kind in product(MissReason, paths, kinds):
        reached |= set(findings(*(miss(second, reason.value, path=path, kind=kind) for second in range(5))))
    assert reached == {rule.id for rule in REASON_RULES}


def test_every_kind_has_a_name() -> None:
    assert all(describe_kind(kind.value) for kind in DivergenceKind)
    assert describe_kind("new") is None


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("tools[3].function.description", Place.TOOL_DEFINITION),
        ("tools[3].name", Place.TOOL_DEFINITION),
        ("tools[3].function.parameters.required[0]", Place.TOOL_SCHEMA),
        ("tools[3].parameters", Place.TOOL_SCHEMA),
        ("tools[3]", Place.TOOLS),
        ("messages[4].tool_calls[0].function.arguments", Place.ARGUMENTS),
        ("input[4].arguments", Place.ARGUMENTS),
        ("input[4].output[1].text", Place.TOOL_RESULT),
        ("functions[0]", Place.TOOLS),
        ("toolset", Place.PROMPT),
        ("response_format", Place.FORMAT),
        ("text.format.schema", Place.FORMAT),
        ("instructions", Place.INSTRUCTIONS),
        ("messages[0].content[2]", Place.OPENING),
        ("input", Place.OPENING),
        ("prompt", Place.OPENING),
        ("prompt[0]", Place.OPENING),
        ("messages[1]", Place.CONVERSATION),
        ("system", Place.INSTRUCTIONS),
        ("system[2]", Place.INSTRUCTIONS),
        ("messages", Place.CONVERSATION),
        ("messages[0].content[1]", Place.OPENING),
        ("messages[2].content[0]", Place.CONVERSATION),
        ("messages[2].content[0].text", Place.CONVERSATION),
        ("messages[2].content[0].source.data", Place.CONVERSATION),
        ("messages[2].content[0].content", Place.TOOL_RESULT),
        ("messages[2].content[0].content[1].text", Place.TOOL_RESULT),
        ("messages[2].content[0].input.city", Place.ARGUMENTS),
        ("tools[3].input_schema.required[0]", Place.TOOL_SCHEMA),
        ("input[10]", Place.CONVERSATION),
        ("", Place.PROMPT),
        (None, Place.PROMPT),
    ],
)
def test_places(path: str | None, place: Place) -> None:
    assert place_of(path) is place


def test_a_good_run_has_no_findings() -> None:
    assert not findings(*(call(second) for second in range(50)))


def test_older_data_without_a_diagnosis_has_no_findings() -> None:
    bare = {
        "expected_tokens": None,
        "reason": None,
        "missed_tokens": None,
        "missed_usd": None,
        "source": None,
    }
    assert not findings(*(miss(second, **bare) for second in range(20)))


def test_calls_that_failed_are_no_evidence() -> None:
    found = findings(call(0), miss(1), miss(2, error_type="APIError"))
    assert (found["input-changed"].requests, found["input-changed"].of_requests) == (1, 2)


@pytest.mark.parametrize(
    ("reason", "rule"), [("cold_start", "cold-start"), ("below_minimum", "below-minimum")]
)
def test_what_belongs_to_any_traffic_is_found_only_where_it_dominates(reason: str, rule: str) -> None:
    usual = {"missed_tokens": None, "missed_usd": None}
    few = [miss(0, reason, **usual), *(call(second) for second in range(1, 9))]
    assert not findings(*few)
    many = [
        *(miss(second, reason, **usual) for second in range(5)),
        *(call(second) for second in range(5, 9)),
    ]
    assert findings(*many)[rule].requests == 5
    assert findings(*many)[rule].cost == ""
    assert not findings(*(miss(second, reason, **usual) for second in range(4)))  # too few to say


def test_a_flood_of_one_off_prompts_is_one_finding() -> None:
    report = build_report(
        [miss(second, "cold_start", name=f"prompt {second}", missed_usd=None) for second in range(9)]
    )
    (finding,) = report.findings
    assert (finding.rule.id, finding.template, finding.requests) == ("cold-start", None, 9)


def test_templates_have_findings_of_their_own() -> None:
    report = build_report(
        [miss(0, name="a"), miss(1, name="b", missed_usd=0.5), miss(2, name="b", reason="expired")]
    )
    assert [(one.rule.id, one.template) for one in report.findings] == [
        ("input-changed", "b"), ("expired", "b"), ("input-changed", "a"),
    ]  # fmt: skip


def test_without_prices_the_tokens_decide() -> None:
    report = build_report([
        miss(0, name="a", missed_usd=None, missed_tokens=5),
        miss(1, name="b", missed_usd=None, missed_tokens=50),
        miss(2, name="c", missed_usd=0.001, missed_tokens=1),
        miss(3, name="d", missed_usd=None, missed_tokens=None),
    ])  # fmt: skip
    assert [one.template for one in report.findings if one.reason] == ["c", "b", "a", "d"]
    assert report.findings[0].cost == "This run lost $0.0010."
    assert report.findings[1].cost == "This run lost 50 tokens."
    assert report.findings[-1].cost == ""


@pytest.mark.parametrize(
    ("requests", "usd", "cost"),
    [
        (20, 0.002, "That saves about $2.00 per 1,000 requests; this run lost $0.0400."),
        (
            20,
            None,
            "That saves the price of about 50,000 tokens per 1,000 requests; this run lost 1,000 tokens.",
        ),
        (19, 0.002, "This run lost $0.0380."),
        (19, None, "This run lost 950 tokens."),
    ],
)
def test_a_thousand_requests_are_projected_from_twenty(requests: int, usd: float | None, cost: str) -> None:
    calls = (miss(n, "model_changed", missed_usd=usd, missed_tokens=50) for n in range(requests))
    assert findings(*calls)["model-changed"].cost == cost


def test_a_difference_at_the_first_token_is_at_the_start() -> None:
    found = findings(miss(0, path="messages[0].content", token=0, kind="edited"))
    assert found["edited-in-front"].evidence.startswith(
        "In 1 of 1 request the first difference is in `messages[0].content` (different text), at the start."
    )


def test_the_usual_place_is_named() -> None:
    paths = ["messages[0].content", "messages[0].content", "messages[0].content[1]"]
    found = findings(*(miss(second, path=path, token=7, kind="edited") for second, path in enumerate(paths)))
    evidence = found["edited-in-front"].evidence
    assert evidence.startswith(
        "In 3 of 3 requests the first difference is in `messages[0].content` (different text), at about token 7."
    )


def test_places_that_move_along_are_named_without_their_numbers() -> None:
    found = findings(
        *(miss(n, path=f"messages[{n + 5}].content[0]", token=n, kind="edited") for n in range(6))
    )
    assert found["history-edited"].path == "messages[…].content[…]"
    assert found["history-edited"].token is None


def test_who_says_so() -> None:
    said = [findings(miss(0, source=a), miss(1, source=b))["input-changed"] for a, b in (
        ("client", "client"), ("provider", "provider"), ("provider", "client"), (None, None),
    )]  # fmt: skip
    assert [one.source for one in said] == ["client", "provider", "provider and client", None]
    assert said[0].evidence.endswith("processed again.")
    assert said[1].evidence.endswith("The provider's API reported this reason.")
    assert said[2].evidence.endswith("The provider's API reported this reason for 1 of them.")
    assert said[3].evidence.endswith("processed again.")


def test_what_the_provider_did_is_said_to_be_so() -> None:
    finding = findings(call(0), miss(1, "provider"))["provider"]
    assert finding.rule.cause is Cause.PROVIDER
    assert "Your application did not cause this" in finding.paragraph
    assert finding.cost == "This cost the run $0.0020."
    assert findings(miss(0, "provider", missed_usd=None))["provider"].cost == ""


def test_calls_without_a_price_are_counted_in_the_evidence() -> None:
    found = findings(miss(0), miss(1, missed_usd=None))["input-changed"]
    assert "No price is known for 1 of these requests." in found.evidence

"""Findings that only many calls together show: each one fires when it should and is silent otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from otel_promptcache.report.reading.record import CallRecord
from tests.report.calls import call, findings, miss

# Writes that are not read.


def written(second: int, read: int = 0, write: int = 1500, net_usd: float | None = -0.001) -> CallRecord:
    return call(
        second, result="miss", read_tokens=read, write_tokens=write, net_usd=net_usd, expected_tokens=0
    )


def test_writes_that_are_not_read_back_lose_money() -> None:
    finding = findings(*(written(second) for second in range(20)))["writes-not-read"]
    assert finding.lost_usd == pytest.approx(0.02)
    assert (
        "20 of 20 requests wrote 30,000 tokens, and 0 were read: 0.00 per token written" in finding.evidence
    )
    assert "cost $0.0200 more than the reads saved" in finding.evidence
    assert "1.35 instead of 2" in finding.what
    assert "$1.00 per 1,000 requests" in finding.cost


def test_writes_that_pay_off_are_no_finding() -> None:
    assert not findings(written(0), *(written(second, 1500, 100, 0.005) for second in range(1, 5)))


def test_a_few_writes_are_how_it_begins() -> None:
    assert not findings(written(0), written(1))


def test_without_prices_the_break_even_decides() -> None:
    def found(read: int, **fields: Any) -> dict[str, Any]:
        usual = {"provider": "openai", "model": "gpt-5.6-sol", **fields}
        return findings(*(replace(written(second, read, 400, None), **usual) for second in range(4)))

    assert found(100)["writes-not-read"].lost_usd is None
    assert found(100)["writes-not-read"].lost_tokens == 1200
    assert "writes-not-read" not in found(112)
    claude = {"provider": "anthropic", "model": "claude-opus-5"}
    assert "marks-not-read" not in found(112, **claude, write_ttl="5m")
    assert "marks-not-read" in found(112, **claude, write_ttl="1h")
    assert "marks-not-read" not in found(445, **claude, write_ttl="1h")


def test_without_prices_nobody_knows_whether_another_server_charges_for_writes() -> None:
    fields = {"provider": "vllm", "model": "some-model"}
    assert "writes-not-read" not in findings(
        *(replace(written(second, 0, 400, None), **fields) for second in range(4))
    )


# The cached part stays the same while the prompt grows.


def growing(steps: int = 8, **fields: Any) -> list[CallRecord]:
    usual: dict[str, Any] = {"result": "hit", "read_tokens": 10_445, "expected_tokens": None}
    return [call(n, **{"input_tokens": 12_000 + 3_000 * n, **usual, **fields}) for n in range(steps)]


def test_a_constant_read_in_a_growing_prompt_is_found() -> None:
    finding = findings(*growing())["constant-read"]
    assert finding.token == 10_445
    assert (
        finding.evidence
        == "8 of 8 requests read exactly 10,445 tokens, while the prompt grew from 12,000 to 33,000."
    )
    assert finding.lost_usd is None


def test_new_questions_behind_a_stable_prefix_do_not_grow() -> None:
    lengths = [12_000, 15_000, 12_500, 14_000, 11_000, 18_000, 12_000, 13_000]
    assert not findings(
        *(
            call(n, input_tokens=each, read_tokens=10_445, expected_tokens=None)
            for n, each in enumerate(lengths)
        )
    )


def test_what_was_diagnosed_as_complete_is_no_finding() -> None:
    assert not findings(*growing(expected_tokens=10_445))


def test_a_conversation_that_is_read_along_is_no_finding() -> None:
    assert not findings(
        *(
            call(n, input_tokens=2000 * (n + 1), read_tokens=2000 * n + 1, expected_tokens=None)
            for n in range(9)
        )
    )


def test_a_known_place_says_more() -> None:
    reason = {"reason": "input_changed", "path": "messages[2]", "kind": "edited", "result": "partial"}
    assert set(findings(*growing(**reason))) == {"history-edited"}
    assert set(findings(*growing(**{**reason, "path": None}))) == {"input-changed", "constant-read"}


def test_a_short_conversation_says_nothing() -> None:
    assert not findings(*growing(steps=4))


# The leading part is unstable.


def drifting(count: int = 6, variants: int = 6, **fields: Any) -> list[CallRecord]:
    usual = {"reason": None, "fingerprint": "f"}
    return [miss(n, **{**usual, "digest": f"d{n % variants}", **fields}) for n in range(count)]


def test_many_digests_under_one_fingerprint_are_found() -> None:
    finding = findings(*drifting())["unstable-prefix"]
    assert "6 variants in 6 requests" in finding.evidence
    assert finding.lost_usd is None


def test_a_stable_prefix_is_no_finding() -> None:
    assert not findings(*drifting(count=12, variants=2))
    assert not findings(*drifting(count=12, variants=4))


def test_many_fingerprints_of_one_name_are_not_one_unstable_prefix() -> None:
    assert not findings(*(miss(n, None, fingerprint=f"f{n}", digest=f"d{n}") for n in range(9)))


def test_a_known_place_in_the_leading_part_says_more() -> None:
    assert set(findings(*drifting(reason="tools_changed"))) == {"tools-changed"}
    assert set(findings(*drifting(reason="input_changed", path="instructions"))) == {"edited-in-front"}
    assert "unstable-prefix" in findings(*drifting(reason="input_changed", path="messages[5]"))


def test_what_is_read_all_the_same_is_no_finding() -> None:
    assert not findings(*drifting(result="hit", read_tokens=1920, missed_tokens=None, missed_usd=None))


def test_without_digests_nothing_is_said() -> None:
    assert not findings(*drifting(digest=None))


# Not reported.

SILENT: dict[str, Any] = {
    "result": "unknown", "input_tokens": None, "read_tokens": None, "net_usd": None, "expected_tokens": None, "is_stream": True,
}  # fmt: skip


def test_streams_that_were_not_asked_for_usage() -> None:
    finding = findings(call(0), call(1, **SILENT))["usage-not-requested"]
    assert (finding.requests, finding.of_requests) == (1, 2)
    assert "include_usage" in finding.advice
    assert "Unknown is not zero" in finding.what


def test_streams_that_were_left() -> None:
    assert set(findings(call(0), call(1, **SILENT, is_finished=False))) == {"stream-not-finished"}
    assert set(findings(call(0, **SILENT, api_type="responses", is_finished=False))) == {
        "stream-not-finished"
    }
    assert set(findings(call(0, **SILENT, api_type="responses"))) == {"usage-not-reported"}


def test_a_stream_that_was_left_behind_its_last_word_and_before_its_usage_was_left() -> None:
    assert set(findings(call(0), call(1, **SILENT, is_abandoned=True))) == {"stream-not-finished"}
    assert set(findings(call(0, **SILENT, api_type="responses", is_abandoned=True))) == {
        "stream-not-finished"
    }
    assert not findings(call(0), call(1, is_abandoned=True))


def test_one_in_many_is_no_finding() -> None:
    assert not findings(*(call(n) for n in range(30)), call(31, **SILENT))


def test_servers_that_do_not_report_cached_tokens() -> None:
    unreported: dict[str, Any] = {"result": "unknown", "read_tokens": None, "net_usd": None}
    assert set(findings(call(0, **unreported), call(1, **unreported))) == {"cache-not-reported"}


def test_failed_streams_are_no_finding() -> None:
    assert not findings(call(0), call(1, **SILENT, is_finished=False, error_type="APITimeoutError"))


# Prices.


def test_requests_without_a_price_are_found_over_all_templates() -> None:
    unpriced = [call(n, name=f"t{n}", model=f"m{n % 5}", net_usd=None) for n in range(10)]
    finding = findings(*unpriced, call(11))["no-price"]
    assert finding.template is None
    assert (
        finding.evidence
        == "For 10 of 11 requests with reported usage, no price is known: m0 (2), m1 (2), m2 (2) and 2 other models."
    )
    assert findings(call(0, net_usd=None, model=None))["no-price"].evidence.endswith(
        ": of an unknown name (1)."
    )


def test_a_missing_price_in_many_is_no_finding() -> None:
    assert not findings(*(call(n) for n in range(30)), call(31, net_usd=None))


def test_a_model_with_backticks_begins_no_code() -> None:
    finding = findings(*(call(n, model="m`x", net_usd=None) for n in range(3)))["no-price"]
    assert finding.evidence.endswith(": `` m`x `` (3).")

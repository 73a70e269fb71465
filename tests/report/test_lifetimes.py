"""Whether a longer lifetime pays: the extra cost of its writes against what was read after the usual lifetime."""

from __future__ import annotations

from typing import Any

import pytest

from otel_promptcache.core.money.pricing import LongContext, ModelPrice
from otel_promptcache.report.findings.finding import Finding
from otel_promptcache.report.reading.listed import standard_prices
from otel_promptcache.report.reading.record import CallRecord
from otel_promptcache.report.report import build_report
from tests.report.calls import call

CHEAP_READS = ModelPrice(5.0, 0.5, 6.25, {"1h": 10.0})
DEAR_HOUR = ModelPrice(5.0, 0.5, 6.25, {"1h": 50.0})


def message(
    second: float, read: int = 0, write: int = 0, price: ModelPrice = CHEAP_READS, **fields: Any
) -> CallRecord:
    hour = price.cache_write_usd_per_mtok_by_lifetime["1h"]
    net_usd = (read * 4.5 - write * (hour - 5.0)) / 1e6
    usual = {
        "provider": "anthropic", "model": "claude-opus-5", "api_type": None, "operation": "chat",
        "read_tokens": read, "write_tokens": write, "write_ttl": "1h" if write else None,
        "input_tokens": read + write + 10, "net_usd": net_usd,
    }  # fmt: skip
    return call(second, **{**usual, **fields})


def found(*calls: CallRecord, price: ModelPrice | None = CHEAP_READS) -> Finding | None:
    findings = {finding.rule.id: finding for finding in build_report(calls, lambda _: price).findings}
    return findings.get("hour-not-needed")


def written(count: int, **fields: Any) -> list[CallRecord]:
    """Prompts that differ in length, a minute apart."""
    return [message(60.0 * number, write=10_000 + number, **fields) for number in range(count)]


def late(count: int, **fields: Any) -> list[CallRecord]:
    """Reads of the first of them, more than five minutes later, in the same order."""
    return [message(2_000.0 + 60.0 * number, read=10_000 + number, **fields) for number in range(count)]


# Each write of 10,000 tokens costs $0.0375 more; each late read of one saves $0.0575.


def test_it_breaks_even_by_the_price() -> None:
    finding = found(*written(10), *late(6))
    assert finding is not None
    assert finding.lost_usd == pytest.approx(10 * 0.0375 - 6 * 0.0575, rel=0.01)
    assert (
        "60,015 tokens were read more than 5 min after their last use, which saved $0.3451"
        in finding.evidence
    )
    assert found(*written(10), *late(7)) is None


def test_a_dearer_hour_needs_more() -> None:
    calls = [*written(10, price=DEAR_HOUR), *late(10)]
    assert found(*calls, price=DEAR_HOUR) is not None
    assert found(*written(10), *late(10)) is None


def test_what_is_read_within_five_minutes_does_not_need_the_hour() -> None:
    again = [message(60.0 * number + 200, read=10_000 + number) for number in range(10)]
    finding = found(*written(10), *again)
    assert finding is not None
    assert finding.lost_usd == pytest.approx(0.375, rel=0.01)
    assert "0 tokens were read more than" in finding.evidence


def test_a_pause_of_one_conversation_counts_though_others_go_on() -> None:
    others = [message(10.0 * number + 1, read=77) for number in range(500)]
    assert found(*written(10), *late(10), *others) is None


def test_an_entry_of_which_nobody_knows_how_old_it_is_may_have_needed_the_hour() -> None:
    assert (
        found(*written(10), *(message(10.0 * number, read=20_000 + number) for number in range(10))) is None
    )


def test_prompts_of_the_same_length_are_told_apart_by_their_start_or_not_taken_for_younger_ones() -> None:
    def alike(digest: str | None) -> list[CallRecord]:
        first = [message(60.0 * n, write=10_000, digest=digest and f"{digest}{n}") for n in range(10)]
        again = [message(2_000.0 + n, read=10_000, digest=digest and f"{digest}{n}") for n in range(7)]
        return [*first, *again]

    assert found(*alike(None)) is None
    assert found(*alike("d")) is None
    assert found(*alike("d")[:-1]) is not None


def test_without_a_price_only_what_was_never_needed_is_a_finding() -> None:
    finding = found(*written(10), price=None)
    assert finding is not None
    assert finding.lost_usd is None
    assert "$" not in finding.evidence
    assert found(*written(10), *late(1), price=None) is None


def test_what_was_billed_otherwise_has_no_price() -> None:
    fast = [message(60.0 * number, write=10_000 + number, net_usd=-0.1) for number in range(10)]
    finding = found(*fast)
    assert finding is not None
    assert finding.lost_usd is None


def test_five_minutes_and_other_caches_are_none_of_it() -> None:
    assert found(*written(10, write_ttl="5m")) is None
    assert found(*written(10, provider="openai", model="gpt-5.6-sol", write_ttl="12h")) is None
    assert found(*written(2)) is None


def test_a_long_prompt_has_the_price_of_long_ones() -> None:
    price = ModelPrice(0.1, 0.01, 0.125, {"1h": 0.2}, long_context=LongContext(5_000, CHEAP_READS))
    finding = found(*written(10), price=price)
    assert finding is not None
    assert finding.lost_usd == pytest.approx(0.375, rel=0.01)


def test_prices_of_ones_own_are_those_of_the_run(tmp_path: Any) -> None:
    file = tmp_path / "prices.json"
    file.write_text(
        '{"claude-opus-5": {"input": 1.0, "cache_read": 0.1, "cache_write": 1.25, "cache_write_1h": 2.0}}'
    )
    price = standard_prices({"OTEL_PYTHON_PROMPTCACHE_PRICES": str(file)})(message(0))
    assert price is not None
    assert price.cache_write_usd_per_mtok_by_lifetime == {"1h": 2.0}
    unreadable = standard_prices({"OTEL_PYTHON_PROMPTCACHE_PRICES": str(tmp_path / "none.json")})
    assert unreadable(message(0, model="of-nobody")) is None

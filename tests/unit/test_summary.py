"""The demo's numbers match the metrics, and its tables show them at any width."""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter

import pytest
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation
from rich.console import Console, RenderableType

from otel_promptcache.demo.histogram import Bucket, median
from otel_promptcache.demo.summary import Summary, TemplateSummary, summarize
from otel_promptcache.demo.tables import closing_view, introduction, live_view
from otel_promptcache.sim.workloads import WORKLOADS

NAMED = {"promptcache.prefix.fingerprint": "0011223344556677", "promptcache.prefix.name": "bot"}
ANONYMOUS = {"promptcache.prefix.fingerprint": "8899aabbccddeeff"}


class Meters:
    """Instruments by name, and the summary of their values."""

    def __init__(self) -> None:
        exponential = ExponentialBucketHistogramAggregation()
        self._reader = InMemoryMetricReader(preferred_aggregation={Histogram: exponential})
        self._provider = MeterProvider([self._reader])
        self._meter = self._provider.get_meter("test")

    def count(self, name: str, amount: float, **labels: str) -> None:
        attributes = {key.replace("__", "."): value for key, value in labels.items()}
        self._meter.create_counter(name).add(amount, attributes)

    def time(self, seconds: float, result: str) -> None:
        histogram = self._meter.create_histogram("promptcache.time_to_first_token")
        histogram.record(seconds, {**NAMED, "promptcache.result": result})

    def summary(self) -> Summary:
        return summarize(self._reader.get_metrics_data())


@pytest.fixture
def meters() -> Meters:
    return Meters()


def test_no_metrics_are_an_empty_summary(meters: Meters) -> None:
    summary = meters.summary()
    assert summary == Summary({}, unpriced=0, internal_errors=0)
    assert summary.template("never heard of").hit_ratio is None


def test_requests_tokens_and_dollars_add_up_by_template(meters: Meters) -> None:
    for model in ("gpt-4.1", "gpt-5.6-sol"):
        meters.count("promptcache.requests", 3, promptcache__result="hit", model=model, **NAMED)
        meters.count("promptcache.tokens", 750, promptcache__token__state="read", model=model, **NAMED)
        meters.count("promptcache.tokens", 250, promptcache__token__state="uncached", model=model, **NAMED)
        meters.count("promptcache.savings", 0.5, model=model, **NAMED)
        meters.count("promptcache.write_surcharge", 0.75, model=model, **NAMED)
    meters.count("promptcache.requests", 1, promptcache__result="miss", **NAMED)

    bot = meters.summary().template("bot")
    assert (bot.requests, bot.results) == (7, {"hit": 6, "miss": 1})
    assert bot.tokens == {"read": 1500, "uncached": 500}
    assert bot.hit_ratio == 0.75
    assert bot.net_savings_usd == -0.5


def test_what_was_never_reported_is_absent_and_not_zero(meters: Meters) -> None:
    meters.count("promptcache.requests", 2, promptcache__result="unknown", **NAMED)
    summary = meters.summary()
    bot = summary.template("bot")
    assert (bot.hit_ratio, bot.net_savings_usd, bot.first_token_seconds()) == (None, None, None)
    assert summary.total().net_savings_usd is None
    assert summary.as_json()["templates"][0]["tokens"] == {"read": None, "write": None, "uncached": None}


def test_a_reported_zero_is_zero(meters: Meters) -> None:
    meters.count("promptcache.tokens", 0, promptcache__token__state="read", **NAMED)
    meters.count("promptcache.tokens", 100, promptcache__token__state="uncached", **NAMED)
    meters.count("promptcache.savings", 0.0, **NAMED)
    bot = meters.summary().template("bot")
    assert (bot.hit_ratio, bot.net_savings_usd) == (0.0, 0.0)


def test_a_ratio_that_no_cache_could_have_is_null_and_a_measured_zero_stays(meters: Meters) -> None:
    for result, expected in (("ineligible", None), ("miss", 0.0)):
        meters.count("promptcache.requests", 1, promptcache__result=result, **NAMED)
        meters.count("promptcache.tokens", 0, promptcache__token__state="read", **NAMED)
        meters.count("promptcache.tokens", 100, promptcache__token__state="uncached", **NAMED)
        document = meters.summary().as_json()
        assert document["templates"][0]["hit_ratio"] == document["total"]["hit_ratio"] == expected


def legend_of(*rows: TemplateSummary) -> set[str]:
    """What the closing view says about dashes."""
    every = [
        TemplateSummary(one.name, Counter(hit=1), Counter(read=1, write=0), 0.0, TIMES) for one in WORKLOADS
    ]
    summary = Summary({row.name: row for row in [*every, *rows]}, unpriced=0, internal_errors=0)
    console = Console(width=100)
    with console.capture() as capture:
        console.print(closing_view(summary, 100))
    return {line.rstrip() for line in capture.get().splitlines() if line.startswith("– ")}


TIMES = {result: [Bucket(0.1, 0.2, 1)] for result in ("hit", "miss")}


def test_the_legend_explains_only_what_occurs() -> None:
    name, tokens = WORKLOADS[0].name, Counter(read=0, write=0)
    assert legend_of() == set()
    short = TemplateSummary(name, Counter(ineligible=1), tokens, 0.0, TIMES)
    assert legend_of(short) == {"– as hit ratio: too short to be cached."}
    unknown = TemplateSummary(name, Counter(unknown=1), Counter(), None, TIMES)
    assert legend_of(unknown) == {"– as hit ratio: usage not reported."}
    no_writes = TemplateSummary(name, Counter(hit=1), Counter(read=1), 0.0, TIMES)
    assert legend_of(no_writes) == {
        "– as write: the API does not report writes; 0 means that it reported none."
    }
    assert legend_of(TemplateSummary(name, Counter(hit=1), tokens + Counter(read=1), 0.0, {})) >= {
        "– as TTFT: no stream with this result."
    }
    assert legend_of(TemplateSummary(name)) == {"– without requests: none has been answered yet."}
    unpriced = TemplateSummary(name, Counter(hit=1), Counter(read=1, write=0), None, TIMES)
    assert legend_of(unpriced) == {"– as net $: no price is known."}


def test_a_template_without_a_name_goes_by_its_fingerprint(meters: Meters) -> None:
    meters.count("promptcache.requests", 1, promptcache__result="hit", **NAMED)
    meters.count("promptcache.requests", 2, promptcache__result="hit", **ANONYMOUS)
    summary = meters.summary()
    assert set(summary.templates) == {"bot", "8899aabbccddeeff"}
    assert summary.total().requests == 3


def test_what_the_numbers_lack_is_counted_too(meters: Meters) -> None:
    meters.count("promptcache.unpriced", 2, model="gpt-4.1")
    meters.count("promptcache.unpriced", 3, model="gpt-5.4")
    meters.count("promptcache.internal.errors", 1)
    summary = meters.summary()
    assert (summary.unpriced, summary.internal_errors) == (5, 1)
    assert "5 unpriced requests left out." in printed(closing_view(summary, 80), 80)
    assert "Internal errors: 1, so the numbers may be incomplete." in printed(closing_view(summary, 80), 80)


def test_times_are_told_apart_by_result(meters: Meters) -> None:
    for seconds, result in ((0.01, "hit"), (0.02, "hit"), (0.021, "hit"), (0.5, "miss")):
        meters.time(seconds, result)
    bot = meters.summary().template("bot")
    assert bot.first_token_seconds("hit") == pytest.approx(0.02, rel=0.05)
    assert bot.first_token_seconds("miss") == pytest.approx(0.5, rel=0.05)
    assert bot.first_token_seconds("ineligible") is None
    assert set(bot.first_token) == {"hit", "miss"}
    assert meters.summary().total().first_token_seconds() is None


@pytest.mark.parametrize("seed", range(5))
def test_the_median_of_a_histogram_is_close_to_that_of_the_values(meters: Meters, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # reproducible on purpose
    values = [math.exp(chance.uniform(math.log(0.005), math.log(2.0))) for _ in range(301)]
    for value in values:
        meters.time(value, "hit")
    estimate = meters.summary().template("bot").first_token_seconds()
    assert estimate == pytest.approx(statistics.median(values), rel=0.05)


def test_the_median_counts_zeros_and_overlapping_buckets(meters: Meters) -> None:
    meters.time(0.0, "hit")
    assert meters.summary().template("bot").first_token_seconds() == 0.0
    assert median([Bucket(4, 9, 1), Bucket(1, 4, 1), Bucket(4, 16, 1)]) == 6.0
    assert median([]) is None


def printed(view: RenderableType, columns: int) -> str:
    console = Console(width=columns, force_terminal=False)
    with console.capture() as capture:
        console.print(view)
    return capture.get()


def full_summary() -> Summary:
    """With the most digits that the demo can show."""
    rows = [
        TemplateSummary(
            workload.name,
            Counter(hit=999),
            Counter(read=111_111, write=11_111, uncached=111_111),
            -0.1249,
            {"hit": [Bucket(0.9, 1.1, 1)], "miss": [Bucket(9.0, 9.9, 1)]},
        )
        for workload in WORKLOADS
    ]
    return Summary({row.name: row for row in rows}, unpriced=999, internal_errors=0)


def test_80_columns_are_enough() -> None:
    summary = full_summary()
    for view in (introduction(), live_view(summary, "3 of 15 s", 80), closing_view(summary, 80)):
        text = printed(view, 80)
        assert "…" not in text
        assert printed(view, 500).count("\n") == text.count("\n"), "a line was wrapped"
        assert all(workload.name in text for workload in WORKLOADS)
    assert "timestamp on top" not in printed(closing_view(summary, 80), 80)


def test_a_wide_terminal_shows_what_is_wrong_as_well() -> None:
    summary = full_summary()
    for view in (live_view(summary, "3 of 15 s", 120), closing_view(summary, 120)):
        text = printed(view, 120)
        assert "…" not in text
        assert all(workload.flaw in text for workload in WORKLOADS if workload.flaw)
        assert printed(view, 500).count("\n") == text.count("\n"), "a line was wrapped"


def test_an_application_that_was_not_heard_of_yet_has_its_row() -> None:
    text = printed(live_view(Summary({}, 0, 0), "0 of 15 s", 80), 80)
    assert all(workload.name in text for workload in WORKLOADS)

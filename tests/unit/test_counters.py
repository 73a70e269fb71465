from __future__ import annotations

import os
import sys
from threading import Thread

from opentelemetry.sdk.metrics import MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader

from otel_promptcache.telemetry.metrics.cardinality import BoundedLabel
from otel_promptcache.telemetry.metrics.counters import MAX_ATTRIBUTE_SETS, Counters
from otel_promptcache.telemetry.names import OTEL_METRIC_OVERFLOW, REQUESTS, SAVINGS


def make(*readers: InMemoryMetricReader) -> Counters:
    return Counters(MeterProvider(metric_readers=readers).get_meter("test"), (REQUESTS, SAVINGS))


def values(
    reader: InMemoryMetricReader, name: str = REQUESTS.name
) -> dict[tuple[tuple[str, object], ...], float]:
    data = reader.get_metrics_data()
    if data is None:
        return {}
    return {
        tuple(sorted((point.attributes or {}).items())): point.value  # type: ignore[union-attr]
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.data.data_points
    }


def test_sums_by_attributes_and_by_metric() -> None:
    reader = InMemoryMetricReader()
    counters = make(reader)
    counters.add(REQUESTS, 1, (("a", "x"),))
    counters.add(REQUESTS, 2, (("a", "x"),))
    counters.add(REQUESTS, 4, (("a", "y"),))
    counters.add(SAVINGS, 0.5, ())
    assert values(reader) == {(("a", "x"),): 3, (("a", "y"),): 4}
    assert values(reader, SAVINGS.name) == {(): 0.5}


def test_every_reader_sees_everything_in_its_own_temporality() -> None:
    delta = InMemoryMetricReader(preferred_temporality={ObservableCounter: AggregationTemporality.DELTA})
    cumulative = InMemoryMetricReader()
    counters = make(delta, cumulative)
    counters.add(REQUESTS, 1, ())
    assert values(delta) == values(cumulative) == {(): 1}
    counters.add(REQUESTS, 2, ())
    assert values(delta) == {(): 2}
    assert values(cumulative) == {(): 3}


def test_attribute_sets_are_bounded_and_the_rest_overflows() -> None:
    reader = InMemoryMetricReader()
    counters = make(reader)
    for number in range(MAX_ATTRIBUTE_SETS + 10):
        counters.add(REQUESTS, 1, (("n", str(number)),))
    seen = values(reader)
    at_once = MAX_ATTRIBUTE_SETS - 200
    assert len(seen) == at_once + 1
    assert seen[((OTEL_METRIC_OVERFLOW, True),)] == MAX_ATTRIBUTE_SETS + 10 - at_once
    for _ in range(3):
        counters.add(REQUESTS, 1, (("n", "again"),))
    counters.add(REQUESTS, 1, (("n", "0"),))
    assert values(reader)[(("n", "0"),)] == 2
    assert values(reader)[(("n", "again"),)] == 2


def test_a_sum_never_exceeds_what_can_be_exported() -> None:
    reader = InMemoryMetricReader()
    counters = make(reader)
    for amount in (2**63 - 1, 2**63 - 1, -1, float("nan"), float("inf")):
        counters.add(REQUESTS, amount, ())
    for amount in (1.7e308, 1.7e308, float("nan")):
        counters.add(SAVINGS, amount, ())
    assert values(reader) == {(): 2**63 - 1}
    assert values(reader, SAVINGS.name) == {(): sys.float_info.max}


def test_threads_lose_nothing() -> None:
    reader = InMemoryMetricReader()
    counters = make(reader)
    threads = [Thread(target=lambda: [counters.add(REQUESTS, 1, ()) for _ in range(2_000)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values(reader) == {(): 16_000}


def test_what_is_counted_at_once_is_read_at_once() -> None:
    reader = InMemoryMetricReader()
    counters = make(reader)
    both = [(REQUESTS, 1, (("a", "x"),)), (REQUESTS, 2, (("a", "y"),)), (SAVINGS, 0.25, ())]
    threads = [Thread(target=lambda: [counters.add_all(both) for _ in range(500)]) for _ in range(64)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        seen = values(reader)
        assert seen.get((("a", "y"),), 0) == 2 * seen.get((("a", "x"),), 0)
    assert values(reader) == {(("a", "x"),): 32_000, (("a", "y"),): 64_000}
    assert values(reader, SAVINGS.name) == {(): 8_000}


def test_what_is_handed_over_is_counted_before_reading() -> None:
    reader = InMemoryMetricReader()
    counters = make(reader)
    pending = [1]
    counters.before_reading = lambda: counters.add(REQUESTS, pending.pop(), ()) if pending else None
    assert values(reader) == {(): 1}


def test_a_forked_child_starts_at_zero() -> None:
    reader = InMemoryMetricReader()
    counters = make(reader)
    counters.add(REQUESTS, 5, ())
    counters._lock.acquire()  # as if another thread held it at this moment
    child = os.fork()
    if child == 0:
        counters.add(REQUESTS, 1, ())
        os._exit(0 if values(reader) == {(): 1} else 1)
    counters._lock.release()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert values(reader) == {(): 5}


def test_a_restart_forgets_sums_and_locks_but_not_what_was_admitted() -> None:
    reader = InMemoryMetricReader()
    counters, label = make(reader), BoundedLabel(1)
    counters.add(REQUESTS, 5, ())
    label.admit("first")
    counters._lock.acquire()  # as if held by a thread that does not exist after a fork
    counters.restart()
    counters.add(REQUESTS, 1, ())
    assert values(reader) == {(): 1}
    assert [label.admit("second"), label.admit("first")] == ["other", "first"]


def test_up_to_the_bound_the_first_sighting_counts_under_its_own_name() -> None:
    label = BoundedLabel(100)
    templates = [f"template-{number}" for number in range(100)]
    assert [label.admit(template) for template in templates] == templates


def test_a_flood_of_one_off_values_does_not_push_out_a_recurring_one() -> None:
    label = BoundedLabel(10)
    flood = [label.admit(f"once-{number}") for number in range(50)]
    assert flood[:10] == [f"once-{number}" for number in range(10)]
    assert set(flood[10:]) == {"other"}
    assert [label.admit("again") for _ in range(3)] == ["other", "again", "again"]
    assert {label.admit(f"more-{number}") for number in range(50)} == {"other"}
    assert label.admit("again") == "again"
    assert label.admit("once-0") == "once-0"


def test_a_label_is_bounded_whatever_comes() -> None:
    label = BoundedLabel(10)
    admitted = {label.admit(f"value-{number % 300}") for number in range(3_000)}
    assert len(admitted) == 16
    assert {label.admit(f"another-{number}") for number in range(3_000)} == {"other"}
    assert len(label._admission._sightings) <= 320


def test_a_single_slot_goes_to_the_first() -> None:
    label = BoundedLabel(1)
    assert [label.admit(value) for value in "abba"] == ["a", "other", "other", "a"]

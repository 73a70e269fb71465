from __future__ import annotations

import os
import random
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_promptcache.telemetry.metrics import minhash
from otel_promptcache.telemetry.metrics.minhash import PERIOD_SECONDS, MinHashes
from otel_promptcache.telemetry.names import FINGERPRINT, OTHER, PREFIX_MINHASH, SCOPE_NAME

TEMPLATE = ((FINGERPRINT.name, "0f"),)
LARGEST = 2**24 - 1
SMALL, MIDDLE, LARGE = (f"{number:06x}" + "f" * 26 for number in (5, 7, LARGEST))


class Process:
    """The gauge with the real SDK and a manual clock."""

    def __init__(self) -> None:
        self.seconds = 1_000.0
        self._reader = InMemoryMetricReader()
        meter = MeterProvider([self._reader], shutdown_on_exit=False).get_meter(SCOPE_NAME)
        self.hashes = MinHashes(meter, lambda: self.seconds)

    def see(self, *digests: str, template: Any = TEMPLATE) -> Process:
        for digest in digests:
            self.hashes.add(template, digest)
        return self

    @property
    def reported(self) -> list[int]:
        data = self._reader.get_metrics_data()
        metrics = [
            metric
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]
        assert {metric.name for metric in metrics} <= {PREFIX_MINHASH.name}
        return [point.value for metric in metrics for point in metric.data.data_points]  # type: ignore[union-attr]


def test_the_smallest_of_all_digests_is_reported_in_whatever_order_they_came() -> None:
    assert Process().see(LARGE).reported == [LARGEST]
    assert Process().see(LARGE, SMALL, MIDDLE).reported == [5]
    assert Process().see(SMALL, MIDDLE, LARGE, LARGE).reported == [5]


def test_a_digest_is_forgotten_after_one_or_two_periods() -> None:
    process = Process().see(SMALL)
    process.seconds += PERIOD_SECONDS
    assert process.see(LARGE).reported == [5]
    process.seconds += PERIOD_SECONDS
    assert process.see(MIDDLE).reported == [7]
    process.seconds += PERIOD_SECONDS
    assert process.reported == [7]


def test_a_template_that_nobody_asks_for_is_no_longer_reported() -> None:
    process = Process().see(SMALL)
    process.seconds += 2 * PERIOD_SECONDS - 1
    assert process.reported == [5]
    process.seconds += 1
    assert process.reported == []
    assert process.see(LARGE).reported == [LARGEST]


def test_a_long_pause_forgets_what_was_seen_before_it() -> None:
    process = Process().see(SMALL)
    process.seconds += 3 * PERIOD_SECONDS
    assert process.see(LARGE).reported == [LARGEST]


def test_processes_that_see_the_same_report_the_same_and_others_do_not() -> None:
    chance = random.Random(1)  # noqa: S311  # reproducible on purpose
    variants = [f"{chance.getrandbits(128):032x}" for _ in range(20)]

    def shuffled(some: list[str]) -> list[str]:
        return chance.sample(some, len(some))

    same = {Process().see(*shuffled(variants)).reported[0] for _ in range(50)}
    own = {Process().see(variant).reported[0] for variant in variants}
    most = {Process().see(*chance.sample(variants, 12)).reported[0] for _ in range(50)}
    assert len(same) == 1
    assert len(own) == 20
    assert len(most) < 10


def test_the_number_of_templates_is_bounded_and_a_mixture_of_them_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(minhash, "MAX_ATTRIBUTE_SETS", 3)
    process = Process().see(SMALL, template=((FINGERPRINT.name, OTHER),))
    assert process.reported == []
    for number in range(5):
        process.see(SMALL, template=((FINGERPRINT.name, str(number)),))
    assert process.reported == [5, 5, 5]


def test_a_forked_child_starts_with_nothing() -> None:
    process = Process().see(SMALL)
    process.hashes._lock.acquire()  # as if another thread held it at this moment
    child = os.fork()
    if child == 0:
        process.see(LARGE)
        os._exit(0 if process.reported == [LARGEST] else 1)
    process.hashes._lock.release()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert process.reported == [5]

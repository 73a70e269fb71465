"""What must hold under load on any machine: every call is counted once, and nothing grows without bound."""

# ruff: noqa: S101, PLR2004  # asserts are how tests speak, and literal expectations are the point

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from benchmarks import concurrency, forking, memory
from benchmarks.concurrency import Counts
from benchmarks.growth import MemoryResult
from benchmarks.telemetry import Telemetry
from benchmarks.transport import async_client, sync_client
from benchmarks.workloads import Workload, workloads

KIB = 1024


@pytest.fixture(autouse=True)
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let faults of the instrumentation reach the caller, and so the test."""
    monkeypatch.setenv("OTEL_PYTHON_PROMPTCACHE_STRICT", "true")


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Switch threads so often that races are likely to show."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("workload", workloads(), ids=lambda workload: workload.name)
def test_every_workload_is_observed_with_both_clients(workload: Workload) -> None:
    """The benchmarks measure calls that the instrumentation really observes."""

    async def acall() -> None:
        async with async_client(workload.answer) as client:
            await workload.acall(client)

    with closing(Telemetry()) as telemetry, telemetry.instrumented(), sync_client(workload.answer) as client:
        workload.call(client)
        asyncio.run(acall())
        telemetry.collect()

        assert telemetry.total("promptcache.requests") == telemetry.spans() == 2
        assert "unknown" not in telemetry.by_attribute("promptcache.requests", "promptcache.result")
        assert telemetry.total("promptcache.time_to_first_token") == (2 if workload.events else 0)
        assert telemetry.total("promptcache.internal.errors") == 0


@pytest.mark.usefixtures("hasty_threads")
def test_calls_of_64_threads_are_each_counted_once_under_their_own_name() -> None:
    """Nothing is lost between threads, and no thread sees the context of another."""
    assert_exact(concurrency.run_threads(workers=64, calls=12), made=64 * 12)


def test_calls_of_64_tasks_are_each_counted_once_under_their_own_name() -> None:
    """Nothing is lost between tasks, and no task sees the context of another."""
    assert_exact(concurrency.run_tasks(workers=64, calls=6), made=64 * 6)


def assert_exact(counts: Counts, *, made: int) -> None:
    """Check that every call was counted once, under the name that its worker set."""
    assert counts.made == made
    assert counts.is_exact(), counts


def test_a_flood_of_templates_leaves_bounded_traces() -> None:
    """More templates than can be remembered leave no more than the bounds allow, in memory and in metrics."""
    result = memory.run(calls=4_200, prompts=4_150)

    assert result.requests == 4_200
    assert result.series < 2_000
    assert result.end.objects < 100_000
    assert result.largest[1] < 50_000, result.largest


def test_calls_leave_nothing_behind_once_every_template_is_known() -> None:
    """Memory depends on the number of templates, not on the number of calls."""
    result = memory.run(calls=800, prompts=150, is_traced=True)

    assert own_growth(result) < 64 * KIB
    assert result.end.own < 2_048 * KIB


def test_a_conversation_that_ended_is_forgotten() -> None:
    """Memory depends on the number of remembered prompts, not on the number of conversations."""
    result = memory.converse(60, 16)

    assert result.requests == 60 * 16
    assert result.end.objects < 1.5 * result.filled.objects


@pytest.mark.parametrize("abandon", [memory.abandon, memory.abandon_async])
def test_streams_that_nobody_finishes_are_counted_and_forgotten(abandon: memory.Scenario) -> None:
    """Each is ended exactly once, although the application never finished it."""
    result = abandon(500, is_traced=True)

    assert result.requests == 500
    assert own_growth(result) < 64 * KIB
    # One leaked object per stream of the second half would make 250.
    assert result.end.objects <= result.filled.objects + 200


def own_growth(result: MemoryResult) -> int:
    """Bytes that the package kept in the last part of the run, when it was already as full as it gets."""
    assert result.end.own > 0
    return result.end.own - result.halfway.own


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_each_process_of_a_forking_server_reports_its_own_calls() -> None:
    """The parent's calls are not counted again by its children."""
    parent, *workers = forking.run(workers=3, parent_calls=20, worker_calls=10)

    assert (parent.made, parent.requests, parent.spans) == (20, 20, 20)
    assert [(each.made, each.requests, each.spans) for each in workers] == [(10, 10, 10)] * 3
    assert all(each.input_tokens == 10 * 5_000 for each in workers)

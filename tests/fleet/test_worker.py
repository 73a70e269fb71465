"""The thread that talks to the store: its order of work, how long it backs off, and that nobody waits for it."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from otel_promptcache.fleet import worker as worker_module
from otel_promptcache.fleet.store import Batch, Outcome, StoreError
from otel_promptcache.fleet.stores.sqlite_store import SqliteStore
from otel_promptcache.fleet.worker import MAX_QUEUED, Worker
from tests.fleet.fleets import Clock, Process, Sent
from tests.unit.prompts import chat, prose, system, user

BODY = chat(system(prose(1_500)), user("Hi"))


@dataclass
class Watched:
    """A store that can be unavailable, refuse, or hang."""

    inner: SqliteStore
    error: Exception | None = None
    refuses: bool = False
    gate: threading.Event = field(default_factory=threading.Event)
    batches: list[Batch] = field(default_factory=list)
    forgotten: int = 0
    closed: int = 0

    def run(self, batch: Batch) -> Outcome:
        self.gate.wait(20)
        self.batches.append(batch)
        if self.error is not None:
            raise self.error
        if self.refuses:
            return Outcome([None] * len(batch.queries), [None] * len(batch.updates))
        return self.inner.run(batch)

    def close(self) -> None:
        self.inner.close()
        self.closed += 1

    def forget(self) -> None:
        self.forgotten += 1


class WorkerBench:
    """A worker over a watched store, and a process that it works for."""

    def __init__(self, folder: Path) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: list[tuple[str, Exception]] = []
        self.pauses = Clock(0.0)
        self.store = Watched(SqliteStore(str(folder / "fleet.db")))
        self.store.gate.set()
        self.worker = Worker(
            self.store,
            lambda outcome, count: self.counts.update({outcome: count}),
            lambda place, error: self.faults.append((place, error)),
            "file:fleet.db",
            self.pauses,
        )
        self.process = Process(SqliteStore(str(folder / "unused.db")), Clock())
        self.process.fleet._runner = self.worker

    def send(self) -> Sent:
        return self.process.open(BODY)

    def until(self, condition: Callable[[], bool]) -> None:
        give_up = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < give_up, (self.counts, self.faults)
            time.sleep(0.005)

    @contextmanager
    def hanging(self) -> Iterator[None]:
        self.store.gate.clear()
        try:
            yield
        finally:
            self.store.gate.set()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[WorkerBench]:
    bench = WorkerBench(tmp_path)
    yield bench
    bench.store.gate.set()
    bench.worker.stop()
    if bench.worker._thread is not None and bench.worker._thread.is_alive():
        bench.worker._thread.join(20)  # it closes the store


def test_a_request_is_asked_for_and_told_of(bench: WorkerBench) -> None:
    sent = bench.send()
    bench.until(lambda: bench.counts["ok"] == 1)
    assert sent.examination.is_joined
    sent.answer().judge()
    bench.until(lambda: bench.counts["ok"] == 2)
    assert [(len(each.queries), len(each.updates)) for each in bench.store.batches] == [(1, 0), (0, 1)]
    assert bench.store.batches[1].updates[0].tokens  # they were reported before the store was told
    assert not bench.faults


def test_the_length_of_a_prompt_that_is_told_late_goes_with_the_next_request(bench: WorkerBench) -> None:
    sent = bench.send()
    bench.until(lambda: bench.counts["ok"] == 1)
    sent.answer()
    bench.until(lambda: bench.counts["ok"] == 2)
    sent.judge()
    bench.send()
    bench.until(lambda: bench.counts["ok"] == 4)
    assert [(len(each.queries), len(each.updates)) for each in bench.store.batches[2:]] == [(1, 1)]


def _repeat(bench: WorkerBench) -> None:
    """Send a prompt that the store already knows to be alive, and answer it."""
    first = bench.send()
    bench.until(lambda: bench.counts["ok"] == 1)
    first.answer().judge()
    bench.until(lambda: bench.counts["ok"] == 2)
    repeated = bench.send()
    bench.until(lambda: bench.counts["ok"] == 3 and bench.worker._is_idle)
    bench.store.batches.clear()
    repeated.answer().judge()


def test_what_tells_others_nothing_wakes_nobody_and_goes_with_the_next_request(bench: WorkerBench) -> None:
    _repeat(bench)
    assert bench.worker._is_idle
    bench.send()
    bench.until(lambda: len(bench.store.batches) == 1)
    assert [(len(each.queries), len(each.updates)) for each in bench.store.batches] == [(1, 1)]


def test_what_tells_others_nothing_is_told_without_a_next_request(
    bench: WorkerBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "_LOOK_SECONDS", 0.2)
    _repeat(bench)
    bench.until(lambda: len(bench.store.batches) == 1)
    assert [(len(each.queries), len(each.updates)) for each in bench.store.batches] == [(0, 1)]


def test_how_a_new_prompt_ended_is_told_soon(bench: WorkerBench) -> None:
    sent = bench.send()
    bench.until(lambda: bench.counts["ok"] == 1 and bench.worker._is_idle)
    sent.answer()
    assert not bench.worker._is_idle  # woken: others may wait for what it leaves
    bench.until(lambda: bench.counts["ok"] == 2)


def test_an_answer_that_comes_before_the_store_does_is_late(bench: WorkerBench) -> None:
    with bench.hanging():
        bench.send()  # the thread hangs with this one
        bench.until(lambda: not bench.worker._queue)
        sent = bench.send()
        bench.until(lambda: bool(bench.worker._queue))
        sent.answer().judge()
        assert not sent.examination.is_joined
    bench.until(lambda: bench.counts["ok"] == 2)
    assert not sent.examination.is_joined
    assert bench.store.batches[1].updates[0].starts == 1  # counted anyway


def test_a_snapshot_that_comes_after_the_answer_is_late(bench: WorkerBench) -> None:
    with bench.hanging():
        sent = bench.send()
        bench.until(lambda: not bench.worker._queue)
        sent.answer().judge()
    bench.until(lambda: bench.counts == {"late": 1, "ok": 1})
    assert not sent.examination.is_joined


def test_the_oldest_are_dropped_when_too_many_wait(bench: WorkerBench) -> None:
    with bench.hanging():
        bench.send()
        bench.until(lambda: not bench.worker._queue)
        first = bench.send()
        for _ in range(MAX_QUEUED + 4):
            bench.worker.submit(first.call, is_urgent=True)
        assert len(bench.worker._queue) == MAX_QUEUED
        assert bench.counts == {"dropped": 5}


def test_texts_are_let_go_of_when_many_wait(bench: WorkerBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "MAX_QUEUED_TEXTS", 2)
    with bench.hanging():
        bench.send()
        bench.until(lambda: not bench.worker._queue)
        waiting = [bench.send() for _ in range(4)]
        assert [bool(sent.call._cut) for sent in waiting] == [True, True, False, False]
    bench.until(lambda: bench.counts["ok"] + bench.counts["late"] == 5)
    assert [sent.examination.is_joined for sent in waiting] == [True, True, False, False]


def test_no_thread_is_started_while_the_interpreter_ends(
    bench: WorkerBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    bench.send()
    assert not bench.worker.flush()


def test_a_store_that_is_away_is_left_alone_longer_each_time(
    bench: WorkerBench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.store.error = StoreError("ConnectionError")
    with caplog.at_level(logging.WARNING, "otel_promptcache"):
        for pause in (1, 2, 4, 8, 16, 32, 60, 60):
            tried = len(bench.store.batches)
            bench.send()
            bench.until(lambda tried=tried: len(bench.store.batches) > tried and not bench.worker._is_working)
            assert bench.worker._away_until == bench.pauses.now_seconds + pause
            bench.send()  # not tried
            bench.pauses.now_seconds += pause
    assert bench.counts == {"failed": 16}
    (message,) = [record.message for record in caplog.records]
    assert message == (
        "The fleet's memory at file:fleet.db is unavailable (ConnectionError). Until it is back, verdicts use only the "
        "history of this process. It is retried at least once a minute. This is logged once."
    )
    bench.store.error = None
    sent = bench.send()
    bench.until(lambda: bench.counts["ok"] == 1)
    assert sent.examination.is_joined
    assert bench.worker._pause_seconds == 0


def test_what_waits_when_the_store_goes_away_fails_with_it(bench: WorkerBench) -> None:
    bench.store.error = StoreError("TimeoutError")
    with bench.hanging():
        bench.send()
        bench.until(lambda: not bench.worker._queue)
        bench.send()
        bench.send()
    bench.until(lambda: bench.counts == {"failed": 3})


def test_what_is_refused_fails_and_the_store_is_tried_again(bench: WorkerBench) -> None:
    bench.store.refuses = True
    sent = bench.send()
    bench.until(lambda: bench.counts == {"failed": 1})
    sent.answer().judge()
    bench.until(lambda: bench.counts == {"failed": 2})
    assert not sent.examination.is_joined


def test_a_fault_of_ours_is_counted_and_ends_nothing(bench: WorkerBench) -> None:
    bench.store.error = ZeroDivisionError()
    bench.send()
    bench.until(lambda: len(bench.faults) == 1)
    assert bench.faults[0][0] == "Worker"
    bench.store.error = None
    bench.pauses.now_seconds += 1
    bench.send()
    bench.until(lambda: bench.counts["ok"] == 1)


def test_the_end_waits_a_moment_for_what_is_still_to_be_told(bench: WorkerBench) -> None:
    with bench.hanging():
        bench.send()  # the thread hangs with this one, so the answers of all others come before they are asked for
        bench.until(lambda: not bench.worker._queue)
        for _ in range(4):
            bench.send().answer().judge()
    bench.worker.stop()
    assert bench.counts["ok"] == 5
    bench.until(lambda: bench.store.closed == 1)


def test_the_end_waits_no_longer_for_a_store_that_hangs(
    bench: WorkerBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    with bench.hanging():
        bench.send()
        bench.until(lambda: not bench.worker._queue)
        monkeypatch.setattr(worker_module.time, "monotonic", lambda: 0.002 * len(slept))
        monkeypatch.setattr(worker_module.time, "sleep", slept.append)
        assert not bench.worker.flush()
        monkeypatch.undo()
    assert len(slept) == 100  # times 2 ms


def test_what_the_store_has_not_answered_at_the_end_is_dropped(bench: WorkerBench) -> None:
    with bench.hanging():
        bench.send()
        bench.until(lambda: not bench.worker._queue)
        bench.send()
        bench.send()
        bench.worker.stop()
        assert bench.counts == {"dropped": 3}
    bench.until(lambda: bench.store.closed == 1)
    bench.send()
    assert bench.counts == {"dropped": 4}  # each once, though the store answered in the end
    assert not bench.faults


def test_nothing_is_asked_for_that_is_taken_as_the_program_ends(
    bench: WorkerBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, go_on = threading.Event(), threading.Event()
    next_batch = bench.worker._next_batch

    def take_slowly(queue: Any) -> Any:
        batch = next_batch(queue)
        taken.set()
        go_on.wait(20)
        return batch

    monkeypatch.setattr(bench.worker, "_next_batch", take_slowly)
    bench.send()
    assert taken.wait(20)
    bench.worker.stop()
    go_on.set()
    bench.until(lambda: bench.store.closed == 1)
    assert bench.counts == {"dropped": 1}
    assert not bench.store.batches


def test_nothing_is_waited_for_where_nothing_was_sent(bench: WorkerBench) -> None:
    assert bench.worker.flush()
    assert bench.worker._thread is None


def test_a_stopped_worker_takes_nothing_any_more(bench: WorkerBench) -> None:
    bench.worker.stop()
    bench.send()
    assert bench.worker._thread is None
    assert bench.counts == {"dropped": 1}


def test_a_forked_child_has_a_thread_and_a_connection_of_its_own(bench: WorkerBench) -> None:
    bench.send()
    bench.until(lambda: bench.counts["ok"] == 1)
    parents = bench.worker._thread
    bench.worker.restart()  # as in a child
    assert bench.store.forgotten == 1
    sent = bench.send()
    bench.until(lambda: bench.counts["ok"] == 2)
    assert sent.examination.is_joined
    assert bench.worker._thread is not parents

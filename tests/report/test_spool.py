"""What a process writes, and what is read of it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from otel_promptcache.report.gather import gather
from otel_promptcache.report.spool import CALLS, NOTES, PYTHON_STARTED, Spool

SECOND_NS = 1_000_000_000


def test_calls_come_back_as_they_were(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path))
    spool.observes()
    spool.call(
        {"promptcache.prefix.name": "müller\n", "gen_ai.usage.input_tokens": 7}, SECOND_NS, 3 * SECOND_NS
    )
    spool.call({"gen_ai.response.finish_reasons": ("stop",), "odd": object()}, SECOND_NS, SECOND_NS)
    gathered = gather(tmp_path)
    first, second = gathered.calls
    assert (first.name, first.input_tokens, first.started_seconds, first.ended_seconds) == (
        "müller\n",
        7,
        1.0,
        3.0,
    )
    assert second.is_finished
    assert (gathered.processes, gathered.dropped, gathered.notes, gathered.has_python) == (1, 0, (), False)
    assert (tmp_path / f"{os.getpid()}{CALLS}").stat().st_mode & 0o777 == 0o600


def test_an_empty_directory(tmp_path: Path) -> None:
    assert gather(tmp_path).calls == ()
    (tmp_path / PYTHON_STARTED).touch()
    assert gather(tmp_path).has_python


def test_beyond_the_limit_calls_are_counted_only(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), max_calls=2)
    for _ in range(7):
        spool.call({}, 0, 0)
    assert (len(gather(tmp_path).calls), gather(tmp_path).dropped) == (2, 5)
    assert (len(gather(tmp_path, max_calls=1).calls), gather(tmp_path, max_calls=1).dropped) == (1, 6)


def test_a_forked_process_has_a_file_and_a_limit_of_its_own(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), max_calls=1)
    spool.call({}, 0, 0)
    spool._process = -1  # as if this were another process than the one that wrote
    spool.call({}, 0, 0)
    assert len(gather(tmp_path).calls) == 2


def test_threads_do_not_mix_their_lines(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path))

    def write() -> None:
        for _ in range(200):
            spool.call({"promptcache.prefix.name": "x" * 500}, 0, 0)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(gather(tmp_path).calls) == 1600


def test_lines_that_are_cut_off_or_no_calls_are_left_out(tmp_path: Path) -> None:
    whole = '{"start": 1, "end": 2, "attributes": {}}'
    lines = [
        whole,
        "[]",
        "null",
        '{"start": 1}',
        '{"start": "x", "end": 1, "attributes": {}}',
        "",
        "{",
        "\udcff",
        whole[:20],
    ]
    (tmp_path / f"1{CALLS}").write_text("\n".join(lines), encoding="utf-8", errors="surrogateescape")
    assert len(gather(tmp_path).calls) == 1


def test_notes_are_lines_and_told_once(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path))
    spool.note("one\nthing")
    spool.note("another")
    (tmp_path / f"99{NOTES}").write_text("another\n", encoding="utf-8")
    assert gather(tmp_path).notes == ("one thing", "another")


def test_a_directory_that_is_gone_does_no_harm(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path / "gone"))
    spool.observes()
    spool.call({}, 0, 0)
    spool.note("x")
    assert not (tmp_path / "gone").exists()

"""What a process writes to the spool, and what is read from it."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from otel_promptcache.report.observing.spool import CALLS, NOTES, PYTHON_STARTED, Spool
from otel_promptcache.report.reading.gather import gather
from tests.report.test_command import start_up

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
    spool._process = -1  # as if this were not the process that wrote
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


def test_what_cannot_be_written_as_it_is_does_no_harm(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path))
    spool.note("half \ud800 a character")
    spool.call({"promptcache.prefix.name": "x" * (2 << 20)}, 0, 0)
    spool.call({"gen_ai.usage.input_tokens": 10**5000}, 0, 0)
    cycle: list[object] = []
    cycle.append(cycle)
    spool.call({"gen_ai.response.finish_reasons": cycle}, 0, 0)
    spool.call({"promptcache.prefix.name": "\ud800"}, 0, 0)
    gathered = gather(tmp_path)
    assert gathered.notes == ("half \\ud800 a character",)
    assert [call.name for call in gathered.calls] == ["\\ud800"]
    assert gathered.dropped == 3


needs_posix = pytest.mark.skipif(os.name == "nt", reason="needs links, pipes and owners")


def write_everything(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write as the start-up code does, and as the observed process does."""
    start_up(directory, monkeypatch)._note(ValueError("half \ud800"))
    spool = Spool(str(directory))
    spool.note("note")
    spool.call({}, 0, 0)


@needs_posix
@pytest.mark.parametrize("kind", ["link", "second name", "pipe", "pipe with a reader", "folder"])
def test_nothing_is_written_into_what_could_be_somebody_elses(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, victim = tmp_path / "spool", tmp_path / "victim"
    directory.mkdir(0o700)
    victim.write_text("unharmed")
    reading = None
    for suffix in (CALLS, NOTES):
        place = directory / f"{os.getpid()}{suffix}"
        if kind == "link":
            place.symlink_to(victim)
        elif kind == "second name":
            place.hardlink_to(victim)
        elif kind == "folder":
            place.mkdir()
        else:
            os.mkfifo(place)
    if kind == "pipe with a reader":
        reading = os.open(directory / f"{os.getpid()}{CALLS}", os.O_RDONLY | os.O_NONBLOCK)
    write_everything(directory, monkeypatch)
    assert victim.read_text() == "unharmed"
    if reading is not None:
        assert os.read(reading, 100) == b""
        os.close(reading)
    assert gather(directory).calls == ()


@needs_posix
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_may_write_to_is_not_used(
    mode: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "spool"
    directory.mkdir()
    directory.chmod(mode)
    write_everything(directory, monkeypatch)
    assert list(directory.iterdir()) == []
    assert gather(directory).notes == ("nothing could be read: the folder may belong to another user",)


@needs_posix
def test_a_link_to_a_folder_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.mkdir(0o700)
    link.symlink_to(target)
    write_everything(link, monkeypatch)
    assert list(target.iterdir()) == []
    assert len(gather(link).notes) == 1


@needs_posix
def test_what_another_user_owns_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "spool"
    directory.mkdir(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    write_everything(directory, monkeypatch)
    assert list(directory.iterdir()) == []


def test_no_file_stays_open(tmp_path: Path) -> None:
    if not Path("/proc/self/fd").exists():
        return
    spool = Spool(str(tmp_path))
    spool.call({}, 0, 0)
    (tmp_path / f"2{CALLS}").symlink_to(tmp_path)
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    for _ in range(20):
        spool.call({}, 0, 0)
        gather(tmp_path)
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before


def test_without_the_means_of_posix_it_is_written_and_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "O_BINARY", 0, raising=False)
    write_everything(tmp_path, monkeypatch)
    gathered = gather(tmp_path)
    assert len(gathered.calls) == 1
    assert "note" in gathered.notes

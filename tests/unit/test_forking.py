"""A forked child: which locks it gets and what it does not inherit."""

from __future__ import annotations

import gc
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from otel_promptcache.core.memory import forking
from otel_promptcache.core.prompt.fingerprint import Fingerprinter
from otel_promptcache.core.prompt.segments import Segment, SegmentKind

ROOT = Path(__file__).parents[2]


class Counting:
    restarts = 0

    def restart(self) -> None:
        self.restarts += 1


def test_everything_that_lives_begins_anew_in_a_child() -> None:
    one, other = Counting(), Counting()
    for each in (one, other):
        forking.restart_in_forked_child(each)
    forking._restart_all()
    assert (one.restarts, other.restarts) == (1, 1)


def test_a_child_knows_the_prompts_that_its_parent_identified() -> None:
    fingerprinter = Fingerprinter()
    segments = [Segment(SegmentKind.INSTRUCTIONS, "instructions", "Be kind.")]
    fingerprinter.identify(segments)
    fingerprinter._lock.acquire()
    fingerprinter.restart()
    assert not fingerprinter.identify(segments).is_new_variant


def test_nothing_is_kept_alive_for_it() -> None:
    before = len(forking._restartables)
    forking.restart_in_forked_child(Counting())
    gc.collect()
    assert len(forking._restartables) <= before


def test_a_platform_that_does_not_fork_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.delattr(os, "register_at_fork", raising=False)
    spec = importlib.util.spec_from_file_location("forking_elsewhere", forking.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    one = Counting()
    module.restart_in_forked_child(one)
    assert one.restarts == 0


def test_a_child_uses_an_index_whose_lock_another_thread_held() -> None:
    program = """
import os, threading
from otel_promptcache.core.memory.index import PrefixIndex
from tests.unit.prompts import Application, chat, prose, system, user

application = Application()
body = chat(system(prose(2_000)), user("Hi"))
application.send(body)
pending = application.open(chat(user("never answered")))
held, forked = threading.Event(), threading.Event()

def hold():
    with application.index._lock:
        held.set()
        forked.wait()

thread = threading.Thread(target=hold)
thread.start()
held.wait()
import warnings
warnings.simplefilter("ignore")
child = os.fork()
if child == 0:
    pending.close()
    diagnosis = application.send(body, read=0)
    os._exit(0 if diagnosis.reason.value == "provider" and not application.index._in_flight else 1)
forked.set()
thread.join()
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(status, len(application.index._in_flight) > 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "0 True\n"

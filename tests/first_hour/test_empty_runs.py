"""A run with nothing to show says why, in one line that is true, and leaves the program alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from otel_promptcache.report.reading.processes import running
from tests.report.programs import ASK, Done, Programs

SAID = "otel-promptcache: "
NO_CALL = "no call through the OpenAI, Anthropic or LiteLLM SDK was made, so there is no report"
NO_SDK = "no call through the OpenAI, Anthropic or LiteLLM SDK was made, as none was imported, so there is no report"
NO_PYTHON = "no Python process could be observed; env -i and Python's options -I, -S and -E prevent it"
GOES_ON = "1 process is still running in the background, and the report covers only the time until the program ended"


def said(done: Done) -> str:
    (line,) = done.err.decode().splitlines()
    return line.removeprefix(SAID)


def test_no_call(programs: Programs) -> None:
    assert said(programs.reported("import openai")) == NO_CALL
    assert said(programs.reported("import anthropic")) == NO_CALL


def test_no_sdk(programs: Programs) -> None:
    assert said(programs.reported("print('Hi')")) == NO_SDK


@pytest.mark.parametrize(
    "command", [("env", "-i", sys.executable), (sys.executable, "-S"), (sys.executable, "-I")]
)
def test_a_python_that_cannot_be_observed(programs: Programs, command: tuple[str, ...]) -> None:
    program = programs.write("print('Hi')")
    assert said(programs.run(*command, program)) == NO_PYTHON


def test_no_python(programs: Programs) -> None:
    assert said(programs.run("true")) == NO_PYTHON


@pytest.mark.parametrize(("name", "code"), [("program.py", 126), ("none.py", 127)])
def test_a_script_is_run_by_a_python(programs: Programs, name: str, code: int) -> None:
    programs.write("print('Hi')")
    done = programs.run(programs.directory / name)
    assert done.code == code
    script = programs.directory / name
    assert said(done).endswith(f"; to run a Python program, use `otel-promptcache run -- python {script}`")


DAEMON = """
import subprocess, sys
child = subprocess.Popen(
    [sys.executable, "-c", "{source}; print(1, flush=True); import time; time.sleep(60)"],
    start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
)
child.stdout.read(1)
print(child.pid)
"""


@pytest.mark.parametrize(("source", "line"), [("import openai", NO_CALL), ("pass", NO_SDK)])
def test_a_process_that_goes_on_in_the_background(programs: Programs, source: str, line: str) -> None:
    done = programs.reported(DAEMON.format(source=source))
    os.kill(int(done.out), signal.SIGTERM)
    assert said(done) == f"{line}; {GOES_ON}"


def test_one_that_goes_on_after_calls_were_made(programs: Programs) -> None:
    done = programs.reported(f"{ASK}\nask(){DAEMON.format(source='pass')}")
    os.kill(int(done.out), signal.SIGTERM)
    assert done.requests == 1
    assert f"Note: {GOES_ON}" in " ".join(done.err.decode().split())


def test_all_calls_failed(programs: Programs) -> None:
    source = f"""{ASK}
client = OpenAI(base_url="http://127.0.0.1:9/v1", max_retries=0)
for _ in range(2):
    try:
        ask()
    except Exception:
        pass
"""
    done = programs.reported(source)
    assert (done.code, done.requests) == (0, 2)
    line = "2 requests failed, so nothing is known about the cache: APIConnectionError (2)."
    assert done.err.decode().count(line) == 1


def test_only_processes_that_still_run_are_counted() -> None:
    own = str(os.getpid())
    assert running([own, own]) == 1
    assert running(["", "-1", "0", "x", "²", "9" * 30, "9" * 5_000, "1\n", str(2**31 - 1)]) == 0
    assert running(["1"]) == 1  # of another user, perhaps
    child = subprocess.Popen([sys.executable, "-c", ""])
    if Path("/proc").exists():
        while running([str(child.pid)]):  # until it has ended, though it was not waited for
            time.sleep(0.01)
    child.wait()
    assert running([str(child.pid)]) == 0

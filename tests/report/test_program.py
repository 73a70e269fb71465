"""A program cannot tell that it runs under the report: streams, signals, exit codes, environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.report.programs import TIMEOUT_SECONDS, Done, Programs

NOTHING = "no call through the OpenAI, Anthropic or LiteLLM SDK was made, as none was imported, so there is no report"

SURROUNDINGS = """
import os, sys
data = sys.stdin.buffer.read()
sys.stdout.buffer.write(b"\\x00\\xff out " + data + b" no newline")
sys.stderr.buffer.write(b"\\xfe err\\r\\n")
print(sys.argv[1:], os.getcwd(), sys.path, sorted(m for m in sys.modules if "promptcache" in m), file=sys.stderr)
print(sorted(set(os.environ) - {"PYTHONPATH", "OTEL_PROMPTCACHE_RUN_DIRECTORY"}), file=sys.stderr)
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture(autouse=True)
def heard_interrupts() -> Iterator[None]:
    """Handle SIGINT: a background job of a shell script ignores it, and the programs it starts inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def assert_same(plain: Done, reported: Done) -> str:
    """Assert that the program did the same both times; return what the report says."""
    assert reported.code == plain.code
    assert reported.out == plain.out
    assert reported.err.startswith(plain.err)
    return reported.err[len(plain.err) :].decode()


@pytest.mark.parametrize("code", ["0", "3"])
def test_streams_arguments_surroundings_and_exit_code(programs: Programs, code: str) -> None:
    arguments = (code, "--json", "-x", "--", "a b")
    runs = (
        run(SURROUNDINGS, *arguments, stdin=b"\x01\x02in\n") for run in (programs.plain, programs.reported)
    )
    said = assert_same(*runs)
    assert said == f"otel-promptcache: {NOTHING}\n"


def test_an_uncaught_exception(programs: Programs) -> None:
    source = "def f(): raise KeyError('x')\nf()"
    assert_same(programs.plain(source), programs.reported(source))


def test_the_report_has_the_exit_code(programs: Programs) -> None:
    done = programs.reported("raise SystemExit(3)")
    assert done.report["run"]["exit_code"] == 3
    assert done.requests == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_death_by_signal_is_told_as_a_shell_does(programs: Programs, number: signal.Signals) -> None:
    done = programs.reported(f"import os, signal; os.kill(os.getpid(), {int(number)}); signal.pause()")
    assert done.code == 128 + number


HANDLER = """
import signal, sys, time
seen = []
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
    signal.signal(number, lambda number, frame: seen.append(number))
print("ready", flush=True)
while not seen:
    time.sleep(0.005)
print(*map(int, seen), flush=True)
sys.exit(7)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_signals_reach_the_program(programs: Programs, number: signal.Signals) -> None:
    command = programs.command(sys.executable, programs.write(HANDLER))
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=programs.environment,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    assert (process.returncode, out) == (7, b"%d\n" % number)
    assert err == f"otel-promptcache: {NOTHING}\n".encode()


IN_A_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""

INTERRUPTED = """
import signal, time
seen = []
signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
print("ready", flush=True)
while not seen:
    time.sleep(0.005)
time.sleep(0.1)  # for a second one, which must not come
print("interrupts:", len(seen), flush=True)
"""


def test_an_interrupt_from_the_terminal_reaches_the_program_once(programs: Programs) -> None:
    ours, theirs = os.openpty()
    command = programs.command(sys.executable, programs.write(INTERRUPTED))
    launcher = programs.write(IN_A_TERMINAL, "launcher.py")
    output = b""
    with subprocess.Popen(
        [sys.executable, launcher, *command], stdin=theirs, stdout=theirs, stderr=theirs,
        env=programs.environment, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        try:
            while True:
                output += os.read(ours, 1024)
                if output.endswith(b"ready\r\n"):
                    os.write(ours, b"\x03")
        except OSError:  # the terminal is closed: all processes have ended
            pass
        finally:
            os.close(ours)
    assert process.returncode == 0
    assert b"interrupts: 1\r\n" in output
    assert NOTHING.encode() in output


def test_files_that_were_handed_over_are_there(programs: Programs) -> None:
    reading, writing = os.pipe()
    source = f"import os; os.write({writing}, b'here')"
    command = programs.command(sys.executable, programs.write(source))
    subprocess.run(command, pass_fds=[writing], env=programs.environment, check=True, capture_output=True)
    os.close(writing)
    assert os.read(reading, 10) == b"here"
    os.close(reading)


def test_a_program_that_cannot_be_started(programs: Programs, tmp_path: Path) -> None:
    missing = programs.run("/no/such/program")
    assert (missing.code, missing.out, missing.report) == (127, b"", {})
    assert missing.err == b"otel-promptcache: cannot run /no/such/program: No such file or directory\n"
    assert programs.run(tmp_path).code == 126


def test_what_is_no_python_is_run_all_the_same(programs: Programs) -> None:
    done = programs.run("sh", "-c", "echo out; exit 4")
    assert (done.code, done.out) == (4, b"out\n")
    assert b"no Python process could be observed" in done.err
    isolated = programs.run(sys.executable, "-I", "-c", "import openai")
    assert b"no Python process could be observed" in isolated.err


BUT_NOT_IN_OURS = "import os, sys\nif 'otel_promptcache.report' not in sys.orig_argv: "
OWN = f"value = 7\n{BUT_NOT_IN_OURS}print('own sitecustomize', __file__, os.environ.get('OTHER'), flush=True)"


def test_a_sitecustomize_of_the_program_is_executed(programs: Programs) -> None:
    path = programs.write(OWN, "site/sitecustomize.py").parent
    source = "import sitecustomize, sys; print(sitecustomize.value, sitecustomize.__spec__.origin, sys.path)"
    search_path = f"{path}{os.pathsep}{path.parent}"
    runs = (run(source, PYTHONPATH=search_path, OTHER="x") for run in (programs.plain, programs.reported))
    assert_same(*runs)


def test_a_sitecustomize_that_fails_fails_as_ever(programs: Programs) -> None:
    path = programs.write(f"{BUT_NOT_IN_OURS}raise RuntimeError('broken')", "site/sitecustomize.py").parent
    plain, reported = (
        run("print('on')", PYTHONPATH=str(path)) for run in (programs.plain, programs.reported)
    )
    assert b"RuntimeError: broken" in plain.err
    assert_same(plain, reported)


def test_python_programs_of_programs_are_not_disturbed(programs: Programs) -> None:
    source = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import sys; print(sys.path[1:])'])"
    )
    assert_same(programs.plain(source), programs.reported(source))

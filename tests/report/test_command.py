"""The command itself: its options and files, and that its faults do not affect the program."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from otel_promptcache.report.command import run_command
from otel_promptcache.report.observing.program import BOOTSTRAP, observed_environment, run_program
from otel_promptcache.report.observing.spool import DIRECTORY_VARIABLE

CALLS = """
import json, os
directory = os.environ["OTEL_PROMPTCACHE_RUN_DIRECTORY"]
with open(os.path.join(directory, "1.calls"), "w") as file:
    for n in range(6):
        attributes = {
            "promptcache.prefix.name": f"t{n % 2}", "promptcache.result": "miss", "gen_ai.usage.input_tokens": 2000,
            "gen_ai.usage.cache_read.input_tokens": 0, "promptcache.miss.reason": "expired",
            "promptcache.miss.tokens": 1500, "promptcache.missed_savings.amount": 0.01, "promptcache.savings.amount": 0.0,
        }
        print(json.dumps({"start": n * 10**9, "end": n * 10**9 + 5, "attributes": attributes}), file=file)
"""


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(run_command, list(arguments), **options)


def test_the_report_is_printed_and_written(tmp_path: Path) -> None:
    files = ("--json", str(tmp_path / "r.json"), "--html", str(tmp_path / "r.html"))
    result = run(*files, "--top", "1", "--", sys.executable, "-c", CALLS)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "1. The cached prefix expires between requests  t0" in result.stderr
    assert "1 further finding: --top 2 shows all." in result.stderr
    assert not any(line.endswith(" ") for line in result.stderr.splitlines())
    document = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert [row["template"] for row in document["templates"]] == ["t0", "t1"]
    assert "The cached prefix expires" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_options_of_the_program_are_its_own() -> None:
    source = "import sys; sys.exit(sys.argv[1:] != ['--json', '--top', '-h', '--', 'x'])"
    for separator in ((), ("--",)):
        assert (
            run(*separator, sys.executable, "-c", source, "--json", "--top", "-h", "--", "x").exit_code == 0
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Missing argument"),
        (("--top", "-1", "--", "true"), "--top"),
        (("--json", "/no/such/directory/file", "--", "true"), "there is no such directory"),
        (("--html", "/", "--", "true"), "--html"),
        (("--nonsense", "true"), "No such option"),
    ],
)
def test_a_wrong_call_runs_nothing_and_exits_with_2(arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_help() -> None:
    result = run("-h")
    assert result.exit_code == 0
    assert "    otel-promptcache run -- python app.py\n" in result.output


def test_a_fault_of_the_report_is_not_the_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("otel_promptcache.report.report.build_report", broken)
    result = run(sys.executable, "-c", "raise SystemExit(5)")
    assert result.exit_code == 5
    assert result.stderr == "otel-promptcache: cannot make the report: RuntimeError: broken\n"


def test_nothing_is_left_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    assert run(sys.executable, "-c", CALLS).exit_code == 0
    assert not list(tmp_path.iterdir())
    assert {number: signal.getsignal(number) for number in handlers} == handlers


def test_it_can_be_a_command_of_a_group() -> None:
    group = click.Group(commands=[run_command])
    result = CliRunner().invoke(group, ["run", "--", sys.executable, "-c", "raise SystemExit(9)"])
    assert result.exit_code == 9


def test_the_environment_of_the_program(tmp_path: Path) -> None:
    assert observed_environment({"A": "b"}, tmp_path) == {
        "A": "b", "PYTHONPATH": str(BOOTSTRAP), DIRECTORY_VARIABLE: str(tmp_path),
    }  # fmt: skip
    assert observed_environment({"PYTHONPATH": "x"}, tmp_path)["PYTHONPATH"] == f"{BOOTSTRAP}{os.pathsep}x"


def test_a_program_can_be_run_from_a_thread() -> None:
    codes: list[int] = []
    thread = threading.Thread(
        target=lambda: codes.append(run_program([sys.executable, "-c", "exit(3)"], os.environ))
    )
    thread.start()
    thread.join()
    assert codes == [3]


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    source = "import signal; exit(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)"
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run_program([sys.executable, "-c", source], os.environ) == 1
    finally:
        signal.signal(signal.SIGHUP, previous)


# The code that each process runs first, as far as it can be tested without such a process.


def start_up(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(directory))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    spec = importlib.util.spec_from_file_location("start_up", BOOTSTRAP / "sitecustomize.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_modules_are_found_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = start_up(tmp_path, monkeypatch)
    told: list[str] = []
    monkeypatch.setattr(module, "_start", told.append)
    module.watch()
    assert {"openai", "otel_promptcache"} <= set(told)  # both are already imported
    assert told == [name for name in module._WATCHED if name in sys.modules]
    watch = sys.meta_path[0]
    assert (tmp_path / "python").exists()
    assert watch.find_spec("json") is None
    assert isinstance(watch.find_spec("openai").loader, importlib.machinery.SourceFileLoader)
    monkeypatch.setattr(module, "_WATCHED", ("no_such_module",))
    assert watch.find_spec("no_such_module") is None


def test_the_start_of_observing_cannot_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken\nin two lines")

    module = start_up(tmp_path, monkeypatch)
    monkeypatch.setattr("otel_promptcache.report.observing.aside.start", broken)
    module._start("openai")
    notes = (tmp_path / f"{os.getpid()}.notes").read_text(encoding="utf-8")
    assert notes == "not observed: RuntimeError: broken in two lines\n"
    module._directory = str(tmp_path / "nowhere")
    module._start("openai")


def test_outside_of_a_run_nothing_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = start_up(tmp_path, monkeypatch)
    module._directory = ""
    before = list(sys.meta_path)
    module.watch()
    assert sys.meta_path == before
